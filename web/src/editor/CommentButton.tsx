// Beside what is selected: the way to comment on it. Others reach it by the toolbar and by Ctrl+Alt+M.
import { useEditorState } from "@tiptap/react";
import type { CSSProperties, ReactNode } from "react";
import { icons } from "./icons";
import { keysText } from "./Toolbar";
import type { Session } from "./session";

export function CommentButton({ session, onComment }: { session: Session; onComment: () => void }): ReactNode {
  const head = useEditorState({
    editor: session.editor,
    selector: ({ editor }) => (editor.state.selection.empty ? null : editor.state.selection.head),
  });
  if (head === null) return null;
  return (
    <button
      type="button" className="comment-button" style={placeOf(session, head)} tabIndex={-1}
      title={`Comment (${keysText("Mod-Alt-m")})`} aria-label="Comment on what is selected"
      // The selection stays in the text.
      onMouseDown={(event) => { event.preventDefault(); }}
      onClick={onComment}
    >
      {icons.comment}
    </button>
  );
}

/** At the page's edge, on the height of the selection's moving end. */
function placeOf({ editor }: Session, head: number): CSSProperties {
  const surface = editor.view.dom.closest(".editor-surface");
  if (surface === null) return {};
  const caret = editor.view.coordsAtPos(Math.min(head, editor.state.doc.content.size));
  return { top: caret.top - surface.getBoundingClientRect().top - 4 };
}
