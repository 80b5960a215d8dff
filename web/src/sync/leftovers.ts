// Edits that a closed or crashed tab left in the browser's store: sent when any page of Quire is open.
import { rememberedAccount } from "./account";
import { openDocument } from "./document";
import { Store, type StoredText } from "./store";

export interface KeptRoom {
  orgId: string;
  documentId: string;
  title: string;
  unsaved: number;
}

/** How long one document's leftovers may take; what is not sent stays for the next time. */
const SEND_WITHIN_MS = 20_000;

/** The documents of which this browser keeps a copy or unacknowledged edits. */
export async function unsavedHere(): Promise<KeptRoom[]> {
  return withStore([], async (store) => {
    const rooms = await store.rooms();
    return rooms.map(({ room, title, unsaved }) => {
      const [orgId = "", documentId = ""] = room.split("/");
      return { orgId, documentId, title, unsaved };
    });
  });
}

/** What the server would not take of a document, kept as text. The newest first. */
export async function keptTexts(orgId: string, documentId: string): Promise<StoredText[]> {
  const texts = await withStore([], (store) => store.texts(`${orgId}/${documentId}`));
  return texts.toReversed();
}

export async function dropKeptText(text: StoredText): Promise<void> {
  await withStore(undefined, (store) => store.dropText(text));
}

/** Sends what no tab is sending. Says whether anything was sent. */
export async function sendLeftovers(): Promise<boolean> {
  let isAnySent = false;
  for (const { orgId, documentId, unsaved } of await unsavedHere()) {
    if (unsaved === 0 || !(await isAbandoned(`${orgId}/${documentId}`))) continue;
    isAnySent = (await sendOne(orgId, documentId)) || isAnySent;
  }
  return isAnySent;
}

/** Whether some unacknowledged edit belongs to a peer that no tab holds. */
async function isAbandoned(room: string): Promise<boolean> {
  if (!("locks" in navigator)) return false;
  const { held = [] } = await navigator.locks.query();
  const names = new Set(held.map((lock) => lock.name));
  return withStore(false, async (store) => {
    const updates = await store.updates(room);
    return updates.some((update) => !names.has(`quire:peer:${room}:${update.peer}`));
  });
}

async function sendOne(orgId: string, documentId: string): Promise<boolean> {
  try {
    const document = await openDocument(orgId, documentId);
    try {
      return await new Promise<boolean>((resolve) => {
        const timer = setTimeout(() => {
          resolve(false);
        }, SEND_WITHIN_MS);
        const look = (): void => {
          const { kind } = document.status();
          if (kind !== "saved" && kind !== "ended") return;
          clearTimeout(timer);
          resolve(kind === "saved");
        };
        document.subscribeStatus(look);
        look();
      });
    } finally {
      document.close();
    }
  } catch {
    // No server, or no access: the edits stay, and the document's own page says why.
    return false;
  }
}

async function withStore<T>(otherwise: T, task: (store: Store) => Promise<T>): Promise<T> {
  const account = rememberedAccount();
  if (account === null) return otherwise;
  try {
    const store = await Store.open(account.account_id);
    try {
      return await task(store);
    } finally {
      store.closeWhenIdle();
    }
  } catch {
    return otherwise;
  }
}
