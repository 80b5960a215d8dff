// Gives a document to another owner, after saying what that means.
import { useState } from "react";
import { giveDocument } from "../../api/documents";
import type { Member } from "../../api/organisations";
import { grant, type Place } from "../../api/sharing";
import { Avatar } from "../../shell/Avatar";
import { Dialog } from "../../shell/Dialog";
import { Finder } from "../../shell/Finder";
import { problemWithAll, useAction } from "../../shell/useAction";
import type { Account } from "../../sync/account";

export interface GiveAwayDialogProps {
  place: Extract<Place, { kind: "document" }>;
  title: string;
  /** Null: nobody, since its owner left. */
  owner: Account | null;
  /** Whoever gives it away. */
  accountId: string;
  members: readonly Member[];
  onGiven: (to: Account) => void;
  onClose: () => void;
}

export function GiveAwayDialog({ place, title, owner, accountId, members, onGiven, onClose }: GiveAwayDialogProps) {
  const [to, setTo] = useState<Member | null>(null);
  const [keepsEditing, setKeepsEditing] = useState(true);
  const giving = useAction();
  const problem = problemWithAll(giving);
  const isOwn = owner?.account_id === accountId;
  // Guests own nothing.
  const others = members.filter((member) => member.role !== "guest" && member.account_id !== owner?.account_id);
  const give = async (receiver: Member): Promise<void> => {
    if (isOwn && keepsEditing) await grant(place, { account_id: accountId }, "edit");
    await giveDocument(place.orgId, place.documentId, receiver.account_id);
  };
  return (
    <Dialog title={`Give “${title}” to somebody else`} onClose={onClose}>
      {to === null ? (
        <div className="stack">
          <Finder
            label="New owner"
            placeholder="Find the new owner"
            nothing="No member of the organisation is called so. Guests cannot own documents."
            items={others.map(({ account_id, name, email, color }) => ({
              key: account_id,
              name,
              more: email,
              picture: <Avatar name={name} color={color} />,
            }))}
            autoFocus
            onChoose={(key) => { setTo(others.find((member) => member.account_id === key) ?? null); }}
          />
          <div className="actions end finder-room">
            <button type="button" className="button" onClick={onClose}>Cancel</button>
          </div>
        </div>
      ) : (
        <div className="stack">
          <p>
            <strong>{to.name}</strong> will own it, and may do everything with it: edit and share it, move it to the bin,
            give it away.{" "}
            {isOwn
              ? "You cannot take it back: only its new owner and the organisation's admins can."
              : `${owner?.name ?? "Its former owner"} keeps only what is shared with them.`}
          </p>
          {isOwn && (
            <label className="check">
              <input
                type="checkbox"
                checked={keepsEditing}
                onChange={(event) => { setKeepsEditing(event.target.checked); }}
              />
              <span>
                I go on editing it
                <small>Otherwise you may do only what is shared with everyone or with a group of yours.</small>
              </span>
            </label>
          )}
          {problem !== null && <p className="problem" role="alert">{problem}</p>}
          <div className="actions end">
            <button type="button" className="button" autoFocus onClick={onClose}>Cancel</button>
            <button
              type="button"
              className="button danger"
              disabled={giving.isBusy}
              onClick={() => { giving.run(give(to), () => { onGiven(to); }); }}
            >
              {giving.isBusy ? "One moment…" : `Give it to ${to.name}`}
            </button>
          </div>
        </div>
      )}
    </Dialog>
  );
}
