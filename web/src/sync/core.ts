// The connection of one open document: every event goes through `dispatch`, which answers with effects.
// Pure (no socket, no clock, no randomness of its own), so that a test can hold all of them.
import { CrdtType, MessageType, type ProtocolMessage } from "loro-protocol";
import type { Effect, Env, Event } from "./effects";
import { Fragments } from "./fragments";
import type { Copy } from "./outbox";
import { Room } from "./room";
import {
  currentOrigin,
  joinSucceeded,
  knownServers,
  learnServers,
  nextServer,
  syncAddress,
  type Servers,
} from "./servers";
import { statusOf, type EndReason, type Status } from "./status";
import { joinPresence, presenceUpdate } from "./wire";

type Link =
  /** No connection; tries at the given time. */
  | { kind: "waiting"; untilMs: number }
  | { kind: "connecting"; sinceMs: number }
  | { kind: "open"; pingAtMs: number; pongDueMs: number; presence: "absent" | "asked" | "joined" }
  | { kind: "ended"; reason: EndReason };

const CONNECT_TIMEOUT_MS = 8_000;
const PING_EVERY_MS = 10_000;
const PONG_WITHIN_MS = 10_000;
/** How long a socket has to show that it works when the browser says that there is no network. */
const DOUBT_MS = 2_000;
/** After a drain without a word about when to come back. */
const DRAIN_SPREAD_MS = 500;
/** The server said "too many": not sooner than this. */
const TOO_MANY_MS = 5_000;
const NEVER = Number.POSITIVE_INFINITY;

export class Core {
  readonly room: Room;
  private link: Link = { kind: "waiting", untilMs: 0 };
  private servers: Servers;
  private online = true;
  private readonly fragments = new Fragments();

  constructor(
    private readonly env: Env,
    copy: Copy,
    rememberedServers: readonly string[],
  ) {
    this.room = new Room(env, copy);
    this.servers = knownServers(env.ownOrigin, rememberedServers);
  }

  dispatch(event: Event, nowMs: number): Effect[] {
    const out: Effect[] = [];
    this.handle(event, nowMs, out);
    this.follow(nowMs, out);
    return out;
  }

  status(): Status {
    return statusOf({
      ended: this.link.kind === "ended" ? this.link.reason : null,
      live: this.room.isLive,
      online: this.online,
      failures: this.servers.failures,
      unsaved: this.room.unsaved,
      kept: this.room.kept,
    });
  }

  /** Failed attempts to connect since a join last succeeded. */
  get failures(): number {
    return this.servers.failures;
  }

  /** When `woke` is to be dispatched; infinity when nothing is planned. */
  wakeAtMs(): number {
    switch (this.link.kind) {
      case "ended":
        return NEVER;
      case "waiting":
        return Math.min(this.link.untilMs, this.room.wakeAtMs());
      case "connecting":
        return Math.min(this.link.sinceMs + CONNECT_TIMEOUT_MS, this.room.wakeAtMs());
      case "open":
        return Math.min(this.link.pingAtMs, this.link.pongDueMs, this.room.wakeAtMs());
    }
  }

  private handle(event: Event, nowMs: number, out: Effect[]): void {
    switch (event.kind) {
      case "started":
        this.connect(nowMs, out);
        return;
      case "woke":
        this.onTime(nowMs, out);
        return;
      case "edited":
        this.room.onEdited(nowMs);
        return;
      case "leaving":
        this.room.cut(out);
        return;
      case "stored":
        this.room.onStored(event.id, event.kept, nowMs, out);
        return;
      case "opened":
        this.onOpened(nowMs, out);
        return;
      case "closed":
        this.onClosed(event.code, event.reason, nowMs, out);
        return;
      case "text":
        this.onText(event.text, out);
        return;
      case "message":
        if (this.link.kind === "open") this.onMessage(event.message, nowMs, out);
        return;
      case "imported":
        this.room.onImported(event.complete, nowMs, out);
        return;
      case "locked":
        this.room.onLocked(event.peer, event.granted, nowMs, out);
        return;
      case "network":
        this.onNetwork(event.online, nowMs, out);
        return;
      case "nudged":
        this.onNudged(nowMs, out);
        return;
      case "servers":
        this.servers = learnServers(this.servers, this.env.ownOrigin, event.live);
        return;
      case "session-ended":
        this.end("signed-out", out);
        return;
      case "presence":
        this.sendPresence(event.update, out);
    }
  }

