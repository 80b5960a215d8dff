// Finds people and groups that a document is not shared with yet.
import { useEffect, useRef, useState } from "react";
import type { DocumentRole } from "../../api/documents";
import type { Group, Member } from "../../api/organisations";
import type { Sharing, Subject } from "../../api/sharing";
import { Avatar } from "../../shell/Avatar";
import { Choice } from "../../shell/Field";
import { Finder, type FinderItem } from "../../shell/Finder";
import { documentRoles } from "../../shell/roles";
import { GroupPicture } from "./pictures";

export interface AddPeopleProps {
  sharing: Sharing;
  members: readonly Member[];
  groups: readonly Group[];
  onAdd: (subject: Subject, role: DocumentRole, name: string) => void;
}

export function AddPeople({ sharing, members, groups, onAdd }: AddPeopleProps) {
  const [role, setRole] = useState<DocumentRole>("edit");
  const own = sharing.grants.filter((each) => each.inherited_from === null);
  const known = new Set(own.map((each) => each.account?.account_id ?? each.group?.group_id));
  known.add(sharing.owner?.account_id);
  const newMembers = members.filter((member) => !known.has(member.account_id));
  const newGroups = groups.filter((group) => !known.has(group.group_id));
  const items: FinderItem[] = [
    ...newMembers.map(({ account_id, name, email, color }) => ({
      key: account_id,
      name,
      more: email,
      picture: <Avatar name={name} color={color} />,
    })),
    ...newGroups.map((group) => ({
      key: group.group_id,
      name: group.name,
      more: group.members.length === 1 ? "1 member" : `${group.members.length} members`,
      picture: <GroupPicture />,
    })),
  ];
  // It comes when it is loaded. By then somebody may have gone to something else with a key.
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const own = ref.current;
    if (own !== null && document.activeElement === own.closest("dialog")) own.querySelector("input")?.focus();
  }, []);
  const add = (key: string): void => {
    const name = items.find((item) => item.key === key)?.name ?? "";
    const isGroup = newGroups.some((group) => group.group_id === key);
    onAdd(isGroup ? { group_id: key } : { account_id: key }, role, name);
  };
  return (
    <div ref={ref} className="add-people">
      <Finder
        label="Add people or groups"
        placeholder="Add people or groups"
        nothing="Nobody of the organisation is called so. Invite them, or make a link."
        items={items}
        onChoose={add}
      />
      <Choice label="What they may do" isLabelHidden value={role} options={documentRoles} onChoose={setRole} />
    </div>
  );
}
