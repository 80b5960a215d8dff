// A document that is open in this tab: the Loro document, its lease, who is here, whether all is saved.
// This is all that the editor and the pages know of synchronisation.
import type { LoroDoc, PeerID } from "loro-crdt";
import type { Status } from "./status";

export interface PresentUser {
  account_id: string;
  name: string;
  color: string;
}

export interface PresentPeer {
  user: PresentUser;
  /** Encoded Loro cursors; null while the person's caret is not in the text. */
  anchor: Uint8Array | null;
  focus: Uint8Array | null;
}

export interface Presence {
  others(): Map<PeerID, PresentPeer>;
  setCursor(anchor: Uint8Array | null, focus: Uint8Array | null): void;
  subscribe(listener: () => void): () => void;
}

export interface LiveDocument {
  /** Configured with all text styles; its peer id is the leased one before any local edit. */
  readonly doc: LoroDoc;
  /** The leased peer. Changes when a lease is lost: read it anew each time. */
  readonly peer: PeerID;
  readonly permission: "read" | "write";
  readonly presence: Presence;
  status(): Status;
  subscribeStatus(listener: () => void): () => void;
  close(): void;
}

export function openDocument(orgId: string, documentId: string): Promise<LiveDocument> {
  return Promise.reject(new Error(`not built yet: ${orgId}/${documentId}`));
}
