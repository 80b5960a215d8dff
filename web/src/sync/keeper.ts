// Keeps this tab's copy of the document in the browser's store: a snapshot, and what came after it.
// Only what is durable at the server goes into a copy; unacknowledged edits are kept beside it, each by itself,
// so that a copy never has to be unpicked when the server refuses one.
import type { PeerID } from "loro-crdt";
import type { LocalCopy, Version } from "./local-copy";
import type { PendingUpdate } from "./outbox";
import type { Store, StoredCopy } from "./store";

const SAVE_AFTER_MS = 1_000;
/** A tail longer than this is folded into a new snapshot when nothing is unacknowledged. */
const TAIL_BYTES = 256 * 1024;

/** What a copy says beside the document itself. */
export interface Label {
  peer: PeerID | null;
  permission: "read" | "write";
  title: string;
}

/** Asked of the session when a copy is made. */
export interface KeeperView {
  label(): Label;
  /** What the server has of the document, as far as this tab knows. */
  durable(): Version;
}

export class Keeper {
  /** What the snapshot in the store contains; null before the first. */
  private snapshotVersion: Version | null = null;
  private tailBytes = 0;
  /** Others' edits that are in no stored copy yet; local edits may build on them. */
  private isBehind = false;
  private isGivenUp = false;
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly store: Store,
    private readonly room: string,
    private readonly slot: number,
    private readonly copy: LocalCopy,
    private readonly view: KeeperView,
  ) {}

  /** The document or its label changed; it is saved soon. */
  changed(): void {
    this.isBehind = true;
    this.timer ??= setTimeout(() => {
      void this.save();
    }, SAVE_AFTER_MS);
  }

  /** Resolves with whether the browser has the update. */
  async keepUpdate(update: PendingUpdate): Promise<boolean> {
    const copy = this.isBehind ? this.makeCopy() : null;
    this.isBehind = false;
    const { id, peer, start, end, bytes } = update;
    try {
      await this.store.keepUpdate({ room: this.room, id, peer, start, end, bytes }, copy);
      return true;
    } catch {
      if (copy !== null) this.forget();
      return false;
    }
  }

  async save(): Promise<void> {
    this.stop();
    if (this.isGivenUp) return;
    const durable = this.view.durable();
    const copy = this.makeCopy();
    this.isBehind = false;
    try {
      await this.store.keepCopy(copy, (update) => update.end <= (durable.get(update.peer) ?? 0));
    } catch {
      // The updates stay in the store and are sent again; the server knows them by their counters.
      this.forget();
    }
  }

  /** Nothing is known of what the store holds: the next copy is a whole one. */
  private forget(): void {
    this.isBehind = true;
    this.snapshotVersion = null;
  }

  /** This copy is not kept any more: the document goes on without it. */
  giveUp(): void {
    this.stop();
    this.isGivenUp = true;
  }

  stop(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  private makeCopy(): StoredCopy {
    const durable = this.view.durable();
    let snapshot: Uint8Array | null = null;
    if (this.isFoldable(durable)) {
      snapshot = this.copy.doc.export({ mode: "snapshot" });
      this.snapshotVersion = durable;
    }
    const tail = this.copy.exportBetween(this.snapshotVersion ?? new Map<PeerID, number>(), durable);
    this.tailBytes = tail?.byteLength ?? 0;
    return { room: this.room, slot: this.slot, snapshot, tail, ...this.view.label() };
  }

  private isFoldable(durable: Version): boolean {
    const isDue = this.snapshotVersion === null || this.tailBytes > TAIL_BYTES;
    return isDue && [...this.copy.version()].every(([peer, end]) => (durable.get(peer) ?? 0) >= end);
  }
}
