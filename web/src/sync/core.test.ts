// The connection of one document under everything that a network does to it.
import { CrdtType, MessageType, UpdateStatusCode } from "loro-protocol";
import { describe, expect, it } from "vitest";
import { newDocument } from "./local-copy";
import { ROOM, TestServer, TestTab } from "./testkit";

function open(server: TestServer): TestTab {
  const tab = new TestTab(server);
  tab.start();
  return tab;
}

describe("joining", () => {
  it("brings the document and takes the leased peer before any edit", () => {
    const server = new TestServer("Hello");
    const tab = open(server);
    expect(tab.text()).toBe("Hello");
    expect(tab.doc.peerIdStr).toBe("100");
    expect(tab.core.status()).toEqual({ kind: "saved" });
  });

  it("does not use a peer that another tab holds", () => {
    const server = new TestServer();
    const tab = new TestTab(server);
    tab.lockedElsewhere.add("100");
    tab.start();
    expect(tab.core.status().kind).not.toBe("saved");
    tab.pass(2_000);
    expect(tab.doc.peerIdStr).toBe("101");
    expect(tab.core.status()).toEqual({ kind: "saved" });
  });

  it("opens for a reader without a lease", () => {
    const server = new TestServer();
    server.permission = "read";
    const tab = open(server);
    expect(tab.core.status()).toEqual({ kind: "saved" });
    expect(tab.core.room.permission).toBe("read");
    expect(tab.core.room.ownPeer).toBeNull();
  });
});

describe("writing", () => {
  it("makes one row of the keystrokes of 30 ms", () => {
    const server = new TestServer("");
    const tab = open(server);
    for (const letter of "olleh") {
      tab.type(letter);
      tab.pass(5);
    }
    expect(server.rows).toHaveLength(0);
    expect(tab.core.status()).toEqual({ kind: "saving", unsaved: 1, kept: true });
    tab.pass(10);
    expect(server.text()).toBe("hello");
    expect(server.rows).toHaveLength(1);
    expect(server.rows[0]).toMatchObject({ peer: "100", start: 0, end: 5 });
    expect(tab.core.status()).toEqual({ kind: "saved" });
    expect(tab.stored).toHaveLength(0);
  });

  it("sends nothing that the browser's store does not hold yet", () => {
    const server = new TestServer();
    const tab = open(server);
    tab.holdsStore = true;
    tab.type("x");
    tab.pass(100);
    expect(server.rows).toHaveLength(0);
    expect(tab.core.status()).toMatchObject({ kind: "saving", unsaved: 1 });
    tab.happen({ kind: "stored", id: tab.stored[0]?.id ?? 0, kept: true });
    expect(server.rows).toHaveLength(1);
  });

  it("sends what the browser cannot keep, and says that it is not kept", () => {
    const server = new TestServer();
    const tab = open(server);
    tab.holdsStore = true;
    server.isDeaf = true;
    tab.type("x");
    tab.pass(40);
    tab.happen({ kind: "stored", id: tab.stored[0]?.id ?? 0, kept: false });
    expect(tab.core.status()).toEqual({ kind: "saving", unsaved: 1, kept: false });
  });

  it("waits while the socket is full and goes on by itself", () => {
    const server = new TestServer();
    const tab = open(server);
    tab.bufferedBytes = 2 * 1024 * 1024;
    tab.type("x");
    tab.pass(1_000);
    expect(server.rows).toHaveLength(0);
    tab.bufferedBytes = 0;
    tab.pass(60);
    expect(server.rows).toHaveLength(1);
  });

  it("has a bounded number of batches under way", () => {
    const server = new TestServer();
    const tab = open(server);
    server.isDeaf = true;
    for (let round = 0; round < 60; round += 1) {
      tab.type("x");
      tab.pass(31);
    }
    expect(tab.core.room.outbox.inFlight.length).toBeLessThanOrEqual(16);
    expect(tab.core.room.unsaved).toBe(60);
  });

  it("sends an update above the size of a message in fragments", () => {
    const server = new TestServer();
    const tab = open(server);
    server.isDeaf = true;
    tab.type("0123456789".repeat(60_000));
    tab.pass(31);
    expect(tab.core.room.outbox.inFlight).toHaveLength(1);
    expect(tab.core.room.outbox.inFlight[0]?.bytes.byteLength).toBeGreaterThan(256 * 1024);
  });
});

