import { describe, expect, it } from "vitest";
import { inOrder, isGone, isSameOrder } from "./order";
import type { Thread } from "../../api/comments";

function thread(thread_id: string, isAnchored = true): Thread {
  return {
    thread_id,
    anchor: isAnchored ? { start: "", end: "" } : null,
    quote: "",
    created_at: `2026-01-0${thread_id.length}T00:00:00Z`,
    resolved_at: null,
    resolved_by: null,
    may_delete: false,
    comments: [],
  };
}

const places = new Map([
  ["late", { from: 40, to: 50 }],
  ["early", { from: 3, to: 5 }],
  ["deleted", { from: 1, to: 1 }],
  ["unknown!", { from: 0, to: 0 }],
]);

describe("threads", () => {
  it("stand in the order of their places, the document's own first, those without text last", () => {
    const all = [thread("deleted"), thread("late"), thread("unknown!"), thread("whole", false), thread("early")];
    expect(inOrder(all, places).map(({ thread_id }) => thread_id)).toEqual(["whole", "early", "late", "deleted", "unknown!"]);
  });

  it("stand in the same order when all places move along", () => {
    const moved = new Map([...places].map(([id, { from, to }]) => [id, { from: from + 7, to: to + 7 }]));
    expect(isSameOrder(moved, places)).toBe(true);
    expect(isSameOrder(new Map([...places, ["early", { from: 60, to: 61 }]]), places)).toBe(false);
    expect(isSameOrder(new Map([...places, ["early", { from: 3, to: 3 }]]), places)).toBe(false);
    expect(isSameOrder(places, null)).toBe(false);
  });

  it("have lost their text when both ends lie at one place or nowhere", () => {
    expect(["early", "deleted", "unknown!"].map((id) => isGone(thread(id), places))).toEqual([false, true, true]);
    expect(isGone(thread("whole", false), places)).toBe(false);
  });
});
