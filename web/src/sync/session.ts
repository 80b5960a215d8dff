// Carries out what the core decides for one open document: socket, timers, browser store, locks, presence.
// It decides nothing itself.
import type { LoroDoc, PeerID } from "loro-crdt";
import { Core } from "./core";
import type { LiveDocument, Presence } from "./document";
import type { Effect, Env, Event } from "./effects";
import { Keeper } from "./keeper";
import { LocalCopy, type Version } from "./local-copy";
import { Locks, lockPeer } from "./locks";
import type { PendingUpdate } from "./outbox";
import { encodeOwn, PresenceBoard, type About } from "./presence";
import { Socket } from "./socket";
import { isSameStatus, type Status } from "./status";
import type { Store } from "./store";
import { decodeFrame } from "./wire";

/** Everything from outside; the page's own is in document.ts, tests bring others. */
export interface Surroundings {
  roomId: string;
  device: string;
  slot: number;
  ownOrigin: string;
  rememberedServers: readonly string[];
  locks: Locks;
  /** Null when the browser keeps nothing. */
  store: Store | null;
  nowMs(): number;
  /** The live servers, or null when nobody answers. */
  fetchServers(): Promise<readonly string[] | null>;
  /** Whether the session is certainly over; false also when nobody answers. */
  isSignedOut(): Promise<boolean>;
}

/** What an earlier page left behind, already in the document and with its peers locked. */
export interface Left {
  updates: readonly PendingUpdate[];
  ownPeer: PeerID | null;
  permission: "read" | "write";
  title: string;
  /** Later updates are numbered from here. */
  nextId: number;
}

const REFRESH_MS = 10_000;
const EXPIRE_CHECK_MS = 5_000;
/** The caret moves with each key; others are told this often. */
const CURSOR_MS = 60;
/** Others' presence is shown at most this often. */
const SHOW_MS = 20;

export class Session implements LiveDocument {
  readonly doc: LoroDoc;
  readonly presence: Presence;
  private readonly core: Core;
  private readonly copy: LocalCopy;
  private readonly board = new PresenceBoard();
  private readonly socket: Socket;
  private readonly keeper: Keeper | null;
  private readonly events: Event[] = [];
  private isDispatching = false;
  private isClosed = false;
  private wake: ReturnType<typeof setTimeout> | undefined;
  private cursorTimer: ReturnType<typeof setTimeout> | null = null;
  private presenceTimer: ReturnType<typeof setTimeout> | null = null;
  private readonly intervals: ReturnType<typeof setInterval>[];
  private readonly unsubscribeDoc: () => void;
  private cursor: { anchor: Uint8Array | null; focus: Uint8Array | null } = { anchor: null, focus: null };
  private lastStatus: Status;
  private lastPermission: "read" | "write";
  private lastFailed = false;
  private lastTitle: string;
  private readonly statusListeners = new Set<() => void>();
  private readonly presenceListeners = new Set<() => void>();
  private readonly cleanups: (() => void)[] = [];

  constructor(
    private readonly outside: Surroundings,
    doc: LoroDoc,
    left: Left,
  ) {
    this.doc = doc;
    this.copy = new LocalCopy(doc);
    this.lastTitle = left.title;
    this.socket = new Socket({
      opened: () => {
        this.dispatch({ kind: "opened" });
      },
      closed: (code, reason) => {
        this.forgetOthers();
        this.dispatch({ kind: "closed", code, reason });
      },
      text: (text) => {
        this.dispatch({ kind: "text", text });
      },
      bytes: (bytes) => {
        const message = decodeFrame(bytes);
        if (message !== undefined) this.dispatch({ kind: "message", message });
      },
    });
    const env: Env = {
      roomId: outside.roomId,
      device: outside.device,
      ownOrigin: outside.ownOrigin,
      random: Math.random,
      newBatchId,
      bufferedBytes: () => this.socket.bufferedBytes(),
    };
    this.core = new Core(env, this.copy, outside.rememberedServers);
    this.core.room.adopt(left.updates, left.ownPeer, left.permission);
    this.core.room.startIdsAt(left.nextId);
    this.lastStatus = this.core.status();
    this.lastPermission = this.permission;
    this.keeper =
      outside.store === null
        ? null
        : new Keeper(outside.store, outside.roomId, outside.slot, this.copy, {
            label: () => ({ peer: this.core.room.ownPeer, permission: this.core.room.permission, title: this.lastTitle }),
            durable: () => this.durable(),
          });
    this.presence = {
      others: () => this.board.others(this.peer),
      setCursor: (anchor, focus) => {
        this.setCursor(anchor, focus);
      },
      subscribe: (listener) => listen(this.presenceListeners, listener),
    };
    this.unsubscribeDoc = doc.subscribeLocalUpdates(() => {
      this.dispatch({ kind: "edited" });
    });
    this.intervals = [
      setInterval(() => {
        this.sendCursor();
      }, REFRESH_MS),
      setInterval(() => {
        if (this.board.expire(outside.nowMs())) this.tellPresence();
      }, EXPIRE_CHECK_MS),
    ];
  }

