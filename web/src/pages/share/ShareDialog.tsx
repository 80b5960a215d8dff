// Who may do what with a document: its owner, people, groups, everyone, and links for those outside.
import { useCallback, useState } from "react";
import { AddPeople } from "./AddPeople";
import { GrantList } from "./GrantList";
import { Links } from "./Links";
import { listGroups, listMembers, type Group, type Member } from "../../api/organisations";
import type { Organisation } from "../../api/people";
import { grant, removeGrant, showSharing, type Sharing, type Subject } from "../../api/sharing";
import type { DocumentRole } from "../../api/documents";
import { Dialog } from "../../shell/Dialog";
import { InviteIcon } from "../../shell/icons";
import { rolesGivenBy } from "../../shell/roles";
import { Shown } from "../../shell/Shown";
import { problemWithAll, useAction } from "../../shell/useAction";
import { useLoaded } from "../../shell/useLoaded";

export interface ShareDialogProps {
  organisation: Organisation;
  documentId: string;
  title: string;
  /** Wants to invite somebody who is not in the organisation. */
  onInvite: () => void;
  onClose: () => void;
}

interface Loaded {
  sharing: Sharing;
  members: Member[];
  groups: Group[];
}

export function ShareDialog({ organisation, documentId, title, onInvite, onClose }: ShareDialogProps) {
  const orgId = organisation.org_id;
  const load = useCallback(async (): Promise<Loaded> => {
    const sharing = await showSharing(orgId, documentId);
    if (!sharing.may_manage) return { sharing, members: [], groups: [] };
    const [members, groups] = await Promise.all([listMembers(orgId), listGroups(orgId)]);
    return { sharing, members, groups };
  }, [orgId, documentId]);
  const loading = useLoaded(load);
  const changing = useAction();
  const [said, setSaid] = useState("");
  const problem = problemWithAll(changing);
  const change = (work: Promise<unknown>, words: string): void => {
    setSaid("");
    changing.run(work, () => {
      setSaid(words);
      loading.reload();
    });
  };
  const give = (subject: Subject, role: DocumentRole, name: string): void => {
    change(grant(orgId, documentId, subject, role), `Shared with ${name}.`);
  };
  return (
    <Dialog title={`Share “${title}”`} size="wide" onClose={onClose}>
      <Shown loading={loading}>
        {({ sharing, members, groups }) => (
          <div className="stack">
            {sharing.may_manage && (
              <AddPeople
                sharing={sharing}
                members={members}
                groups={groups}
                onAdd={give}
              />
            )}
            {problem !== null && <p className="problem" role="alert">{problem}</p>}
            <p className="sr-only" role="status">{said}</p>
            <GrantList
              sharing={sharing}
              organisationName={organisation.name}
              isBusy={changing.isBusy}
              onRole={give}
              onRemove={(grantId, name) => { change(removeGrant(orgId, documentId, grantId), `No longer shared with ${name}.`); }}
            />
            <Links orgId={orgId} documentId={documentId} sharing={sharing} onChanged={loading.reload} />
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
  );
}
