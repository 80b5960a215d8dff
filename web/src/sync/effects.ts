// What happens to a connection (events) and what is then to be done (effects).
// The core turns one into the other; the driver carries out effects and reports events.
import type { PeerID } from "loro-crdt";
import type { ProtocolMessage } from "loro-protocol";
import type { PendingUpdate } from "./outbox";
import type { BatchId } from "./wire";

export type Event =
  | { kind: "started" }
  /** The time that `wakeAtMs` named has come. */
  | { kind: "woke" }
  /** A local transaction was committed to the document. */
  | { kind: "edited" }
  /** The page may go away: cut what was typed now. */
  | { kind: "leaving" }
  | { kind: "stored"; id: number; kept: boolean }
  | { kind: "opened" }
  | { kind: "closed"; code: number; reason: string }
  | { kind: "text"; text: string }
  | { kind: "message"; message: ProtocolMessage }
  | { kind: "imported"; complete: boolean }
  | { kind: "locked"; peer: PeerID; granted: boolean }
  | { kind: "network"; online: boolean }
  /** The person came back to the tab, or asks to try now. */
  | { kind: "nudged" }
  | { kind: "servers"; live: readonly string[] }
  | { kind: "session-ended" }
  | { kind: "presence"; update: Uint8Array };

export type Effect =
  | { kind: "connect"; address: string }
  | { kind: "disconnect" }
  | { kind: "send"; frames: readonly Uint8Array[] }
  | { kind: "send-text"; text: string }
  /** Keep the update, then report "stored". */
  | { kind: "store"; update: PendingUpdate }
  /** Everything of the peer before `end` is durable at the server. */
  | { kind: "settled"; peer: PeerID; end: number }
  | { kind: "import"; updates: readonly Uint8Array[] }
  /** Hold the peer for this tab alone, then report "locked". */
  | { kind: "lock-peer"; peer: PeerID }
  /** From now on local edits are written as this peer. */
  | { kind: "write-as"; peer: PeerID }
  | { kind: "presence-joined" }
  | { kind: "presence"; updates: readonly Uint8Array[] }
  | { kind: "ask-servers" }
  /** Connecting failed without a word: find out whether the session is still good. */
  | { kind: "ask-session" };

/** What the core needs from outside, injected so that a test can hold it. */
export interface Env {
  roomId: string;
  /** Names this browser and tab towards the server, which reuses the device's peers. */
  device: string;
  ownOrigin: string;
  random: () => number;
  newBatchId: () => BatchId;
  /** Bytes that the socket has taken and not yet sent. */
  bufferedBytes: () => number;
}
