// Signing up without an invitation, where the server allows it: an account, and an organisation of one's own.
import { useEffect, useState, type SubmitEvent } from "react";
import { ProviderButton } from "./ProviderButton";
import { isSignUpOpen, signUp } from "../api/people";
import { MailField, NewPasswordField } from "../shell/credentials";
import { Field } from "../shell/Field";
import { NAME_LENGTH } from "../shell/limits";
import { Link } from "../shell/Link";
import { Loading, Message } from "../shell/Message";
import { documentPath, listPath, navigate, signInPath } from "../shell/route";
import { problemWith, problemWithAll, useAction } from "../shell/useAction";
import { useLoaded } from "../shell/useLoaded";
import { rememberAccount } from "../sync/account";

/** Longest name of an organisation, in characters. */
const ORGANISATION_LENGTH = 200;

export function SignUpPage() {
  const { state, reload } = useLoaded(isSignUpOpen);
  useEffect(() => {
    document.title = "Sign up · Quire";
  }, []);
  if (state.kind === "loading") return <Loading what="One moment…" />;
  if (state.kind === "failed") {
    return (
      <Message
        title="Quire cannot be reached"
        actions={<button type="button" className="button primary" onClick={reload}>Try again</button>}
      >
        <p>{state.problem}</p>
      </Message>
    );
  }
  if (!state.value) {
    return (
      <Message
        title="Signing up is not open here"
        actions={<Link to={signInPath(listPath)} className="button primary">Sign in</Link>}
      >
        <p>People come by invitation: ask somebody of your organisation for a link.</p>
      </Message>
    );
  }
  return <SignUpForm />;
}

function SignUpForm() {
  const [name, setName] = useState("");
  const [organisation, setOrganisation] = useState("");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const entering = useAction();
  const problem = problemWithAll(entering, ["name", "organisation", "email", "password"]);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const wanted = { name: name.trim(), organisation: organisation.trim(), email: email.trim(), password };
    entering.run(signUp(wanted), ({ account, organisation: { org_id }, document_id }) => {
      rememberAccount(account);
      navigate(document_id === null ? listPath : documentPath(org_id, document_id), "replace");
    });
  };
  return (
    <Message title="Sign up">
      <p>You get an organisation of your own, to which you invite others.</p>
      <form className="stack" onSubmit={submit}>
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
        <Field
          label="Name of the organisation"
          name="organisation"
          autoComplete="organization"
          maxLength={ORGANISATION_LENGTH}
          required
          value={organisation}
          onValue={setOrganisation}
          problem={problemWith(entering, "organisation")}
        />
        <MailField value={email} onValue={setEmail} problem={problemWith(entering, "email")} />
        <NewPasswordField value={password} onValue={setPassword} problem={problemWith(entering, "password")} />
        {problem !== null && <p className="problem" role="alert">{problem}</p>}
        <button type="submit" className="button primary wide" disabled={entering.isBusy}>
          {entering.isBusy ? "One moment…" : "Sign up"}
        </button>
      </form>
      <ProviderButton wish={{}} next={listPath} verb="Sign up" />
      <p className="fine">
        Do you have an account? <Link to={signInPath(listPath)}>Sign in</Link>
      </p>
    </Message>
  );
}
