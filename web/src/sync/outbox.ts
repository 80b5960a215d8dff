// What this tab has written and the server has not acknowledged, in the order in which it was written.
// Pure bookkeeping: it neither sends nor stores.
import type { PeerID } from "loro-crdt";
import type { BatchId } from "./wire";

/** Operations of one peer: counters from start (inclusive) to end (exclusive). */
export interface Range {
  peer: PeerID;
  start: number;
  end: number;
}

/** One update as it stands in the browser's store. */
export interface PendingUpdate extends Range {
  /** Key in the browser's store; rises in the order of writing. Below 0: the server had it, and lost it. */
  id: number;
  bytes: Uint8Array;
  /** False until the browser's store has it; it is not sent before. */
  stored: boolean;
}

export interface Batch extends Range {
  batchId: BatchId;
  bytes: Uint8Array;
  sentAtMs: number;
  resends: number;
}

/** What is asked of the local document. */
export interface Copy {
  peer(): PeerID;
  /** The counter after the last operation of a peer. */
  endOf(peer: PeerID): number;
  includes(version: ReadonlyMap<PeerID, number>): boolean;
  encodedVersion(): Uint8Array;
  exportRange(range: Range): Uint8Array;
  /** The range in pieces that build on others' operations only at their start. */
  pieces(range: Range): Range[];
  /** Whether a peer's operation builds on others' that its own before it did not build on. */
  buildsOnOthers(peer: PeerID, counter: number): boolean;
  /** Whether it has operations of others than `own` that a document of this version has not. */
  exceeds(version: ReadonlyMap<PeerID, number>, own: ReadonlySet<PeerID>): boolean;
}

/** Small updates that wait together go as one, up to this size; each is a row at the server. */
const MERGED_BYTES = 128 * 1024;
const IN_FLIGHT_BYTES = 1024 * 1024;
const IN_FLIGHT_BATCHES = 16;

export class Outbox {
  private readonly updates: PendingUpdate[] = [];
  private readonly flights = new Map<BatchId, Batch>();
  /** Where the next batch starts, in the counters of the leased peer. */
  private sentEnd = 0;
  /** Fewer once the server found a batch too large. */
  private opsPerBatch = Number.POSITIVE_INFINITY;

  get count(): number {
    return this.updates.length;
  }

  get inFlight(): readonly Batch[] {
    return [...this.flights.values()];
  }

  all(): readonly PendingUpdate[] {
    return this.updates;
  }

  head(): PendingUpdate | undefined {
    return this.updates[0];
  }

  /** The first counter of a peer that is not known to be durable. */
  startOf(peer: PeerID): number | undefined {
    return this.updates.find((update) => update.peer === peer)?.start;
  }

  add(update: PendingUpdate): void {
    this.updates.push(update);
  }

  /** Puts back what the server has lost (a database that failed over to an older copy). */
  reopen(update: PendingUpdate): void {
    this.updates.unshift(update);
  }

  markStored(id: number): void {
    const update = this.updates.find((candidate) => candidate.id === id);
    if (update !== undefined) update.stored = true;
  }

  /** Everything of the peer before `end` is durable. */
  settle(peer: PeerID, end: number): void {
    for (let index = this.updates.length - 1; index >= 0; index -= 1) {
      const update = this.updates[index];
      if (update?.peer === peer && update.end <= end) this.updates.splice(index, 1);
    }
    for (const [batchId, batch] of this.flights) {
      if (batch.peer === peer && batch.end <= end) this.flights.delete(batchId);
    }
  }

  /** A new lease: what was under way is forgotten, sending starts where the server's version ends. */
  restart(durableEnd: number): void {
    this.flights.clear();
    this.sentEnd = durableEnd;
  }

  /** The batch that an acknowledgement names, if it is still awaited. */
  flight(batchId: BatchId): Batch | undefined {
    return this.flights.get(batchId);
  }

  /** Halves the batches. False when there is nothing left to halve. */
  shrink(batch: Batch): boolean {
    const ops = Math.floor((batch.end - batch.start) / 2);
    if (ops < 1) return false;
    this.opsPerBatch = ops;
    return true;
  }

  /** Cuts the next batch of the leased peer, or undefined: nothing ready, another peer's turn, or enough under way. */
  nextBatch(lease: PeerID, copy: Copy, batchId: BatchId, nowMs: number): Batch | undefined {
    const run = this.readyRun(lease, copy);
    if (run === undefined || !this.hasRoomFor(run.byteLength)) return undefined;
    const range = { peer: lease, start: run.start, end: Math.min(run.end, run.start + this.opsPerBatch) };
    const whole = run.whole;
    const bytes =
      whole !== undefined && whole.start === range.start && whole.end === range.end
        ? whole.bytes
        : copy.exportRange(range);
    const batch = { ...range, batchId, bytes, sentAtMs: nowMs, resends: 0 };
    this.flights.set(batchId, batch);
    this.sentEnd = range.end;
    return batch;
  }

  /** Consecutive stored updates of the leased peer that were not sent under this lease. */
  private readyRun(
    lease: PeerID,
    copy: Copy,
  ): { start: number; end: number; byteLength: number; whole: PendingUpdate | undefined } | undefined {
    const known = copy.endOf(lease);
    let first: PendingUpdate | undefined;
    let end = 0;
    let byteLength = 0;
    let taken = 0;
    for (const update of this.updates) {
      if (update.peer !== lease || !update.stored) break;
      if (update.end <= this.sentEnd) continue;
      if (first !== undefined && (byteLength + update.bytes.byteLength > MERGED_BYTES || update.end > known)) break;
      // The server may lack what it builds on; what stands before it can be taken.
      if (first !== undefined && first.id < 0 && copy.buildsOnOthers(lease, update.start)) break;
      first ??= update;
      end = update.end;
      byteLength += update.bytes.byteLength;
      taken += 1;
    }
    if (first === undefined) return undefined;
    const start = Math.max(first.start, this.sentEnd);
    return { start, end, byteLength, whole: taken === 1 ? first : undefined };
  }

  private hasRoomFor(byteLength: number): boolean {
    if (this.flights.size === 0) return true;
    if (this.flights.size >= IN_FLIGHT_BATCHES) return false;
    let bytes = byteLength;
    for (const batch of this.flights.values()) bytes += batch.bytes.byteLength;
    return bytes <= IN_FLIGHT_BYTES;
  }
}
