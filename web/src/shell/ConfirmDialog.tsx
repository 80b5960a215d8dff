// Asks before something that cannot simply be taken back, or that others notice.
import type { ReactNode } from "react";
import { Dialog } from "./Dialog";
import { problemWithAll, useAction } from "./useAction";

export interface ConfirmDialogProps {
  title: string;
  /** What the button does, as a verb. */
  action: string;
  children: ReactNode;
  /** It can be taken back after all, so the button does not warn. */
  isHarmless?: boolean;
  onConfirm: () => Promise<unknown>;
  onDone: () => void;
  onClose: () => void;
}

export function ConfirmDialog({ title, action, children, isHarmless = false, onConfirm, onDone, onClose }: ConfirmDialogProps) {
  const confirming = useAction();
  const problem = problemWithAll(confirming);
  return (
    <Dialog title={title} onClose={onClose}>
      <div className="stack">
        <p>{children}</p>
        {problem !== null && <p className="problem" role="alert">{problem}</p>}
        <div className="actions end">
          <button type="button" className="button" autoFocus onClick={onClose}>Cancel</button>
          <button
            type="button"
            className={isHarmless ? "button primary" : "button danger"}
            disabled={confirming.isBusy}
            onClick={() => { confirming.run(onConfirm(), onDone); }}
          >
            {confirming.isBusy ? "One moment…" : action}
          </button>
        </div>
      </div>
    </Dialog>
  );
}