  /** What the room came to, carried out on the connection. */
  private follow(nowMs: number, out: Effect[]): void {
    const { state } = this.room;
    if (state.kind === "ended") this.end(state.reason, out);
    else if (state.kind === "lost") this.drop(nowMs, out);
    else if (state.kind === "joined" && this.link.kind === "open" && this.link.presence === "absent") {
      this.link.presence = "asked";
      this.servers = joinSucceeded(this.servers);
      out.push({ kind: "send", frames: [joinPresence(this.env.roomId, this.env.device)] }, { kind: "ask-servers" });
    }
  }

  // ---- the connection

  private connect(nowMs: number, out: Effect[]): void {
    if (this.link.kind === "ended") return;
    this.link = { kind: "connecting", sinceMs: nowMs };
    out.push({ kind: "connect", address: syncAddress(currentOrigin(this.servers)) });
  }

  private onOpened(nowMs: number, out: Effect[]): void {
    if (this.link.kind !== "connecting") return;
    this.link = { kind: "open", pingAtMs: nowMs + PING_EVERY_MS, pongDueMs: NEVER, presence: "absent" };
    this.room.join(nowMs, out);
  }

  private onClosed(code: number, reason: string, nowMs: number, out: Effect[]): void {
    if (this.link.kind !== "connecting" && this.link.kind !== "open") return;
    const neverOpened = this.link.kind === "connecting";
    switch (code) {
      case 4401:
        this.end("signed-out", out);
        return;
      case 4403:
        this.end("no-access", out);
        return;
      case 1001:
      case 4001:
        // The server has spread this over its clients; only the same server is worth waiting for.
        this.retire(nowMs, this.servers.origins.length > 1 ? 0 : this.drainDelayMs(reason));
        return;
      case 4429:
        this.retire(nowMs, TOO_MANY_MS * (1 + this.env.random()));
        return;
      default:
        // A refused upgrade looks like a dead server: ask whether we are still signed in.
        if (neverOpened) out.push({ kind: "ask-session" });
        this.retire(nowMs, 0);
    }
  }

  /** The connection is over; the next attempt goes to the next address, not before `atLeastMs`. */
  private retire(nowMs: number, atLeastMs: number): void {
    this.room.leave();
    this.fragments.clear();
    const { servers, delayMs } = nextServer(this.servers, this.env.random);
    this.servers = servers;
    this.link = { kind: "waiting", untilMs: nowMs + Math.max(delayMs, atLeastMs) };
  }

  /** Gives the connection up ourselves. */
  private drop(nowMs: number, out: Effect[]): void {
    out.push({ kind: "disconnect" });
    this.retire(nowMs, 0);
  }

  private end(reason: EndReason, out: Effect[]): void {
    if (this.link.kind === "ended") return;
    this.room.cut(out);
    this.room.leave();
    this.link = { kind: "ended", reason };
    out.push({ kind: "disconnect" });
  }

  private drainDelayMs(reason: string): number {
    const told = /retry_after_ms=(\d{1,6})/.exec(reason)?.[1];
    return told === undefined ? this.env.random() * DRAIN_SPREAD_MS : Number(told);
  }

  /**
   * The browser's word is a hint: it is wrong where only this machine can be reached, and then the server may
   * be this machine. A socket that still answers is kept, and attempts go on.
   */
  private onNetwork(online: boolean, nowMs: number, out: Effect[]): void {
    this.online = online;
    if (!online) this.ping(nowMs, out, DOUBT_MS);
    else if (this.link.kind === "waiting") this.connect(nowMs, out);
  }

