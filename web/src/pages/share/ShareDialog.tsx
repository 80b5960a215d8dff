// Who may do what with a document or a folder: its owner, people, groups, everyone, and links for those outside.
import { useCallback, useState } from "react";
import { AccessRequests } from "./AccessRequests";
import { AddPeople } from "./AddPeople";
import { GiveAwayDialog } from "./GiveAwayDialog";
import { GrantList } from "./GrantList";
import { Links } from "./Links";
import { Publish } from "./Publish";
import { listGroups, listMembers, type Group, type Member } from "../../api/organisations";
import type { Organisation } from "../../api/people";
import {
  dismissAccessRequest, grant, listAccessRequests, removeGrant, showSharing,
  type AccessRequest, type Place, type Sharing, type Subject,
} from "../../api/sharing";
import type { DocumentRole } from "../../api/documents";
import { Dialog } from "../../shell/Dialog";
import { InviteIcon } from "../../shell/icons";
import { isManager, rolesGivenBy } from "../../shell/roles";
import { Shown } from "../../shell/Shown";
import { problemWithAll, useAction } from "../../shell/useAction";
import { useLoaded } from "../../shell/useLoaded";

export interface ShareDialogProps {
  organisation: Organisation;
  /** Whoever looks at it. */
  accountId: string;
  /** The same object as long as it is the same place: what is loaded hangs on it. */
  place: Place;
  title: string;
  /** Wants to invite somebody who is not in the organisation. */
  onInvite: () => void;
  onClose: () => void;
}

interface Loaded {
  sharing: Sharing;
  members: Member[];
  groups: Group[];
  requests: AccessRequest[];
}

async function load(place: Place): Promise<Loaded> {
  const sharing = await showSharing(place);
  if (!sharing.may_manage) return { sharing, members: [], groups: [], requests: [] };
  const [members, groups, requests] = await Promise.all([
    listMembers(place.orgId),
    listGroups(place.orgId),
    listAccessRequests(place),
  ]);
  return { sharing, members, groups, requests };
}

export function ShareDialog({ organisation, accountId, place, title, onInvite, onClose }: ShareDialogProps) {
  const loading = useLoaded(useCallback(() => load(place), [place]));
  const changing = useAction();
  const [said, setSaid] = useState("");
  const [isGiving, setGiving] = useState(false);
  const problem = problemWithAll(changing);
  const change = (work: Promise<unknown>, words: string): void => {
    setSaid("");
    changing.run(work, () => {
      setSaid(words);
      loading.reload();
    });
  };
  const give = (subject: Subject, role: DocumentRole, name: string): void => {
    change(grant(place, subject, role), `Shared with ${name}.`);
  };
  const mayGiveAway = ({ owner, may_manage }: Sharing): boolean =>
    place.kind === "document" && may_manage && (isManager(organisation.role) || owner?.account_id === accountId);
  return (
    <>
      <Dialog title={`Share “${title}”`} size="wide" isEmptyAtFirst onClose={onClose}>
        <Shown loading={loading}>
          {({ sharing, members, groups, requests }) => (
            <div className="stack">
              <AccessRequests
                requests={requests}
                isBusy={changing.isBusy}
                onGive={({ account }, role) => { give({ account_id: account.account_id }, role, account.name); }}
                onDismiss={({ account }) => {
                  change(dismissAccessRequest(place, account.account_id), `The request of ${account.name} was dismissed.`);
                }}
              />
              {sharing.may_manage && <AddPeople sharing={sharing} members={members} groups={groups} onAdd={give} />}
              {problem !== null && <p className="problem" role="alert">{problem}</p>}
              <p className="sr-only" role="status">{said}</p>
              <GrantList
                sharing={sharing}
                organisationName={organisation.name}
                isBusy={changing.isBusy}
                onRole={give}
                onRemove={(grantId, name) => { change(removeGrant(place, grantId), `No longer shared with ${name}.`); }}
                onGiveAway={mayGiveAway(sharing) ? () => { setGiving(true); } : null}
              />
              <Links place={place} sharing={sharing} onChanged={loading.reload} />
              {place.kind === "document" && (
                <Publish orgId={place.orgId} documentId={place.documentId} mayManage={sharing.may_manage} />
              )}
            </div>
          )}
        </Shown>
        <div className="actions spread">
          {rolesGivenBy(organisation.role).length > 0 ? (
            <button type="button" className="button" onClick={onInvite}>
              <InviteIcon />
              Invite to {organisation.name}
            </button>
          ) : (
            <span />
          )}
          <button type="button" className="button primary" onClick={onClose}>Done</button>
        </div>
      </Dialog>
      {isGiving && place.kind === "document" && loading.state.kind === "loaded" && (
        <GiveAwayDialog
          place={place}
          title={title}
          owner={loading.state.value.sharing.owner}
          accountId={accountId}
          members={loading.state.value.members}
          onGiven={(to) => {
            setGiving(false);
            setSaid(`${to.name} owns it now.`);
            loading.reload();
          }}
          onClose={() => { setGiving(false); }}
        />
      )}
    </>
  );
}
