// The document takes no more edits in this tab. Whatever was not saved is handed to the person.
import { useState, type ReactNode } from "react";
import { MovedTo } from "./MovedTo";
import { CopyButton, saveAsFile } from "../shell/copy";
import { Dialog } from "../shell/Dialog";
import { Link } from "../shell/Link";
import { currentPath, listPath, navigate, signInPath } from "../shell/route";
import type { LiveDocument } from "../sync/document";
import type { EndReason } from "../sync/status";

export interface EndedProps {
  orgId: string;
  documentId: string;
  reason: EndReason;
  unsaved: number;
  live: LiveDocument;
  title: string;
  /** Stands below what is said, if one lost access. */
  ask: ReactNode;
  onReopen: () => void;
}

export function Ended({ orgId, documentId, reason, unsaved, live, title, ask, onReopen }: EndedProps) {
  const [isHidden, setHidden] = useState(false);
  const text = live.text();
  const hasTextToKeep = unsaved > 0 || reason === "diverged";
  if (isHidden) {
    return (
      <button type="button" className="banner floating" onClick={() => { setHidden(false); }}>
        {headings[reason]}. What to do?
      </button>
    );
  }
  const giveUp = (): void => {
    void live.setAside().then(onReopen);
  };
  return (
    <Dialog title={headings[reason]} onClose={() => { setHidden(true); }}>
      <div className="stack">
        <p>{explanations[reason]}</p>
        {hasTextToKeep && (
          <>
            <p className="note">
              {unsaved > 0 && (unsaved === 1 ? "1 change was not saved. " : `${unsaved} changes were not saved. `)}
              Below is the text as it stands in this tab; take a copy.
            </p>
            <textarea className="unsaved" readOnly rows={8} value={text} aria-label="The text in this tab" />
          </>
        )}
        {reason === "no-access" && ask}
        {reason === "moved" && <MovedTo orgId={orgId} documentId={documentId} />}
        <div className="actions end">
          {hasTextToKeep && (
            <>
              <button type="button" className="button" onClick={() => { saveAsFile(title, text); }}>
                Save as file
              </button>
              <CopyButton text={text} label="Copy text" />
            </>
          )}
          {isGoneOnFrom(reason) && (
            <button type="button" className="button" onClick={giveUp}>
              Go on without it
            </button>
          )}
          {(reason === "signed-out" || reason === "no-access") && (
            <Link to={signInPath(currentPath())} className={reason === "signed-out" ? "button primary" : "button"}>
              {reason === "signed-out" ? "Sign in" : "Sign in with another account"}
            </Link>
          )}
          {reason === "outdated" && (
            <button type="button" className="button primary" onClick={() => { location.reload(); }}>
              Load the page anew
            </button>
          )}
          {reason === "moved" && (
            <button type="button" className="button" onClick={onReopen}>
              Try again
            </button>
          )}
          {!isGoneOnFrom(reason) && reason !== "outdated" && (
            <button type="button" className="button" onClick={() => { navigate(listPath); }}>
              Leave
            </button>
          )}
        </div>
      </div>
    </Dialog>
  );
}

/** The document itself is still open to the person. */
function isGoneOnFrom(reason: EndReason): boolean {
  return reason === "refused" || reason === "read-only" || reason === "diverged";
}

const headings: Record<EndReason, string> = {
  "signed-out": "You have been signed out",
  "no-access": "You no longer have access",
  "not-found": "This document no longer exists",
  deleted: "This document is in the bin",
  "read-only": "You may only read this document now",
  refused: "Your last changes were not accepted",
  diverged: "A part of this text was lost",
  moved: "This document has moved",
  outdated: "This page is out of date",
};

const explanations: Record<EndReason, string> = {
  "signed-out": "Sign in to go on. Unsaved changes stay on this device and are sent when you are signed in again.",
  "no-access": "Your right to this document was taken away while it was open.",
  "not-found": "It was removed while it was open.",
  deleted: "Somebody moved it to the bin. Restored, it takes your unsaved changes as well.",
  "read-only": "Your right to edit was taken away while you were writing. Your last changes stay on this device; the document goes on without them.",
  refused: "The server will not take them. They stay readable on this device; the document goes on without them.",
  diverged: "The server has lost something that this page still shows, and nobody who wrote it has come back. The text as it stands here stays readable on this device; the document goes on as the server has it.",
  moved: "Your organisation is served at another address from now on. Sign in there to go on; the document is there with everything that was saved. Changes that were not saved stay on this device, at this address, and cannot be sent from here: take a copy of them along.",
  outdated: "The document is now written in a newer form. Load the page anew to go on.",
};
