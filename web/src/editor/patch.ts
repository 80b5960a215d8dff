// Turns the difference between what is shown and what was rendered anew into ProseMirror steps: text in
// place, nodes by insertion and deletion, attributes by attribute steps. It works from the end of the
// document to its beginning, so that positions of the old document hold for everything still to be done.
import { Fragment, Slice } from "@tiptap/pm/model";
import type { Mark, Node } from "@tiptap/pm/model";
import type { Transaction } from "@tiptap/pm/state";
import {
  AddMarkStep, AddNodeMarkStep, AttrStep, DocAttrStep, RemoveMarkStep, RemoveNodeMarkStep, ReplaceAroundStep, ReplaceStep,
} from "@tiptap/pm/transform";
import type { Step } from "@tiptap/pm/transform";
import type { Delta } from "loro-crdt";
import { textEdits } from "./edits";
import type { Range, TextEdit } from "./edits";
import { slotSize } from "./mirror";
import type { Mirror, NodeMirror, Slot, TextMirror } from "./mirror";
import type { Rendered } from "./render";

/** A step that the document refused: its place is then written as a whole. */
class Refused extends Error {}

export class Patcher {
  constructor(
    private readonly tr: Transaction,
    /** What re-rendered mirrors showed before. */
    private readonly before: Map<NodeMirror, Rendered>,
    /** What the event said of texts: exact places. */
    private readonly deltas: Map<TextMirror, Delta<string>[]>,
  ) {}

  /** Patches the document to show the root's new view. */
  root(root: NodeMirror): void {
    const was = this.before.get(root);
    const view = root.view;
    if (was === undefined || view === null) return;
    try {
      this.content(was.slots, root.slots, 0, was.view.content.size);
      for (const [name, value] of Object.entries(view.attrs)) {
        if (!isSame(was.view.attrs[name], value)) this.step(new DocAttrStep(name, value));
      }
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.step(new ReplaceStep(0, this.tr.doc.content.size, new Slice(view.content, 0, 0)));
    }
  }

  private step(step: Step): void {
    if (this.tr.maybeStep(step).failed !== null) throw new Refused();
  }

  /** `from` and `to` are the content's borders in the document before this call. */
  private content(old: Slot[], next: Slot[], from: number, to: number): void {
    const pairs = pairSlots(old, next);
    const sizeAfter = this.tr.doc.content.size - to;
    try {
      this.patchPairs(pairs, old, next, to);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.step(new ReplaceStep(from, this.tr.doc.content.size - sizeAfter, slice(next.flatMap((slot) => slot.nodes))));
    }
  }

  private patchPairs(pairs: [number, number][], old: Slot[], next: Slot[], to: number): void {
    let position = to;
    let i = old.length;
    let j = next.length;
    for (let at = pairs.length - 1; at >= -1; at -= 1) {
      const [pairOld, pairNext] = pairs[at] ?? [-1, -1];
      const gone = old.slice(pairOld + 1, i);
      const come = next.slice(pairNext + 1, j).flatMap((slot) => slot.nodes);
      const gapSize = gone.reduce((sum, slot) => sum + slotSize(slot), 0);
      if (gapSize > 0 || come.length > 0) this.step(new ReplaceStep(position - gapSize, position, slice(come)));
      position -= gapSize;
      const oldSlot = old[pairOld];
      const nextSlot = next[pairNext];
      if (oldSlot === undefined || nextSlot === undefined) break;
      position -= slotSize(oldSlot);
      if (oldSlot !== nextSlot) this.slot(oldSlot, nextSlot, position);
      i = pairOld;
      j = pairNext;
    }
  }

