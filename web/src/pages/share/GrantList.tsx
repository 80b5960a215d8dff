// Who has access to a document, and to do what.
import { EveryonePicture, GroupPicture } from "./pictures";
import type { DocumentRole } from "../../api/documents";
import type { DefaultRole } from "../../api/organisations";
import type { Grant, Sharing, Subject } from "../../api/sharing";
import { Avatar } from "../../shell/Avatar";
import { Choice } from "../../shell/Field";
import { CloseIcon } from "../../shell/icons";
import { defaultRoles, documentRoleName, documentRoles } from "../../shell/roles";

export interface GrantListProps {
  sharing: Sharing;
  organisationName: string;
  isBusy: boolean;
  onRole: (subject: Subject, role: DocumentRole, name: string) => void;
  onRemove: (grantId: string, name: string) => void;
  /** Null: this person may not give it away. */
  onGiveAway: (() => void) | null;
}

export function GrantList({ sharing, organisationName, isBusy, onRole, onRemove, onGiveAway }: GrantListProps) {
  const { owner, grants, may_manage } = sharing;
  const everyone = grants.find((grant) => grant.everyone && grant.inherited_from === null);
  const everyoneName = `Everyone in ${organisationName}`;
  const shared = grants.filter((grant) => grant !== everyone).sort(byPlaceAndName);
  return (
    <div className="part">
      <h3>Who has access</h3>
      <ul className="rows flat">
        {owner !== null && (
          <li className="row">
            <Avatar name={owner.name} color={owner.color} />
            <span className="row-words">{owner.name}</span>
            {onGiveAway !== null && (
              <button type="button" className="button ghost" disabled={isBusy} onClick={onGiveAway}>Give away…</button>
            )}
            <span className="badge">Owner</span>
          </li>
        )}
        {shared.map((grant) => (
          <GrantRow
            key={grant.grant_id}
            grant={grant}
            name={grant.everyone ? everyoneName : nameOf(grant)}
            mayManage={may_manage}
            isBusy={isBusy}
            onRole={onRole}
            onRemove={onRemove}
          />
        ))}
        {(may_manage || everyone !== undefined) && (
          <li className="row">
            <EveryonePicture />
            <span className="row-words">{everyoneName}</span>
            {may_manage ? (
              <Choice<DefaultRole>
                label={`What ${everyoneName} may do`}
                isLabelHidden
                value={everyone?.role ?? "none"}
                options={defaultRoles}
                isDisabled={isBusy}
                onChoose={(role) => {
                  if (role !== "none") onRole({ everyone: true }, role, everyoneName);
                  else if (everyone !== undefined) onRemove(everyone.grant_id, everyoneName);
                }}
              />
            ) : (
              <span className="badge">{documentRoleName(everyone?.role ?? "view")}</span>
            )}
          </li>
        )}
      </ul>
      <p className="fine">Owners and admins of {organisationName} can open every document.</p>
    </div>
  );
}

interface GrantRowProps extends Pick<GrantListProps, "isBusy" | "onRole" | "onRemove"> {
  grant: Grant;
  name: string;
  mayManage: boolean;
}

function GrantRow({ grant, name, mayManage, isBusy, onRole, onRemove }: GrantRowProps) {
  const isOwn = grant.inherited_from === null;
  const subject = subjectOf(grant);
  return (
    <li className="row">
      {grant.account !== null ? (
        <Avatar name={name} color={grant.account.color} />
      ) : grant.everyone ? (
        <EveryonePicture />
      ) : (
        <GroupPicture />
      )}
      <span className="row-words">
        {name}
        {!isOwn && <small>From the folder that it lies in</small>}
      </span>
      {mayManage && isOwn && subject !== null ? (
        <>
          <Choice
            label={`What ${name} may do`}
            isLabelHidden
            value={grant.role}
            options={documentRoles}
            isDisabled={isBusy}
            onChoose={(role) => { onRole(subject, role, name); }}
          />
          <button
            type="button"
            className="button ghost square"
            disabled={isBusy}
            aria-label={`Remove ${name}`}
            title="Remove"
            onClick={() => { onRemove(grant.grant_id, name); }}
          >
            <CloseIcon />
          </button>
        </>
      ) : (
        <span className="badge">{documentRoleName(grant.role)}</span>
      )}
    </li>
  );
}

function subjectOf({ account, group, everyone }: Grant): Subject | null {
  if (account !== null) return { account_id: account.account_id };
  if (group !== null) return { group_id: group.group_id };
  return everyone ? { everyone: true } : null;
}

function nameOf(grant: Grant): string {
  return grant.account?.name ?? grant.group?.name ?? "";
}

/** The document's own first. */
function byPlaceAndName(a: Grant, b: Grant): number {
  return Number(a.inherited_from !== null) - Number(b.inherited_from !== null) || nameOf(a).localeCompare(nameOf(b));
}
