// The document model, as src/document/model.rs has it: a page is one sequence of text. What a block is stands
// as marks on the line end that ends it, so no change of structure ever writes text again.
import type { Delta, LoroDoc, LoroText, Value } from "loro-crdt";

export const PAGE = "page";
export const SCHEMA = "schema";
/** The version of this model; a server tells its own. */
export const VERSION = 2;
export const BODY = "body";

/** Ends a block. */
export const END = "\n";
/** A line break within a block. */
export const BREAK = "\u2028";
/** Stands for a thing in a line, which its mark `object` names. */
export const OBJECT = "\ufffc";
/** The mark of things: on an OBJECT of one in a line, on an END of one that is a block. */
export const OBJECT_KEY = "object";

/** Origin of the commits that the editor makes from local transactions. */
export const EDIT_ORIGIN = "quire:edit";

/** Marks of characters, or what a block is, by their keys. */
export type Keys = Readonly<Record<string, Value>>;
export type Run = { insert: string; attributes?: Record<string, Value> };

/** How a mark's range grows when text is typed at its end; the same on every client, or texts diverge. */
const INLINE: Record<string, { expand: "after" | "none" }> = {
  bold: { expand: "after" },
  italic: { expand: "after" },
  underline: { expand: "after" },
  strike: { expand: "after" },
  code: { expand: "none" },
  link: { expand: "none" },
};

const BLOCK: ReadonlySet<string> = new Set([
  "type", "level", "list", "checked", "start", "indent", "quote", "lang", "apart", "align", "dir",
]);

/** Characters that are inserted at once: a long insert takes time in the square for whoever merges it. */
const PIECE = 2_000;

/** Configures how marks grow; those of a newer model do not. */
export function configureTextStyles(doc: LoroDoc): void {
  doc.configTextStyle(INLINE);
  doc.configDefaultTextStyle({ expand: "none" });
}

/** Whether a mark counts on a character. One that is not known counts wherever it stands. */
export function countsOn(key: string, character: string): boolean {
  if (character === END) return INLINE[key] === undefined;
  if (character === OBJECT) return !BLOCK.has(key);
  return key !== OBJECT_KEY && !BLOCK.has(key);
}

/** Those of the marks that count on a character, without those that were taken away. */
export function counted(marks: Record<string, Value> | undefined, character: string): Keys {
  const entries = Object.entries(marks ?? {});
  return Object.fromEntries(entries.filter(([key, value]) => value !== null && value !== undefined && countsOn(key, character)));
}

/** Whether the document has come: its seed is there. */
export function isSeeded(doc: LoroDoc): boolean {
  return doc.getMap(PAGE).get(SCHEMA) !== undefined;
}

export function bodyOf(doc: LoroDoc): LoroText {
  return doc.getText(BODY);
}

/** The page as plain text: its blocks' texts with a line end between them. */
export function plainText(doc: LoroDoc): string {
  const text = bodyOf(doc).toString();
  return (text.endsWith(END) ? text.slice(0, -1) : text).replaceAll(BREAK, "\n");
}

/** Inserts a text of any length: its pieces from the last to the first, so that they are no run of operations. */
export function insertText(body: LoroText, at: number, text: string): void {
  for (let end = text.length; end > 0;) {
    let start = Math.max(0, end - PIECE);
    // Both halves of a character that has two.
    if (start > 0 && text.charCodeAt(start) >= 0xdc00 && text.charCodeAt(start) <= 0xdfff) start -= 1;
    body.insert(at, text.slice(start, end));
    end = start;
  }
}

/** So many characters are to have these marks. */
export type Wanted = { length: number; marks: Keys };

/**
 * Makes the marks of the text from `at` on what is wanted, and writes only what differs: one mark for neighbours
 * that want the same, over whatever characters between them on which it does not count.
 */
export function setMarks(body: LoroText, at: number, wanted: readonly Wanted[]): void {
  const length = wanted.reduce((sum, part) => sum + part.length, 0);
  if (length === 0) return;
  const writers = new Map<string, Writer>();
  let place = at;
  let next = 0;
  let left = 0;
  let marks: Keys = {};
  for (const { insert, attributes } of body.sliceDelta(at, at + length)) {
    if (insert === undefined) continue;
    for (let start = 0; start < insert.length;) {
      while (left === 0) {
        const part = wanted[next];
        if (part === undefined) break;
        next += 1;
        ({ length: left, marks } = part);
      }
      const count = stretch(insert, start, left);
      const first = insert.charAt(start);
      for (const key of Object.keys({ ...attributes, ...marks })) {
        if (!writers.has(key)) writers.set(key, new Writer(body, key));
      }
      for (const [key, writer] of writers) {
        if (countsOn(key, first)) writer.take(place, place + count, attributes?.[key] ?? null, marks[key] ?? null);
      }
      place += count;
      left -= count;
      start += count;
    }
  }
  for (const writer of writers.values()) writer.stop();
}

/** How many characters from `start` on, at most so many, are alike in what counts on them. */
function stretch(text: string, start: number, most: number): number {
  const isAlone = (at: number): boolean => text.charAt(at) === END || text.charAt(at) === OBJECT;
  if (isAlone(start)) return 1;
  let end = start + 1;
  while (end < text.length && end - start < most && !isAlone(end)) end += 1;
  return end - start;
}

/** One key on its way over a text. */
class Writer {
  private open: { start: number; end: number; value: Value } | null = null;

  constructor(private readonly body: LoroText, private readonly key: string) {}

  take(start: number, end: number, is: Value, wanted: Value): void {
    if (isSame(is, wanted)) {
      this.stop();
    } else if (this.open !== null && isSame(this.open.value, wanted)) {
      this.open.end = end;
    } else {
      this.stop();
      this.open = { start, end, value: wanted };
    }
  }

  stop(): void {
    if (this.open === null) return;
    const { start, end, value } = this.open;
    this.open = null;
    if (value === null) this.body.unmark({ start, end }, this.key);
    else this.body.mark({ start, end }, this.key, value);
  }
}

/** Whether two plain values are the same. */
export function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const [one, other] = [Object.entries(a), Object.entries(b)];
  return one.length === other.length && one.every(([key, value]) => isSame(value, (b as Record<string, unknown>)[key]));
}

/** A block of a new document: its text, or runs of it, and what it is. */
export type NewBlock = { keys?: Keys; text?: string | readonly Run[] };

/** Writes a new document's page. For tests and benchmarks; the editor itself never seeds a document. */
export function newPage(doc: LoroDoc, blocks: readonly NewBlock[] = [{}]): void {
  configureTextStyles(doc);
  doc.getMap(PAGE).set(SCHEMA, VERSION);
  const runs = blocks.flatMap(({ keys, text = "" }): Run[] => [
    ...(typeof text === "string" ? [{ insert: text }] : text),
    { insert: END, ...(keys === undefined ? {} : { attributes: { ...keys } }) },
  ]);
  const body = bodyOf(doc);
  insertText(body, 0, runs.map(({ insert }) => insert).join(""));
  setMarks(body, 0, runs.map(({ insert, attributes }) => ({ length: insert.length, marks: attributes ?? {} })));
  doc.commit();
}

export type TextDelta = Delta<string>;
