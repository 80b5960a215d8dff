// One document's room on one connection: joining, the leased peer, sending and refusals.
// Pure: events in, effects out. The connection underneath is core.ts's.
import { VERSION } from "../editor/model";
import type { PeerID } from "loro-crdt";
import {
  JoinErrorCode,
  RoomErrorCode,
  UpdateStatusCode,
  type Ack,
  type JoinError,
  type JoinResponseOk,
  type RoomError,
} from "loro-protocol";
import type { Effect, Env } from "./effects";
import { decodeVersion, type Version } from "./local-copy";
import { Outbox, type Copy, type PendingUpdate } from "./outbox";
import { backOffMs } from "./servers";
import type { EndReason } from "./status";
import { documentUpdate, joinDocument, leaveDocument, parseLease } from "./wire";

type Permission = "read" | "write";

interface Joined {
  kind: "joined";
  asked: PeerID | null;
  /** Null for a reader. */
  lease: PeerID | null;
  /** What the server had when we joined, and whether the local document has it by now. */
  version: Version;
  caughtUp: boolean;
  sinceMs: number;
}

export type RoomState =
  | { kind: "absent" }
  | { kind: "joining"; asked: PeerID | null; sinceMs: number }
  /** Leased a peer that this tab does not hold yet. */
  | { kind: "locking"; asked: PeerID | null; lease: PeerID; version: Version }
  | Joined
  /** Refused; joins again at the given time. */
  | { kind: "paused"; untilMs: number }
  /** This connection is of no use for the room; another server may be. */
  | { kind: "lost" }
  | { kind: "ended"; reason: EndReason };

const TYPING_MS = 30;
const JOIN_TIMEOUT_MS = 10_000;
const CATCH_UP_TIMEOUT_MS = 30_000;
const ACK_TIMEOUT_MS = 10_000;
const BUFFERED_BYTES = 1024 * 1024;
const DRAIN_CHECK_MS = 50;
/** While the server lacks what others wrote and this copy has, it is asked again so often… */
const AHEAD_CHECK_MS = 1_500;
/** …and for so long. */
const AHEAD_FOR_MS = 6_000;
/** Refusals without progress until the server is believed. */
const REFUSALS_UNTIL_FINAL = 6;

export class Room {
  state: RoomState = { kind: "absent" };
  permission: Permission = "read";
  /** The peer of local edits; null until one is leased and held. */
  ownPeer: PeerID | null = null;
  /** Whether the browser's store took everything so far. */
  kept = true;
  readonly outbox = new Outbox();

  private readonly held = new Set<PeerID>();
  /** How far each held peer's operations were cut into updates. */
  private readonly cutEnds = new Map<PeerID, number>();
  private cutAtMs: number | null = null;
  private drainAtMs: number | null = null;
  /** Since when this copy has what the server lost and nobody has brought back yet. */
  private aheadSinceMs: number | null = null;
  private refusals = 0;
  private denials = 0;
  private nextId = 1;
  private deviceSuffix = "";

  constructor(
    private readonly env: Env,
    private readonly copy: Copy,
  ) {}

  /** Takes over what an earlier page left, in order. The caller holds the peers' locks. */
  adopt(updates: readonly PendingUpdate[], ownPeer: PeerID | null, permission: Permission): void {
    for (const update of updates) {
      this.outbox.add(update);
      this.held.add(update.peer);
      this.cutEnds.set(update.peer, Math.max(update.end, this.copy.endOf(update.peer)));
      this.nextId = Math.max(this.nextId, update.id + 1);
    }
    this.permission = permission;
    if (ownPeer !== null) this.writeAs(ownPeer);
  }

  /** Ids of later updates rise from here, so that the store keeps the order of writing. */
  startIdsAt(id: number): void {
    this.nextId = Math.max(this.nextId, id);
  }

  get isLive(): boolean {
    return this.state.kind === "joined" && this.state.caughtUp;
  }

  /** Updates without acknowledgement, the one being typed included. */
  get unsaved(): number {
    return this.outbox.count + (this.cutAtMs === null ? 0 : 1);
  }

  /** Where each writing peer's operations begin that the server may lack. */
  undurable(): Map<PeerID, number> {
    const starts = new Map<PeerID, number>();
    for (const update of this.outbox.all()) {
      if (!starts.has(update.peer)) starts.set(update.peer, update.start);
    }
    if (this.ownPeer !== null && !starts.has(this.ownPeer)) {
      starts.set(this.ownPeer, this.cutEnds.get(this.ownPeer) ?? 0);
    }
    return starts;
  }

