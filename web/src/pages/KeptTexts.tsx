// What the server would not take of a document, handed to the person until they need it no more.
import { CopyButton, saveAsFile } from "../shell/copy";
import { Dialog } from "../shell/Dialog";
import { timeInFull } from "../shell/time";
import { useAction } from "../shell/useAction";
import { dropKeptText } from "../sync/leftovers";
import type { StoredText } from "../sync/store";

export interface KeptTextsProps {
  texts: readonly StoredText[];
  title: string;
  onChanged: () => void;
  onClose: () => void;
}

export function KeptTexts({ texts, title, onChanged, onClose }: KeptTextsProps) {
  const dropping = useAction();
  return (
    <Dialog title="Unsaved text on this device" size="wide" onClose={onClose}>
      <p>The document as it stood here when the server did not take your last changes.</p>
      {texts.map((text) => (
        <div key={text.savedAt} className="part">
          <h3>{timeInFull(text.savedAt)}</h3>
          <textarea className="unsaved" readOnly rows={6} value={text.text} aria-label={`Text of ${timeInFull(text.savedAt)}`} />
          <div className="actions end">
            <button
              type="button"
              className="button ghost"
              disabled={dropping.isBusy}
              onClick={() => { dropping.run(dropKeptText(text), onChanged); }}
            >
              Delete it
            </button>
            <button type="button" className="button" onClick={() => { saveAsFile(title, text.text); }}>Save as file</button>
            <CopyButton text={text.text} label="Copy text" />
          </div>
        </div>
      ))}
      {texts.length === 0 && <p className="quiet">Nothing is kept any more.</p>}
    </Dialog>
  );
}
