// Writes a local change of the ProseMirror document to Loro. Old and new document are compared from the
// top; subtrees that are the same object are passed over, so only what a transaction touched is looked at.
//
// What this model cannot do: a container cannot move. Splitting a paragraph writes the shorter part again in
// a new container, joining writes the shorter text again, wrapping and lifting write the wrapped blocks again.
// What somebody types at the same time into a part that was written again stays at the place of the split
// (after a split), or is lost from view with the old container (after a join, a wrap or a lift).
import { LoroList, LoroMap, LoroText } from "loro-crdt";
import type { LoroDoc, Value } from "loro-crdt";
import { Fragment } from "@tiptap/pm/model";
import type { Mark, Node, Schema } from "@tiptap/pm/model";
import { align, itemsOf } from "./align";
import type { Item } from "./align";
import { localRanges, textEdits } from "./edits";
import type { Range } from "./edits";
import { treeOf } from "./events";
import { isKnownKey, markKey, markValue, shownMarks, storedAttributes } from "./marks";
import { markDirty, slotSize, textLength, toRuns } from "./mirror";
import type { NodeMirror, Registry, Slot, TextMirror } from "./mirror";
import { ATTRIBUTES, CHILDREN, MARK_PREFIX, NODE_NAME } from "./model";
import type { Attributes } from "./model";
import { isSame, textIn, zipRuns } from "./patch";
import type { UnknownContent } from "./unknown";
import { UNKNOWN_BLOCK, UNKNOWN_INLINE } from "./unknown";

export class LocalWriter {
  constructor(
    private readonly doc: LoroDoc,
    private readonly schema: Schema,
    private readonly registry: Registry,
    /** What steps changed, from the shown document to the new one. */
    private readonly ranges: Range[],
  ) {}

  /** Makes Loro and the mirror say what `node` shows; mirrors that changed are left dirty. */
  node(mirror: NodeMirror, node: Node, oldStart: number, newStart: number): void {
    const was = mirror.view;
    if (was === node || was === null) return;
    if (was.type !== node.type) {
      this.mapOf(mirror).set(NODE_NAME, node.type.name);
      mirror.name = node.type.name;
      markDirty(mirror);
    }
    this.attributes(mirror, was, node);
    this.nodeMarks(mirror, was.marks, node.marks);
    if (was.content !== node.content) this.children(mirror, node, oldStart, newStart);
  }

  private attributes(mirror: NodeMirror, was: Node, node: Node): void {
    const changes = new Map<string, Value>();
    for (const [key, value] of Object.entries(node.attrs)) {
      const isNew = !(key in was.attrs) && !isSame(mirror.attributes[key], value);
      if (isNew || (key in was.attrs && !isSame(was.attrs[key], value))) changes.set(key, value as Value);
    }
    for (const key of Object.keys(was.attrs)) if (!(key in node.attrs)) changes.set(key, null);
    for (const [key, value] of changes) {
      const isAbsent = value === null || value === undefined;
      if (isAbsent && !(key in mirror.attributes)) continue;
      const map = this.attributesOf(mirror);
      if (isAbsent) {
        map.delete(key);
        mirror.attributes = Object.fromEntries(Object.entries(mirror.attributes).filter(([other]) => other !== key));
      } else {
        map.set(key, value);
        mirror.attributes[key] = value;
      }
      markDirty(mirror);
    }
  }

  private nodeMarks(mirror: NodeMirror, was: readonly Mark[], marks: readonly Mark[]): void {
    if (was === marks) return;
    const old = new Map(was.map((mark) => [markKey(mark), mark]));
    for (const mark of marks) {
      const key = markKey(mark);
      const before = old.get(key);
      old.delete(key);
      if (before?.eq(mark) === true) continue;
      this.mapOf(mirror).set(MARK_PREFIX + key, markValue(mark));
      mirror.marks[key] = markValue(mark);
      markDirty(mirror);
    }
    for (const key of old.keys()) {
      this.mapOf(mirror).delete(MARK_PREFIX + key);
      mirror.marks = Object.fromEntries(Object.entries(mirror.marks).filter(([other]) => other !== key));
      markDirty(mirror);
    }
  }

