// The Loro document of this tab, as the rest of synchronisation asks for it: versions, ranges, text.
import { LoroDoc, VersionVector, type PeerID } from "loro-crdt";
import { configureTextStyles, plainText } from "../editor/model";
import type { Copy, Range } from "./outbox";

export type Version = ReadonlyMap<PeerID, number>;

/** A new document with the marks of the document model; one that lacks a mark's rule cannot read the mark. */
export function newDocument(): LoroDoc {
  const doc = new LoroDoc();
  configureTextStyles(doc);
  return doc;
}

export class LocalCopy implements Copy {
  constructor(readonly doc: LoroDoc) {}

  peer(): PeerID {
    return this.doc.peerIdStr;
  }

  endOf(peer: PeerID): number {
    const version = this.doc.version();
    try {
      return version.get(peer) ?? 0;
    } finally {
      version.free();
    }
  }

  version(): Version {
    const version = this.doc.version();
    try {
      return version.toJSON();
    } finally {
      version.free();
    }
  }

  includes(version: Version): boolean {
    const own = this.version();
    for (const [peer, end] of version) if ((own.get(peer) ?? 0) < end) return false;
    return true;
  }

  encodedVersion(): Uint8Array {
    const version = this.doc.version();
    try {
      return version.encode();
    } finally {
      version.free();
    }
  }

  exportRange({ peer, start, end }: Range): Uint8Array {
    return this.doc.export({
      mode: "updates-in-range",
      spans: [{ id: { peer, counter: start }, len: end - start }],
    });
  }

  pieces({ peer, start, end }: Range): Range[] {
    const pieces: Range[] = [];
    const known = Math.min(end, this.endOf(peer));
    for (let counter = start; counter < known; ) {
      // Within a change each operation builds on the one before it.
      const change = this.doc.getChangeAt({ peer, counter });
      const next = Math.min(known, change.counter + change.length);
      pieces.push({ peer, start: counter, end: next });
      counter = next;
    }
    return pieces;
  }

  buildsOnOthers(peer: PeerID, counter: number): boolean {
    if (counter >= this.endOf(peer)) return false;
    const change = this.doc.getChangeAt({ peer, counter });
    return change.counter === counter && change.deps.some((dep) => dep.peer !== peer);
  }

  exceeds(version: Version, own: ReadonlySet<PeerID>): boolean {
    for (const [peer, end] of this.version()) if (!own.has(peer) && end > (version.get(peer) ?? 0)) return true;
    return false;
  }

  /** What lies between two versions, or null when there is nothing. */
  exportBetween(from: Version, to: Version): Uint8Array | null {
    const spans = [];
    for (const [peer, end] of to) {
      const counter = from.get(peer) ?? 0;
      if (end > counter) spans.push({ id: { peer, counter }, len: end - counter });
    }
    return spans.length === 0 ? null : this.doc.export({ mode: "updates-in-range", spans });
  }

  /** Applies updates as one change. Throws when Loro cannot read one of them. */
  take(updates: readonly Uint8Array[]): void {
    const [first] = updates;
    if (updates.length === 1 && first !== undefined) this.doc.import(first);
    else if (updates.length > 1) this.doc.importBatch([...updates]);
  }

  text(): string {
    return plainText(this.doc);
  }
}

export function decodeVersion(bytes: Uint8Array): Version {
  const version = VersionVector.decode(bytes);
  try {
    return version.toJSON();
  } finally {
    version.free();
  }
}
