// The link of a mail was opened: a new password. The token stands in the fragment, which browsers send to nobody.
import { useEffect, useState, type SubmitEvent } from "react";
import { resetPassword } from "../api/people";
import { NewPasswordField } from "../shell/credentials";
import { Link } from "../shell/Link";
import { Message } from "../shell/Message";
import { listPath, navigate, signInPath } from "../shell/route";
import { problemWithAll, useAction } from "../shell/useAction";
import { rememberAccount } from "../sync/account";

export function ResetPage({ token }: { token: string }) {
  const [password, setPassword] = useState("");
  const setting = useAction();
  useEffect(() => {
    document.title = "Set a new password · Quire";
  }, []);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    setting.run(resetPassword(token, password), ({ account }) => {
      rememberAccount(account);
      navigate(listPath, "replace");
    });
  };
  return (
    <Message title="Set a new password">
      <p>You are signed in with it at once, here; every other device is signed out.</p>
      <form className="stack" onSubmit={submit}>
        <NewPasswordField
          label="New password"
          autoFocus
          value={password}
          onValue={setPassword}
          problem={problemWithAll(setting)}
        />
        <button type="submit" className="button primary wide" disabled={setting.isBusy}>
          {setting.isBusy ? "One moment…" : "Set the password"}
        </button>
      </form>
      <p className="fine">
        Does the link not work any more? <Link to={signInPath(listPath)}>Ask for a new one</Link> where you sign in.
      </p>
    </Message>
  );
}
