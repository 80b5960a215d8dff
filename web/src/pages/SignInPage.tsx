// Signing in by mail address and password, and asking for a new password.
import { useEffect, useState, type SubmitEvent } from "react";
import { ProviderButton } from "./ProviderButton";
import { UnsavedNote } from "./UnsavedNote";
import { askForReset, isSignUpOpen, signIn as signInWith } from "../api/people";
import { MailField } from "../shell/credentials";
import { Field } from "../shell/Field";
import { Link } from "../shell/Link";
import { Loading, Message } from "../shell/Message";
import { outcomeOf, rememberedNext, wordsFor } from "../shell/provider";
import { navigate, signUpPath } from "../shell/route";
import type { SignIn } from "../shell/session";
import { problemWith, problemWithAll, useAction } from "../shell/useAction";
import { useLoaded } from "../shell/useLoaded";
import { rememberAccount } from "../sync/account";

type View = { kind: "sign-in" } | { kind: "forgotten" } | { kind: "sent"; email: string };

export interface SignInPageProps {
  /** Where one wanted to go. */
  next: string;
  signIn: SignIn;
}

export function SignInPage({ next, signIn }: SignInPageProps) {
  const [view, setView] = useState<View>({ kind: "sign-in" });
  const [email, setEmail] = useState("");
  const [outcome] = useState(() => outcomeOf(location.hash));
  const wanted = outcome === null ? next : rememberedNext();
  const isIn = outcome === "done" && signIn.kind === "signed-in";
  useEffect(() => {
    document.title = "Sign in · Quire";
  }, []);
  useEffect(() => {
    if (isIn) navigate(wanted, "replace");
  }, [isIn, wanted]);
  if (isIn || (outcome === "done" && signIn.kind === "looking")) return <Loading what="Signing in…" />;
  const back = (): void => { setView({ kind: "sign-in" }); };
  switch (view.kind) {
    case "sign-in":
      return (
        <SignInForm
          email={email}
          onEmail={setEmail}
          next={wanted}
          signIn={signIn}
          outcome={outcome}
          onForgotten={() => { setView({ kind: "forgotten" }); }}
        />
      );
    case "forgotten":
      return (
        <ForgottenForm email={email} onEmail={setEmail} onBack={back} onSent={() => { setView({ kind: "sent", email }); }} />
      );
    case "sent":
      return (
        <Message
          title="Look into your mail"
          actions={<button type="button" className="button" autoFocus onClick={back}>Back to signing in</button>}
        >
          <p role="status">
            If there is an account with the address {view.email}, a link is on its way to it. It works once, for a
            limited time.
          </p>
        </Message>
      );
  }
}

interface FormProps {
  email: string;
  onEmail: (email: string) => void;
}

interface SignInFormProps extends FormProps, SignInPageProps {
  /** How it went at the provider; null: one does not come from there. */
  outcome: string | null;
  onForgotten: () => void;
}

function SignInForm({ email, onEmail, next, signIn, outcome, onForgotten }: SignInFormProps) {
  const [password, setPassword] = useState("");
  const signUp = useLoaded(isSignUpOpen).state;
  const isOpen = signUp.kind === "loaded" && signUp.value;
  const entering = useAction();
  const problem = problemWithAll(entering, ["email", "password"]);
  const refusal = outcome === null ? null : wordsFor(outcome);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    entering.run(signInWith({ email: email.trim(), password }), ({ account }) => {
      rememberAccount(account);
      navigate(next, "replace");
    });
  };
  return (
    <Message title="Sign in">
      {signIn.kind === "signed-in" && (
        <p>
          You are signed in as <strong>{signIn.account.name}</strong>. <Link to={next}>Go on as {signIn.account.name}</Link>,
          or sign in with another account.
        </p>
      )}
      {refusal !== null && <p className="problem" role="alert">{refusal}</p>}
      <UnsavedNote />
      <form className="stack" onSubmit={submit}>
        <MailField
          autoFocus
          value={email}
          onValue={onEmail}
          problem={problemWith(entering, "email")}
        />
        <Field
          label="Password"
          type="password"
          name="password"
          autoComplete="current-password"
          required
          value={password}
          onValue={setPassword}
          problem={problem ?? problemWith(entering, "password")}
        />
        <button type="submit" className="button primary wide" disabled={entering.isBusy}>
          {entering.isBusy ? "One moment…" : "Sign in"}
        </button>
      </form>
      <ProviderButton wish={{}} next={next} verb="Sign in" />
      <button type="button" className="link" onClick={onForgotten}>Forgot your password?</button>
      <p className="fine">
        {isOpen ? (
          <>No account yet? <Link to={signUpPath}>Sign up</Link></>
        ) : (
          "No account yet? Quire lets people in by link: ask somebody of your organisation for one."
        )}
      </p>
    </Message>
  );
}

interface ForgottenFormProps extends FormProps {
  onBack: () => void;
  onSent: () => void;
}

function ForgottenForm({ email, onEmail, onBack, onSent }: ForgottenFormProps) {
  const asking = useAction();
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    asking.run(askForReset(email.trim()), onSent);
  };
  return (
    <Message title="Set a new password">
      <p>Tell us your mail address. We send you a link by which you can set a new password.</p>
      <form className="stack" onSubmit={submit}>
        <MailField
          autoFocus
          value={email}
          onValue={onEmail}
          problem={asking.problem?.words ?? null}
        />
        <button type="submit" className="button primary wide" disabled={asking.isBusy}>
          {asking.isBusy ? "One moment…" : "Send the link"}
        </button>
      </form>
      <button type="button" className="link" onClick={onBack}>Back to signing in</button>
    </Message>
  );
}
