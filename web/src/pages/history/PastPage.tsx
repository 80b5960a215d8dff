// The text of a moment, read-only: what was added, removed and reformatted in its author's colour.
import { createElement, useMemo, type CSSProperties, type ReactNode } from "react";
import { withAuthors, withSigns, type Sign, type SignedLine } from "./lines";
import type { Shown } from "./useHistory";
import type { By, Run } from "../../api/history";
import type { Keys } from "../../editor/model";
import { isCode, isHeading, levelOf } from "../../editor/nodes";
import { timeInFull } from "../../shell/time";
import type { Account } from "../../sync/account";

/** Marks as elements, the outermost first. Links lead nowhere here. */
const MARKS: readonly [mark: string, element: string][] = [
  ["link", "span"],
  ["bold", "strong"],
  ["italic", "em"],
  ["underline", "u"],
  ["strike", "s"],
  ["code", "code"],
];

type Who = (by: By | null) => Account | undefined;

export function PastPage({ shown: { comparison, blame } }: { shown: Shown }) {
  const lines = useMemo(
    () => withSigns(blame === null ? comparison.lines : withAuthors(comparison.lines, blame.spans)),
    [comparison, blame],
  );
  const authors = useMemo(() => new Map(comparison.authors.map((author) => [author.account_id, author])), [comparison]);
  const who: Who = (by) => (by === null ? undefined : authors.get(by.account_id));
  return (
    <div className="past-text">
      {/* They have no names of their own, and are never reordered. */}
      {lines.map((signed, number) => <PastLine key={number} signed={signed} who={who} />)}
    </div>
  );
}

function PastLine({ signed: { line, sign, depth, isQuoted }, who }: { signed: SignedLine; who: Who }) {
  const author = who(line.by);
  const classes = ["past-line", `is-${line.change}`];
  if (isQuoted) classes.push("is-quoted");
  const style: CSSProperties & Record<"--depth", number> = { "--depth": depth, ...colorOf(author) };
  const isEmpty = line.runs.every(({ text }) => text === "");
  const content = line.runs.map((run, number) => <PastRun key={number} run={run} author={who(run.by)} />);
  return (
    <div className={classes.join(" ")} style={style} title={line.change === "kept" ? undefined : titleOf(line.by, author)}>
      {sign !== null && <span className="past-sign" aria-hidden="true">{signText(sign)}</span>}
      {blockOf(line.attributes as Keys, isEmpty ? <br /> : content)}
    </div>
  );
}

function blockOf(keys: Keys, content: ReactNode): ReactNode {
  if (keys["object"] !== undefined) return <hr />;
  if (isCode(keys)) return <pre>{content}</pre>;
  return createElement(isHeading(keys) ? `h${levelOf(keys)}` : "p", null, content);
}

function PastRun({ run, author }: { run: Run; author: Account | undefined }) {
  const marked = MARKS.filter(([mark]) => run.marks[mark] !== undefined).reduceRight<ReactNode>(
    (content, [mark, element]) => createElement(element, mark === "link" ? { className: "past-link" } : null, content),
    run.text,
  );
  if (run.change === "kept" && author === undefined) return marked;
  const words = titleOf(run.by, author);
  const style = colorOf(author);
  switch (run.change) {
    case "added":
      return <ins style={style} title={words}>{marked}</ins>;
    case "removed":
      return <del style={style} title={words}>{marked}</del>;
    case "reformatted":
      return <span className="past-reformatted" style={style} title={words}>{marked}</span>;
    case "kept":
      return <span className="past-written" style={style} title={words}>{marked}</span>;
  }
}

function colorOf(author: Account | undefined): CSSProperties {
  const style: CSSProperties & Record<"--by", string> = { "--by": author?.color ?? "var(--ink-soft)" };
  return style;
}

function titleOf(by: By | null, author: Account | undefined): string | undefined {
  if (author === undefined) return undefined;
  return by === null ? author.name : `${author.name}, ${timeInFull(by.at)}`;
}

function signText(sign: Exclude<Sign, null>): string {
  switch (sign) {
    case "bullet":
      return "•";
    case "task":
      return "☐";
    default:
      return `${sign}.`;
  }
}
