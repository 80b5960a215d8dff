// Which characters changed between two states of a text: exact when the place is known (a step's or an
// event's ranges), else what lies between the common beginning and the common end.

/** A piece of an old text and the piece of the new text that took its place; offsets in UTF-16 units. */
export type Range = { oldFrom: number; oldTo: number; newFrom: number; newTo: number };
/** Old [from, to) becomes `text`. Lists are in ascending order and do not touch. */
type TextEdit = { from: number; to: number; text: string };

type StepMapLike = { forEach(f: (oldStart: number, oldEnd: number, newStart: number, newEnd: number) => void): void };

/** Composes step maps to ranges from the first document to the last, ascending and apart. */
export function composeRanges(maps: readonly StepMapLike[]): Range[] {
  let ranges: Range[] = [];
  for (const map of maps) {
    const next: Range[] = [];
    map.forEach((oldFrom, oldTo, newFrom, newTo) => next.push({ oldFrom, oldTo, newFrom, newTo }));
    ranges = compose(ranges, next);
  }
  return ranges;
}

function compose(first: Range[], second: Range[]): Range[] {
  const result: Range[] = [];
  let i = 0;
  let j = 0;
  while (i < first.length || j < second.length) {
    // A group of ranges that touch each other in the middle document becomes one range.
    const a = first[i];
    const b = second[j];
    let from = Math.min(a?.newFrom ?? Infinity, b?.oldFrom ?? Infinity);
    let to = from;
    // Offsets that carry the group's borders to the old and to the new document.
    const oldShift = shiftBefore(first, i, "old");
    const newShift = shiftBefore(second, j, "new");
    for (let grew = true; grew; ) {
      grew = false;
      for (let r = first[i]; r !== undefined && r.newFrom <= to; r = first[i]) {
        from = Math.min(from, r.newFrom);
        to = Math.max(to, r.newTo);
        i += 1;
        grew = true;
      }
      for (let r = second[j]; r !== undefined && r.oldFrom <= to; r = second[j]) {
        from = Math.min(from, r.oldFrom);
        to = Math.max(to, r.oldTo);
        j += 1;
        grew = true;
      }
    }
    result.push({
      oldFrom: from + oldShift,
      oldTo: to + shiftBefore(first, i, "old"),
      newFrom: from + newShift,
      newTo: to + shiftBefore(second, j, "new"),
    });
  }
  return result;
}

function shiftBefore(ranges: Range[], index: number, side: "old" | "new"): number {
  const before = ranges[index - 1];
  if (before === undefined) return 0;
  return side === "old" ? before.oldTo - before.newTo : before.newTo - before.oldTo;
}

/** Edits that turn `before` into `after`; `ranges` (local to the text) are believed when they lead there. */
export function textEdits(before: string, after: string, ranges: Range[] | null): TextEdit[] {
  if (before === after) return [];
  if (ranges !== null) {
    const edits = ranges.flatMap((range) => trimmed(before, after, range));
    if (applyEdits(before, edits) === after) return edits;
  }
  return trimmed(before, after, { oldFrom: 0, oldTo: before.length, newFrom: 0, newTo: after.length });
}

/** The range without what is equal at its beginning and end; surrogate pairs stay whole. */
function trimmed(before: string, after: string, range: Range): TextEdit[] {
  let { oldFrom, oldTo, newFrom, newTo } = range;
  while (oldFrom < oldTo && newFrom < newTo && before[oldFrom] === after[newFrom]) { oldFrom += 1; newFrom += 1; }
  while (oldFrom < oldTo && newFrom < newTo && before[oldTo - 1] === after[newTo - 1]) { oldTo -= 1; newTo -= 1; }
  if (splitsPair(before, oldFrom) || splitsPair(after, newFrom)) { oldFrom -= 1; newFrom -= 1; }
  if (splitsPair(before, oldTo) || splitsPair(after, newTo)) { oldTo += 1; newTo += 1; }
  return oldFrom === oldTo && newFrom === newTo ? [] : [{ from: oldFrom, to: oldTo, text: after.slice(newFrom, newTo) }];
}

function splitsPair(text: string, at: number): boolean {
  return at > 0 && at < text.length && isHigh(text.charCodeAt(at - 1)) && isLow(text.charCodeAt(at));
}
const isHigh = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
const isLow = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff;

function applyEdits(text: string, edits: TextEdit[]): string {
  let result = "";
  let at = 0;
  for (const edit of edits) {
    if (edit.from < at || edit.to < edit.from) return "";
    result += text.slice(at, edit.from) + edit.text;
    at = edit.to;
  }
  return result + text.slice(at);
}
