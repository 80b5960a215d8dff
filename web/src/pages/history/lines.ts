// The lines of a moment as they are shown: with authors laid over them, and with the signs of lists.
import type { BlameSpan, By, Line, Run } from "../../api/history";
import type { Keys } from "../../editor/model";
import { depthOf, listOf } from "../../editor/nodes";

/** The lines with the author of each run. Spans count characters of the plain text, in which lines end with one. */
export function withAuthors(lines: readonly Line[], spans: readonly BlameSpan[]): Line[] {
  let at = 0;
  let next = 0;
  const authorAt = (place: number): BlameSpan | undefined => {
    while (next < spans.length && (spans[next]?.end ?? 0) <= place) next += 1;
    const span = spans[next];
    return span !== undefined && span.start <= place ? span : undefined;
  };
  return lines.map((line, number) => {
    if (number > 0) at += 1;
    const runs: Run[] = [];
    for (const run of line.runs) {
      let written: Run | null = null;
      for (const character of run.text) {
        const span = authorAt(at);
        at += 1;
        const by: By | null = span === undefined || span.account_id === null ? null : { account_id: span.account_id, edit_id: "", at: span.from };
        if (written !== null && written.by?.account_id === by?.account_id) {
          written.text += character;
        } else {
          written = { ...run, text: character, by };
          runs.push(written);
        }
      }
    }
    return { ...line, runs };
  });
}

export type Sign = "bullet" | "task" | number | null;

/** A line with what stands before it, and how deep it stands in lists. */
export interface SignedLine {
  line: Line;
  sign: Sign;
  depth: number;
  isQuoted: boolean;
}

/** Lines of an ordered list count up while they follow each other at the same depth. */
export function withSigns(lines: readonly Line[]): SignedLine[] {
  const counts: number[] = [];
  return lines.map((line) => {
    const { attributes } = line;
    const list = listOf(attributes as Keys);
    const indent = depthOf(attributes as Keys, "indent");
    // What stands less deep, or is another item at this depth, ends the counts below it.
    counts.length = Math.min(counts.length, indent + (list === null ? 0 : 1));
    let sign: Sign = null;
    if (list === "ordered") {
      const start = typeof attributes["start"] === "number" ? attributes["start"] : null;
      const count = start ?? (counts[indent] ?? 0) + (line.change === "removed" ? 0 : 1);
      counts[indent] = count;
      sign = start ?? Math.max(count, 1);
    } else if (list !== null) {
      counts.length = Math.min(counts.length, indent);
      sign = list;
    }
    return { line, sign, depth: indent + (list === null ? 0 : 1), isQuoted: depthOf(attributes as Keys, "quote") > 0 };
  });
}
