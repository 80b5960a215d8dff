// The comments beside the text, in the order of their places; a drawer where there is no room beside it.
import { useEditorState } from "@tiptap/react";
import { useEffect, useRef, useState } from "react";
import { CommentForm } from "./CommentForm";
import { inOrder, isGone, isSameOrder } from "./order";
import { ThreadCard } from "./ThreadCard";
import type { Comments } from "./useComments";
import type { Thread } from "../../api/comments";
import { placesOf, revealThread, showComments, type Anchored, type SelectedText } from "../../editor/comments";
import type { Session } from "../../editor/session";
import { CloseIcon } from "../../shell/icons";
import { useNow } from "../../shell/useNow";

/** What is being commented: some text, or the whole document. */
export type Draft = SelectedText | "document";

export interface CommentsPanelProps {
  session: Session;
  comments: Comments;
  isOpen: boolean;
  draft: Draft | null;
  active: string | null;
  onDraft: (draft: Draft | null) => void;
  onActive: (threadId: string | null) => void;
  onClose: () => void;
}

export function CommentsPanel({ session, comments, isOpen, draft, active, onDraft, onActive, onClose }: CommentsPanelProps) {
  const { threads, problem, act, learn, forget, reload } = comments;
  const [isResolvedShown, setResolvedShown] = useState(false);
  const places = useEditorState({ editor: session.editor, selector: ({ editor }) => placesOf(editor.state), equalityFn: isSameOrder });
  const nowMs = useNow();
  const panel = useRef<HTMLElement>(null);
  const all = threads ?? [];
  const open = all.filter(({ resolved_at }) => resolved_at === null);
  const resolved = all.filter(({ resolved_at }) => resolved_at !== null);
  const isResolved = resolved.some(({ thread_id }) => thread_id === active);
  const shown = isResolvedShown || isResolved ? resolved : open;

  useEffect(() => {
    const shownActive = isOpen ? active : null;
    showComments(session, anchored(threads ?? [], shownActive), shownActive);
  }, [session, threads, active, isOpen]);
  useEffect(() => {
    if (!isOpen || active === null) return;
    const card = panel.current?.querySelector(`[data-thread="${active}"]`);
    card?.scrollIntoView({ block: "nearest" });
  }, [active, isOpen]);

  useEffect(() => {
    // Also when something else was selected meanwhile: what was written stays.
    if (draft !== null) panel.current?.querySelector<HTMLElement>(".draft textarea")?.focus();
  }, [draft]);

  const choose = (threadId: string): void => {
    if (threadId === active) return;
    onActive(threadId);
    revealThread(session, threadId);
  };
  return (
    <aside
      ref={panel}
      className="comments-panel"
      aria-label="Comments"
      hidden={!isOpen}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        onClose();
        session.editor.commands.focus();
      }}
    >
      <div className="comments-head">
        <h2>Comments</h2>
        <button type="button" className="button ghost square" aria-label="Close the comments" title="Close" onClick={onClose}>
          <CloseIcon />
        </button>
      </div>
      <div className="tabs" role="group" aria-label="Which comments">
        <FilterButton isOn={!isResolvedShown && !isResolved} words={`Open (${open.length})`} onChoose={() => { setResolvedShown(false); onActive(null); }} />
        <FilterButton isOn={isResolvedShown || isResolved} words={`Resolved (${resolved.length})`} onChoose={() => { setResolvedShown(true); onActive(null); }} />
      </div>
      {problem !== null && (
        <div className="failed" role="alert">
          <p className="problem">{problem}</p>
          <button type="button" className="button" onClick={reload}>Try again</button>
        </div>
      )}
      {draft === null ? (
        <button type="button" className="button" onClick={() => { onDraft("document"); }}>Comment on the document</button>
      ) : (
        <div className="thread is-active draft">
          {draft !== "document" && <blockquote className="quote">{draft.quote}</blockquote>}
          <CommentForm
            label={draft === "document" ? "Comment on the document" : "Comment on what is selected"}
            action="Comment"
            onSend={(body) => act.start(draft === "document" ? { body } : { body, ...draft })}
            onSent={(thread) => {
              onDraft(null);
              setResolvedShown(false);
              learn(thread);
              onActive(thread.thread_id);
            }}
            onCancel={() => {
              onDraft(null);
              session.editor.commands.focus();
            }}
          />
        </div>
      )}
      {threads !== null && shown.length === 0 && draft === null && (
        <p className="quiet">{isResolvedShown ? "Nothing is resolved." : "Nobody has commented. Select some text to comment on it."}</p>
      )}
      <ul className="threads">
        {inOrder(shown, places).map((thread) => (
          <ThreadCard
            key={thread.thread_id}
            thread={thread}
            isActive={thread.thread_id === active}
            isGone={isGone(thread, places)}
            nowMs={nowMs}
            act={act}
            onActive={() => { choose(thread.thread_id); }}
            onThread={learn}
            onRemoved={() => { forget(thread.thread_id); }}
          />
        ))}
      </ul>
    </aside>
  );
}

/** The open ones are marked in the text, and the one that is looked at. */
function anchored(threads: readonly Thread[], active: string | null): Anchored[] {
  return threads.flatMap(({ thread_id, anchor, resolved_at }) =>
    anchor === null ? [] : [{ threadId: thread_id, anchor, isMarked: resolved_at === null || thread_id === active }],
  );
}

function FilterButton({ isOn, words, onChoose }: { isOn: boolean; words: string; onChoose: () => void }) {
  return (
    <button type="button" className="button ghost" aria-pressed={isOn} onClick={onChoose}>
      {words}
    </button>
  );
}