  // ---- LiveDocument

  get peer(): PeerID {
    return this.copy.peer();
  }

  get permission(): "read" | "write" {
    const { room } = this.core;
    const isOver = this.core.status().kind === "ended";
    return room.permission === "write" && room.ownPeer !== null && !isOver ? "write" : "read";
  }

  status(): Status {
    return this.lastStatus;
  }

  subscribeStatus(listener: () => void): () => void {
    return listen(this.statusListeners, listener);
  }

  about(): About | null {
    return this.board.about();
  }

  commentsState(): number {
    return this.board.comments();
  }

  title(): string {
    return this.lastTitle;
  }

  text(): string {
    return this.copy.text();
  }

  /** Gives up unacknowledged edits that no server will take; their text stays in the browser's store. */
  async setAside(): Promise<void> {
    const peers = new Set(this.core.room.outbox.all().map((update) => update.peer));
    const savedAt = new Date().toISOString();
    const status = this.status();
    const isDiverged = status.kind === "ended" && status.reason === "diverged";
    if (isDiverged) this.keeper?.giveUp();
    await this.outside.store?.setAside({ room: this.outside.roomId, savedAt, title: this.lastTitle, text: this.text() }, peers, isDiverged);
  }

  close(): void {
    if (this.isClosed) return;
    this.dispatch({ kind: "leaving" });
    void this.keeper?.save();
    this.isClosed = true;
    this.socket.disconnect();
    clearTimeout(this.wake);
    if (this.cursorTimer !== null) clearTimeout(this.cursorTimer);
    if (this.presenceTimer !== null) clearTimeout(this.presenceTimer);
    for (const interval of this.intervals) clearInterval(interval);
    this.unsubscribeDoc();
    this.keeper?.stop();
    this.statusListeners.clear();
    this.presenceListeners.clear();
    this.board.free();
    for (const cleanup of this.cleanups) cleanup();
  }

  // ---- for document.ts

  /** Whether an attempt to reach a server failed since a join last succeeded; told through `subscribeStatus`. */
  get hasFailed(): boolean {
    return this.core.failures > 0;
  }

  whenClosed(cleanup: () => void): void {
    this.cleanups.push(cleanup);
  }

  start(): void {
    this.dispatch({ kind: "started" });
  }

  dispatch(event: Event): void {
    if (this.isClosed) return;
    this.events.push(event);
    if (this.isDispatching) return;
    this.isDispatching = true;
    try {
      for (let next = this.events.shift(); next !== undefined; next = this.events.shift()) {
        for (const effect of this.core.dispatch(next, this.outside.nowMs())) this.carryOut(effect);
      }
    } finally {
      this.isDispatching = false;
    }
    this.planWake();
    this.tellStatus();
  }

  /** The page may go away now. */
  leaving(): void {
    this.dispatch({ kind: "leaving" });
    void this.keeper?.save();
  }

  // ---- effects

