// Who asks to be let at a document: give them a role, or dismiss it.
import { useState } from "react";
import type { DocumentRole } from "../../api/documents";
import type { AccessRequest } from "../../api/sharing";
import { Avatar } from "../../shell/Avatar";
import { Choice } from "../../shell/Field";
import { documentRoles } from "../../shell/roles";
import { timeAgo, timeInFull } from "../../shell/time";
import { useNow } from "../../shell/useNow";

export interface AccessRequestsProps {
  requests: readonly AccessRequest[];
  isBusy: boolean;
  onGive: (request: AccessRequest, role: DocumentRole) => void;
  onDismiss: (request: AccessRequest) => void;
}

export function AccessRequests({ requests, ...actions }: AccessRequestsProps) {
  if (requests.length === 0) return null;
  return (
    <div className="part requests">
      <h3>{requests.length === 1 ? "Somebody asks for access" : `${requests.length} people ask for access`}</h3>
      <ul className="rows flat">
        {requests.map((request) => <RequestRow key={request.account.account_id} request={request} {...actions} />)}
      </ul>
    </div>
  );
}

interface RequestRowProps extends Omit<AccessRequestsProps, "requests"> {
  request: AccessRequest;
}

function RequestRow({ request, isBusy, onGive, onDismiss }: RequestRowProps) {
  const [role, setRole] = useState<DocumentRole>("view");
  const nowMs = useNow();
  const { account, message, requested_at } = request;
  return (
    <li className="row request">
      <Avatar name={account.name} color={account.color} />
      <span className="row-words">
        {account.name} <time className="quiet" dateTime={requested_at} title={timeInFull(requested_at)}>{timeAgo(requested_at, nowMs)}</time>
        {message !== "" && <small className="said">{message}</small>}
      </span>
      <span className="request-answer">
        <Choice
          label={`What ${account.name} may do`}
          isLabelHidden
          value={role}
          options={documentRoles}
          isDisabled={isBusy}
          onChoose={setRole}
        />
        <button
          type="button"
          className="button primary"
          disabled={isBusy}
          aria-label={`Give access to ${account.name}`}
          onClick={() => { onGive(request, role); }}
        >
          Give
        </button>
        <button
          type="button"
          className="button ghost"
          disabled={isBusy}
          aria-label={`Dismiss the request of ${account.name}`}
          onClick={() => { onDismiss(request); }}
        >
          Dismiss
        </button>
      </span>
    </li>
  );
}
