// One's own account: name, how one signs in, where one is signed in, API tokens.
import { useEffect, useState } from "react";
import { Devices } from "./Devices";
import { Identities } from "./Identities";
import { NameForm } from "./NameForm";
import { PasswordForm } from "./PasswordForm";
import { Tokens } from "./Tokens";
import { me, type Me, type OwnAccount } from "../../api/people";
import { Link } from "../../shell/Link";
import { reportFailure } from "../../shell/report";
import { listPath } from "../../shell/route";
import { TopBar } from "../../shell/TopBar";

export interface AccountPageProps {
  account: OwnAccount;
  onChanged: (me: Me) => void;
}

export function AccountPage({ account, onChanged }: AccountPageProps) {
  useEffect(() => {
    document.title = "Account · Quire";
  }, []);
  /** A new password ends sessions: the devices are listed anew. */
  const [passwords, setPasswords] = useState(0);
  const lookAgain = (): void => {
    setPasswords(passwords + 1);
    me().then(onChanged).catch(reportFailure);
  };
  return (
    <>
      <TopBar account={account} />
      <main className="page narrow">
        <div className="page-head">
          <h1>Account</h1>
          <Link to={listPath} className="button">Documents</Link>
        </div>
        <NameForm account={account} onChanged={onChanged} />
        <PasswordForm email={account.email} onChanged={lookAgain} />
        <Identities hasPassword={account.email !== null} />
        <Devices key={passwords} />
        <Tokens />
      </main>
    </>
  );
}
