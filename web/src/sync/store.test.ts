// What the browser keeps, and what a page makes of it after a reload without a network.
import "fake-indexeddb/auto";
import { LoroDoc, type PeerID } from "loro-crdt";
import { beforeEach, describe, expect, it } from "vitest";
import { Keeper } from "./keeper";
import { newPage } from "../editor/model";
import { LocalCopy, newDocument, type Version } from "./local-copy";
import type { PendingUpdate } from "./outbox";
import { Store } from "./store";
import { ROOM } from "./testkit";

let accounts = 0;
let store: Store;
beforeEach(async () => {
  accounts += 1;
  store = await Store.open(`account-${accounts}`);
});

/** A tab's document with one durable edit of another person, and the tab's own peer. */
function tabDocument(): { copy: LocalCopy; keeper: Keeper; durable: Map<PeerID, number> } {
  const elsewhere = new LoroDoc();
  elsewhere.setPeerId("1");
  elsewhere.getText("body").insert(0, "theirs");
  elsewhere.commit();
  const copy = new LocalCopy(newDocument());
  copy.take([elsewhere.export({ mode: "snapshot" })]);
  copy.doc.setPeerId("100");
  const durable = new Map<PeerID, number>([["1", 6]]);
  const label = { peer: "100" as PeerID, permission: "write" as const, title: "Title" };
  const keeper = new Keeper(store, ROOM, 0, copy, { label: () => label, durable: () => durable });
  return { copy, keeper, durable };
}

function write(copy: LocalCopy, id: number, text: string): PendingUpdate {
  const start = copy.endOf("100");
  copy.doc.getText("body").insert(0, text);
  copy.doc.commit();
  const range = { peer: "100" as PeerID, start, end: copy.endOf("100") };
  return { ...range, id, bytes: copy.exportRange(range), stored: false };
}

async function reload(): Promise<{ text: string; version: Version }> {
  const copy = new LocalCopy(newDocument());
  for (const { snapshot, tail } of await store.copies(ROOM)) {
    copy.take([snapshot, tail].filter((part) => part !== null));
  }
  for (const update of await store.updates(ROOM)) copy.take([update.bytes]);
  return { text: copy.doc.getText("body").toString(), version: copy.version() };
}

describe("the browser's store", () => {
  it("has a pending edit and all that it builds on, even if no copy was ever saved", async () => {
    const { copy, keeper } = tabDocument();
    keeper.changed();
    expect(await keeper.keepUpdate(write(copy, 1, "mine "))).toBe(true);
    keeper.stop();
    expect((await reload()).text).toBe("mine theirs");
  });

  it("forgets an edit only together with keeping a copy that contains it", async () => {
    const { copy, keeper, durable } = tabDocument();
    const update = write(copy, 1, "mine ");
    keeper.changed();
    await keeper.keepUpdate(update);
    expect(await store.updates(ROOM)).toHaveLength(1);
    durable.set("100", update.end);
    await keeper.save();
    expect(await store.updates(ROOM)).toHaveLength(0);
    const { text, version } = await reload();
    expect(text).toBe("mine theirs");
    // The next counter of the peer is known without a server: nothing is written over.
    expect(version.get("100")).toBe(update.end);
  });

  it("keeps unacknowledged edits out of the copy", async () => {
    const { copy, keeper, durable } = tabDocument();
    await keeper.save();
    const update = write(copy, 1, "refused ");
    durable.set("100", 0);
    keeper.changed();
    await keeper.keepUpdate(update);
    await store.setAside({ room: ROOM, savedAt: "now", title: "", text: "refused theirs" }, new Set<PeerID>(["100"]), false);
    expect((await reload()).text).toBe("theirs");
    expect((await store.texts(ROOM)).map(({ text }) => text)).toEqual(["refused theirs"]);
  });

  it("tells two tabs' edits apart though they have the same number", async () => {
    const one = { room: ROOM, id: 1, peer: "100" as PeerID, start: 0, end: 1, bytes: new Uint8Array([1]) };
    await store.keepUpdate(one, null);
    await store.keepUpdate({ ...one, peer: "101" }, null);
    expect((await store.updates(ROOM)).map(({ peer }) => peer)).toEqual(["100", "101"]);
    expect(await store.rooms()).toEqual([{ room: ROOM, title: "", unsaved: 2 }]);
  });
});

describe("plain text", () => {
  it("joins blocks by line ends", () => {
    const doc = newDocument();
    newPage(doc, [{ text: "one line\u2028two" }, { keys: { object: { kind: "rule" } } }, { text: "item", keys: { list: "bullet" } }, {}]);
    expect(new LocalCopy(doc).text()).toBe("one line\ntwo\n\nitem\n");
  });
});
