// An editor without a view: a state, a binding, and what the plugin does between them.
import { getSchema } from "@tiptap/core";
import { EditorState } from "@tiptap/pm/state";
import type { Plugin, Transaction } from "@tiptap/pm/state";
import type { Node, Schema } from "@tiptap/pm/model";
import { LoroDoc } from "loro-crdt";
import type { PeerID } from "loro-crdt";
import { Binding } from "../../src/editor/binding";
import { composeRanges } from "../../src/editor/edits";
import { newPage } from "../../src/editor/model";
import type { Keys, NewBlock } from "../../src/editor/model";
import { documentExtensions } from "../../src/editor/schema";

export const schema: Schema = getSchema(documentExtensions());

export class TestEditor {
  readonly binding: Binding;
  state: EditorState;
  readonly warnings: string[] = [];
  /** Remote transactions, as they were applied. */
  readonly received: Transaction[] = [];
  /** How often a local change was not what Loro rendered to. */
  repairs = 0;
  private readonly stop: () => void;

  constructor(readonly doc: LoroDoc, plugins: Plugin[] = []) {
    this.binding = new Binding(doc, schema, (what, error) => this.warnings.push(`${what} ${error instanceof Error ? (error.stack ?? "") : ""}`));
    this.state = EditorState.create({ doc: this.binding.view, plugins });
    this.stop = doc.subscribe((batch) => {
      const { tr } = this.state;
      if (!this.binding.remote(batch, tr, this.state)) return;
      this.received.push(tr);
      this.state = this.state.apply(tr);
    });
  }

  /** Applies a local transaction, as the plugin does. Answers false when a repair was needed. */
  apply(tr: Transaction): boolean {
    this.state = this.state.apply(tr);
    if (!tr.docChanged) return true;
    const isSame = this.binding.local(this.state.doc, composeRanges(tr.mapping.maps));
    if (!isSame) {
      this.repairs += 1;
      const repair = this.state.tr;
      this.binding.repair(repair, this.state);
      this.state = this.state.apply(repair);
    }
    return isSame;
  }

  get tr(): Transaction {
    return this.state.tr;
  }

  close(): void {
    this.stop();
  }
}

/** Copies of one document, each with a peer of its own. */
export function replicas(count: number, blocks?: readonly NewBlock[]): LoroDoc[] {
  const first = new LoroDoc();
  first.setPeerId("1000");
  newPage(first, blocks);
  const snapshot = first.export({ mode: "snapshot" });
  return Array.from({ length: count }, (_, index) => {
    const doc = new LoroDoc();
    doc.import(snapshot);
    doc.setPeerId(String(index + 1) as PeerID);
    return doc;
  });
}

export function exchange(a: LoroDoc, b: LoroDoc): void {
  const toB = a.export({ mode: "update", from: b.version() });
  const toA = b.export({ mode: "update", from: a.version() });
  b.import(toB);
  a.import(toA);
}

/** What a fresh reading of Loro shows. */
export function rendered(doc: LoroDoc): Node {
  return new Binding(doc, schema).view;
}

export function paragraph(text: NewBlock["text"] = "", keys?: Keys): NewBlock {
  return keys === undefined ? { text } : { text, keys };
}

/** A page in short: each block's text with what it is. */
export function shown(doc: Node): string[] {
  return Array.from({ length: doc.childCount }, (_, index) => {
    const block = doc.child(index);
    const keys = Object.entries(block.attrs["keys"] as Keys).sort(([a], [b]) => (a < b ? -1 : 1));
    const said = keys.map(([key, value]) => `${key}=${typeof value === "object" ? JSON.stringify(value) : String(value)}`).join(" ");
    const name = block.type.name === "paragraph" ? "" : `<${block.type.name}>`;
    return `${said === "" ? "" : `[${said}] `}${name}${block.textBetween(0, block.content.size, "", "|")}`;
  });
}

/** A small seeded generator (mulberry32): integers below `limit`. */
export function random(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
}
