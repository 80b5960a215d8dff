// A document that is open in this tab: the Loro document, its lease, who is here, whether all is saved.
// This is all that the editor and the pages know of synchronisation.
import type { LoroDoc, PeerID } from "loro-crdt";
import { isSeeded } from "../editor/model";
import { deviceId, rememberedAccount, rememberedServers, rememberServers } from "./account";
import { LocalCopy, newDocument } from "./local-copy";
import { Locks, lockPeer, tabSlot } from "./locks";
import type { About, PresentPeer } from "./presence";
import { Session, type Left, type Surroundings } from "./session";
import type { EndReason, Status } from "./status";
import { Store, type StoredCopy } from "./store";

export type { About, PresentPeer, PresentUser } from "./presence";

export interface Presence {
  /** Everybody else, by peer: one person with two tabs is here twice. */
  others(): Map<PeerID, PresentPeer>;
  setCursor(anchor: Uint8Array | null, focus: Uint8Array | null): void;
  subscribe(listener: () => void): () => void;
}

export interface LiveDocument {
  /** Configured with all text styles; its peer id is the leased one before any local edit. */
  readonly doc: LoroDoc;
  /** The leased peer. Changes when a lease is lost: read it anew each time. */
  readonly peer: PeerID;
  /** Changes are told through `subscribeStatus`: a reader without a lease, a document that ended. */
  readonly permission: "read" | "write";
  readonly presence: Presence;
  status(): Status;
  subscribeStatus(listener: () => void): () => void;
  /** Title and deletion as the server last said; told through `presence.subscribe`. */
  about(): About | null;
  /** Another number each time that comments changed; told through `presence.subscribe`. */
  commentsState(): number;
  /** The title as last known here, also without a server. */
  title(): string;
  /** The text as it stands in this tab. */
  text(): string;
  /** Gives up unacknowledged edits that no server will take; their text stays in the browser's store. */
  setAside(): Promise<void>;
  close(): void;
}

export type OpenFailure = EndReason | "not-available-offline" | "unreachable";

export class OpenError extends Error {
  constructor(readonly failure: OpenFailure) {
    super(`cannot open the document: ${failure}`);
  }
}

/** With a local copy at hand, a server gets this long to answer before the copy is shown. */
const PATIENCE_MS = 1_500;
/** Without one, this long until the person is told that no server answers. */
const GIVE_UP_MS = 20_000;

/** Rejects with OpenError. What is shown is never empty for want of a server. */
export async function openDocument(orgId: string, documentId: string): Promise<LiveDocument> {
  const roomId = `${orgId}/${documentId}`;
  const store = await openStore();
  const locks = new Locks();
  const slot = await tabSlot();
  const doc = newDocument();
  const copies = (await store?.copies(roomId)) ?? [];
  for (const copy of copies) importCopy(new LocalCopy(doc), copy);
  const left = await adoptLeft(store, roomId, slot, copies, locks, doc);
  const session = new Session(surroundings(roomId, slot, locks, store), doc, left);
  session.whenClosed(listenToPage(session));
  session.whenClosed(() => {
    locks.release();
    store?.closeWhenIdle();
  });
  try {
    await ready(session, copies.length > 0);
  } catch (error) {
    session.close();
    throw error;
  }
  return session;
}

async function openStore(): Promise<Store | null> {
  const account = rememberedAccount();
  if (account === null) return null;
  try {
    return await Store.open(account.account_id);
  } catch {
    // Private windows keep nothing; the status says so ("only in this tab").
    return null;
  }
}

function importCopy(copy: LocalCopy, stored: StoredCopy): void {
  const parts = [stored.snapshot, stored.tail].filter((part) => part !== null);
  try {
    copy.take(parts);
  } catch {
    // A damaged copy is worth less than none: the server sends what is missing.
  }
}