  private children(mirror: NodeMirror, node: Node, oldStart: number, newStart: number): void {
    const items = itemsOf(node);
    const old = mirror.slots;
    const hasMade = old.some((slot) => slot.kind === "made");
    let plan = planOf(old, items, false);
    // What the view only made up becomes real as soon as its siblings change.
    if (hasMade && plan.isStructural) plan = planOf(old, items, true);
    const oldEnds = ends(old.map(slotSize), oldStart);
    const newEnds = ends(items.map(itemSize), newStart);
    const firstChild = counts(old);
    let i = plan.oldEnd;
    let j = plan.newEnd;
    for (let at = plan.pairs.length - 1; at >= -1; at -= 1) {
      const [pairOld, pairNew] = plan.pairs[at] ?? [plan.start - 1, plan.start - 1];
      this.gap(mirror, old, firstChild, [pairOld + 1, i], items.slice(pairNew + 1, j));
      if (at < 0) break;
      const slot = old[pairOld];
      const item = items[pairNew];
      if (slot === undefined || item === undefined) throw new Error("a pair lies outside of the node");
      const from = oldEnds[pairOld] ?? 0;
      const to = newEnds[pairNew] ?? 0;
      if (slot.kind === "text") this.text(mirror, slot, item.nodes, node, from - slotSize(slot), to - itemSize(item));
      else if (slot.kind === "node") this.node(slot.covers[0], item.nodes[0], from - slotSize(slot) + 1, to - itemSize(item) + 1);
      i = pairOld;
      j = pairNew;
    }
  }

  /** Old slots of the range go, the items come in their place. */
  private gap(mirror: NodeMirror, old: Slot[], firstChild: number[], [from, to]: [number, number], items: Item[]): void {
    for (let at = to - 1; at >= from; at -= 1) {
      const slot = old[at];
      if (slot === undefined || slot.covers.length === 0 || slot.kind === "hidden") continue;
      // A text that is gone is emptied and kept: what others type into it at this moment then stays.
      if (slot.kind === "text") this.emptyTexts(mirror, slot);
      else this.removeChildren(mirror, firstChild[at] ?? 0, slot.covers.length);
    }
    // In front of what was kept of the range, which is empty text.
    let at = firstChild[from] ?? mirror.children.length;
    for (const item of items) {
      this.insert(mirror, at, item);
      at += 1;
    }
  }

  private emptyTexts(mirror: NodeMirror, slot: Slot): void {
    for (const text of slot.covers) {
      if (text.kind !== "text" || text.length === 0) continue;
      this.doc.getText(text.id).delete(0, text.length);
      text.runs = [];
      text.length = 0;
      markDirty(mirror);
    }
  }

  private removeChildren(mirror: NodeMirror, at: number, count: number): void {
    this.childrenOf(mirror).delete(at, count);
    for (const child of mirror.children.splice(at, count)) this.registry.forget(child);
    markDirty(mirror);
  }

  private insert(mirror: NodeMirror, at: number, item: Item): void {
    const list = this.childrenOf(mirror);
    const written = item.kind === "text" ? writeText(list, at, item.nodes) : writeNode(list, at, item.nodes[0]);
    const child = this.registry.build(treeOf(this.doc, written.id), mirror);
    mirror.children.splice(at, 0, child);
    markDirty(mirror);
  }

  private text(mirror: NodeMirror, slot: Slot & { kind: "text" }, nodes: Node[], parent: Node, oldStart: number, newStart: number): void {
    const before = textIn(slot.nodes);
    const after = textIn(nodes);
    const ranges = localRanges(this.ranges, oldStart, before.length, newStart, after.length);
    const texts = slot.covers.filter((child) => child.kind === "text");
    const edits = textEdits(before, after, ranges);
    for (let at = edits.length - 1; at >= 0; at -= 1) {
      const edit = edits[at];
      if (edit !== undefined) this.edit(texts, edit.from, edit.to, edit.text);
    }
    let done = 0;
    for (const text of texts) {
      readRuns(this.doc, text);
      this.marks(text, Fragment.fromArray(nodes).cut(done, done + text.length), parent);
      done += text.length;
    }
    markDirty(mirror);
  }