  private slot(old: Slot, next: Slot, position: number): void {
    if (old.kind === "text" && next.kind === "text") {
      this.text(old, next, position);
      return;
    }
    const was = old.nodes[0];
    const view = next.nodes[0];
    if (was === undefined || view === undefined || was === view) return;
    // The new type comes first when it can hold the old content (marks may need it), else last.
    const isTypeFirst = was.type !== view.type && view.type.validContent(was.content);
    try {
      if (isTypeFirst) this.markup(was, view, position, was.content.size);
      if (old.kind === "node" && next.kind === "node") {
        const before = this.before.get(next.covers[0]);
        if (before === undefined) {
          if (!was.eq(view)) throw new Refused();
          return;
        }
        this.content(before.slots, next.covers[0].slots, position + 1, position + was.nodeSize - 1);
      } else if (old.kind === "made" && next.kind === "made") {
        if (!was.eq(view)) this.content(old.slots, next.slots, position + 1, position + was.nodeSize - 1);
      }
      if (!isTypeFirst) this.markup(was, view, position, view.content.size);
    } catch (error) {
      const current = this.tr.doc.nodeAt(position);
      if (!(error instanceof Refused) || current === null) throw error;
      this.step(new ReplaceStep(position, position + current.nodeSize, slice([view])));
    }
  }

  /** Type, attributes and marks of a node. */
  private markup(was: Node, view: Node, position: number, contentSize: number): void {
    if (was.sameMarkup(view)) return;
    if (was.type !== view.type) {
      if (view.isLeaf || was.isLeaf) throw new Refused();
      const end = position + 2 + contentSize;
      const empty = view.type.create(view.attrs, null, view.marks);
      this.step(new ReplaceAroundStep(position, end, position + 1, end - 1, slice([empty]), 1, true));
      return;
    }
    for (const [name, value] of Object.entries(view.attrs)) {
      if (!isSame(was.attrs[name], value)) this.step(new AttrStep(position, name, value));
    }
    for (const mark of was.marks) if (!mark.isInSet(view.marks)) this.step(new RemoveNodeMarkStep(position, mark));
    for (const mark of view.marks) if (!mark.isInSet(was.marks)) this.step(new AddNodeMarkStep(position, mark));
  }

  private text(old: Slot & { kind: "text" }, next: Slot & { kind: "text" }, position: number): void {
    const edits = textEdits(textIn(old.nodes), textIn(next.nodes), this.ranges(old, next));
    const content = Fragment.fromArray(next.nodes);
    const places = newPlaces(edits);
    for (let at = edits.length - 1; at >= 0; at -= 1) {
      const edit = edits[at];
      const place = places[at];
      if (edit === undefined || place === undefined) continue;
      const inserted = content.cut(place, place + edit.text.length);
      this.step(new ReplaceStep(position + edit.from, position + edit.to, new Slice(inserted, 0, 0)));
    }
    this.marks(marksAfter(old.nodes, edits, next.nodes), next.nodes, position);
  }

  private ranges(old: Slot & { kind: "text" }, next: Slot & { kind: "text" }): Range[] | null {
    const text = next.covers[0];
    if (next.covers.length !== 1 || text?.kind !== "text" || old.covers.length !== 1) return null;
    const delta = this.deltas.get(text);
    return delta === undefined ? null : rangesOf(delta);
  }

  private marks(current: MarkRun[], wanted: Node[], position: number): void {
    let offset = 0;
    const want = wanted.map((node): MarkRun => ({ length: node.nodeSize, marks: node.marks }));
    for (const [have, should, length] of zipRuns(current, want)) {
      const from = position + offset;
      offset += length;
      if (have === should) continue;
      for (const mark of have) if (!mark.isInSet(should)) this.step(new RemoveMarkStep(from, position + offset, mark));
      for (const mark of should) if (!mark.isInSet(have)) this.step(new AddMarkStep(from, position + offset, mark));
    }
  }
}

export type MarkRun = { length: number; marks: readonly Mark[] };

/** Walks two lists of runs of the same total length side by side. */
export function* zipRuns<M, N>(a: { length: number; marks: M }[], b: { length: number; marks: N }[]): Generator<[M, N, number]> {
  let i = 0;
  let j = 0;
  let usedA = 0;
  let usedB = 0;
  for (let x = a[i], y = b[j]; x !== undefined && y !== undefined; x = a[i], y = b[j]) {
    const length = Math.min(x.length - usedA, y.length - usedB);
    if (length > 0) yield [x.marks, y.marks, length];
    usedA += length;
    usedB += length;
    if (usedA === x.length) { i += 1; usedA = 0; }
    if (usedB === y.length) { j += 1; usedB = 0; }
  }
}

