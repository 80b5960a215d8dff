// For tests: a server that keeps one document, and a tab whose clock, network and store the test holds.
import { decodeImportBlobMeta, LoroDoc, VersionVector, type PeerID } from "loro-crdt";
import { CrdtType, encode, MessageType, UpdateStatusCode, type ProtocolMessage } from "loro-protocol";
import { Core } from "./core";
import type { Effect, Event } from "./effects";
import { LocalCopy, newDocument } from "./local-copy";
import type { PendingUpdate } from "./outbox";
import { decodeFrame, isPeer } from "./wire";

export const ROOM = "11111111-1111-4111-8111-111111111111/22222222-2222-4222-8222-222222222222";

/** Commits what it is sent, exactly from each peer's durable end, as the contract says. */
export class TestServer {
  readonly doc = new LoroDoc();
  rows: { peer: PeerID; start: number; end: number; bytes: Uint8Array }[] = [];
  joins: (PeerID | null)[] = [];
  presenceJoins = 0;
  permission: "read" | "write" = "write";
  /** Committed, but the answer is lost. */
  losesAcks = false;
  /** Takes updates of everybody who has ever joined. */
  hasManyClients = false;
  /** Says nothing at all to updates. */
  isDeaf = false;
  refuses: (range: { peer: PeerID; start: number; end: number; bytes: Uint8Array }) => UpdateStatusCode | null = () => null;
  /** Peers given out when none, or one that is not granted, is asked for. */
  freePeers: PeerID[] = ["100", "101", "102", "103"];
  grants: (peer: PeerID) => boolean = () => true;
  private lease: PeerID | null = null;

  constructor(text = "Seed") {
    this.doc.setPeerId("1");
    this.doc.getMap("page").set("schema", 2);
    this.doc.getText("body").insert(0, text);
    this.doc.commit();
  }

  text(): string {
    return this.doc.getText("body").toString();
  }

  /** Somebody else's edit; the bytes as others receive them. */
  editElsewhere(peer: PeerID, text: string): Uint8Array {
    const other = new LoroDoc();
    other.import(this.doc.export({ mode: "snapshot" }));
    other.setPeerId(peer);
    other.getText("body").insert(0, text);
    other.commit();
    const update = other.export({ mode: "update", from: this.doc.version() });
    this.doc.import(update);
    return update;
  }

  disconnect(): void {
    this.lease = null;
  }

  /** What somebody at that version lacks, as it is sent to readers. */
  news(from: VersionVector): ProtocolMessage {
    const updates = [this.doc.export({ mode: "update", from })];
    return { crdt: CrdtType.Loro, roomId: ROOM, type: MessageType.DocUpdate, updates, batchId: "0x0000000000000002" };
  }

  answer(message: ProtocolMessage): Uint8Array[] {
    const base = { crdt: message.crdt, roomId: message.roomId };
    if (message.crdt === CrdtType.LoroEphemeralStore) {
      if (message.type !== MessageType.JoinRequest) return [];
      this.presenceJoins += 1;
      return [encode({ ...base, type: MessageType.JoinResponseOk, permission: "write", version: new Uint8Array([0]), extra: new Uint8Array() })];
    }
    if (message.type === MessageType.JoinRequest) return this.join(message.auth, message.version);
    if (message.type !== MessageType.DocUpdate || this.isDeaf) return [];
    const status = this.commit(message.updates);
    if (this.losesAcks && status === UpdateStatusCode.Ok) return [];
    const ack = encode({ ...base, type: MessageType.Ack, refId: message.batchId, status });
    if (status === UpdateStatusCode.Ok) return [ack];
    return [ack, encode({ ...base, type: MessageType.RoomError, code: 1, message: "rejoin" })];
  }

  private join(auth: Uint8Array, version: Uint8Array): Uint8Array[] {
    const payload = JSON.parse(new TextDecoder().decode(auth)) as { peer?: string };
    const asked = payload.peer !== undefined && isPeer(payload.peer) ? payload.peer : null;
    this.joins.push(asked);
    this.lease = asked !== null && this.grants(asked) ? asked : (this.freePeers.shift() ?? "999");
    const base = { crdt: CrdtType.Loro, roomId: ROOM };
    const extra = this.permission === "read" ? "" : JSON.stringify({ peer: this.lease, schema: 2 });
    const from = VersionVector.decode(version);
    return [
      encode({
        ...base,
        type: MessageType.JoinResponseOk,
        permission: this.permission,
        version: this.doc.version().encode(),
        extra: new TextEncoder().encode(extra),
      }),
      encode({
        ...base,
        type: MessageType.DocUpdate,
        updates: [this.doc.export({ mode: "update", from })],
        batchId: "0x0000000000000001",
      }),
    ];
  }

  private commit(updates: readonly Uint8Array[]): UpdateStatusCode {
    for (const bytes of updates) {
      const meta = decodeImportBlobMeta(bytes, true);
      const [[peer, end] = ["0" as PeerID, 0], ...more] = meta.partialEndVersionVector.toJSON();
      const start = meta.partialStartVersionVector.get(peer) ?? 0;
      const durableEnd = this.doc.version().get(peer) ?? 0;
      if (more.length > 0 || (this.lease !== peer && !this.hasManyClients)) return UpdateStatusCode.PermissionDenied;
      if (this.permission === "read") return UpdateStatusCode.PermissionDenied;
      const refusal = this.refuses({ peer, start, end, bytes });
      if (refusal !== null) return refusal;
      if (end <= durableEnd) continue;
      if (start !== durableEnd) return UpdateStatusCode.InvalidUpdate;
      // Tried on a copy: where something that it builds on is missing, Loro would hold it back, and take it later.
      const trial = this.doc.fork();
      trial.import(bytes);
      if ((trial.version().get(peer) ?? 0) < end) return UpdateStatusCode.InvalidUpdate;
      this.doc.import(bytes);
      this.rows.push({ peer, start, end, bytes });
    }
    return UpdateStatusCode.Ok;
  }
}

