// The groups of an organisation: rights are given to a group as to a person.
import { useCallback, useState } from "react";
import { GroupCard } from "./GroupCard";
import { NameDialog } from "../../shell/NameDialog";
import { deleteGroup, listGroups, listMembers, makeGroup, renameGroup, type Group } from "../../api/organisations";
import type { OrganisationRole } from "../../api/people";
import { ConfirmDialog } from "../../shell/ConfirmDialog";
import { PlusIcon } from "../../shell/icons";
import { isManager } from "../../shell/roles";
import { Section } from "../../shell/Section";
import { Shown } from "../../shell/Shown";
import { useLoaded } from "../../shell/useLoaded";

type Open = { kind: "new" } | { kind: "rename"; group: Group } | { kind: "delete"; group: Group } | null;

export function Groups({ orgId, role }: { orgId: string; role: OrganisationRole }) {
  const load = useCallback(async () => {
    const [groups, members] = await Promise.all([listGroups(orgId), listMembers(orgId)]);
    return { groups, members };
  }, [orgId]);
  const loading = useLoaded(load);
  const [open, setOpen] = useState<Open>(null);
  const mayManage = isManager(role);
  const close = (): void => { setOpen(null); };
  const done = (): void => {
    close();
    loading.reload();
  };
  return (
    <Section
      title="Groups"
      about="Share a document with a group, and all of its members can open it."
      actions={
        mayManage && (
          <button type="button" className="button primary" onClick={() => { setOpen({ kind: "new" }); }}>
            <PlusIcon />
            New group
          </button>
        )
      }
    >
      <Shown loading={loading}>
        {({ groups, members }) =>
          groups.length === 0 ? (
            <p className="quiet">No groups yet.</p>
          ) : (
            <ul className="cards">
              {groups.map((group) => (
                <GroupCard
                  key={group.group_id}
                  orgId={orgId}
                  group={group}
                  members={members}
                  mayManage={mayManage}
                  onChanged={loading.reload}
                  onRename={() => { setOpen({ kind: "rename", group }); }}
                  onDelete={() => { setOpen({ kind: "delete", group }); }}
                />
              ))}
            </ul>
          )
        }
      </Shown>
      {open?.kind === "new" && (
        <NameDialog title="New group" name="" action="Make the group" onName={(name) => makeGroup(orgId, name)} onDone={done} onClose={close} />
      )}
      {open?.kind === "rename" && (
        <NameDialog
          title="Rename group"
          name={open.group.name}
          action="Rename"
          onName={(name) => renameGroup(orgId, open.group.group_id, name)}
          onDone={done}
          onClose={close}
        />
      )}
      {open?.kind === "delete" && (
        <ConfirmDialog
          title={`Delete “${open.group.name}”?`}
          action="Delete"
          onConfirm={() => deleteGroup(orgId, open.group.group_id)}
          onDone={done}
          onClose={close}
        >
          What was shared with the group is no longer open to its members, unless it is shared with them otherwise.
        </ConfirmDialog>
      )}
    </Section>
  );
}