/** The marks that characters have after the edits: kept ones their old marks, new ones their new marks. */
function marksAfter(old: Node[], edits: TextEdit[], next: Node[]): MarkRun[] {
  if (edits.length === 0) return old.map((node) => ({ length: node.nodeSize, marks: node.marks }));
  const before = Fragment.fromArray(old);
  const after = Fragment.fromArray(next);
  const places = newPlaces(edits);
  const runs: MarkRun[] = [];
  const take = (content: Fragment): void => {
    content.forEach((node) => runs.push({ length: node.nodeSize, marks: node.marks }));
  };
  let at = 0;
  edits.forEach((edit, index) => {
    take(before.cut(at, edit.from));
    const place = places[index] ?? 0;
    take(after.cut(place, place + edit.text.length));
    at = edit.to;
  });
  take(before.cut(at));
  return runs;
}

/** Where each edit's text stands in the new text. */
function newPlaces(edits: TextEdit[]): number[] {
  let shift = 0;
  return edits.map((edit) => {
    const place = edit.from + shift;
    shift += edit.text.length - (edit.to - edit.from);
    return place;
  });
}

function rangesOf(delta: Delta<string>[]): Range[] {
  const ranges: Range[] = [];
  let oldAt = 0;
  let newAt = 0;
  for (const part of delta) {
    if (part.retain !== undefined) {
      oldAt += part.retain;
      newAt += part.retain;
      continue;
    }
    const last = ranges[ranges.length - 1];
    const range = last !== undefined && last.oldTo === oldAt && last.newTo === newAt ? last
      : { oldFrom: oldAt, oldTo: oldAt, newFrom: newAt, newTo: newAt };
    if (range !== last) ranges.push(range);
    if (part.insert !== undefined) newAt += part.insert.length;
    else oldAt += part.delete;
    range.oldTo = oldAt;
    range.newTo = newAt;
  }
  return ranges;
}

/** Pairs of slots that show the same containers, in order on both sides. */
function pairSlots(old: Slot[], next: Slot[]): [number, number][] {
  const pairs: [number, number][] = [];
  let start = 0;
  while (start < old.length && start < next.length && isPair(old[start], next[start])) {
    pairs.push([start, start]);
    start += 1;
  }
  let end = 0;
  while (end < old.length - start && end < next.length - start && isPair(old[old.length - 1 - end], next[next.length - 1 - end])) end += 1;
  const places = new Map<unknown, number>();
  for (let j = start; j < next.length - end; j += 1) {
    for (const child of next[j]?.covers ?? []) places.set(child, j);
  }
  let last = start - 1;
  for (let i = start; i < old.length - end; i += 1) {
    for (const child of old[i]?.covers ?? []) {
      const j = places.get(child);
      if (j === undefined || j <= last || !isPair(old[i], next[j])) continue;
      pairs.push([i, j]);
      last = j;
      break;
    }
  }
  for (let back = end; back > 0; back -= 1) pairs.push([old.length - back, next.length - back]);
  return pairs;
}

function isPair(a: Slot | undefined, b: Slot | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  if (a === b) return true;
  if (a.kind !== b.kind || a.kind === "hidden") return false;
  const covers: Mirror[] = a.covers;
  const others: Mirror[] = b.covers;
  if (covers.length === 0 || others.length === 0) {
    const shown: readonly Node[] = a.nodes;
    const other = b.nodes[0];
    return covers.length === others.length && other !== undefined && shown[0]?.eq(other) === true;
  }
  if (a.kind === "made" && a.nodes[0].type !== b.nodes[0]?.type) return false;
  return covers.some((child) => others.includes(child));
}

export function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const keysA = Object.keys(a);
  const keysB = Object.keys(b);
  return Array.isArray(a) === Array.isArray(b) && keysA.length === keysB.length
    && keysA.every((key) => isSame((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]));
}

export function textIn(nodes: readonly Node[]): string {
  return nodes.length === 1 ? (nodes[0]?.text ?? "") : nodes.map((node) => node.text ?? "").join("");
}

function slice(nodes: readonly Node[]): Slice {
  return nodes.length === 0 ? Slice.empty : new Slice(Fragment.fromArray(nodes.slice()), 0, 0);
}