  private onNudged(nowMs: number, out: Effect[]): void {
    if (this.link.kind === "waiting") this.connect(nowMs, out);
    else if (this.link.kind === "open" && this.link.pongDueMs === NEVER) this.ping(nowMs, out);
  }

  private ping(nowMs: number, out: Effect[], withinMs = PONG_WITHIN_MS): void {
    if (this.link.kind !== "open") return;
    this.link.pingAtMs = nowMs + PING_EVERY_MS;
    this.link.pongDueMs = Math.min(this.link.pongDueMs, nowMs + withinMs);
    out.push({ kind: "send-text", text: "ping" });
  }

  private onText(text: string, out: Effect[]): void {
    if (this.link.kind !== "open") return;
    if (text === "ping") out.push({ kind: "send-text", text: "pong" });
    else if (text === "pong") this.link.pongDueMs = NEVER;
  }

  private onTime(nowMs: number, out: Effect[]): void {
    switch (this.link.kind) {
      case "waiting":
        if (nowMs >= this.link.untilMs) this.connect(nowMs, out);
        break;
      case "connecting":
        if (nowMs >= this.link.sinceMs + CONNECT_TIMEOUT_MS) this.drop(nowMs, out);
        break;
      case "open":
        if (nowMs >= this.link.pongDueMs) this.drop(nowMs, out);
        else if (nowMs >= this.link.pingAtMs) this.ping(nowMs, out);
        break;
      case "ended":
    }
    this.room.onTime(nowMs, out);
  }

  // ---- messages

  private onMessage(message: ProtocolMessage, nowMs: number, out: Effect[]): void {
    if (message.roomId !== this.env.roomId) return;
    if (message.crdt === CrdtType.LoroEphemeralStore) this.onPresenceMessage(message, out);
    else if (message.crdt === CrdtType.Loro) this.onDocumentMessage(message, nowMs, out);
  }

  private onDocumentMessage(message: ProtocolMessage, nowMs: number, out: Effect[]): void {
    switch (message.type) {
      case MessageType.JoinResponseOk:
        this.room.onJoined(message, nowMs, out);
        return;
      case MessageType.JoinError:
        this.room.onJoinError(message, nowMs);
        return;
      case MessageType.DocUpdate:
        out.push({ kind: "import", updates: message.updates });
        return;
      case MessageType.DocUpdateFragmentHeader:
        if (!this.fragments.begin(message.batchId, message.fragmentCount, message.totalSizeBytes)) this.drop(nowMs, out);
        return;
      case MessageType.DocUpdateFragment: {
        const update = this.fragments.add(message.batchId, message.index, message.fragment);
        if (update === "broken") this.drop(nowMs, out);
        else if (update !== "incomplete") out.push({ kind: "import", updates: [update] });
        return;
      }
      case MessageType.RoomError:
        this.room.onRoomError(message, nowMs);
        // Whoever is put out of a document is out of its presence too, and comes into both again.
        if (this.link.kind === "open") this.link.presence = "absent";
        return;
      case MessageType.Ack:
        this.room.onAck(message, nowMs, out);
        return;
      case MessageType.JoinRequest:
      case MessageType.Leave:
        // Only clients say these.
        return;
    }
  }

  private onPresenceMessage(message: ProtocolMessage, out: Effect[]): void {
    if (this.link.kind !== "open") return;
    if (message.type === MessageType.JoinResponseOk) {
      this.link.presence = "joined";
      out.push({ kind: "presence-joined" });
    } else if (message.type === MessageType.RoomError) {
      this.link.presence = "absent";
    } else if (message.type === MessageType.DocUpdate) {
      out.push({ kind: "presence", updates: message.updates });
    }
  }

  /** Presence is worth sending only now: what cannot go is dropped, the next refresh says the same. */
  private sendPresence(update: Uint8Array, out: Effect[]): void {
    if (this.link.kind !== "open" || this.link.presence !== "joined") return;
    out.push({ kind: "send", frames: [presenceUpdate(this.env.roomId, update, this.env.newBatchId())] });
  }
}
