import { expect, test } from "vitest";
import { withAuthors, withSigns } from "./lines";
import type { BlameSpan, Line } from "../../api/history";

function line(text: string, attributes: Record<string, unknown> = {}): Line {
  const runs = text === "" ? [] : [{ change: "kept" as const, text, marks: {}, set: {}, by: null }];
  return { change: "kept", attributes, set: {}, by: null, runs };
}

function span(start: number, end: number, account_id: string): BlameSpan {
  return { start, end, account_id, from: "", to: "" };
}

test("each run gets its author, by characters and not by UTF-16 units", () => {
  const lines = withAuthors([line("a🙂b"), line(""), line("cd")], [span(0, 2, "ada"), span(2, 6, "bob"), span(6, 7, "ada")]);
  expect(lines.map(({ runs }) => runs.map(({ text, by }) => [text, by?.account_id]))).toEqual([
    [["a🙂", "ada"], ["b", "bob"]],
    [],
    [["c", "bob"], ["d", "ada"]],
  ]);
});

test("a place that no span covers has no author", () => {
  expect(withAuthors([line("xy")], [span(1, 2, "ada")])[0]?.runs.map(({ by }) => by)).toEqual([null, expect.objectContaining({ account_id: "ada" })]);
});

test("lines of lists have signs, and ordered ones count", () => {
  const ordered = { list: "ordered" };
  const bullets = { list: "bullet", indent: 1 };
  const lines = [line("1", ordered), line("a", bullets), line("2", ordered), line(""), line("1", ordered), line("t", { list: "task" })];
  expect(withSigns(lines).map(({ sign, depth }) => [sign, depth])).toEqual([
    [1, 1], ["bullet", 2], [2, 1], [null, 0], [1, 1], ["task", 1],
  ]);
});
