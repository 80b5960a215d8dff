// The editor of one live document: toolbar, text, and a line of facts below.
import { useEditorState } from "@tiptap/react";
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import type { ReactNode } from "react";
import type { LiveDocument } from "../sync/document";
import "./editor.css";
import { CommentButton } from "./CommentButton";
import { LinkPanel } from "./LinkPanel";
import { openSession } from "./session";
import type { Session } from "./session";
import { Toolbar } from "./Toolbar";
import { countWords } from "./words";

/** Words are counted when typing rests this long. */
const COUNT_AFTER_MS = 400;

/** What the editor does for comments; they themselves stand beside it. */
export interface Commenting {
  /** The editor is there, or not any more. */
  onSession: (session: Session | null) => void;
  onThread: (threadId: string) => void;
  /** What is selected is to be commented. */
  onComment: () => void;
}

export interface EditorProps {
  document: LiveDocument;
  /** Null: this person does not comment here. */
  commenting: Commenting | null;
}

export function Editor({ document, commenting }: EditorProps): ReactNode {
  const [session, setSession] = useState<Session | null>(null);
  const [isLinking, setIsLinking] = useState(false);
  const permission = useSyncExternalStore(
    useCallback((told: () => void) => document.subscribeStatus(told), [document]),
    () => document.permission,
  );
  const mayWrite = permission === "write";
  const latest = useRef(commenting);
  useEffect(() => { latest.current = commenting; });

  // Called with the element while mounting, and its answer while unmounting: binding and view live just as
  // long as the element, also when StrictMode mounts twice.
  const attach = useCallback((element: HTMLDivElement | null) => {
    if (element === null) return undefined;
    const opened = openSession(document, element, {
      mayWrite: () => document.permission === "write",
      onThread: (threadId) => { latest.current?.onThread(threadId); },
    });
    setSession(opened);
    return () => {
      opened.close();
      setSession(null);
    };
  }, [document]);
  const onSession = commenting?.onSession;
  useEffect(() => {
    onSession?.(session);
    return () => { onSession?.(null); };
  }, [onSession, session]);

  useEffect(() => {
    if (session !== null && session.editor.isEditable !== mayWrite) session.editor.setEditable(mayWrite, false);
  }, [session, mayWrite]);

  const openLinkForm = useCallback(() => { setIsLinking(true); }, []);

  return (
    <div className="quire-editor" onKeyDown={(event) => {
      if (mayWrite && (event.metaKey || event.ctrlKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "k") {
        event.preventDefault();
        openLinkForm();
      }
      // By the key's place: with Alt it has another letter on some keyboards.
      if (commenting !== null && (event.metaKey || event.ctrlKey) && event.altKey && event.code === "KeyM") {
        event.preventDefault();
        commenting.onComment();
      }
    }}>
      {session !== null && mayWrite && (
        <Toolbar session={session} onLink={openLinkForm} onComment={commenting?.onComment ?? null} />
      )}
      <div className="editor-scroll">
        <div className="editor-surface">
          <div className="editor-mount" ref={attach} />
          {session !== null && (
            <LinkPanel
              session={session} mayWrite={mayWrite} isEditing={isLinking && mayWrite}
              onEdit={openLinkForm} onClose={() => { setIsLinking(false); }}
            />
          )}
          {session !== null && commenting !== null && <CommentButton session={session} onComment={commenting.onComment} />}
        </div>
      </div>
      <footer className="editor-facts">
        {session !== null && <WordCount session={session} />}
        {!mayWrite && <span className="editor-readonly">View only</span>}
      </footer>
    </div>
  );
}

function WordCount({ session }: { session: Session }): ReactNode {
  const { doc, selection } = useEditorState({
    editor: session.editor,
    selector: ({ editor }) => ({ doc: editor.state.doc, selection: editor.state.selection }),
    equalityFn: (a, b) => a.doc === b?.doc && a.selection === b.selection,
  });
  const [words, setWords] = useState(() => countWords(doc));
  const timer = useRef(0);
  useEffect(() => {
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => { setWords(countWords(doc)); }, COUNT_AFTER_MS);
    return () => { window.clearTimeout(timer.current); };
  }, [doc]);
  const selected = selection.empty ? 0 : countWords(doc.cut(selection.from, selection.to));
  const total = `${words.toLocaleString()} ${words === 1 ? "word" : "words"}`;
  return <span>{selected > 0 ? `${selected.toLocaleString()} of ${total}` : total}</span>;
}
