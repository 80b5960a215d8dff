// Ties one Loro document to one ProseMirror document. Pure: it knows neither views nor React. After each
// call, the document it holds (`view`) is what ProseMirror shows and what Loro says.
import type { LoroDoc, LoroEventBatch, LoroText, OpId } from "loro-crdt";
import { Fragment } from "@tiptap/pm/model";
import type { Node, Schema } from "@tiptap/pm/model";
import { TextSelection } from "@tiptap/pm/state";
import type { EditorState, Transaction } from "@tiptap/pm/state";
import { ReplaceStep } from "@tiptap/pm/transform";
import { textEdits } from "./edits";
import type { Range } from "./edits";
import { bodyOf, configureTextStyles, EDIT_ORIGIN, insertText, isSame, isSeeded, setMarks } from "./model";
import type { TextDelta } from "./model";
import { blocksOf, isText, lengthOf, marksOf, offsetAt, pageOf, positionAt, textOf } from "./sequence";

export type Warn = (what: string, error?: unknown) => void;

/** A stretch of blocks, by their numbers, and where they are in the text. */
type Stretch = { first: number; end: number; from: number; to: number };
/** Where in a text something changed: what stands before and behind is the same. */
type Hull = { from: number; oldTo: number; newTo: number };

export class Binding {
  readonly body: LoroText;
  /** What is shown. */
  view: Node;
  private version: OpId[];
  /** While a local change is being written, Loro's events tell of that. */
  private isWriting = false;

  /** Reads the document and writes nothing. */
  constructor(
    readonly doc: LoroDoc,
    readonly schema: Schema,
    private readonly warn: Warn = () => undefined,
  ) {
    configureTextStyles(doc);
    this.body = bodyOf(doc);
    this.version = doc.frontiers();
    this.view = pageOf(schema, this.body.toDelta());
  }

  /** False until the server's seed has arrived: such a document must not be written to. */
  get isSeeded(): boolean {
    return isSeeded(this.doc);
  }

  /**
   * Whether Loro may have changed without this binding having been told (an import of what changes nothing
   * moves the version and tells nobody). To be asked before the first event is heard.
   */
  get isBehind(): boolean {
    return !isSameVersion(this.version, this.doc.frontiers());
  }

  /**
   * Writes what `node` changed since `view` to Loro, as one commit. Answers whether Loro now says just that;
   * if not, `view` is what it does say, and `repair` makes ProseMirror follow.
   */
  local(node: Node, ranges: readonly Range[]): boolean {
    const before = this.view;
    if (node === before) return true;
    const [start, oldEnd, newEnd] = changedBlocks(before, node);
    const from = textLength(before, 0, start);
    this.isWriting = true;
    try {
      const text = textOfBlocks(node, start, newEnd);
      const places = ranges.map((range) => ({
        oldFrom: offsetAt(before, range.oldFrom) - from,
        oldTo: offsetAt(before, range.oldTo) - from,
        newFrom: offsetAt(node, range.newFrom) - from,
        newTo: offsetAt(node, range.newTo) - from,
      }));
      const edits = textEdits(textOfBlocks(before, start, oldEnd), text, places);
      for (const { from: at, to, text: inserted } of edits.reverse()) {
        if (to > at) this.body.delete(from + at, to - at);
        insertText(this.body, from + at, inserted);
      }
      const wanted = [];
      for (let index = start; index < newEnd; index += 1) wanted.push(...marksOf(node.child(index), node.maybeChild(index + 1)));
      setMarks(this.body, from, wanted);
      this.view = this.shown(node, start, newEnd, from, from + text.length);
    } catch (error) {
      this.warn("write a local change", error);
      this.view = pageOf(this.schema, this.body.toDelta());
    } finally {
      this.doc.commit({ origin: EDIT_ORIGIN });
      this.version = this.doc.frontiers();
      this.isWriting = false;
    }
    return this.view === node;
  }

