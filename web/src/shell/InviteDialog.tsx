// Makes a one-time link for somebody else and shows it once.
import { useState } from "react";
import { invite, type Invitation, type InvitedRole } from "../api/organisations";
import type { OrganisationRole } from "../api/people";
import { CopyButton } from "./copy";
import { Dialog } from "./Dialog";
import { Choice, Field } from "./Field";
import { organisationRoleNames, rolesGivenBy } from "./roles";
import { timeInFull } from "./time";
import { problemWithAll, useAction } from "./useAction";

export interface InviteDialogProps {
  orgId: string;
  /** The document that the link opens first, if any. */
  documentId: string | null;
  /** What one is invited to, in words. */
  place: string;
  /** The role of whoever invites. */
  role: OrganisationRole;
  onClose: () => void;
}

export function InviteDialog({ orgId, documentId, place, role, onClose }: InviteDialogProps) {
  const [invitation, setInvitation] = useState<Invitation | null>(null);
  const [invitedRole, setInvitedRole] = useState<InvitedRole>("member");
  const making = useAction();
  const problem = problemWithAll(making);
  const make = (): void => {
    making.run(invite(orgId, invitedRole, documentId), setInvitation);
  };
  return (
    <Dialog title={`Invite somebody to ${place}`} onClose={onClose}>
      {invitation !== null ? (
        <div className="stack">
          <Field
            label="Link for one person"
            readOnly
            autoFocus
            value={invitation.url}
            onValue={() => undefined}
            onFocus={(event) => { event.target.select(); }}
            hint={`It works once, until ${timeInFull(invitation.expires_at)}.`}
          />
          {problem !== null && <p className="problem" role="alert">{problem}</p>}
          <div className="actions end">
            <button type="button" className="button" disabled={making.isBusy} onClick={make}>Another link</button>
            <CopyButton key={invitation.url} text={invitation.url} label="Copy link" />
          </div>
        </div>
      ) : (
        <div className="stack">
          <Choice
            label="They join as"
            value={invitedRole}
            options={rolesGivenBy(role).filter((each) => each !== "owner").map((value) => ({ value, label: organisationRoleNames[value] }))}
            onChoose={setInvitedRole}
            hint={explanations[invitedRole]}
          />
          {problem !== null && <p className="problem" role="alert">{problem}</p>}
          <div className="actions end">
            <button type="button" className="button" onClick={onClose}>Cancel</button>
            <button type="button" className="button primary" disabled={making.isBusy} onClick={make}>
              {making.isBusy ? "One moment…" : "Make a link"}
            </button>
          </div>
        </div>
      )}
    </Dialog>
  );
}

const explanations: Record<InvitedRole, string> = {
  admin: "Admins see every document, and manage members, groups and settings.",
  member: "Members make documents, and see those that are shared with everyone.",
  guest: "Guests see only what is shared with them.",
};