describe("a lost connection", () => {
  it("is mended by sending exactly what the server lacks", () => {
    const server = new TestServer("");
    const tab = open(server);
    tab.type("a");
    tab.pass(40);
    tab.server = null;
    tab.dropConnection();
    tab.type("b");
    tab.pass(40);
    tab.type("c");
    tab.pass(40);
    expect(tab.core.status()).toMatchObject({ kind: "reconnecting", unsaved: 2, kept: true });
    tab.pass(10_000);
    expect(tab.core.status()).toEqual({ kind: "offline", unsaved: 2, kept: true });
    tab.server = server;
    tab.pass(20_000);
    expect(server.text()).toBe("cba");
    expect(server.rows.map(({ start, end }) => [start, end])).toEqual([[0, 1], [1, 3]]);
    expect(tab.core.status()).toEqual({ kind: "saved" });
  });

  it("asks for the same peer again", () => {
    const server = new TestServer();
    const tab = open(server);
    tab.dropConnection();
    tab.pass(5_000);
    expect(server.joins).toEqual([null, "100"]);
    expect(tab.doc.peerIdStr).toBe("100");
  });

  it("makes one row of an edit whose acknowledgement was lost", () => {
    const server = new TestServer("");
    const tab = open(server);
    server.losesAcks = true;
    tab.type("x");
    tab.pass(40);
    expect(server.rows).toHaveLength(1);
    expect(tab.core.status()).toMatchObject({ kind: "saving", unsaved: 1 });
    tab.dropConnection();
    server.losesAcks = false;
    tab.pass(5_000);
    expect(server.rows).toHaveLength(1);
    expect(server.text()).toBe("x");
    expect(tab.core.status()).toEqual({ kind: "saved" });
    expect(tab.stored).toHaveLength(0);
  });

  it("sends a batch again when its acknowledgement is overdue, then tries another server", () => {
    const server = new TestServer("");
    const tab = new TestTab(server, { servers: ["http://b.test"] });
    tab.start();
    server.isDeaf = true;
    tab.type("x");
    tab.pass(15_000);
    expect(tab.core.room.outbox.inFlight[0]?.resends).toBe(1);
    server.isDeaf = false;
    tab.pass(10_000);
    expect(tab.addresses).toEqual(["ws://a.test/sync/v1", "ws://b.test/sync/v1"]);
    expect(server.text()).toBe("x");
    expect(tab.core.status()).toEqual({ kind: "saved" });
  });

  it("tries each address and then waits longer", () => {
    const tab = new TestTab(null, { servers: ["http://b.test", "http://c.test"] });
    tab.start();
    tab.pass(400);
    expect(tab.addresses.slice(0, 3)).toEqual([
      "ws://a.test/sync/v1",
      "ws://b.test/sync/v1",
      "ws://c.test/sync/v1",
    ]);
    tab.pass(60_000);
    expect(tab.addresses.length).toBeLessThan(40);
  });

  it("is noticed when nobody answers a ping", () => {
    const server = new TestServer();
    const tab = open(server);
    tab.server = null;
    tab.pass(21_000);
    expect(tab.core.status().kind).not.toBe("saved");
    tab.server = server;
    tab.pass(30_000);
    expect(tab.core.status()).toEqual({ kind: "saved" });
  });

  it("is noticed within two seconds when the browser says that the network is gone", () => {
    const server = new TestServer();
    const tab = open(server);
    tab.server = null;
    tab.happen({ kind: "network", online: false });
    tab.type("x");
    tab.pass(2_100);
    expect(tab.core.status()).toEqual({ kind: "offline", unsaved: 1, kept: true });
  });

  it("is not believed of the browser while the server answers", () => {
    const server = new TestServer("");
    const tab = open(server);
    tab.happen({ kind: "network", online: false });
    tab.pass(5_000);
    tab.type("x");
    tab.pass(40);
    expect(tab.core.status()).toEqual({ kind: "saved" });
    expect(server.joins).toHaveLength(1);
  });

  it("leaves a server that stops for another one at once", () => {
    const server = new TestServer();
    const tab = new TestTab(server, { servers: ["http://b.test"] });
    tab.start();
    tab.dropConnection(4001, "retry_after_ms=30000");
    tab.pass(200);
    expect(server.joins).toHaveLength(2);
    expect(new Set(tab.addresses).size).toBe(2);
  });

  it("waits as long as a server that stops asks, if it is the only one", () => {
    const server = new TestServer();
    const tab = open(server);
    tab.dropConnection(4001, "retry_after_ms=3000");
    tab.pass(2_900);
    expect(server.joins).toHaveLength(1);
    tab.pass(200);
    expect(server.joins).toHaveLength(2);
  });

  it("ends when the session is over, and keeps what was written", () => {
    const server = new TestServer();
    const tab = open(server);
    server.isDeaf = true;
    tab.type("x");
    tab.pass(40);
    tab.dropConnection(4401);
    tab.pass(60_000);
    expect(tab.core.status()).toEqual({ kind: "ended", reason: "signed-out", unsaved: 1 });
    expect(tab.stored).toHaveLength(1);
    expect(tab.addresses).toHaveLength(1);
  });
});

