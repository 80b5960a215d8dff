// Asks before somebody is removed from an organisation, or leaves it.
import { removeMember, type Member } from "../../api/organisations";
import { ConfirmDialog } from "../../shell/ConfirmDialog";

export interface RemoveDialogProps {
  orgId: string;
  organisationName: string;
  member: Pick<Member, "account_id" | "name">;
  isSelf: boolean;
  onRemoved: () => void;
  onClose: () => void;
}

export function RemoveDialog({ orgId, organisationName, member, isSelf, onRemoved, onClose }: RemoveDialogProps) {
  return (
    <ConfirmDialog
      title={isSelf ? `Leave ${organisationName}?` : `Remove ${member.name}?`}
      action={isSelf ? "Leave" : "Remove"}
      onConfirm={() => removeMember(orgId, member.account_id)}
      onDone={onRemoved}
      onClose={onClose}
    >
      {isSelf ? "You lose" : `${member.name} loses`} access to its documents at once. What was written stays.
    </ConfirmDialog>
  );
}
