// Puts the fragments of large updates together again. Bounded: a server that announces nonsense is refused.
import type { BatchId } from "./wire";

/** The published limit of a reassembled update. */
const UPDATE_BYTES_LIMIT = 16 * 1024 * 1024;
const FRAGMENTS_LIMIT = 4096;
const OPEN_BATCHES_LIMIT = 16;

interface Assembly {
  totalBytes: number;
  parts: (Uint8Array | undefined)[];
  missing: number;
}

export class Fragments {
  private readonly open = new Map<BatchId, Assembly>();

  /** Says whether the announcement is acceptable. */
  begin(batchId: BatchId, fragmentCount: number, totalBytes: number): boolean {
    if (fragmentCount < 1 || fragmentCount > FRAGMENTS_LIMIT || totalBytes > UPDATE_BYTES_LIMIT) return false;
    if (this.open.size >= OPEN_BATCHES_LIMIT) return false;
    const parts = new Array<Uint8Array | undefined>(fragmentCount).fill(undefined);
    this.open.set(batchId, { totalBytes, parts, missing: fragmentCount });
    return true;
  }

  /** The whole update once its last fragment is here; "broken" when the fragments do not fit their header. */
  add(batchId: BatchId, index: number, fragment: Uint8Array): Uint8Array | "incomplete" | "broken" {
    const assembly = this.open.get(batchId);
    if (assembly === undefined || index >= assembly.parts.length) return "broken";
    if (assembly.parts[index] === undefined) assembly.missing -= 1;
    assembly.parts[index] = fragment;
    if (assembly.missing > 0) return "incomplete";
    this.open.delete(batchId);
    const whole = new Uint8Array(assembly.totalBytes);
    let offset = 0;
    for (const part of assembly.parts) {
      if (part === undefined || offset + part.byteLength > whole.byteLength) return "broken";
      whole.set(part, offset);
      offset += part.byteLength;
    }
    return offset === whole.byteLength ? whole : "broken";
  }

  clear(): void {
    this.open.clear();
  }
}