/** A tab: what the core asks for is done at once, except what the test holds back. */
export class TestTab {
  readonly doc: LoroDoc;
  readonly core: Core;
  readonly copy: LocalCopy;
  nowMs = 0;
  /** What the browser's store holds. */
  stored: PendingUpdate[] = [];
  /** Peers that another tab holds. */
  lockedElsewhere = new Set<PeerID>();
  holdsStore = false;
  bufferedBytes = 0;
  addresses: string[] = [];
  texts: string[] = [];
  /** Null: nobody listens at any address. */
  server: TestServer | null;
  private isConnected = false;
  private readonly queue: Event[] = [];
  private batches = 0;

  constructor(server: TestServer | null, options: { doc?: LoroDoc; left?: readonly PendingUpdate[]; ownPeer?: PeerID; servers?: string[] } = {}) {
    this.server = server;
    this.doc = options.doc ?? newDocument();
    this.copy = new LocalCopy(this.doc);
    const env = {
      roomId: ROOM,
      device: "device.0",
      ownOrigin: "http://a.test",
      random: () => 0.5,
      newBatchId: (): `0x${string}` => `0x${(this.batches += 1).toString(16).padStart(16, "0")}`,
      bufferedBytes: () => this.bufferedBytes,
    };
    this.core = new Core(env, this.copy, options.servers ?? []);
    const left = options.left ?? [];
    for (const update of left) this.doc.import(update.bytes);
    this.stored = [...left];
    const ownPeer = options.ownPeer ?? left.at(-1)?.peer ?? null;
    if (ownPeer !== null) this.doc.setPeerId(ownPeer);
    this.core.room.adopt(left, ownPeer, "write");
    this.doc.subscribeLocalUpdates(() => {
      this.happen({ kind: "edited" });
    });
  }

  start(): void {
    this.happen({ kind: "started" });
  }

  type(text: string): void {
    this.doc.getText("body").insert(0, text);
    this.doc.commit();
  }

  text(): string {
    return this.doc.getText("body").toString();
  }

  /** Lets time pass, waking the core whenever it asked for it. */
  pass(durationMs: number): void {
    const untilMs = this.nowMs + durationMs;
    for (let step = 0; step < 10_000; step += 1) {
      const atMs = this.core.wakeAtMs();
      if (atMs > untilMs) break;
      this.nowMs = Math.max(this.nowMs, atMs);
      this.happen({ kind: "woke" });
    }
    this.nowMs = untilMs;
  }

  receive(message: ProtocolMessage): void {
    this.happen({ kind: "message", message });
  }

  dropConnection(code = 1006, reason = ""): void {
    this.isConnected = false;
    this.server?.disconnect();
    this.happen({ kind: "closed", code, reason });
  }

  happen(event: Event): void {
    this.queue.push(event);
    // The event being handled stays first in the queue until it is done.
    if (this.queue.length > 1) return;
    for (let next = this.queue[0]; next !== undefined; next = this.queue[0]) {
      for (const effect of this.core.dispatch(next, this.nowMs)) this.carryOut(effect);
      this.queue.shift();
    }
  }

  private carryOut(effect: Effect): void {
    switch (effect.kind) {
      case "connect":
        this.addresses.push(effect.address);
        this.isConnected = this.server !== null;
        this.queue.push(this.isConnected ? { kind: "opened" } : { kind: "closed", code: 1006, reason: "" });
        return;
      case "disconnect":
        this.isConnected = false;
        this.server?.disconnect();
        return;
      case "send":
        for (const frame of effect.frames) this.deliver(frame);
        return;
      case "send-text":
        this.texts.push(effect.text);
        if (effect.text === "ping" && this.isConnected && this.server !== null) this.queue.push({ kind: "text", text: "pong" });
        return;
      case "store":
        this.stored.push(effect.update);
        if (!this.holdsStore) this.queue.push({ kind: "stored", id: effect.update.id, kept: true });
        return;
      case "settled":
        this.stored = this.stored.filter((update) => update.peer !== effect.peer || update.end > effect.end);
        return;
      case "import":
        this.copy.take(effect.updates);
        this.queue.push({ kind: "imported", complete: true });
        return;
      case "lock-peer":
        this.queue.push({ kind: "locked", peer: effect.peer, granted: !this.lockedElsewhere.has(effect.peer) });
        return;
      case "write-as":
        this.doc.setPeerId(effect.peer);
        return;
      case "presence-joined":
      case "presence":
      case "ask-servers":
      case "ask-session":
    }
  }

  private deliver(frame: Uint8Array): void {
    const message = decodeFrame(frame);
    if (message === undefined || !this.isConnected || this.server === null) return;
    for (const answer of this.server.answer(message)) {
      const decoded = decodeFrame(answer);
      if (decoded !== undefined) this.queue.push({ kind: "message", message: decoded });
    }
  }
}
