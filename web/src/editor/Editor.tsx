// The editor of one live document: toolbar, text, and a line of facts below.
import { useEditorState } from "@tiptap/react";
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import type { ReactNode } from "react";
import type { LiveDocument } from "../sync/document";
import "./editor.css";
import { LinkPanel } from "./LinkPanel";
import { openSession } from "./session";
import type { Session } from "./session";
import { Toolbar } from "./Toolbar";
import { countWords } from "./words";

/** Words are counted when typing rests this long. */
const COUNT_AFTER_MS = 400;

export function Editor(props: { document: LiveDocument }): ReactNode {
  const { document } = props;
  const [session, setSession] = useState<Session | null>(null);
  const [isLinking, setIsLinking] = useState(false);
  const permission = useSyncExternalStore(
    useCallback((told: () => void) => document.subscribeStatus(told), [document]),
    () => document.permission,
  );
  const mayWrite = permission === "write";

  // Called with the element while mounting, and its answer while unmounting: binding and view live just as
  // long as the element, also when StrictMode mounts twice.
  const attach = useCallback((element: HTMLDivElement | null) => {
    if (element === null) return undefined;
    const opened = openSession(document, element, () => document.permission === "write");
    setSession(opened);
    return () => {
      opened.close();
      setSession(null);
    };
  }, [document]);

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
    }}>
      {session !== null && mayWrite && <Toolbar session={session} onLink={openLinkForm} />}
      <div className="editor-scroll">
        <div className="editor-surface">
          <div className="editor-mount" ref={attach} />
          {session !== null && (
            <LinkPanel
              session={session} mayWrite={mayWrite} isEditing={isLinking && mayWrite}
              onEdit={openLinkForm} onClose={() => { setIsLinking(false); }}
            />
          )}
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
