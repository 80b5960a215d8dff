// A member asks to be let at a document, with a few words if wanted.
import { useState, type SubmitEvent } from "react";
import { askForAccess } from "../api/sharing";
import { MESSAGE_LENGTH } from "../shell/limits";
import { TextField } from "../shell/TextField";
import { problemWith, problemWithAll, useAction } from "../shell/useAction";

export function AskForAccess({ orgId, documentId }: { orgId: string; documentId: string }) {
  const [message, setMessage] = useState("");
  const [isSent, setSent] = useState(false);
  const asking = useAction();
  const problem = problemWithAll(asking, ["message"]);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    asking.run(askForAccess(orgId, documentId, message.trim()), () => { setSent(true); });
  };
  if (isSent) {
    return (
      <p className="answer" role="status">
        Asked. If there is such a document, whoever may share it sees your request. Try again when they answered.
      </p>
    );
  }
  return (
    <form className="stack" onSubmit={submit}>
      <TextField
        label="Message (optional)"
        rows={3}
        maxLength={MESSAGE_LENGTH}
        value={message}
        onValue={setMessage}
        hint="Whoever may share it reads it."
        problem={problemWith(asking, "message")}
      />
      {problem !== null && <p className="problem" role="alert">{problem}</p>}
      <button type="submit" className="button primary wide" disabled={asking.isBusy}>
        {asking.isBusy ? "One moment…" : "Ask for access"}
      </button>
    </form>
  );
}