  /** Deletes and inserts over texts that follow each other; text at a border goes to the earlier one. */
  private edit(texts: TextMirror[], from: number, to: number, inserted: string): void {
    let start = texts.reduce((sum, text) => sum + text.length, 0);
    for (let at = texts.length - 1; at >= 0; at -= 1) {
      const text = texts[at];
      if (text === undefined) continue;
      const end = start;
      start -= text.length;
      const cutFrom = Math.max(from, start) - start;
      const cutTo = Math.min(to, end) - start;
      const container = this.doc.getText(text.id);
      if (cutFrom < cutTo) {
        container.delete(cutFrom, cutTo - cutFrom);
        text.length -= cutTo - cutFrom;
      }
      const isHere = from > start || at === 0 || (from === 0 && start === 0 && end > 0);
      if (inserted !== "" && isHere && from <= end) {
        container.insert(from - start, inserted);
        text.length += inserted.length;
        return;
      }
    }
  }

  /** Marks and unmarks where the text's shown marks differ from the wanted ones. */
  private marks(text: TextMirror, wanted: Fragment, parent: Node): void {
    const have = text.runs.map((run) => ({ length: run.insert.length, marks: run.attributes ?? {} }));
    const want = wanted.content.map((node) => ({ length: node.nodeSize, marks: node.marks }));
    const changes: { key: string; value: Value; from: number; to: number }[] = [];
    let at = 0;
    for (const [raw, marks, length] of zipRuns(have, want)) {
      const from = at;
      at += length;
      for (const [key, value] of this.markChanges(raw, marks, parent)) {
        const last = changes.findLast((change) => change.key === key);
        if (last !== undefined && last.to === from && isSame(last.value, value)) last.to = at;
        else changes.push({ key, value, from, to: at });
      }
    }
    if (changes.length === 0) return;
    const container = this.doc.getText(text.id);
    for (const { key, value, from, to } of changes) {
      if (value === null) container.unmark({ start: from, end: to }, key);
      else container.mark({ start: from, end: to }, key, value);
    }
    readRuns(this.doc, text);
  }

  private markChanges(raw: Attributes, wanted: readonly Mark[], parent: Node): [string, Value][] {
    const shown = shownMarks(this.schema, raw, parent.type);
    if (shown.length === wanted.length && shown.every((mark, index) => wanted[index]?.eq(mark) === true)) return [];
    const changes: [string, Value][] = [];
    const keys = new Set(wanted.map(markKey));
    for (const mark of wanted) {
      if (!isSame(raw[markKey(mark)], markValue(mark))) changes.push([markKey(mark), markValue(mark)]);
    }
    for (const [key, value] of Object.entries(raw)) {
      const isShown = shown.some((mark) => markKey(mark) === key);
      if (value !== null && !keys.has(key) && (isShown || isKnownKey(this.schema, key))) changes.push([key, null]);
    }
    return changes;
  }

  private mapOf(mirror: NodeMirror): LoroMap {
    return this.doc.getMap(mirror.id);
  }

  private attributesOf(mirror: NodeMirror): LoroMap {
    if (mirror.attributesId !== null) return this.doc.getMap(mirror.attributesId);
    const map = this.mapOf(mirror).setContainer(ATTRIBUTES, new LoroMap());
    this.registry.register(mirror, "attributes", map.id);
    return map;
  }

  private childrenOf(mirror: NodeMirror): LoroList {
    if (mirror.childrenId !== null) return this.doc.getList(mirror.childrenId);
    const list = this.mapOf(mirror).setContainer(CHILDREN, new LoroList());
    this.registry.register(mirror, "children", list.id);
    return list;
  }
}

type Plan = { start: number; oldEnd: number; newEnd: number; pairs: [number, number][]; isStructural: boolean };