  // ---- joining and the lease

  join(nowMs: number, out: Effect[]): void {
    const asked = this.outbox.head()?.peer ?? this.ownPeer;
    this.outbox.restart(0);
    this.drainAtMs = null;
    this.state = { kind: "joining", asked, sinceMs: nowMs };
    const device = this.env.device + this.deviceSuffix;
    const payload = asked === null ? { device } : { device, peer: asked };
    out.push({ kind: "send", frames: [joinDocument(this.env.roomId, payload, this.copy.encodedVersion())] });
  }

  /** The connection is gone, and with it the lease. */
  leave(): void {
    if (this.state.kind !== "ended") this.state = { kind: "absent" };
    this.aheadSinceMs = null;
    this.outbox.restart(0);
    this.drainAtMs = null;
  }

  private rejoin(nowMs: number, out: Effect[]): void {
    out.push({ kind: "send", frames: [leaveDocument(this.env.roomId)] });
    this.join(nowMs, out);
  }

  private pause(nowMs: number): void {
    this.refusals += 1;
    this.outbox.restart(0);
    this.state = { kind: "paused", untilMs: nowMs + backOffMs(this.refusals, this.env.random) };
  }

  onJoined(message: JoinResponseOk, nowMs: number, out: Effect[]): void {
    if (this.state.kind !== "joining") return;
    const { asked } = this.state;
    const version = decodeVersion(message.version);
    if (!this.copy.exceeds(version, this.held)) this.aheadSinceMs = null;
    else if (nowMs >= (this.aheadSinceMs ??= nowMs) + AHEAD_FOR_MS) {
      // Whoever wrote it is gone, and so is the server that had it. This copy would differ for ever.
      this.state = { kind: "ended", reason: "diverged" };
      return;
    }
    const lease = parseLease(message.extra);
    if (lease !== null && lease.schema !== VERSION) {
      this.state = { kind: "ended", reason: "outdated" };
      return;
    }
    if (message.permission === "read" || lease === null) {
      this.permission = "read";
      this.state = { kind: "joined", asked, lease: null, version, caughtUp: false, sinceMs: nowMs };
      this.goOn(nowMs, out);
      return;
    }
    this.permission = "write";
    if (this.held.has(lease.peer)) {
      this.enter(asked, lease.peer, version, nowMs, out);
      return;
    }
    this.state = { kind: "locking", asked, lease: lease.peer, version };
    out.push({ kind: "lock-peer", peer: lease.peer });
  }

  onLocked(peer: PeerID, granted: boolean, nowMs: number, out: Effect[]): void {
    if (granted) this.held.add(peer);
    if (this.state.kind !== "locking" || this.state.lease !== peer) return;
    if (granted) {
      this.enter(this.state.asked, peer, this.state.version, nowMs, out);
      return;
    }
    // Another tab of this browser writes as that peer. Under another device name the server offers another one.
    this.deviceSuffix = `.${Math.floor(this.env.random() * 1e9).toString(36)}`;
    this.pause(nowMs);
  }

  private enter(asked: PeerID | null, lease: PeerID, version: Version, nowMs: number, out: Effect[]): void {
    this.state = { kind: "joined", asked, lease, version, caughtUp: false, sinceMs: nowMs };
    for (const peer of this.held) this.reconcile(peer, version.get(peer) ?? 0, out);
    this.outbox.restart(version.get(lease) ?? 0);
    this.goOn(nowMs, out);
  }

  /** Drops what the server has, puts back what it has not (any more). */
  private reconcile(peer: PeerID, durableEnd: number, out: Effect[]): void {
    const cutEnd = this.cutEnds.get(peer) ?? durableEnd;
    if (durableEnd > cutEnd && this.outbox.startOf(peer) !== undefined) {
      // The server has operations of this peer that this browser never wrote: these are two histories under one name.
      this.state = { kind: "ended", reason: "refused" };
      return;
    }
    this.settle(peer, durableEnd, out);
    this.cutEnds.set(peer, Math.max(cutEnd, durableEnd));
    const end = this.outbox.startOf(peer) ?? cutEnd;
    if (durableEnd >= end) return;
    // Each piece can be taken when what it builds on is there: two people whose words build on each other's
    // would else wait for each other for ever.
    for (const range of this.copy.pieces({ peer, start: durableEnd, end }).reverse()) {
      const update = { ...range, id: -this.nextId, bytes: this.copy.exportRange(range), stored: false };
      this.nextId += 1;
      this.outbox.reopen(update);
      out.push({ kind: "store", update });
    }
  }

