// Makes an API token and shows its secret once.
import { useState, type SubmitEvent } from "react";
import { makeToken, type Scope } from "../../api/people";
import { CopyButton } from "../../shell/copy";
import { Dialog } from "../../shell/Dialog";
import { Choice, Field } from "../../shell/Field";
import { problemWith, problemWithAll, useAction } from "../../shell/useAction";

const scopes: readonly { scope: Scope; label: string; about: string }[] = [
  { scope: "read", label: "Read", about: "Documents and lists" },
  { scope: "write", label: "Write", about: "Edit documents, make new ones, share them" },
  { scope: "admin", label: "Administer", about: "Members, groups and settings of your organisations" },
];

const lifetimes = [
  { value: "7", label: "7 days" },
  { value: "30", label: "30 days" },
  { value: "90", label: "90 days" },
  { value: "365", label: "One year" },
] as const;

type Days = (typeof lifetimes)[number]["value"];

/** Longest name, in characters. */
const NAME_LENGTH = 100;

export function NewTokenDialog({ onMade, onClose }: { onMade: () => void; onClose: () => void }) {
  const [secret, setSecret] = useState<string | null>(null);
  if (secret !== null) {
    return (
      <Dialog title="Your new token" onClose={onClose}>
        <div className="stack">
          <Field
            label="Token"
            readOnly
            autoFocus
            value={secret}
            onValue={() => undefined}
            onFocus={(event) => { event.target.select(); }}
            hint="Copy it now: it is not shown again. A program sends it as “Authorization: Bearer …”."
          />
          <div className="actions end">
            <button type="button" className="button" onClick={onClose}>Done</button>
            <CopyButton text={secret} label="Copy token" />
          </div>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title="New API token" onClose={onClose}>
      <Form
        onClose={onClose}
        onMade={(token) => {
          setSecret(token);
          onMade();
        }}
      />
    </Dialog>
  );
}

function Form({ onMade, onClose }: { onMade: (token: string) => void; onClose: () => void }) {
  const [name, setName] = useState("");
  const [chosen, setChosen] = useState<ReadonlySet<Scope>>(new Set<Scope>(["read"]));
  const [days, setDays] = useState<Days>("90");
  const making = useAction();
  const problem = problemWithAll(making, ["name"]);
  const toggle = (scope: Scope, isOn: boolean): void => {
    setChosen(new Set(scopes.map((each) => each.scope).filter((each) => (each === scope ? isOn : chosen.has(each)))));
  };
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    making.run(makeToken({ name: name.trim(), scopes: [...chosen], days: Number(days) }), (made) => { onMade(made.token); });
  };
  return (
    <form className="stack" onSubmit={submit}>
      <Field
        label="Name"
        required
        autoFocus
        autoComplete="off"
        maxLength={NAME_LENGTH}
        value={name}
        onValue={setName}
        hint="What you use it for."
        problem={problemWith(making, "name")}
      />
      <fieldset className="choices">
        <legend>What it may do</legend>
        {scopes.map(({ scope, label, about }) => (
          <label key={scope} className="check">
            <input
              type="checkbox"
              checked={chosen.has(scope)}
              onChange={(event) => { toggle(scope, event.target.checked); }}
            />
            <span>
              {label}
              <small>{about}</small>
            </span>
          </label>
        ))}
      </fieldset>
      <Choice label="Works for" value={days} options={lifetimes} onChoose={setDays} />
      {problem !== null && <p className="problem" role="alert">{problem}</p>}
      <div className="actions end">
        <button type="button" className="button" onClick={onClose}>Cancel</button>
        <button
          type="submit"
          className="button primary"
          disabled={making.isBusy || name.trim() === "" || chosen.size === 0}
        >
          {making.isBusy ? "One moment…" : "Make the token"}
        </button>
      </div>
    </form>
  );
}
