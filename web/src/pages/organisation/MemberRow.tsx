// One member in the list, with what one may do to them.
import type { Member } from "../../api/organisations";
import type { OrganisationRole } from "../../api/people";
import { Avatar } from "../../shell/Avatar";
import { Choice } from "../../shell/Field";
import { mayChange, organisationRoleNames, rolesGivenBy } from "../../shell/roles";

export interface MemberRowProps {
  member: Member;
  isSelf: boolean;
  /** The role of whoever looks. */
  role: OrganisationRole;
  isBusy: boolean;
  onRole: (role: OrganisationRole) => void;
  onRemove: () => void;
}

export function MemberRow({ member, isSelf, role, isBusy, onRole, onRemove }: MemberRowProps) {
  const isChangeable = mayChange(role, member.role);
  const options = rolesGivenBy(role).map((value) => ({ value, label: organisationRoleNames[value] }));
  return (
    <li className="row">
      <Avatar name={member.name} color={member.color} size="large" />
      <div className="row-words">
        <strong>
          {member.name}
          {isSelf && <span className="quiet"> (you)</span>}
        </strong>
        {member.email !== null && <small>{member.email}</small>}
      </div>
      {isChangeable ? (
        <Choice
          label={`Role of ${member.name}`}
          isLabelHidden
          value={member.role}
          options={options}
          isDisabled={isBusy}
          onChoose={onRole}
        />
      ) : (
        <span className="badge">{organisationRoleNames[member.role]}</span>
      )}
      {(isChangeable || isSelf) && (
        <button
          type="button"
          className="button ghost"
          disabled={isBusy}
          aria-label={isSelf ? "Leave the organisation" : `Remove ${member.name}`}
          onClick={onRemove}
        >
          {isSelf ? "Leave" : "Remove"}
        </button>
      )}
    </li>
  );
}
