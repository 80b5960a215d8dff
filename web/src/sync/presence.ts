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

/** More people than this at once are not shown: whoever sends them shall not fill the page. */
const MAX_KEYS = 1000;

export class PresenceBoard {
  private received = new EphemeralStoreWasm(NO_EXPIRY_MS);
  private readonly arrivedAtMs = new Map<string, number>();
  /** Keys whose value was not looked at since it changed: only these are read again. */
  private readonly changed = new Set<string>();
  private peers = new Map<PeerID, PresentPeer>();
  private shown = { of: this.peers, own: null as PeerID | null, others: this.peers };
  private aboutDocument: About | null = null;
  private commentsState = 0;

  /** The same map until something changes. */
  others(own: PeerID | null): Map<PeerID, PresentPeer> {
    this.read();
    if (this.shown.of !== this.peers || this.shown.own !== own) {
      const others = new Map(this.peers);
      if (own !== null) others.delete(own);
      this.shown = { of: this.peers, own, others };
    }
    return this.shown.others;
  }

  about(): About | null {
    this.read();
    return this.aboutDocument;
  }

  /** Another number each time that comments changed. */
  comments(): number {
    this.read();
    return this.commentsState;
  }

  /** Takes updates from the server. An update that cannot be read is left out. */
  apply(updates: readonly Uint8Array[], nowMs: number): void {
    for (const update of updates) {
      const one = new EphemeralStoreWasm(NO_EXPIRY_MS);
      try {
        one.apply(update);
        const keys = one.keys();
        if (keys.some((key) => !this.hasRoom(key))) continue;
        this.received.apply(update);
        for (const key of keys) {
          this.arrivedAtMs.set(key, nowMs);
          this.changed.add(key);
        }
        // One that takes keys away names none.
        if (keys.length === 0) for (const key of this.arrivedAtMs.keys()) this.changed.add(key);
      } catch {
        continue;
      } finally {
        one.free();
      }
    }
  }

  /** Says whether anybody was removed. */
  expire(nowMs: number): boolean {
    const silent = [...this.arrivedAtMs].filter(([key, at]) => !isServers(key) && nowMs - at > EXPIRE_MS);
    if (silent.length === 0) return false;
    for (const [key] of silent) {
      this.arrivedAtMs.delete(key);
      this.changed.add(key);
    }
    // The store forgets nothing by itself, not even what was taken away.
    const kept = new EphemeralStoreWasm(NO_EXPIRY_MS);
    for (const key of this.arrivedAtMs.keys()) kept.apply(this.received.encode(key));
    this.received.free();
    this.received = kept;
    const before = this.peers.size;
    this.read();
    return this.peers.size !== before;
  }

  /** Without a connection nobody is seen; the server sends everything again at the next join. */
  clear(): void {
    this.read();
    this.arrivedAtMs.clear();
    this.peers = new Map();
    this.received.free();
    this.received = new EphemeralStoreWasm(NO_EXPIRY_MS);
  }

  free(): void {
    this.received.free();
  }

  private hasRoom(key: string): boolean {
    return isServers(key) || this.arrivedAtMs.has(key) || this.arrivedAtMs.size < MAX_KEYS;
  }

  private read(): void {
    if (this.changed.size === 0) return;
    const peers = new Map(this.peers);
    for (const key of this.changed) {
      const value: unknown = this.arrivedAtMs.has(key) ? this.received.get(key) : undefined;
      if (key === DOCUMENT_KEY) this.aboutDocument = parseAbout(value) ?? this.aboutDocument;
      else if (key === COMMENTS_KEY) this.commentsState = parseChanged(value) ?? this.commentsState;
      else if (isPeer(key)) {
        const peer = parsePeer(value);
        if (peer === null) peers.delete(key);
        else peers.set(key, peer);
      }
    }
    this.changed.clear();
    this.peers = peers;
  }
}

function isServers(key: string): boolean {
  return key === DOCUMENT_KEY || key === COMMENTS_KEY;
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
