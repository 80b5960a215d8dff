// One group and who is in it.
import { addToGroup, removeFromGroup, type Group, type Member } from "../../api/organisations";
import { Avatar } from "../../shell/Avatar";
import { Finder } from "../../shell/Finder";
import { BinIcon, CloseIcon, MoreIcon, PencilIcon } from "../../shell/icons";
import { Menu } from "../../shell/Menu";
import { problemWithAll, useAction } from "../../shell/useAction";

export interface GroupCardProps {
  orgId: string;
  group: Group;
  /** All members of the organisation. */
  members: readonly Member[];
  mayManage: boolean;
  onChanged: () => void;
  onRename: () => void;
  onDelete: () => void;
}

export function GroupCard({ orgId, group, members, mayManage, onChanged, onRename, onDelete }: GroupCardProps) {
  const changing = useAction();
  const problem = problemWithAll(changing);
  const inside = new Set(group.members.map((member) => member.account_id));
  const outside = members.filter((member) => !inside.has(member.account_id));
  return (
    <li className="card">
      <div className="card-head">
        <h3>{group.name}</h3>
        <span className="quiet">{group.members.length === 1 ? "1 member" : `${group.members.length} members`}</span>
        <span className="spring" />
        {mayManage && (
          <Menu
            label={`More for ${group.name}`}
            button={<MoreIcon />}
            actions={[
              { label: "Rename", icon: <PencilIcon />, run: onRename },
              { label: "Delete", icon: <BinIcon />, isDanger: true, run: onDelete },
            ]}
          />
        )}
      </div>
      {group.members.length > 0 && (
        <ul className="chips" aria-label={`Members of ${group.name}`}>
          {group.members.map((member) => (
            <li key={member.account_id} className="chip">
              <Avatar name={member.name} color={member.color} />
              {member.name}
              {mayManage && (
                <button
                  type="button"
                  className="chip-button"
                  aria-label={`Remove ${member.name} from ${group.name}`}
                  disabled={changing.isBusy}
                  onClick={() => { changing.run(removeFromGroup(orgId, group.group_id, member.account_id), onChanged); }}
                >
                  <CloseIcon />
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
      {mayManage && outside.length > 0 && (
        <Finder
          label={`Add to ${group.name}`}
          placeholder="Add a member"
          items={outside.map((member) => ({
            key: member.account_id,
            name: member.name,
            more: member.email,
            picture: <Avatar name={member.name} color={member.color} />,
          }))}
          onChoose={(accountId) => { changing.run(addToGroup(orgId, group.group_id, accountId), onChanged); }}
        />
      )}
      {problem !== null && <p className="problem" role="alert">{problem}</p>}
    </li>
  );
}
