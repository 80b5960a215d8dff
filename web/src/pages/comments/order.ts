// In which order threads stand beside the text.
import type { Thread } from "../../api/comments";
import type { Places } from "../../editor/comments";

/** Those about the whole document first, then by their places, then those whose text is gone; older ones first. */
export function inOrder(threads: readonly Thread[], places: Places): Thread[] {
  const rank = (thread: Thread): number => {
    if (thread.anchor === null) return -1;
    return isGone(thread, places) ? Infinity : (places.get(thread.thread_id)?.from ?? Infinity);
  };
  return [...threads].sort((a, b) => {
    const [first, second] = [rank(a), rank(b)];
    return first === second ? a.created_at.localeCompare(b.created_at) : first - second;
  });
}

/** The commented text was deleted, or its anchor leads nowhere. Before it was looked for, it counts as there. */
export function isGone({ anchor, thread_id }: Thread, places: Places): boolean {
  const place = places.get(thread_id);
  return anchor !== null && place !== undefined && place.from >= place.to;
}

/** Whether threads stand in the same order at both: while somebody types, little else happens. */
export function isSameOrder(a: Places, b: Places | null): boolean {
  return a === b || (b !== null && orderOf(a) === orderOf(b));
}

function orderOf(places: Places): string {
  const sorted = [...places].sort(([, a], [, b]) => a.from - b.from);
  return sorted.map(([threadId, { from, to }]) => (from < to ? threadId : `-${threadId}`)).join();
}
