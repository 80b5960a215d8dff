// Who else is in the document and where their carets are. Entries expire by the time at which they
// arrived here: the stamps inside are servers' clocks, and this machine's clock may be wrong.
import { EphemeralStoreWasm, type PeerID } from "loro-crdt";
import { isPeer } from "./wire";

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

/** What the server says about the document itself. */
export interface About {
  title: string;
  deleted: boolean;
}

const EXPIRE_MS = 30_000;
const DOCUMENT_KEY = "quire:document";
/** Another value each time that something about the comments changed. */
const COMMENTS_KEY = "quire:comments";
/** The store only encodes and decodes here; its own expiry by stamps must never strike. */
const NO_EXPIRY_MS = 1e13;

export class PresenceBoard {
  private readonly received = new EphemeralStoreWasm(NO_EXPIRY_MS);
  private readonly arrivedAtMs = new Map<string, number>();
  private peers = new Map<PeerID, PresentPeer>();
  private aboutDocument: About | null = null;
  private commentsState = 0;

  others(): Map<PeerID, PresentPeer> {
    return this.peers;
  }

  about(): About | null {
    return this.aboutDocument;
  }

  /** Another number each time that comments changed. */
  comments(): number {
    return this.commentsState;
  }

  /** Takes updates from the server. An update that cannot be read is left out. */
  apply(updates: readonly Uint8Array[], own: PeerID | null, nowMs: number): void {
    for (const update of updates) {
      const one = new EphemeralStoreWasm(NO_EXPIRY_MS);
      try {
        one.apply(update);
        for (const key of one.keys()) this.arrivedAtMs.set(key, nowMs);
        this.received.apply(update);
      } catch {
        continue;
      } finally {
        one.free();
      }
    }
    this.read(own);
  }

  /** Says whether anybody was removed. */
  expire(own: PeerID | null, nowMs: number): boolean {
    const before = this.peers.size;
    for (const [key, arrivedAtMs] of this.arrivedAtMs) {
      if (key !== DOCUMENT_KEY && key !== COMMENTS_KEY && nowMs - arrivedAtMs > EXPIRE_MS) this.arrivedAtMs.delete(key);
    }
    this.read(own);
    return this.peers.size !== before;
  }

  /** Without a connection nobody is seen; the server sends everything again at the next join. */
  clear(): void {
    this.arrivedAtMs.clear();
    this.peers = new Map();
  }

  free(): void {
    this.received.free();
  }

  private read(own: PeerID | null): void {
    const peers = new Map<PeerID, PresentPeer>();
    for (const key of this.arrivedAtMs.keys()) {
      const value: unknown = this.received.get(key);
      if (key === DOCUMENT_KEY) this.aboutDocument = parseAbout(value) ?? this.aboutDocument;
      else if (key === COMMENTS_KEY) this.commentsState = parseChanged(value) ?? this.commentsState;
      else if (isPeer(key) && key !== own) {
        const peer = parsePeer(value);
        if (peer !== null) peers.set(key, peer);
      }
    }
    this.peers = peers;
  }
}

/** This tab's own entry as bytes. The server stamps it with name, colour and time. */
export function encodeOwn(peer: PeerID, anchor: Uint8Array | null, focus: Uint8Array | null): Uint8Array {
  const store = new EphemeralStoreWasm(NO_EXPIRY_MS);
  try {
    store.set(peer, { anchor, focus });
    return store.encode(peer);
  } finally {
    store.free();
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function parsePeer(value: unknown): PresentPeer | null {
  if (!isRecord(value) || !isRecord(value["user"])) return null;
  const { account_id, name, color } = value["user"];
  if (typeof account_id !== "string" || typeof name !== "string" || typeof color !== "string") return null;
  return { user: { account_id, name, color }, anchor: bytesOrNull(value["anchor"]), focus: bytesOrNull(value["focus"]) };
}

function bytesOrNull(value: unknown): Uint8Array | null {
  return value instanceof Uint8Array ? value : null;
}

function parseAbout(value: unknown): About | null {
  if (!isRecord(value)) return null;
  const { title, deleted } = value;
  return typeof title === "string" && typeof deleted === "boolean" ? { title, deleted } : null;
}

function parseChanged(value: unknown): number | null {
  return isRecord(value) && typeof value["changed"] === "number" ? value["changed"] : null;
}
