import { expect, test } from "vitest";
import { areaOf, lineOf, topOf } from "./plot";
import { bytesText, durationText } from "./units";

const box = { width: 100, height: 50, from: 0, to: 10, top: 10 };

test("a line goes from the oldest to the newest value, within its box", () => {
  const points = [{ at: -1, value: 3 }, { at: 0, value: 0 }, { at: 5, value: 10 }, { at: 10, value: 99 }];
  expect(lineOf(points, box)).toBe("M0.0 50.0L50.0 0.0L100.0 0.0");
  expect(areaOf(points, box)).toBe("M0.0 50.0L50.0 0.0L100.0 0.0L100.0 50.0L0.0 50.0Z");
  expect(lineOf(points.slice(0, 2), box)).toBe("");
  expect(areaOf([], box)).toBe("");
});

test("the top of a chart is a round number that nothing exceeds", () => {
  const top = (value: number): number => topOf([{ at: 0, value }], 1);
  expect([0, 1, 3, 6, 11, 200, 201].map(top)).toEqual([1, 1, 5, 10, 20, 200, 500]);
});

test("figures are short and have units", () => {
  expect([0, 1023, 1536, 20 * 1024 ** 2].map(bytesText)).toEqual(["0 B", "1,023 B", "1.5 KiB", "20 MiB"]);
  expect([3.4, 1500, 90_000, 7_200_000, 200_000_000].map(durationText)).toEqual(["3 ms", "1.5 s", "1 min", "2 h", "2 d"]);
});
