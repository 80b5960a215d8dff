// Who else is in the document: one face a person, however many tabs they have.
import type { PresentPeer, PresentUser } from "../sync/document";
import { Avatar } from "./Avatar";

const MOST = 5;

export function Faces({ others }: { others: ReadonlyMap<string, PresentPeer> }) {
  const people = peopleOf(others);
  if (people.length === 0) return null;
  const shown = people.slice(0, people.length > MOST ? MOST - 1 : MOST);
  const hidden = people.slice(shown.length);
  return (
    <ul className="faces" aria-label="Also here">
      {shown.map((user) => (
        <li key={user.account_id}>
          <Avatar name={user.name} color={user.color} />
        </li>
      ))}
      {hidden.length > 0 && (
        <li>
          <span className="avatar small rest" title={hidden.map((user) => user.name).join(", ")}>
            +{hidden.length}
          </span>
        </li>
      )}
    </ul>
  );
}

export function peopleOf(others: ReadonlyMap<string, PresentPeer>): PresentUser[] {
  const people = new Map<string, PresentUser>();
  for (const { user } of others.values()) people.set(user.account_id, user);
  return [...people.values()].sort((a, b) => a.name.localeCompare(b.name));
}