  private carryOut(effect: Effect): void {
    switch (effect.kind) {
      case "connect":
        this.socket.connect(effect.address);
        return;
      case "disconnect":
        this.forgetOthers();
        this.socket.disconnect();
        return;
      case "send":
        for (const frame of effect.frames) this.socket.send(frame);
        return;
      case "send-text":
        this.socket.send(effect.text);
        return;
      case "store":
        void this.keep(effect.update);
        return;
      case "settled":
        this.keeper?.changed();
        return;
      case "import":
        this.take(effect.updates);
        return;
      case "lock-peer":
        void this.lock(effect.peer);
        return;
      case "write-as":
        this.doc.commit();
        this.doc.setPeerId(effect.peer);
        this.keeper?.changed();
        return;
      case "presence-joined":
        this.sendCursor();
        return;
      case "presence":
        this.hear(effect.updates);
        return;
      case "ask-servers":
        void this.askServers();
        return;
      case "ask-session":
        void this.askSession();
    }
  }

  private async keep(update: PendingUpdate): Promise<void> {
    const kept = this.keeper === null ? false : await this.keeper.keepUpdate(update);
    this.dispatch({ kind: "stored", id: update.id, kept });
  }

  private take(updates: readonly Uint8Array[]): void {
    let complete = true;
    try {
      this.copy.take(updates);
    } catch {
      complete = false;
    }
    this.keeper?.changed();
    this.dispatch({ kind: "imported", complete });
  }

  private async lock(peer: PeerID): Promise<void> {
    const granted = await lockPeer(this.outside.locks, this.outside.roomId, peer);
    this.dispatch({ kind: "locked", peer, granted });
  }

  private async askServers(): Promise<void> {
    const live = await this.outside.fetchServers();
    if (live !== null) this.dispatch({ kind: "servers", live });
  }

  private async askSession(): Promise<void> {
    if (await this.outside.isSignedOut()) this.dispatch({ kind: "session-ended" });
  }

  // ---- presence

  private setCursor(anchor: Uint8Array | null, focus: Uint8Array | null): void {
    this.cursor = { anchor, focus };
    this.cursorTimer ??= setTimeout(() => {
      this.cursorTimer = null;
      this.sendCursor();
    }, CURSOR_MS);
  }

  private sendCursor(): void {
    const { anchor, focus } = this.cursor;
    const peer = this.core.room.ownPeer;
    if (peer !== null) this.dispatch({ kind: "presence", update: encodeOwn(peer, anchor, focus) });
  }

  private hear(updates: readonly Uint8Array[]): void {
    const before = this.board.about();
    this.board.apply(updates, this.outside.nowMs());
    const about = this.board.about();
    if (about !== null && about.title !== before?.title) {
      this.lastTitle = about.title;
      this.keeper?.changed();
    }
    // When many come at once, as at a join, they are shown together.
    this.presenceTimer ??= setTimeout(() => {
      this.presenceTimer = null;
      this.tellPresence();
    }, SHOW_MS);
  }

  private forgetOthers(): void {
    if (this.board.others(null).size === 0) return;
    this.board.clear();
    this.tellPresence();
  }

  // ---- telling

  private tellPresence(): void {
    for (const listener of this.presenceListeners) listener();
  }

  private tellStatus(): void {
    const status = this.core.status();
    const permission = this.permission;
    const failed = this.hasFailed;
    const isSame =
      isSameStatus(status, this.lastStatus) && permission === this.lastPermission && failed === this.lastFailed;
    if (isSame) return;
    this.lastStatus = status;
    this.lastPermission = permission;
    this.lastFailed = failed;
    for (const listener of this.statusListeners) listener();
  }

  private planWake(): void {
    clearTimeout(this.wake);
    const atMs = this.core.wakeAtMs();
    if (!Number.isFinite(atMs)) return;
    const delayMs = Math.max(0, atMs - this.outside.nowMs());
    this.wake = setTimeout(() => {
      this.dispatch({ kind: "woke" });
    }, delayMs);
  }

  private durable(): Version {
    const durable = new Map(this.copy.version());
    for (const [peer, start] of this.core.room.undurable()) {
      durable.set(peer, Math.min(start, durable.get(peer) ?? 0));
    }
    return durable;
  }
}

function listen(listeners: Set<() => void>, listener: () => void): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

function newBatchId(): `0x${string}` {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return `0x${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
