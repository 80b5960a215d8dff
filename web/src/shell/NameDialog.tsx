// Asks for a name: of a group, of a folder.
import { useState, type SubmitEvent } from "react";
import { Dialog } from "./Dialog";
import { Field } from "./Field";
import { useAction } from "./useAction";

/** Longest name, in characters; the server allows no less. */
const NAME_LENGTH = 100;

export interface NameDialogProps<T> {
  title: string;
  name: string;
  action: string;
  onName: (name: string) => Promise<T>;
  onDone: (answer: T) => void;
  onClose: () => void;
}

export function NameDialog<T>({ title, name, action, onName, onDone, onClose }: NameDialogProps<T>) {
  const [text, setText] = useState(name);
  const naming = useAction();
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (text.trim() !== "") naming.run(onName(text.trim()), onDone);
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <Field
          label="Name"
          required
          autoFocus
          autoComplete="off"
          maxLength={NAME_LENGTH}
          value={text}
          onValue={setText}
          onFocus={(event) => { event.target.select(); }}
          problem={naming.problem?.words ?? null}
        />
        <div className="actions end">
          <button type="button" className="button" onClick={onClose}>Cancel</button>
          <button type="submit" className="button primary" disabled={naming.isBusy || text.trim() === ""}>{action}</button>
        </div>
      </form>
    </Dialog>
  );
}
