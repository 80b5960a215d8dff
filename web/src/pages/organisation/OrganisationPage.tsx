// An organisation: who belongs to it, groups, settings and the audit log. Shows only what one's role allows.
import { useCallback, useEffect, useState } from "react";
import { Audit } from "./Audit";
import { Groups } from "./Groups";
import { Members } from "./Members";
import { RemoveDialog } from "./RemoveDialog";
import { Settings } from "./Settings";
import { me as lookUpMe, type Me, type OrganisationRole } from "../../api/people";
import { showOrganisation } from "../../api/organisations";
import { Link } from "../../shell/Link";
import { Message } from "../../shell/Message";
import { reportFailure } from "../../shell/report";
import { isManager } from "../../shell/roles";
import { currentPath, listPath, navigate, organisationPath, signInPath, type OrganisationTab } from "../../shell/route";
import { Section } from "../../shell/Section";
import { TopBar } from "../../shell/TopBar";
import { useLoaded } from "../../shell/useLoaded";

export interface OrganisationPageProps {
  orgId: string;
  tab: OrganisationTab;
  me: Me;
  onChanged: (me: Me) => void;
}

const tabs: readonly { tab: OrganisationTab; label: string }[] = [
  { tab: "members", label: "Members" },
  { tab: "groups", label: "Groups" },
  { tab: "settings", label: "Settings" },
  { tab: "audit", label: "Audit log" },
];

export function OrganisationPage({ orgId, tab, me, onChanged }: OrganisationPageProps) {
  const organisation = me.organisations.find((each) => each.org_id === orgId);
  const name = organisation?.name ?? "Organisation";
  useEffect(() => {
    document.title = `${name} · Quire`;
  }, [name]);
  if (organisation === undefined) return <NotAMember />;
  const { role } = organisation;
  const lookAgain = (): void => {
    lookUpMe().then(onChanged).catch(reportFailure);
  };
  const shownTabs = tabs.filter((each) => mayOpen(role, each.tab));
  const shown = mayOpen(role, tab) ? tab : "members";
  return (
    <>
      <TopBar account={me.account} />
      <main className="page narrow">
        <div className="page-head">
          <h1>{name}</h1>
          <Link to={listPath} className="button">Documents</Link>
        </div>
        {shownTabs.length > 1 && (
          <nav className="tabs" aria-label="Organisation">
            {shownTabs.map((each) => (
              <Link
                key={each.tab}
                to={organisationPath(orgId, each.tab)}
                className="tab"
                aria-current={each.tab === shown ? "page" : undefined}
              >
                {each.label}
              </Link>
            ))}
          </nav>
        )}
        {role === "guest" && <Guest orgId={orgId} name={name} accountId={me.account.account_id} />}
        {shown === "members" && role !== "guest" && (
          <Members orgId={orgId} organisationName={name} accountId={me.account.account_id} role={role} onOwnChange={lookAgain} />
        )}
        {shown === "groups" && <Groups orgId={orgId} role={role} />}
        {shown === "settings" && <LoadedSettings orgId={orgId} onChanged={lookAgain} />}
        {shown === "audit" && <Audit orgId={orgId} organisationName={name} />}
      </main>
    </>
  );
}

function mayOpen(role: OrganisationRole, tab: OrganisationTab): boolean {
  if (tab === "members") return true;
  return tab === "groups" ? role !== "guest" : isManager(role);
}

/** Guests do not see who else is a member. */
function Guest({ orgId, name, accountId }: { orgId: string; name: string; accountId: string }) {
  const [isLeaving, setLeaving] = useState(false);
  return (
    <Section
      title="You are a guest here"
      about="You see the documents that are shared with you."
      actions={<button type="button" className="button" onClick={() => { setLeaving(true); }}>Leave</button>}
    >
      {isLeaving && (
        <RemoveDialog
          orgId={orgId}
          organisationName={name}
          member={{ account_id: accountId, name: "" }}
          isSelf
          onRemoved={() => { navigate(listPath); }}
          onClose={() => { setLeaving(false); }}
        />
      )}
    </Section>
  );
}

function LoadedSettings({ orgId, onChanged }: { orgId: string; onChanged: () => void }) {
  const load = useCallback(() => showOrganisation(orgId), [orgId]);
  const loading = useLoaded(load);
  return <Settings loading={loading} onChanged={onChanged} />;
}

function NotAMember() {
  return (
    <Message
      title="There is no such organisation"
      actions={
        <>
          <Link to={listPath} className="button primary">Go to your documents</Link>
          <Link to={signInPath(currentPath())} className="button">Sign in with another account</Link>
        </>
      }
    >
      <p>It does not exist, or you do not belong to it.</p>
    </Message>
  );
}