describe("others' edits", () => {
  it("arrive while own ones are on their way, and both copies agree", () => {
    const server = new TestServer("");
    const tab = open(server);
    tab.type("mine ");
    const update = server.editElsewhere("7", "theirs ");
    tab.receive({ type: MessageType.DocUpdate, crdt: CrdtType.Loro, roomId: ROOM, updates: [update], batchId: "0x00000000000000aa" });
    tab.pass(40);
    expect(tab.text()).toBe(server.text());
    expect(tab.text()).toContain("mine ");
    expect(tab.text()).toContain("theirs ");
  });
});

describe("a refusal", () => {
  it("is followed by a new join and the same edits", () => {
    const server = new TestServer("");
    const tab = open(server);
    let refusals = 0;
    server.refuses = () => {
      refusals += 1;
      return refusals <= 2 ? UpdateStatusCode.RateLimited : null;
    };
    tab.type("x");
    tab.pass(10_000);
    expect(server.text()).toBe("x");
    expect(tab.core.status()).toEqual({ kind: "saved" });
  });

  it("that never changes ends the document and keeps the edits", () => {
    const server = new TestServer();
    const tab = open(server);
    server.refuses = () => UpdateStatusCode.InvalidUpdate;
    tab.type("x");
    tab.pass(120_000);
    expect(tab.core.status()).toEqual({ kind: "ended", reason: "refused", unsaved: 1 });
    expect(tab.stored).toHaveLength(1);
  });

  it("for size is answered with smaller updates", () => {
    const server = new TestServer("");
    const tab = open(server);
    server.refuses = ({ start, end }) => (end - start > 10 ? UpdateStatusCode.PayloadTooLarge : null);
    tab.type("0123456789abcdefghijklmnopqrstuvwxyz");
    tab.pass(60_000);
    expect(server.text()).toBe("0123456789abcdefghijklmnopqrstuvwxyz");
    expect(tab.core.status()).toEqual({ kind: "saved" });
  });

  it("because the right to write was taken keeps the edits as a copy", () => {
    const server = new TestServer();
    const tab = open(server);
    server.permission = "read";
    tab.type("x");
    tab.pass(60_000);
    expect(tab.core.status()).toEqual({ kind: "ended", reason: "read-only", unsaved: 1 });
  });

  it("of the whole room is final", () => {
    const server = new TestServer();
    const tab = open(server);
    tab.receive({ type: MessageType.RoomError, crdt: CrdtType.Loro, roomId: ROOM, code: 2, message: "removed" });
    tab.pass(60_000);
    expect(tab.core.status()).toEqual({ kind: "ended", reason: "no-access", unsaved: 0 });
    expect(server.joins).toHaveLength(1);
  });

  it("that suggests to join again has the tab come into the document and its presence once more", () => {
    const server = new TestServer();
    const tab = open(server);
    expect([server.joins.length, server.presenceJoins]).toEqual([1, 1]);
    tab.receive({ type: MessageType.RoomError, crdt: CrdtType.Loro, roomId: ROOM, code: 1, message: "your rights changed" });
    tab.pass(60_000);
    expect([server.joins.length, server.presenceJoins]).toEqual([2, 2]);
    tab.receive({ type: MessageType.RoomError, crdt: CrdtType.LoroEphemeralStore, roomId: ROOM, code: 1, message: "again" });
    tab.pass(60_000);
    expect([server.joins.length, server.presenceJoins]).toEqual([2, 3]);
  });

  it("to join that comes after the tab was let in is heeded", () => {
    const server = new TestServer();
    const tab = open(server);
    tab.receive({ type: MessageType.JoinError, crdt: CrdtType.Loro, roomId: ROOM, code: 2, message: "no access" });
    expect(tab.core.status()).toEqual({ kind: "ended", reason: "no-access", unsaved: 0 });
  });

  it("because the document is in the bin says so", () => {
    const server = new TestServer();
    const tab = open(server);
    tab.receive({ type: MessageType.RoomError, crdt: CrdtType.Loro, roomId: ROOM, code: 0x7f, message: "document_deleted" });
    expect(tab.core.status()).toEqual({ kind: "ended", reason: "deleted", unsaved: 0 });
  });
});

