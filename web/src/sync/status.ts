// What the person is told about saving: a pure function of the state of synchronisation.

/** Why a document takes no more edits in this tab. */
export type EndReason =
  | "signed-out"
  | "no-access"
  | "not-found"
  | "deleted"
  /** What was written here cannot be sent: the person may only read by now. */
  | "read-only"
  /** The server will never take what was written here; the person is offered it as text. */
  | "refused"
  /** The server has lost what this copy shows, and nobody brought it back. */
  | "diverged"
  /** The organisation is served at another address. */
  | "moved"
  /** The server speaks a newer form of documents than this page. */
  | "outdated";

export type Status =
  | { kind: "saved" }
  | { kind: "saving"; unsaved: number; kept: boolean }
  | { kind: "reconnecting"; unsaved: number; kept: boolean }
  | { kind: "offline"; unsaved: number; kept: boolean }
  | { kind: "ended"; reason: EndReason; unsaved: number };

/** All that the status depends on. */
export interface Situation {
  ended: EndReason | null;
  /** Joined and brought up to date. */
  live: boolean;
  online: boolean;
  /** Failed attempts to connect since a join last succeeded. */
  failures: number;
  /** Updates without acknowledgement, the one being typed included. */
  unsaved: number;
  /** Whether the browser's store holds them. */
  kept: boolean;
}

/** From this many failures on "Reconnecting" would be a promise that nobody can keep. */
const FAILURES_UNTIL_OFFLINE = 3;

export function statusOf(situation: Situation): Status {
  const { ended, live, online, failures, unsaved, kept } = situation;
  if (ended !== null) return { kind: "ended", reason: ended, unsaved };
  if (live) return unsaved === 0 ? { kind: "saved" } : { kind: "saving", unsaved, kept };
  if (!online || failures >= FAILURES_UNTIL_OFFLINE) return { kind: "offline", unsaved, kept };
  return { kind: "reconnecting", unsaved, kept };
}

/** How many changes no server has yet. */
export function unsavedCount(status: Status): number {
  return status.kind === "saved" ? 0 : status.unsaved;
}

/** The words for the person. */
export function statusText(status: Status): string {
  switch (status.kind) {
    case "saved":
      return "Saved";
    case "saving":
      return "Saving…";
    case "reconnecting":
      return status.unsaved === 0 ? "Reconnecting…" : `Reconnecting… ${keptText(status.unsaved, status.kept)}`;
    case "offline":
      return status.unsaved === 0 ? "Offline" : `Offline: ${keptText(status.unsaved, status.kept)}`;
    case "ended":
      return status.unsaved === 0 ? "Not editable" : `Not saved: ${changes(status.unsaved)}`;
  }
}

function keptText(unsaved: number, kept: boolean): string {
  return kept ? `${changes(unsaved)} kept on this device` : `${changes(unsaved)} only in this tab, keep it open`;
}

function changes(count: number): string {
  return count === 1 ? "1 change" : `${count} changes`;
}

export function isSameStatus(a: Status, b: Status): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