/** Takes over unacknowledged updates of peers that no other tab of this browser holds. */
async function adoptLeft(
  store: Store | null,
  roomId: string,
  slot: number,
  copies: readonly StoredCopy[],
  locks: Locks,
  doc: LoroDoc,
): Promise<Left> {
  const stored = (await store?.updates(roomId)) ?? [];
  const ours = new Set<PeerID>();
  for (const peer of new Set(stored.map((update) => update.peer))) {
    if (await lockPeer(locks, roomId, peer)) ours.add(peer);
  }
  const updates = stored.filter((update) => ours.has(update.peer));
  for (const update of updates) doc.import(update.bytes);
  const copy = copies.find((candidate) => candidate.slot === slot) ?? copies[0];
  let ownPeer = updates.at(-1)?.peer ?? copy?.peer ?? null;
  if (ownPeer !== null && !(await lockPeer(locks, roomId, ownPeer))) ownPeer = null;
  if (ownPeer !== null) doc.setPeerId(ownPeer);
  return {
    updates: updates.map(({ id, peer, start, end, bytes }) => ({ id, peer, start, end, bytes, stored: true })),
    ownPeer,
    permission: copy?.permission ?? "read",
    title: copy?.title ?? "",
    nextId: 1 + Math.max(0, ...stored.map((update) => update.id)),
  };
}

function surroundings(roomId: string, slot: number, locks: Locks, store: Store | null): Surroundings {
  return {
    roomId,
    slot,
    device: `${deviceId()}.${slot}`,
    ownOrigin: location.origin,
    rememberedServers: rememberedServers(),
    locks,
    store,
    nowMs: () => performance.now(),
    fetchServers,
    isSignedOut,
  };
}

async function fetchServers(): Promise<readonly string[] | null> {
  try {
    const response = await fetch("/api/v1/servers", { headers: { accept: "application/json" } });
    if (!response.ok) return null;
    const body: unknown = await response.json();
    if (typeof body !== "object" || body === null || !("servers" in body) || !Array.isArray(body.servers)) return null;
    const origins = body.servers.filter((origin) => typeof origin === "string");
    rememberServers(origins);
    return origins;
  } catch {
    return null;
  }
}

async function isSignedOut(): Promise<boolean> {
  try {
    return (await fetch("/api/v1/me")).status === 401;
  } catch {
    return false;
  }
}

/** Resolves when the document may be shown. */
function ready(session: Session, hasCopy: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (failure: OpenFailure | null): void => {
      unsubscribe();
      clearTimeout(timer);
      if (failure === null) resolve();
      else reject(new OpenError(failure));
    };
    const look = (): void => {
      const status = session.status();
      const isLive = status.kind === "saved" || status.kind === "saving";
      // What was written here and refused is still shown, so that the person can take a copy.
      if (status.kind === "ended") settle(hasCopy && status.unsaved > 0 ? null : status.reason);
      else if (isLive && hasContent(session)) settle(null);
      else if (session.hasFailed && hasCopy) settle(null);
      else if (session.hasFailed && status.kind === "offline") {
        settle(navigator.onLine ? "unreachable" : "not-available-offline");
      }
    };
    const unsubscribe = session.subscribeStatus(look);
    const timer = setTimeout(
      () => {
        settle(hasCopy ? null : "unreachable");
      },
      hasCopy ? PATIENCE_MS : GIVE_UP_MS,
    );
    session.start();
  });
}

/** The server seeds every document: an empty one is one that has not arrived. */
function hasContent(session: Session): boolean {
  return isSeeded(session.doc);
}

/** Tells the session what happens to the page and the network. */
function listenToPage(session: Session): () => void {
  const abort = new AbortController();
  const { signal } = abort;
  const network = (): void => {
    session.dispatch({ kind: "network", online: navigator.onLine });
  };
  window.addEventListener("online", network, { signal });
  window.addEventListener("offline", network, { signal });
  window.addEventListener("pagehide", () => { session.leaving(); }, { signal });
  document.addEventListener(
    "visibilitychange",
    () => {
      if (document.visibilityState === "hidden") session.leaving();
      else session.dispatch({ kind: "nudged" });
    },
    { signal },
  );
  if (!navigator.onLine) network();
  return () => {
    abort.abort();
  };
}