describe("a document that moved to another cluster", () => {
  const says = "this organisation has moved to http://new.example";

  it("ends while it is open, with everything unsaved kept", () => {
    const server = new TestServer();
    const tab = open(server);
    server.isDeaf = true;
    tab.type("a");
    tab.pass(40);
    tab.receive({ type: MessageType.RoomError, crdt: CrdtType.Loro, roomId: ROOM, code: 0x7f, message: `moved: ${says}` });
    expect(tab.core.status()).toEqual({ kind: "ended", reason: "moved", unsaved: 1 });
    expect(tab.core.room.outbox.count).toBe(1);
  });
});

describe("the lease", () => {
  it("changes between two edits when the old peer is no longer granted", () => {
    const server = new TestServer("");
    const tab = open(server);
    tab.type("a");
    tab.pass(40);
    server.grants = (peer) => peer !== "100";
    tab.dropConnection();
    tab.pass(5_000);
    expect(tab.doc.peerIdStr).toBe("101");
    tab.type("b");
    tab.pass(40);
    expect(server.text()).toBe("ba");
    expect(server.rows.map((row) => row.peer)).toEqual(["100", "101"]);
  });

  it("that is refused while edits wait for it keeps them as a copy", () => {
    const server = new TestServer("");
    const tab = open(server);
    server.isDeaf = true;
    tab.type("a");
    tab.pass(40);
    server.grants = (peer) => peer !== "100";
    tab.dropConnection();
    tab.pass(120_000);
    expect(tab.core.status()).toEqual({ kind: "ended", reason: "refused", unsaved: 1 });
    expect(tab.stored).toHaveLength(1);
  });
});

