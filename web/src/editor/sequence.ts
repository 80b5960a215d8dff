// Between ProseMirror's document and the page's text: how a block stands in the text, where a place in one is in
// the other, and how text becomes blocks.
import { Fragment, Mark } from "@tiptap/pm/model";
import type { Node, Schema } from "@tiptap/pm/model";
import type { Value } from "loro-crdt";
import { BREAK, counted, END, OBJECT, OBJECT_KEY, isSame } from "./model";
import type { Keys, TextDelta, Wanted } from "./model";
import { INLINE_THING, kindOf, keysOf, PARAGRAPH, RULE, THING, UNKNOWN_MARK } from "./nodes";

const HARD_BREAK = "hardBreak";

/** Whether a block of the page is text. */
export function isText(block: Node): boolean {
  return block.type.name === PARAGRAPH;
}

/** Whether a block's text has no end of its own: it may lack one before a thing and at the page's end. */
function isOpen(block: Node, next: Node | null): boolean {
  return block.attrs["isOpen"] === true && (next === null || !isText(next));
}

/** Characters that a block takes in the text. */
export function lengthOf(block: Node, next: Node | null): number {
  return isText(block) ? block.content.size + (isOpen(block, next) ? 0 : 1) : 1;
}

/** A block as text. */
export function textOf(block: Node, next: Node | null): string {
  if (!isText(block)) return END;
  let text = "";
  block.forEach((child) => { text += child.isText ? (child.text ?? "") : child.type.name === HARD_BREAK ? BREAK : OBJECT; });
  return isOpen(block, next) ? text : text + END;
}

/** What marks a block's text and its end are to have. */
export function marksOf(block: Node, next: Node | null): Wanted[] {
  const wanted: Wanted[] = [];
  block.forEach((child) => {
    const marks: Record<string, Value> = {};
    for (const mark of child.marks) {
      if (mark.type.name === UNKNOWN_MARK) marks[String(mark.attrs["key"])] = mark.attrs["value"] as Value;
      else marks[mark.type.name] = storedValue(mark);
    }
    if (child.type.name === INLINE_THING) marks[OBJECT_KEY] = child.attrs["object"] as Value;
    wanted.push({ length: child.nodeSize, marks });
  });
  if (!isText(block) || !isOpen(block, next)) wanted.push({ length: 1, marks: keysOf(block) });
  return wanted;
}

/** A mark without attributes is just there. */
function storedValue(mark: Mark): Value {
  const given = Object.entries(mark.attrs as Record<string, Value>).filter(([, value]) => value !== null && value !== undefined);
  return given.length === 0 ? true : Object.fromEntries(given);
}

/** Where a position of the document is in the text. */
export function offsetAt(doc: Node, position: number): number {
  let start = 0;
  let offset = 0;
  for (let index = 0; index < doc.childCount; index += 1) {
    const block = doc.child(index);
    if (position <= start) return offset;
    const within = position - start;
    if (within < block.nodeSize) return offset + (isText(block) ? Math.min(within - 1, block.content.size) : 0);
    offset += lengthOf(block, doc.maybeChild(index + 1));
    start += block.nodeSize;
  }
  return offset;
}

/** Where a place in the text is in the document: in a block's text if there is one. */
export function positionAt(doc: Node, offset: number): number {
  let start = 0;
  let at = 0;
  let last = 0;
  for (let index = 0; index < doc.childCount; index += 1) {
    const block = doc.child(index);
    if (isText(block)) {
      if (offset <= at + block.content.size) return start + 1 + Math.max(0, offset - at);
      last = start + 1 + block.content.size;
    } else if (offset <= at) {
      return start;
    }
    at += lengthOf(block, doc.maybeChild(index + 1));
    start += block.nodeSize;
  }
  return last;
}

/** The blocks that a stretch of text is, which begins and ends where blocks do. */
export function blocksOf(schema: Schema, delta: readonly TextDelta[]): Node[] {
  const blocks: Node[] = [];
  let inline: Node[] = [];
  const type = (name: string) => schema.nodes[name] as NonNullable<(typeof schema.nodes)[string]>;
  const paragraph = (keys: Keys, isWithoutEnd: boolean): void => {
    blocks.push(type(PARAGRAPH).create({ keys, isOpen: isWithoutEnd }, Fragment.fromArray(inline)));
    inline = [];
  };
  for (const { insert, attributes } of delta) {
    if (insert === undefined) continue;
    const given = attributes as Record<string, Value> | undefined;
    const marks = shownMarks(schema, counted(given, "a"));
    for (const part of insert.split(/(\n|\u2028|\ufffc)/)) {
      if (part === "") continue;
      if (part === END) {
        const keys = counted(given, END);
        if (keys[OBJECT_KEY] === undefined) {
          paragraph(keys, false);
        } else {
          // Text that lost its own end stands before the thing.
          if (inline.length > 0) paragraph({}, true);
          blocks.push(type(kindOf(keys[OBJECT_KEY]) === "rule" ? RULE : THING).create({ keys }));
        }
      } else if (part === BREAK) {
        inline.push(type(HARD_BREAK).create(null, null, marks));
      } else if (part === OBJECT && given?.[OBJECT_KEY] != null) {
        inline.push(type(INLINE_THING).create({ object: given[OBJECT_KEY] }, null, marks));
      } else {
        const last = inline.at(-1);
        if (last?.isText === true && Mark.sameSet(last.marks, marks)) inline[inline.length - 1] = schema.text((last.text ?? "") + part, marks);
        else inline.push(schema.text(part, marks));
      }
    }
  }
  if (inline.length > 0) paragraph({}, true);
  return blocks;
}

/** The page that a text is: an empty one is an empty paragraph. */
export function pageOf(schema: Schema, delta: readonly TextDelta[]): Node {
  const blocks = blocksOf(schema, delta);
  if (blocks.length === 0) blocks.push((schema.nodes[PARAGRAPH] as NonNullable<(typeof schema.nodes)[string]>).create({ isOpen: true }));
  return schema.topNodeType.create(null, blocks);
}

/** Marks as ProseMirror has them; those that this schema does not know are carried. */
function shownMarks(schema: Schema, keys: Keys): readonly Mark[] {
  let set = Mark.none;
  for (const [key, value] of Object.entries(keys)) {
    const type = schema.marks[key];
    const isPlain = value === true || (typeof value === "object" && value !== null && Object.keys(value).length === 0);
    const href = key === "link" && typeof value === "object" && value !== null ? (value as Record<string, Value>)["href"] : undefined;
    const known = type?.create(href === undefined ? null : { href });
    // A mark that holds something else than this schema says is carried as it is.
    const mark = known !== undefined && isSame(storedValue(known), isPlain ? true : value) ? known : schema.marks[UNKNOWN_MARK]?.create({ key, value });
    if (mark !== undefined) set = mark.addToSet(set);
  }
  return set;
}
