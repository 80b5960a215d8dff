import { expect, test } from "vitest";
import { byDay, timesOf } from "./days";
import type { Sitting } from "../../api/history";

function sitting(from: Date, to: Date): Sitting {
  const author = { account_id: "a", name: "Ada", color: "#aa3377" };
  return { author, from: from.toISOString(), to: to.toISOString(), first_edit: "1", last_edit: "2", edits: 2, inserted: 1, deleted: 0 };
}

test("sittings are grouped by the person's own days, in their order", () => {
  const now = new Date(2026, 10, 26, 9, 0);
  const at = (day: number, hour: number): Sitting => sitting(new Date(2026, 10, day, hour), new Date(2026, 10, day, hour, 5));
  const days = byDay([at(26, 8), at(26, 0), at(25, 23), at(3, 12)], now.getTime(), "en-GB");
  expect(days.map(({ name, sittings }) => [name, sittings.length])).toEqual([["Today", 2], ["Yesterday", 1], ["3 November 2026", 1]]);
});

test("a sitting within a minute has one time", () => {
  const at = (second: number, minute = 5): Date => new Date(2026, 10, 26, 14, minute, second);
  expect(timesOf(sitting(at(1), at(40)), "en-GB")).toBe("14:05");
  expect(timesOf(sitting(at(1), at(1, 9)), "en-GB")).toBe("14:05 – 14:09");
});
