import { describe, expect, it } from "vitest";
import { inOrder, isGone } from "./order";
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

  it("have lost their text when both ends lie at one place or nowhere", () => {
    expect(["early", "deleted", "unknown!"].map((id) => isGone(thread(id), places))).toEqual([false, true, true]);
    expect(isGone(thread("whole", false), places)).toBe(false);
  });
});
