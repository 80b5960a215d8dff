import { expect, test } from "vitest";
import { toldApart } from "./colors";

function colorsOf(...colors: string[]): string[] {
  const authors = colors.map((color, number) => ({ account_id: String(number), name: `Author ${number}`, color }));
  return toldApart(authors).map((author) => author.color);
}

test("whoever has a colour of their own keeps it", () => {
  expect(colorsOf("#0f766e", "#b91c1c", "#7e22ce")).toEqual(["#0f766e", "#b91c1c", "#7e22ce"]);
  expect(colorsOf("#888888", "#0f766e")).toEqual(["#888888", "#0f766e"]);
});

test("two that look alike are told apart, and the first keeps its colour", () => {
  const [first, second] = colorsOf("#0f766e", "#0e7490");
  expect(first).toBe("#0f766e");
  expect(second).not.toBe("#0e7490");
  expect(colorsOf("#1d4ed8", "#1d4ed8")[1]).not.toBe("#1d4ed8");
  expect(colorsOf("#888888", "#888888")[1]).not.toBe("#888888");
});

test("all of a few authors are told apart, whatever their colours are", () => {
  expect(new Set(colorsOf(..."123456".split("").map(() => "#b91c1c"))).size).toBe(6);
});

test("there may be more authors than colours, and a colour that cannot be read", () => {
  expect(colorsOf(..."1234567890".split("").map(() => "#b91c1c"))).toHaveLength(10);
  expect(colorsOf("red", "#b91c1c")).toEqual(["red", "#b91c1c"]);
  expect(colorsOf()).toEqual([]);
});