  /**
   * Adds the steps that an event batch asks for to a transaction that starts at `view`, and maps the
   * selection. Answers whether there were any.
   */
  remote(batch: LoroEventBatch, tr: Transaction, state: EditorState): boolean {
    if (this.isWriting || isSameVersion(batch.to, this.version)) return false;
    const now = this.doc.frontiers();
    // Batches come one by one as they happen; when the document is already further, they cannot be replayed.
    const isNext = isSameVersion(batch.to, now);
    this.version = now;
    if (!isNext) return this.readAgain(tr, state);
    const deltas = batch.events.flatMap(({ target, diff }) => (target === this.body.id && diff.type === "text" ? [diff.diff] : []));
    const [delta] = deltas;
    if (delta === undefined) return false;
    try {
      this.apply(delta, tr);
    } catch (error) {
      this.warn("apply an event", error);
      return this.readAgain(tr, state);
    }
    this.view = tr.doc;
    keepSelection(tr, state, (offset, side) => movedBy(delta, offset, side));
    return tr.docChanged;
  }

  /** Adds the steps that make ProseMirror show what Loro says now, whatever it shows. */
  refresh(tr: Transaction, state: EditorState): boolean {
    this.version = this.doc.frontiers();
    return this.readAgain(tr, state);
  }

  private readAgain(tr: Transaction, state: EditorState): boolean {
    this.view = pageOf(this.schema, this.body.toDelta());
    return this.repair(tr, state);
  }

  /** Makes a transaction that shows something else show `view`. */
  repair(tr: Transaction, state: EditorState): boolean {
    const [start, oldEnd, newEnd] = changedBlocks(tr.doc, this.view);
    replaceBlocks(tr, start, oldEnd, childrenOf(this.view, start, newEnd));
    this.view = tr.doc;
    keepSelection(tr, state, null);
    return tr.docChanged;
  }

  /** The document with what Loro says in the place of some of its blocks: `node` itself if that is the same. */
  private shown(node: Node, start: number, end: number, from: number, to: number): Node {
    const blocks = blocksOf(this.schema, to > from ? this.body.sliceDelta(from, to) : []);
    if (blocks.length === end - start && blocks.every((block, index) => block.eq(node.child(start + index)))) return node;
    const all = [...childrenOf(node, 0, start), ...blocks, ...childrenOf(node, end, node.childCount)];
    return all.length === 0 ? pageOf(this.schema, []) : node.copy(Fragment.fromArray(all));
  }

  private apply(delta: readonly TextDelta[], tr: Transaction): void {
    const { view } = this;
    const stretches = stretchesOf(view, delta);
    let shift = 0;
    const places = stretches.map(({ stretch, grows, from, to }) => {
      const hull = { from: from - stretch.from, oldTo: to - stretch.from, newTo: to - stretch.from + grows };
      const place = { stretch, hull, from: stretch.from + shift, to: stretch.to + shift + grows };
      shift += grows;
      return place;
    });
    // From the last to the first, so that the numbers of the others stay right.
    for (const { stretch, hull, from, to } of places.reverse()) {
      const blocks = blocksOf(this.schema, to > from ? this.body.sliceDelta(from, to) : []);
      const isAll = stretch.first === 0 && stretch.end === view.childCount;
      if (blocks.length === 0 && isAll) blocks.push(...childrenOf(pageOf(this.schema, []), 0, 1));
      replaceBlocks(tr, stretch.first, stretch.end, blocks, hull);
    }
  }
}

/** The first block that differs, and the ends of those that do. */
function changedBlocks(before: Node, after: Node): [start: number, oldEnd: number, newEnd: number] {
  const most = Math.min(before.childCount, after.childCount);
  let start = 0;
  while (start < most && before.child(start) === after.child(start)) start += 1;
  let same = 0;
  while (same < most - start && before.child(before.childCount - 1 - same) === after.child(after.childCount - 1 - same)) same += 1;
  // Whether a block is open depends on the one after it.
  if (start > 0) start -= 1;
  return [start, before.childCount - same, after.childCount - same];
}

