// What ties the comments to the editor: which are shown, which one is looked at, what is being commented.
import { useCallback, useState } from "react";
import type { CommentsPanelProps, Draft } from "./CommentsPanel";
import { useComments } from "./useComments";
import { selectedText, threadAt } from "../../editor/comments";
import type { Commenting as EditorCommenting } from "../../editor/Editor";
import type { Session } from "../../editor/session";
import type { LiveDocument } from "../../sync/document";

export interface CommentingHere {
  /** Somebody who is writing keeps what they wrote, whatever becomes of their rights. */
  isHere: boolean;
  session: Session | null;
  editor: EditorCommenting;
  panel: Omit<CommentsPanelProps, "session">;
  /** How many threads are not resolved. */
  open: number;
  toggle: () => void;
}

export function useCommenting(orgId: string, documentId: string, live: LiveDocument, mayComment: boolean): CommentingHere {
  const [session, setSession] = useState<Session | null>(null);
  const [isOpen, setOpen] = useState(false);
  const isHere = mayComment || isOpen;
  const comments = useComments(orgId, documentId, live, isHere);
  const [active, setActive] = useState<string | null>(null);
  const [draft, setDraft] = useState<Draft | null>(null);
  const show = useCallback((threadId: string): void => {
    setActive(threadId);
    setOpen(true);
  }, []);
  const comment = (): void => {
    if (session === null) return;
    const selected = selectedText(session);
    const there = selected === null ? threadAt(session.editor.state, session.editor.state.selection.head) : null;
    setOpen(true);
    if (there !== null) setActive(there);
    else {
      setActive(null);
      setDraft(selected ?? "document");
    }
  };
  return {
    isHere,
    session,
    editor: { onSession: setSession, onThread: show, onComment: comment },
    panel: {
      comments,
      isOpen,
      draft,
      active,
      onDraft: setDraft,
      onActive: setActive,
      onClose: () => { setOpen(false); },
    },
    open: comments.threads?.filter(({ resolved_at }) => resolved_at === null).length ?? 0,
    toggle: () => { setOpen(!isOpen); },
  };
}
