// What a link's address is: shown beside the link while the caret is in it, and the small form that makes or
// changes one.
import { useEditorState } from "@tiptap/react";
import { useEffect, useRef, useState } from "react";
import type { CSSProperties, ReactNode } from "react";
import { icons } from "./icons";
import { hrefOf, isAllowedHref } from "./links";
import type { Session } from "./session";

type Props = { session: Session; isEditing: boolean; onEdit: () => void; onClose: () => void; mayWrite: boolean };

export function LinkPanel({ session, isEditing, onEdit, onClose, mayWrite }: Props): ReactNode {
  const { editor } = session;
  const { href, from, isFocused } = useEditorState({
    editor,
    selector: ({ editor: current }) => ({
      href: current.getAttributes("link")["href"] as unknown,
      from: current.state.selection.from,
      isFocused: current.isFocused,
    }),
  });
  const place = usePlace(session, from);
  if (isEditing) return <LinkForm key={String(href)} session={session} href={typeof href === "string" ? href : ""} place={place} onClose={onClose} />;
  if (!isAllowedHref(href) || !isFocused) return null;
  return (
    <div className="link-panel" style={place} onMouseDown={(event) => { event.preventDefault(); }}>
      <a href={href} target="_blank" rel="noopener noreferrer nofollow" className="link-address" title="Open the link">{href}</a>
      {mayWrite && <button type="button" className="toolbar-button" aria-label="Change the link" title="Change the link" onClick={onEdit}>{icons.edit}</button>}
      {mayWrite && (
        <button type="button" className="toolbar-button" aria-label="Remove the link" title="Remove the link" onClick={() => { editor.chain().focus().extendMarkRange("link").unsetLink().run(); }}>
          {icons.unlink}
        </button>
      )}
    </div>
  );
}

function LinkForm({ session, href, place, onClose }: { session: Session; href: string; place: CSSProperties; onClose: () => void }): ReactNode {
  const { editor } = session;
  const [typed, setTyped] = useState(href);
  const [isWrong, setIsWrong] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => { input.current?.select(); }, []);

  const close = (): void => {
    onClose();
    editor.commands.focus();
  };
  const apply = (): void => {
    if (typed.trim() === "") {
      editor.chain().focus().extendMarkRange("link").unsetLink().run();
      onClose();
      return;
    }
    const address = hrefOf(typed);
    if (address === null) {
      setIsWrong(true);
      return;
    }
    const chain = editor.chain().focus().extendMarkRange("link");
    if (editor.state.selection.empty && href === "") {
      chain.insertContent({ type: "text", text: typed.trim(), marks: [{ type: "link", attrs: { href: address } }] }).run();
    } else {
      chain.setLink({ href: address }).run();
    }
    onClose();
  };

  return (
    <form
      className="link-panel" style={place} role="dialog" aria-label="Link"
      onSubmit={(event) => { event.preventDefault(); apply(); }}
      onKeyDown={(event) => { if (event.key === "Escape") close(); }}
      onBlur={(event) => { if (!event.currentTarget.contains(event.relatedTarget)) onClose(); }}
    >
      <input
        ref={input} className="link-input" type="text" inputMode="url" autoFocus spellCheck={false} autoComplete="off"
        aria-label="Address" aria-invalid={isWrong} placeholder="Paste or type an address" value={typed}
        onChange={(event) => { setTyped(event.target.value); setIsWrong(false); }}
      />
      <button type="submit" className="link-apply">Apply</button>
      {isWrong && <p className="link-wrong" role="alert">Only web addresses (https://…) and mail addresses.</p>}
    </form>
  );
}

/** Under the place in the text, within the editor's scrolled surface, however narrow that becomes. */
function usePlace({ editor }: Session, from: number): CSSProperties {
  const surface = editor.view.dom.closest(".editor-surface");
  if (surface === null) return {};
  const limit = editor.state.doc.content.size;
  const caret = editor.view.coordsAtPos(Math.min(from, limit));
  const frame = surface.getBoundingClientRect();
  return { top: caret.bottom - frame.top + 6, left: `max(8px, min(${caret.left - frame.left}px, 100% - 360px))` };
}