function childrenOf(doc: Node, start: number, end: number): Node[] {
  return Array.from({ length: Math.max(0, end - start) }, (_, index) => doc.child(start + index));
}

function textLength(doc: Node, start: number, end: number): number {
  let length = 0;
  for (let index = start; index < end; index += 1) length += lengthOf(doc.child(index), doc.maybeChild(index + 1));
  return length;
}

function textOfBlocks(doc: Node, start: number, end: number): string {
  let text = "";
  for (let index = start; index < end; index += 1) text += textOf(doc.child(index), doc.maybeChild(index + 1));
  return text;
}

/** What of a text changed, from and to, in which blocks, and by how much it grows. */
type Changed = { stretch: Stretch; grows: number; from: number; to: number };

/** The blocks that a change of the text concerns, in stretches that are apart. */
function stretchesOf(doc: Node, delta: readonly TextDelta[]): Changed[] {
  const found: Changed[] = [];
  const walk = new Walk(doc);
  let at = 0;
  for (const part of delta) {
    const { retain = 0, delete: gone = 0 } = part;
    const isPlain = part.retain !== undefined && part.attributes === undefined;
    const grows = (part.insert?.length ?? 0) - gone;
    if (!isPlain) {
      const stretch = walk.stretch(at, at + (gone > 0 ? gone : Math.max(0, retain - 1)));
      const last = found.at(-1);
      if (last !== undefined && stretch.first < last.stretch.end) {
        last.grows += grows;
        last.to = at + retain + gone;
        if (stretch.end > last.stretch.end) last.stretch = { ...stretch, first: last.stretch.first, from: last.stretch.from };
      } else {
        found.push({ stretch, grows, from: at, to: at + retain + gone });
      }
    }
    at += retain + gone;
  }
  return found;
}

/** Goes through the blocks of a document, forwards. */
class Walk {
  private index = 0;
  private offset = 0;

  constructor(private readonly doc: Node) {}

  private get length(): number {
    return lengthOf(this.doc.child(this.index), this.doc.maybeChild(this.index + 1));
  }

  private get isLast(): boolean {
    return this.index + 1 >= this.doc.childCount;
  }

  /** The blocks from the one at a place to the one at another. */
  stretch(from: number, to: number): Stretch {
    while (!this.isLast && this.offset + this.length <= from) this.step();
    const before = this.index === 0 ? null : this.doc.child(this.index - 1);
    // What comes before a thing may go on with the open text there.
    const isOpenBefore = before !== null && isText(before) && !isText(this.doc.child(this.index)) && before.attrs["isOpen"] === true;
    const first = isOpenBefore ? this.index - 1 : this.index;
    const start = isOpenBefore ? this.offset - before.content.size : this.offset;
    while (!this.isLast && this.offset + this.length <= to) this.step();
    return { first, end: this.index + 1, from: start, to: this.offset + this.length };
  }

  private step(): void {
    this.offset += this.length;
    this.index += 1;
  }
}

/** Puts blocks in the place of others with steps that touch as little as they can. */
function replaceBlocks(tr: Transaction, first: number, end: number, blocks: readonly Node[], hull: Hull | null = null): void {
  const { doc } = tr;
  let start = first;
  let [oldEnd, next, last] = [end, 0, blocks.length];
  while (start < oldEnd && next < last && doc.child(start).eq(blocks[next] as Node)) { start += 1; next += 1; }
  while (start < oldEnd && next < last && doc.child(oldEnd - 1).eq(blocks[last - 1] as Node)) { oldEnd -= 1; last -= 1; }
  const old = childrenOf(doc, start, oldEnd);
  const wanted = blocks.slice(next, last);
  if (old.length === 0 && wanted.length === 0) return;
  const from = sizeOf(childrenOf(doc, 0, start));
  const behind = doc.content.size - from - sizeOf(old);
  if (old.length > 0 && wanted.length > 0 && [...old, ...wanted].every(isText)) {
    const skipped = textLength(doc, first, start);
    const within = hull === null || hull.from < skipped ? null : { from: hull.from - skipped, oldTo: hull.oldTo - skipped, newTo: hull.newTo - skipped };
    if (replaceText(tr, from, old, wanted, within)) return;
  }
  tr.replaceWith(from, tr.doc.content.size - behind, wanted);
}