describe("after a reload", () => {
  it("pending edits go under their own peers, in the order of writing, and the last one stays", () => {
    const server = new TestServer("");
    const first = open(server);
    const second = open(server);
    first.server = null;
    first.dropConnection();
    second.server = null;
    second.dropConnection();
    first.type("one ");
    first.pass(40);
    second.type("two ");
    second.pass(40);
    const left = [...first.stored, ...second.stored].map((update, index) => ({ ...update, id: index + 1, stored: true }));

    const doc = newDocument();
    doc.import(server.doc.export({ mode: "snapshot" }));
    const tab = new TestTab(null, { doc, left });
    expect(tab.text()).toContain("one ");
    expect(tab.text()).toContain("two ");
    tab.start();
    tab.type("three ");
    tab.pass(1_000);
    expect(tab.core.status()).toMatchObject({ unsaved: 3, kept: true });
    tab.server = server;
    tab.pass(30_000);
    expect(tab.core.status()).toEqual({ kind: "saved" });
    expect(tab.doc.peerIdStr).toBe("101");
    expect(server.rows.map((row) => row.peer)).toEqual(["100", "101"]);
    expect(server.text()).toBe(tab.text());
    expect(tab.stored).toHaveLength(0);
  });

  it("an edit that the server already had is neither lost nor doubled", () => {
    const server = new TestServer("");
    const before = open(server);
    server.losesAcks = true;
    before.type("x");
    before.pass(40);
    server.losesAcks = false;
    const doc = newDocument();
    const tab = new TestTab(server, { doc, left: before.stored });
    tab.start();
    tab.type("y");
    tab.pass(40);
    expect(server.text()).toBe("yx");
    expect(server.rows).toHaveLength(2);
  });

  it("a server that lost committed edits gets them again", () => {
    const server = new TestServer("");
    const tab = open(server);
    const older = server.doc.export({ mode: "snapshot" });
    tab.type("x");
    tab.pass(40);
    expect(tab.core.status()).toEqual({ kind: "saved" });
    const restored = new TestServer("");
    restored.doc.import(older);
    tab.server = restored;
    tab.dropConnection();
    tab.pass(5_000);
    expect(restored.rows).toHaveLength(1);
    expect(restored.text()).toBe("x");
    expect(tab.core.status()).toEqual({ kind: "saved" });
  });

  it("two whose lost words build on each other's bring all of them back", () => {
    const server = new TestServer("");
    server.hasManyClients = true;
    const one = open(server);
    const older = server.doc.export({ mode: "snapshot" });
    const two = open(server);
    for (const word of ["a", "b", "c"]) {
      for (const [tab, other] of [[one, two], [two, one]] as const) {
        tab.type(word);
        tab.pass(40);
        const from = other.doc.version();
        other.happen({ kind: "message", message: server.news(from) });
      }
    }
    const text = server.text();
    expect(one.text()).toBe(text);
    const restored = new TestServer("");
    restored.doc.import(older);
    // The server takes one connection at a time: they come in turns, as often as it takes.
    for (let turn = 0; turn < 8; turn += 1) {
      for (const tab of [one, two]) {
        tab.server = restored;
        tab.dropConnection();
        tab.pass(300);
        tab.server = null;
        tab.dropConnection();
      }
    }
    expect(restored.text()).toBe(text);
    expect(text).toHaveLength(6);
  });

  it("does not show for ever, and silently, what a server has lost together with its author", () => {
    const server = new TestServer("");
    const tab = open(server);
    const older = server.doc.export({ mode: "snapshot" });
    const from = tab.doc.version();
    server.editElsewhere("7", "gone ");
    tab.receive(server.news(from));
    expect(tab.text()).toBe("gone ");
    const restored = new TestServer("");
    restored.doc.import(older);
    tab.server = restored;
    tab.dropConnection();
    tab.pass(3_000);
    expect(tab.core.status()).toEqual({ kind: "saved" });
    tab.pass(10_000);
    expect(tab.core.status()).toEqual({ kind: "ended", reason: "diverged", unsaved: 0 });
  });

  it("goes on when what a server has lost is brought back by somebody else", () => {
    const server = new TestServer("");
    const tab = open(server);
    const older = server.doc.export({ mode: "snapshot" });
    const from = tab.doc.version();
    const update = server.editElsewhere("7", "lost ");
    tab.receive(server.news(from));
    const restored = new TestServer("");
    restored.doc.import(older);
    tab.server = restored;
    tab.dropConnection();
    tab.pass(2_000);
    restored.doc.import(update);
    tab.pass(30_000);
    tab.type("and found ");
    tab.pass(40);
    expect(restored.text()).toBe(tab.text());
    expect(tab.core.status()).toEqual({ kind: "saved" });
  });

  it("operations that this browser never wrote under its peer are not written over", () => {
    const server = new TestServer("");
    const tab = open(server);
    tab.type("a");
    tab.pass(40);
    tab.server = null;
    tab.dropConnection();
    server.editElsewhere("100", "stranger ");
    tab.type("b");
    tab.pass(1_000);
    tab.server = server;
    tab.pass(30_000);
    expect(tab.core.status()).toEqual({ kind: "ended", reason: "refused", unsaved: 1 });
    expect(server.rows).toHaveLength(1);
  });
});
