// The lines of a moment as they are shown: with authors laid over them, and with the signs of lists.
import type { BlameSpan, By, Line, Run } from "../../api/history";

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

const ITEMS: ReadonlySet<string> = new Set(["listItem", "taskItem"]);

/** Lines of an ordered list count up while they follow each other at the same depth. */
export function withSigns(lines: readonly Line[]): SignedLine[] {
  const counts: number[] = [];
  return lines.map((line) => {
    const depth = line.frames.filter((frame) => ITEMS.has(frame)).length;
    const list = line.frames.findLast((frame) => frame.endsWith("List"));
    counts.length = Math.min(counts.length, depth + 1);
    let sign: Sign = null;
    if (depth === 0) counts.length = 0;
    else if (list === "orderedList") {
      const count = (counts[depth] ?? 0) + (line.change === "removed" ? 0 : 1);
      counts[depth] = count;
      sign = Math.max(count, 1);
    } else sign = list === "taskList" ? "task" : "bullet";
    return { line, sign, depth, isQuoted: line.frames.includes("blockquote") };
  });
}