function sizeOf(blocks: readonly Node[]): number {
  return blocks.reduce((sum, block) => sum + block.nodeSize, 0);
}

/** Replaces just the text that differs, and says what the blocks are then. Answers whether that was enough. */
function replaceText(tr: Transaction, position: number, old: readonly Node[], wanted: readonly Node[], hull: Hull | null): boolean {
  const bare = (blocks: readonly Node[]): Node => {
    return tr.doc.type.create(null, blocks.map((block) => block.type.create(null, block.content, block.marks)));
  };
  const [one, other] = [bare(old), bare(wanted)];
  const place = hull === null ? null : { from: positionAt(one, hull.from), a: positionAt(one, hull.oldTo), b: positionAt(other, hull.newTo) };
  const { from, a, b } = place ?? difference(one, other);
  const isSameText = one.content.eq(other.content);
  if (!isSameText && tr.maybeStep(new ReplaceStep(position + from, position + a, other.slice(from, b))).failed !== null) return false;
  let at = position;
  for (const block of wanted) {
    const node = tr.doc.nodeAt(at);
    if (node === null || !isText(node) || !node.content.eq(block.content)) return false;
    for (const [name, value] of Object.entries(block.attrs)) {
      if (!isSame(node.attrs[name], value)) tr.setNodeAttribute(at, name, value);
    }
    at += node.nodeSize;
  }
  return true;
}

/** What differs of two documents: from where on, and to where in each. */
function difference(one: Node, other: Node): { from: number; a: number; b: number } {
  const from = one.content.findDiffStart(other.content) ?? 0;
  const { a, b } = one.content.findDiffEnd(other.content) ?? { a: from, b: from };
  const overlap = Math.max(0, from - Math.min(a, b));
  return { from, a: a + overlap, b: b + overlap };
}

/** Where a place in the text is after a change; at text that comes just there: before it, or after. */
function movedBy(delta: readonly TextDelta[], offset: number, side: -1 | 1): number {
  let old = 0;
  let now = 0;
  for (const part of delta) {
    if (part.insert !== undefined) {
      if (old > offset || (old === offset && side < 0)) break;
      now += part.insert.length;
    } else if (part.delete !== undefined) {
      if (offset < old + part.delete) return now;
      old += part.delete;
    } else {
      if (offset < old + part.retain) break;
      old += part.retain;
      now += part.retain;
    }
  }
  return now + Math.max(0, offset - old);
}

type Moved = (offset: number, side: -1 | 1) => number;

/**
 * The caret stays with its character, and before text that others insert just there (two people typing at one
 * place do not mix their letters); a selection does not grow. Marks chosen for the next character stay chosen.
 */
function keepSelection(tr: Transaction, state: EditorState, moved: Moved | null): void {
  const { selection } = state;
  if (!tr.docChanged) return;
  if (selection instanceof TextSelection) {
    const { anchor, head, empty } = selection;
    const place = (position: number, other: number): number => {
      const side = !empty && position < other ? 1 : -1;
      return moved === null ? tr.mapping.map(position, side) : positionAt(tr.doc, moved(offsetAt(state.doc, position), side));
    };
    const $anchor = tr.doc.resolve(place(anchor, head));
    const $head = empty ? $anchor : tr.doc.resolve(place(head, anchor));
    if ($anchor.parent.inlineContent && $head.parent.inlineContent) tr.setSelection(new TextSelection($anchor, $head));
  }
  tr.setStoredMarks(state.storedMarks);
}

function isSameVersion(a: OpId[], b: OpId[]): boolean {
  return a.length === b.length && a.every((id) => b.some((other) => other.peer === id.peer && other.counter === id.counter));
}
