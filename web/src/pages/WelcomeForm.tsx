// What somebody with a one-time link says about themselves: a name, and if they like a mail address and password.
import { useState, type SubmitEvent } from "react";
import { ProviderButton } from "./ProviderButton";
import { acceptLink, type LinkOffer, type Welcome } from "../api/people";
import { isGone } from "../api/request";
import { MailField, NewPasswordField } from "../shell/credentials";
import { Field } from "../shell/Field";
import { Message } from "../shell/Message";
import { NAME_LENGTH } from "../shell/limits";
import { listPath } from "../shell/route";
import { problemWith, problemWithAll, useAction } from "../shell/useAction";

export interface WelcomeFormProps {
  token: string;
  offer: LinkOffer;
  onEntered: (welcome: Welcome) => void;
  onGone: () => void;
}

export function WelcomeForm({ token, offer, onEntered, onGone }: WelcomeFormProps) {
  const [name, setName] = useState("");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [wantsPassword, setWantsPassword] = useState(false);
  const entering = useAction();
  const isKnown = offer.kind === "return";
  const problem = problemWithAll(entering, ["name", "email", "password"]);

  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const credentials = wantsPassword && !isKnown ? { email: email.trim(), password } : null;
    const accepted = acceptLink(token, isKnown ? null : name.trim(), credentials).catch((error: unknown) => {
      if (!isGone(error)) throw error;
      return null;
    });
    entering.run(accepted, (welcome) => {
      if (welcome === null) onGone();
      else onEntered(welcome);
    });
  };
  return (
    <Message title={titleOf(offer)}>
      <p>{wordsFor(offer)}</p>
      <form className="stack" onSubmit={submit}>
        {!isKnown && (
          <Field
            label="Your name"
            name="name"
            autoComplete="name"
            maxLength={NAME_LENGTH}
            required
            autoFocus
            value={name}
            onValue={setName}
            hint="Others see it beside what you write."
            problem={problemWith(entering, "name")}
          />
        )}
        {!isKnown && (
          <label className="check">
            <input
              type="checkbox"
              checked={wantsPassword}
              onChange={(event) => { setWantsPassword(event.target.checked); }}
            />
            <span>
              Set a password
              <small>So that you can sign in on other devices. You can do it later as well.</small>
            </span>
          </label>
        )}
        {!isKnown && wantsPassword && (
          <>
            <MailField value={email} onValue={setEmail} problem={problemWith(entering, "email")} />
            <NewPasswordField value={password} onValue={setPassword} problem={problemWith(entering, "password")} />
          </>
        )}
        {problem !== null && <p className="problem" role="alert">{problem}</p>}
        <button type="submit" className="button primary wide" disabled={entering.isBusy || (!isKnown && name.trim() === "")}>
          {entering.isBusy ? "One moment…" : isKnown ? "Continue" : offer.kind === "first" ? "Start writing" : "Join"}
        </button>
      </form>
      {!isKnown && (
        <ProviderButton
          wish={{ token, ...(name.trim() === "" ? {} : { name: name.trim() }) }}
          next={listPath}
          verb={offer.kind === "first" ? "Start" : "Join"}
        />
      )}
    </Message>
  );
}

function titleOf(offer: LinkOffer): string {
  switch (offer.kind) {
    case "first":
      return "Welcome to Quire";
    case "return":
      return `Welcome back${offer.account_name === null ? "" : `, ${offer.account_name}`}`;
    case "invitation":
      return `Join ${offer.organisation_name}`;
  }
}

function wordsFor(offer: LinkOffer): string {
  switch (offer.kind) {
    case "first":
      return "You are the first one here. Tell the others who you are, and your first document opens.";
    case "return":
      return `This link signs you in to ${offer.organisation_name} in this browser.`;
    case "invitation":
      return `You are invited to write together in ${offer.organisation_name}.`;
  }
}
