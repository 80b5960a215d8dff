// The members of an organisation: their roles, inviting and removing.
import { useCallback, useState } from "react";
import { MemberRow } from "./MemberRow";
import { RemoveDialog } from "./RemoveDialog";
import { changeRole, listMembers, type Member } from "../../api/organisations";
import type { OrganisationRole } from "../../api/people";
import { InviteIcon } from "../../shell/icons";
import { InviteDialog } from "../../shell/InviteDialog";
import { rolesGivenBy } from "../../shell/roles";
import { listPath, navigate } from "../../shell/route";
import { Section } from "../../shell/Section";
import { Shown } from "../../shell/Shown";
import { problemWithAll, useAction } from "../../shell/useAction";
import { useLoaded } from "../../shell/useLoaded";

type Open = { kind: "invite" } | { kind: "remove"; member: Member } | null;

export interface MembersProps {
  orgId: string;
  organisationName: string;
  /** Who is looking, and as what. */
  accountId: string;
  role: OrganisationRole;
  /** One's own role has changed. */
  onOwnChange: () => void;
}

export function Members({ orgId, organisationName, accountId, role, onOwnChange }: MembersProps) {
  const load = useCallback(() => listMembers(orgId), [orgId]);
  const loading = useLoaded(load);
  const changing = useAction();
  const [open, setOpen] = useState<Open>(null);
  const close = (): void => { setOpen(null); };
  const problem = problemWithAll(changing);
  const change = (member: Member, wanted: OrganisationRole): void => {
    changing.run(changeRole(orgId, member.account_id, wanted), () => {
      loading.reload();
      if (member.account_id === accountId) onOwnChange();
    });
  };
  return (
    <Section
      title="Members"
      actions={
        rolesGivenBy(role).length > 0 && (
          <button type="button" className="button primary" onClick={() => { setOpen({ kind: "invite" }); }}>
            <InviteIcon />
            Invite
          </button>
        )
      }
    >
      {problem !== null && <p className="problem" role="alert">{problem}</p>}
      <Shown loading={loading}>
        {(members) => (
          <ul className="rows">
            {members.map((member) => (
              <MemberRow
                key={member.account_id}
                member={member}
                isSelf={member.account_id === accountId}
                role={role}
                isBusy={changing.isBusy}
                onRole={(wanted) => { change(member, wanted); }}
                onRemove={() => { setOpen({ kind: "remove", member }); }}
              />
            ))}
          </ul>
        )}
      </Shown>
      {open?.kind === "invite" && (
        <InviteDialog orgId={orgId} documentId={null} place={organisationName} role={role} onClose={close} />
      )}
      {open?.kind === "remove" && (
        <RemoveDialog
          orgId={orgId}
          organisationName={organisationName}
          member={open.member}
          isSelf={open.member.account_id === accountId}
          onRemoved={() => {
            close();
            if (open.member.account_id === accountId) navigate(listPath);
            else loading.reload();
          }}
          onClose={close}
        />
      )}
    </Section>
  );
}
