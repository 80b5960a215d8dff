// The browser's store (IndexedDB): local copies of documents, and edits that no server has acknowledged.
// One database an account, so that nobody's edits are ever sent under another name.
import type { PeerID } from "loro-crdt";

/** An unacknowledged update. Ids rise in the order of writing; two tabs may use the same id, but never the same peer. */
export interface StoredUpdate {
  room: string;
  id: number;
  peer: PeerID;
  start: number;
  end: number;
  bytes: Uint8Array;
}

/** One tab's copy of what is durable in a document. Copies of several tabs are read together. */
export interface StoredCopy {
  room: string;
  slot: number;
  /** In a store of its own; null when it stays as it is. */
  snapshot: Uint8Array | null;
  /** What came after the snapshot. */
  tail: Uint8Array | null;
  /** The peer that the tab wrote as. */
  peer: PeerID | null;
  permission: "read" | "write";
  title: string;
}

interface StoredSnapshot {
  room: string;
  slot: number;
  bytes: Uint8Array;
}

/** Text that no server would take, kept for the person. */
export interface StoredText {
  room: string;
  savedAt: string;
  title: string;
  text: string;
}

const VERSION = 1;
/** Pending edits are the only copy there is: written through to the disk. */
const STRICT: IDBTransactionOptions = { durability: "strict" };

export class Store {
  private constructor(private readonly database: IDBDatabase) {}

  /** Rejects when the browser keeps nothing (private mode, disk full). */
  static async open(accountId: string, factory: IDBFactory = indexedDB): Promise<Store> {
    const request = factory.open(`quire-${accountId}`, VERSION);
    request.onupgradeneeded = () => {
      const database = request.result;
      database.createObjectStore("update", { keyPath: ["room", "id", "peer"] });
      database.createObjectStore("copy", { keyPath: ["room", "slot"] });
      database.createObjectStore("snapshot", { keyPath: ["room", "slot"] });
      database.createObjectStore("text", { keyPath: ["room", "savedAt"] });
    };
    return new Store(await done(request));
  }

  /** Transactions that are under way still finish. */
  closeWhenIdle(): void {
    this.database.close();
  }

  /** Keeps an update and, in the same transaction, the copy that it builds on. Resolves when it is on the disk. */
  async keepUpdate(update: StoredUpdate, copy: StoredCopy | null): Promise<void> {
    const stores = copy === null ? ["update"] : ["update", "copy", "snapshot"];
    const transaction = this.database.transaction(stores, "readwrite", STRICT);
    transaction.objectStore("update").put(update);
    if (copy !== null) putCopy(transaction, copy);
    // Named, because a page that goes away no longer answers the requests on which the browser would commit.
    transaction.commit();
    await finished(transaction);
  }

  /** Keeps a copy and forgets the updates that it contains and the server has: both or neither. */
  async keepCopy(copy: StoredCopy, isDurable: (update: StoredUpdate) => boolean): Promise<void> {
    const transaction = this.database.transaction(["update", "copy", "snapshot"], "readwrite");
    putCopy(transaction, copy);
    const updates = transaction.objectStore("update");
    for (const update of (await done(updates.getAll(wholeRoom(copy.room)))) as StoredUpdate[]) {
      if (isDurable(update)) updates.delete([update.room, update.id, update.peer]);
    }
    await finished(transaction);
  }

  async updates(room: string): Promise<StoredUpdate[]> {
    const store = this.database.transaction("update").objectStore("update");
    return (await done(store.getAll(wholeRoom(room)))) as StoredUpdate[];
  }

  async copies(room: string): Promise<StoredCopy[]> {
    const transaction = this.database.transaction(["copy", "snapshot"]);
    const copies = (await done(transaction.objectStore("copy").getAll(wholeRoom(room)))) as StoredCopy[];
    const snapshots = (await done(transaction.objectStore("snapshot").getAll(wholeRoom(room)))) as StoredSnapshot[];
    return copies.map((copy) => ({
      ...copy,
      snapshot: snapshots.find((snapshot) => snapshot.slot === copy.slot)?.bytes ?? null,
    }));
  }

  /** Every document of which there is a copy or an unacknowledged update. */
  async rooms(): Promise<{ room: string; title: string; unsaved: number }[]> {
    const transaction = this.database.transaction(["update", "copy"]);
    const rooms = new Map<string, { room: string; title: string; unsaved: number }>();
    for (const copy of (await done(transaction.objectStore("copy").getAll())) as StoredCopy[]) {
      rooms.set(copy.room, { room: copy.room, title: copy.title, unsaved: 0 });
    }
    for (const key of await done(transaction.objectStore("update").getAllKeys())) {
      const room = Array.isArray(key) && typeof key[0] === "string" ? key[0] : "";
      const entry = rooms.get(room) ?? { room, title: "", unsaved: 0 };
      rooms.set(room, { ...entry, unsaved: entry.unsaved + 1 });
    }
    return [...rooms.values()];
  }

  /**
   * Gives up what the server refuses, keeping it as text; with `dropsCopies` the copies of the document too,
   * which hold what no server has.
   */
  async setAside(text: StoredText, peers: ReadonlySet<PeerID>, dropsCopies: boolean): Promise<void> {
    const transaction = this.database.transaction(["update", "text", "copy", "snapshot"], "readwrite", STRICT);
    transaction.objectStore("text").put(text);
    for (const name of dropsCopies ? ["copy", "snapshot"] : []) transaction.objectStore(name).delete(wholeRoom(text.room));
    const updates = transaction.objectStore("update");
    for (const update of (await done(updates.getAll(wholeRoom(text.room)))) as StoredUpdate[]) {
      if (peers.has(update.peer)) updates.delete([update.room, update.id, update.peer]);
    }
    await finished(transaction);
  }

  async texts(room: string): Promise<StoredText[]> {
    const store = this.database.transaction("text").objectStore("text");
    return (await done(store.getAll(wholeRoom(room)))) as StoredText[];
  }

  async dropText(text: StoredText): Promise<void> {
    const transaction = this.database.transaction("text", "readwrite");
    transaction.objectStore("text").delete([text.room, text.savedAt]);
    await finished(transaction);
  }
}

function putCopy(transaction: IDBTransaction, copy: StoredCopy): void {
  const { snapshot, ...rest } = copy;
  transaction.objectStore("copy").put({ ...rest, snapshot: null });
  if (snapshot === null) return;
  const stored: StoredSnapshot = { room: copy.room, slot: copy.slot, bytes: snapshot };
  transaction.objectStore("snapshot").put(stored);
}

function wholeRoom(room: string): IDBKeyRange {
  // An array sorts after every number and string.
  return IDBKeyRange.bound([room], [room, []]);
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => {
      resolve(request.result);
    };
    request.onerror = () => {
      reject(request.error ?? new Error("browser store failed"));
    };
  });
}

function finished(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => {
      resolve();
    };
    transaction.onabort = () => {
      reject(transaction.error ?? new Error("browser store gave up"));
    };
    transaction.onerror = () => {
      reject(transaction.error ?? new Error("browser store failed"));
    };
  });
}