  private settle(peer: PeerID, end: number, out: Effect[]): void {
    this.outbox.settle(peer, end);
    out.push({ kind: "settled", peer, end });
  }

  /** The one place that decides what to do next in a joined room. */
  private goOn(nowMs: number, out: Effect[]): void {
    if (this.state.kind !== "joined") return;
    this.state.caughtUp ||= this.copy.includes(this.state.version);
    const { asked, lease, caughtUp } = this.state;
    if (lease === null) {
      if (this.outbox.count > 0) this.state = { kind: "ended", reason: "read-only" };
      return;
    }
    const wanted = this.outbox.head()?.peer ?? this.ownPeer;
    if (wanted === null || wanted === lease) {
      this.denials = 0;
      if (this.ownPeer === null && caughtUp) this.takeLease(lease, out);
      this.send(lease, nowMs, out);
    } else if (asked !== wanted) {
      this.rejoin(nowMs, out);
    } else if (this.outbox.count > 0) {
      // What was written as that peer can be sent by nobody else.
      this.denials += 1;
      if (this.denials >= REFUSALS_UNTIL_FINAL) this.state = { kind: "ended", reason: "refused" };
      else this.pause(nowMs);
    } else if (caughtUp) {
      this.cut(out);
      if (this.outbox.count > 0) this.goOn(nowMs, out);
      else this.takeLease(lease, out);
    }
  }

  private takeLease(lease: PeerID, out: Effect[]): void {
    this.writeAs(lease);
    out.push({ kind: "write-as", peer: lease });
  }

  private writeAs(peer: PeerID): void {
    this.ownPeer = peer;
    this.held.add(peer);
    if (!this.cutEnds.has(peer)) this.cutEnds.set(peer, this.copy.endOf(peer));
  }

  onImported(complete: boolean, nowMs: number, out: Effect[]): void {
    if (!complete) this.state = { kind: "lost" };
    else this.goOn(nowMs, out);
  }

  // ---- writing

  onEdited(nowMs: number): void {
    this.cutAtMs ??= nowMs + TYPING_MS;
  }

  /** What was typed since the last cut becomes one update. */
  cut(out: Effect[]): void {
    this.cutAtMs = null;
    const peer = this.ownPeer;
    if (peer === null) return;
    const start = this.cutEnds.get(peer) ?? 0;
    const end = this.copy.endOf(peer);
    if (end <= start) return;
    const range = { peer, start, end };
    const update = { ...range, id: this.nextId, bytes: this.copy.exportRange(range), stored: false };
    this.nextId += 1;
    this.cutEnds.set(peer, end);
    this.outbox.add(update);
    out.push({ kind: "store", update });
  }

  onStored(id: number, kept: boolean, nowMs: number, out: Effect[]): void {
    // What the browser cannot keep is sent all the same; the status says that it is not kept.
    this.kept = kept;
    this.outbox.markStored(id);
    this.goOn(nowMs, out);
  }

  private send(lease: PeerID, nowMs: number, out: Effect[]): void {
    this.drainAtMs = null;
    let buffered = this.env.bufferedBytes();
    while (this.state.kind === "joined") {
      if (buffered > BUFFERED_BYTES) {
        this.drainAtMs = nowMs + DRAIN_CHECK_MS;
        return;
      }
      const batch = this.outbox.nextBatch(lease, this.copy, this.env.newBatchId(), nowMs);
      if (batch === undefined) return;
      buffered += batch.bytes.byteLength;
      out.push({ kind: "send", frames: documentUpdate(this.env.roomId, batch.bytes, batch.batchId) });
    }
  }

