// Whether everything is saved, said truly and without noise.
import { CheckIcon, CloudOffIcon, WarningIcon } from "./icons";
import { statusText, type Status } from "../sync/status";

export function SaveStatus({ status }: { status: Status }) {
  return (
    <span className={`save-status ${status.kind}`} role="status" data-status={status.kind}>
      <StatusMark status={status} />
      <span>{statusText(status)}</span>
    </span>
  );
}

function StatusMark({ status }: { status: Status }) {
  switch (status.kind) {
    case "saved":
      return <CheckIcon />;
    case "saving":
    case "reconnecting":
      return <span className="spinner" aria-hidden="true" />;
    case "offline":
      return <CloudOffIcon />;
    case "ended":
      return <WarningIcon />;
  }
}
