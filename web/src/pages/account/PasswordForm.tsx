// Mail address and password: set for the first time, or changed.
import { useState, type SubmitEvent } from "react";
import { setPassword } from "../../api/people";
import { MailField, NewPasswordField } from "../../shell/credentials";
import { Field } from "../../shell/Field";
import { Section } from "../../shell/Section";
import { problemWith, problemWithAll, useAction } from "../../shell/useAction";

const FIELDS = ["email", "current_password", "password"];

export interface PasswordFormProps {
  /** Null: none is set. */
  email: string | null;
  onChanged: () => void;
}

export function PasswordForm({ email, onChanged }: PasswordFormProps) {
  const [isOpen, setOpen] = useState(false);
  const [isSaved, setSaved] = useState(false);
  const about =
    email === null
      ? "Set a mail address and a password, so that you can sign in on other devices."
      : `You sign in as ${email}.`;
  return (
    <Section
      title="Signing in"
      about={about}
      actions={
        !isOpen && (
          <button type="button" className="button" onClick={() => { setOpen(true); setSaved(false); }}>
            {email === null ? "Set a password" : "Change"}
          </button>
        )
      }
    >
      <p className="answer" role="status">{isSaved ? "Saved. Your other devices have been signed out." : ""}</p>
      {isOpen && (
        <Form
          email={email}
          onClose={() => { setOpen(false); }}
          onChanged={() => {
            setOpen(false);
            setSaved(true);
            onChanged();
          }}
        />
      )}
    </Section>
  );
}

function Form({ email, onClose, onChanged }: PasswordFormProps & { onClose: () => void }) {
  const [address, setAddress] = useState(email ?? "");
  const [current, setCurrent] = useState("");
  const [wanted, setWanted] = useState("");
  const saving = useAction();
  const problem = problemWithAll(saving, FIELDS);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const isMoved = address.trim() !== email;
    const change = {
      ...(isMoved ? { email: address.trim() } : {}),
      ...(email === null ? {} : { current_password: current }),
      password: wanted,
    };
    saving.run(setPassword(change), onChanged);
  };
  return (
    <form className="stack" onSubmit={submit}>
      <MailField
        autoFocus
        value={address}
        onValue={setAddress}
        problem={problemWith(saving, "email")}
      />
      {email !== null && (
        <Field
          label="Current password"
          type="password"
          name="current-password"
          autoComplete="current-password"
          required
          value={current}
          onValue={setCurrent}
          problem={problemWith(saving, "current_password")}
        />
      )}
      <NewPasswordField
        label={email === null ? "Password" : "New password"}
        name="new-password"
        value={wanted}
        onValue={setWanted}
        problem={problemWith(saving, "password")}
      />
      {problem !== null && <p className="problem" role="alert">{problem}</p>}
      <div className="actions end">
        <button type="button" className="button" onClick={onClose}>Cancel</button>
        <button type="submit" className="button primary" disabled={saving.isBusy}>
          {saving.isBusy ? "One moment…" : "Save"}
        </button>
      </div>
    </form>
  );
}
