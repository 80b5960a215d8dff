// What a new share link may be used for, how long, and with which password.
import { useState, type SubmitEvent } from "react";
import type { DocumentRole } from "../../api/documents";
import { makeLink, type NewLink, type Place } from "../../api/sharing";
import { Choice, Field } from "../../shell/Field";
import { PASSWORD_LENGTH } from "../../shell/limits";
import { documentRoles } from "../../shell/roles";
import { problemWith, problemWithAll, useAction } from "../../shell/useAction";

const lifetimes = [
  { value: "", label: "Until it is revoked" },
  { value: "1", label: "One day" },
  { value: "7", label: "7 days" },
  { value: "30", label: "30 days" },
  { value: "365", label: "One year" },
] as const;

type Days = (typeof lifetimes)[number]["value"];

export interface NewLinkFormProps {
  place: Place;
  onMade: (link: { link_id: string; url: string }) => void;
  onClose: () => void;
}

export function NewLinkForm({ place, onMade, onClose }: NewLinkFormProps) {
  const [role, setRole] = useState<DocumentRole>("view");
  const [days, setDays] = useState<Days>("30");
  const [password, setPassword] = useState("");
  const making = useAction();
  const problem = problemWithAll(making, ["password"]);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const wish: NewLink = {
      role,
      ...(days === "" ? {} : { days: Number(days) }),
      ...(password === "" ? {} : { password }),
    };
    making.run(makeLink(place, wish), onMade);
  };
  return (
    <form className="stack boxed" onSubmit={submit}>
      <div className="side-by-side">
        <Choice label="Anybody with the link" value={role} options={documentRoles} onChoose={setRole} />
        <Choice label="Works for" value={days} options={lifetimes} onChoose={setDays} />
      </div>
      <Field
        label="Password (optional)"
        autoComplete="off"
        minLength={PASSWORD_LENGTH}
        value={password}
        onValue={setPassword}
        hint={`Whoever opens the link is asked for it. At least ${PASSWORD_LENGTH} characters.`}
        problem={problemWith(making, "password")}
      />
      {problem !== null && <p className="problem" role="alert">{problem}</p>}
      <div className="actions end">
        <button type="button" className="button" onClick={onClose}>Cancel</button>
        <button type="submit" className="button primary" disabled={making.isBusy}>
          {making.isBusy ? "One moment…" : "Make the link"}
        </button>
      </div>
    </form>
  );
}