  onAck(message: Ack, nowMs: number, out: Effect[]): void {
    if (this.state.kind !== "joined") return;
    const batch = this.outbox.flight(message.refId);
    if (batch === undefined) return;
    switch (message.status) {
      case UpdateStatusCode.Ok:
        this.refusals = 0;
        this.settle(batch.peer, batch.end, out);
        this.goOn(nowMs, out);
        return;
      case UpdateStatusCode.PayloadTooLarge:
        if (this.outbox.shrink(batch)) this.pause(nowMs);
        else this.state = { kind: "ended", reason: "refused" };
        return;
      case UpdateStatusCode.PermissionDenied:
      case UpdateStatusCode.InvalidUpdate:
        if (this.refusals + 1 >= REFUSALS_UNTIL_FINAL) this.state = { kind: "ended", reason: "refused" };
        else this.pause(nowMs);
        return;
      case UpdateStatusCode.Unknown:
      case UpdateStatusCode.RateLimited:
      case UpdateStatusCode.FragmentTimeout:
      case UpdateStatusCode.AppError:
        this.pause(nowMs);
    }
  }

  // ---- what the server says against us

  onRoomError(message: RoomError, nowMs: number): void {
    switch (message.code) {
      case RoomErrorCode.RejoinSuggested:
        // A refusal has already arranged the next join.
        if (this.state.kind !== "paused") this.pause(nowMs);
        return;
      case RoomErrorCode.Evicted:
        this.state = { kind: "ended", reason: "no-access" };
        return;
      case RoomErrorCode.Unknown:
        this.onAppError(message.message);
    }
  }

  onJoinError(message: JoinError, nowMs: number): void {
    // One that has been let in is put out: a server may find only then that it may not.
    if (this.state.kind !== "joining" && this.state.kind !== "joined") return;
    switch (message.code) {
      case JoinErrorCode.AuthFailed:
        this.state = { kind: "ended", reason: "no-access" };
        return;
      case JoinErrorCode.AppError:
        this.onAppError(`${message.appCode ?? ""} ${message.message}`);
        return;
      case JoinErrorCode.VersionUnknown:
      case JoinErrorCode.Unknown:
        this.pause(nowMs);
    }
  }

  private onAppError(words: string): void {
    if (/^moved\b/.test(words)) this.state = { kind: "ended", reason: "moved" };
    else if (words.includes("document_deleted")) this.state = { kind: "ended", reason: "deleted" };
    else if (words.includes("not_found")) this.state = { kind: "ended", reason: "not-found" };
    else this.state = { kind: "lost" };
  }

  // ---- time

  onTime(nowMs: number, out: Effect[]): void {
    if (this.cutAtMs !== null && nowMs >= this.cutAtMs) this.cut(out);
    if (this.state.kind === "paused" && nowMs >= this.state.untilMs) this.rejoin(nowMs, out);
    if (this.state.kind === "joining" && nowMs >= this.state.sinceMs + JOIN_TIMEOUT_MS) this.state = { kind: "lost" };
    if (this.state.kind !== "joined") return;
    if (this.drainAtMs !== null && nowMs >= this.drainAtMs) this.goOn(nowMs, out);
    if (!this.state.caughtUp && nowMs >= this.state.sinceMs + CATCH_UP_TIMEOUT_MS) this.state = { kind: "lost" };
    else if (this.aheadSinceMs !== null && nowMs >= this.state.sinceMs + AHEAD_CHECK_MS) this.rejoin(nowMs, out);
    else this.resendOverdue(nowMs, out);
  }

  private resendOverdue(nowMs: number, out: Effect[]): void {
    for (const batch of this.outbox.inFlight) {
      if (nowMs < batch.sentAtMs + ACK_TIMEOUT_MS) continue;
      if (batch.resends > 0) {
        this.state = { kind: "lost" };
        return;
      }
      batch.resends += 1;
      batch.sentAtMs = nowMs;
      out.push({ kind: "send", frames: documentUpdate(this.env.roomId, batch.bytes, batch.batchId) });
    }
  }

  wakeAtMs(): number {
    const times = [this.cutAtMs, this.drainAtMs];
    if (this.state.kind === "paused") times.push(this.state.untilMs);
    if (this.state.kind === "joining") times.push(this.state.sinceMs + JOIN_TIMEOUT_MS);
    if (this.state.kind === "joined" && !this.state.caughtUp) times.push(this.state.sinceMs + CATCH_UP_TIMEOUT_MS);
    if (this.state.kind === "joined" && this.aheadSinceMs !== null) times.push(this.state.sinceMs + AHEAD_CHECK_MS);
    for (const batch of this.outbox.inFlight) times.push(batch.sentAtMs + ACK_TIMEOUT_MS);
    return Math.min(...times.map((time) => time ?? Number.POSITIVE_INFINITY));
  }
}
