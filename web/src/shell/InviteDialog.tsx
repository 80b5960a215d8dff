// Makes a one-time link for somebody else and shows it once.
import { useState } from "react";
import { invite, type Invitation } from "../api";
import { CopyButton } from "./copy";
import { Dialog } from "./Dialog";
import { timeInFull } from "./time";

type State =
  | { kind: "asking" }
  | { kind: "making" }
  | { kind: "made"; invitation: Invitation }
  | { kind: "failed"; problem: string };

export interface InviteDialogProps {
  orgId: string;
  /** The document that the link opens first, if any. */
  documentId: string | null;
  /** What one is invited to, in words. */
  place: string;
  onClose: () => void;
}

export function InviteDialog({ orgId, documentId, place, onClose }: InviteDialogProps) {
  const [state, setState] = useState<State>({ kind: "asking" });
  const make = (): void => {
    setState({ kind: "making" });
    invite(orgId, documentId).then(
      (invitation) => { setState({ kind: "made", invitation }); },
      (error: unknown) => {
        setState({ kind: "failed", problem: error instanceof Error ? error.message : "Something went wrong." });
      },
    );
  };
  return (
    <Dialog title={`Invite somebody to ${place}`} onClose={onClose}>
      {state.kind === "made" ? (
        <div className="stack">
          <label className="field">
            <span>Link for one person</span>
            <input
              readOnly
              value={state.invitation.url}
              autoFocus
              onFocus={(event) => { event.target.select(); }}
            />
            <small>It works once, until {timeInFull(state.invitation.expires_at)}.</small>
          </label>
          <div className="actions end">
            <button type="button" className="button" onClick={make}>Another link</button>
            <CopyButton key={state.invitation.url} text={state.invitation.url} label="Copy link" />
          </div>
        </div>
      ) : (
        <div className="stack">
          <p>
            Whoever opens the link becomes a member of the organisation and can read and edit its documents. Each link
            is for one person.
          </p>
          {state.kind === "failed" && <p className="problem" role="alert">{state.problem}</p>}
          <div className="actions end">
            <button type="button" className="button" onClick={onClose}>Cancel</button>
            <button type="button" className="button primary" disabled={state.kind === "making"} onClick={make}>
              {state.kind === "making" ? "One moment…" : "Make a link"}
            </button>
          </div>
        </div>
      )}
    </Dialog>
  );
}
