// Asks for a document's new title.
import { useState, type SubmitEvent } from "react";
import { Dialog } from "../shell/Dialog";
import { TITLE_LENGTH } from "../shell/limits";

export interface RenameDialogProps {
  title: string;
  onRename: (title: string) => void;
  onClose: () => void;
}

export function RenameDialog({ title, onRename, onClose }: RenameDialogProps) {
  const [text, setText] = useState(title);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (text.trim() !== "") onRename(text.trim());
  };
  return (
    <Dialog title="Rename document" onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <label className="field">
          <span>Title</span>
          <input
            value={text}
            maxLength={TITLE_LENGTH}
            autoFocus
            required
            onFocus={(event) => { event.target.select(); }}
            onChange={(event) => { setText(event.target.value); }}
          />
        </label>
        <div className="actions end">
          <button type="button" className="button" onClick={onClose}>Cancel</button>
          <button type="submit" className="button primary" disabled={text.trim() === ""}>Rename</button>
        </div>
      </form>
    </Dialog>
  );
}
