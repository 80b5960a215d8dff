// The bar above the lists and settings: the way home, the organisation, and who one is.
import type { ReactNode } from "react";
import { signOut } from "../api/people";
import { rememberAccount, type Account } from "../sync/account";
import { Avatar } from "./Avatar";
import { LogoIcon } from "./icons";
import { Link } from "./Link";
import { Menu } from "./Menu";
import { reportFailure } from "./report";
import { accountPath, adminPath, listPath, navigate } from "./route";

export function TopBar({ account, children }: { account: Account | null; children?: ReactNode }) {
  return (
    <header className="topbar">
      <Link to={listPath} className="home" aria-label="Quire: documents">
        <LogoIcon />
        <span className="wordmark">Quire</span>
      </Link>
      {children}
      <span className="spring" />
      {account !== null && <AccountMenu account={account} />}
    </header>
  );
}

function AccountMenu({ account }: { account: Account }) {
  const leave = (): void => {
    signOut().then(forgetAccount).catch(reportFailure);
  };
  // Of a remembered account it is not known.
  const mayOversee = "may_oversee" in account && account.may_oversee === true;
  return (
    <Menu
      label={`Account of ${account.name}`}
      className="avatar-button"
      button={<Avatar name={account.name} color={account.color} size="large" />}
      header={
        <div className="menu-header">
          <strong>{account.name}</strong>
          <small>Signed in in this browser</small>
        </div>
      }
      actions={[
        { label: "Account", run: () => { navigate(accountPath); } },
        ...(mayOversee ? [{ label: "Administration", run: () => { navigate(adminPath); } }] : []),
        { label: "Sign out", run: leave },
      ]}
    />
  );
}

/** After the session ended. A full load: nothing of it stays in memory. */
export function forgetAccount(): void {
  rememberAccount(null);
  location.assign(listPath);
}
