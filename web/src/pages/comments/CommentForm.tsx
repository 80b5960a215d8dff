// Writing a comment: Ctrl+Enter sends, Escape gives up.
import { useState, type KeyboardEvent, type SubmitEvent } from "react";
import { COMMENT_LENGTH } from "../../shell/limits";
import { TextField } from "../../shell/TextField";
import { problemWith, problemWithAll, useAction } from "../../shell/useAction";

export interface CommentFormProps<T> {
  label: string;
  action: string;
  initial?: string;
  autoFocus?: boolean;
  onSend: (body: string) => Promise<T>;
  onSent: (answer: T) => void;
  onCancel: () => void;
}

export function CommentForm<T>({ label, action, initial = "", autoFocus = false, onSend, onSent, onCancel }: CommentFormProps<T>) {
  const [body, setBody] = useState(initial);
  const sending = useAction();
  const problem = problemWithAll(sending, ["body"]);
  const send = (): void => {
    if (body.trim() === "" || sending.isBusy) return;
    sending.run(onSend(body.trim()), (answer) => {
      setBody("");
      onSent(answer);
    });
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send();
    // What was written is not given up by a slip.
    else if (event.key === "Escape" && (body === initial || body.trim() === "")) onCancel();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <form
      className="comment-form"
      onSubmit={(event: SubmitEvent) => {
        event.preventDefault();
        send();
      }}
    >
      <TextField
        label={label}
        rows={body.includes("\n") || body.length > 60 ? 4 : 2}
        maxLength={COMMENT_LENGTH}
        autoFocus={autoFocus}
        value={body}
        onValue={setBody}
        onKeyDown={onKeyDown}
        problem={problemWith(sending, "body")}
      />
      {problem !== null && <p className="problem" role="alert">{problem}</p>}
      <div className="actions end">
        <button type="button" className="button" onClick={onCancel}>Cancel</button>
        <button type="submit" className="button primary" disabled={body.trim() === "" || sending.isBusy}>
          {sending.isBusy ? "One moment…" : action}
        </button>
      </div>
    </form>
  );
}
