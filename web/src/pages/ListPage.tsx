// The documents of an organisation, or its bin.
import { useEffect, useState } from "react";
import type { Organisation } from "../api/people";
import { KeptList } from "./KeptList";
import { DocumentList } from "./DocumentList";
import { PeopleIcon } from "../shell/icons";
import { Link } from "../shell/Link";
import { organisationPath } from "../shell/route";
import { TopBar } from "../shell/TopBar";
import type { SignIn } from "../shell/session";
import { sendLeftovers } from "../sync/leftovers";
import { loadLoro } from "../loro";
import { reportFailure } from "../shell/report";

const ORGANISATION_KEY = "quire.organisation";

export interface ListPageProps {
  signIn: Extract<SignIn, { kind: "signed-in" | "unreachable" }>;
  isBin: boolean;
}

export function ListPage({ signIn, isBin }: ListPageProps) {
  const [chosen, setChosen] = useState(() => localStorage.getItem(ORGANISATION_KEY));
  useEffect(() => {
    document.title = isBin ? "Bin · Quire" : "Documents · Quire";
  }, [isBin]);
  useEffect(() => {
    // What a closed tab left unsent goes now; it needs Loro, which the editor needs next anyway.
    loadLoro().then(sendLeftovers).catch(reportFailure);
  }, []);

  if (signIn.kind === "unreachable") {
    return (
      <>
        <TopBar account={signIn.account} />
        <KeptList />
      </>
    );
  }
  const organisation = chosenOf(signIn.organisations, chosen);
  const choose = (orgId: string): void => {
    localStorage.setItem(ORGANISATION_KEY, orgId);
    setChosen(orgId);
  };
  return (
    <>
      <TopBar account={signIn.account}>
        <OrganisationPicker organisations={signIn.organisations} chosen={organisation} onChoose={choose} />
        {organisation !== undefined && (
          <Link to={organisationPath(organisation.org_id)} className="button ghost">
            <PeopleIcon />
            <span className="wide-only">Members</span>
          </Link>
        )}
      </TopBar>
      {organisation === undefined ? (
        <main className="page">
          <p className="empty">
            You belong to no organisation yet. Documents that are shared with you open by their links; to make your own,
            ask somebody of an organisation for an invitation.
          </p>
        </main>
      ) : (
        <DocumentList key={organisation.org_id} organisation={organisation} isBin={isBin} />
      )}
    </>
  );
}

function chosenOf(organisations: readonly Organisation[], chosen: string | null): Organisation | undefined {
  return organisations.find((organisation) => organisation.org_id === chosen) ?? organisations[0];
}

interface PickerProps {
  organisations: readonly Organisation[];
  chosen: Organisation | undefined;
  onChoose: (orgId: string) => void;
}

function OrganisationPicker({ organisations, chosen, onChoose }: PickerProps) {
  if (chosen === undefined) return null;
  if (organisations.length === 1) return <span className="organisation">{chosen.name}</span>;
  return (
    <select
      className="organisation select"
      aria-label="Organisation"
      value={chosen.org_id}
      onChange={(event) => {
        onChoose(event.target.value);
      }}
    >
      {organisations.map((organisation) => (
        <option key={organisation.org_id} value={organisation.org_id}>
          {organisation.name}
        </option>
      ))}
    </select>
  );
}