/** Passes over equal pieces at both ends and aligns the rest. Pairs count from the node's beginning. */
function planOf(old: Slot[], items: Item[], stopAtMade: boolean): Plan {
  const isEqual = (slot: Slot | undefined, item: Item | undefined): boolean =>
    slot !== undefined && item !== undefined && !(stopAtMade && slot.kind === "made") && (slot.kind === "text") === (item.kind === "text")
    && slot.nodes.length === item.nodes.length && slot.nodes.every((node, index) => node === item.nodes[index]);
  let start = 0;
  while (start < old.length && start < items.length && isEqual(old[start], items[start])) start += 1;
  let oldEnd = old.length;
  let newEnd = items.length;
  while (oldEnd > start && newEnd > start && isEqual(old[oldEnd - 1], items[newEnd - 1])) { oldEnd -= 1; newEnd -= 1; }
  const pairs = align(old.slice(start, oldEnd), items.slice(start, newEnd)).map(([i, j]): [number, number] => [i + start, j + start]);
  const isStructural = pairs.length < oldEnd - start || pairs.length < newEnd - start
    || pairs.some(([i, j]) => old[i]?.nodes[0]?.type !== items[j]?.nodes[0]?.type);
  return { start, oldEnd, newEnd, pairs, isStructural };
}

function itemSize(item: Item): number {
  return item.nodes.reduce((sum, node) => sum + node.nodeSize, 0);
}

function ends(sizes: number[], start: number): number[] {
  let end = start;
  return sizes.map((size) => (end += size));
}

/** The index of each slot's first child, and behind the last the number of children. */
function counts(slots: Slot[]): number[] {
  const first = [0];
  let count = 0;
  for (const slot of slots) first.push((count += slot.covers.length));
  return first;
}

function readRuns(doc: LoroDoc, text: TextMirror): void {
  text.runs = toRuns(doc.getText(text.id).toDelta());
  text.length = textLength(text.runs);
}

function writeText(list: LoroList, at: number, nodes: Node[]): LoroText {
  const text = list.insertContainer(at, new LoroText());
  text.applyDelta(nodes.map((node) => {
    const attributes = Object.fromEntries(node.marks.map((mark) => [markKey(mark), markValue(mark)]));
    return node.marks.length === 0 ? { insert: node.text ?? "" } : { insert: node.text ?? "", attributes };
  }));
  return text;
}

function writeNode(list: LoroList, at: number, node: Node): LoroMap {
  if (node.type.name === UNKNOWN_BLOCK || node.type.name === UNKNOWN_INLINE) {
    return writeUnknown(list, at, node.attrs["content"] as UnknownContent | null);
  }
  const map = list.insertContainer(at, new LoroMap());
  map.set(NODE_NAME, node.type.name);
  const attributes = map.setContainer(ATTRIBUTES, new LoroMap());
  for (const [key, value] of Object.entries(storedAttributes(node.attrs))) attributes.set(key, value);
  for (const mark of node.marks) map.set(MARK_PREFIX + markKey(mark), markValue(mark));
  const children = map.setContainer(CHILDREN, new LoroList());
  itemsOf(node).forEach((item, index) => {
    if (item.kind === "text") writeText(children, index, item.nodes);
    else writeNode(children, index, item.nodes[0]);
  });
  return map;
}

/** A copy of unknown content, as far as the model describes it. */
function writeUnknown(list: LoroList, at: number, content: UnknownContent | null): LoroMap {
  const map = list.insertContainer(at, new LoroMap());
  map.set(NODE_NAME, content?.nodeName ?? "paragraph");
  const attributes = map.setContainer(ATTRIBUTES, new LoroMap());
  for (const [key, value] of Object.entries(content?.attributes ?? {})) attributes.set(key, value);
  for (const [key, value] of Object.entries(content?.marks ?? {})) map.set(MARK_PREFIX + key, value);
  const children = map.setContainer(CHILDREN, new LoroList());
  (content?.children ?? []).forEach((child, index) => {
    if (Array.isArray(child)) children.insertContainer(index, new LoroText()).applyDelta(child);
    else writeUnknown(children, index, child);
  });
  return map;
}
