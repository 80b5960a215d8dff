// Finds which old piece of a node each new piece continues, so that a container is kept wherever its
// content goes on. The score is how much text they share: when a paragraph is split or joined, the container
// with the longer text stays, and only the shorter part is written again.
import type { Node } from "@tiptap/pm/model";
import { commonLength } from "./edits";
import type { Slot } from "./mirror";
import { textIn } from "./patch";
import { UNKNOWN_BLOCK, UNKNOWN_INLINE } from "./unknown";

/** A piece of a new node: a run of text nodes, or one node. */
export type Item = { kind: "text"; nodes: Node[] } | { kind: "node"; nodes: [Node] };

/** Above this many comparisons pieces are matched by equal text first. */
const MAX_COMPARISONS = 4096;

export function itemsOf(node: Node): Item[] {
  const items: Item[] = [];
  let texts: Node[] | null = null;
  node.forEach((child) => {
    if (!child.isText) {
      texts = null;
      items.push({ kind: "node", nodes: [child] });
    } else if (texts === null) {
      texts = [child];
      items.push({ kind: "text", nodes: texts });
    } else {
      texts.push(child);
    }
  });
  return items;
}

/** Pairs of indices [old, new], ascending on both sides. */
export function align(old: Slot[], items: Item[]): [number, number][] {
  if (old.length * items.length <= MAX_COMPARISONS) return bestPairs(old, items, 0, 0);
  // Many pieces: those whose text is equal are pairs; between them the gaps are small.
  const pairs: [number, number][] = [];
  const places = new Map<string, number[]>();
  old.forEach((slot, index) => {
    const key = keyOf(slot.kind, slot.nodes);
    const list = places.get(key);
    if (list === undefined) places.set(key, [index]);
    else list.push(index);
  });
  let i = 0;
  let j = 0;
  const closeGap = (oldEnd: number, itemsEnd: number): void => {
    if ((oldEnd - i) * (itemsEnd - j) <= MAX_COMPARISONS) {
      pairs.push(...bestPairs(old.slice(i, oldEnd), items.slice(j, itemsEnd), i, j));
      return;
    }
    for (; i < oldEnd && j < itemsEnd; i += 1, j += 1) {
      const slot = old[i];
      const item = items[j];
      if (slot !== undefined && item !== undefined && similarity(slot, item) > 0) pairs.push([i, j]);
    }
  };
  items.forEach((item, index) => {
    const place = places.get(keyOf(item.kind, item.nodes))?.find((candidate) => candidate >= i);
    if (place === undefined || place - i > MAX_COMPARISONS) return;
    closeGap(place, index);
    pairs.push([place, index]);
    i = place + 1;
    j = index + 1;
  });
  closeGap(old.length, items.length);
  return pairs;
}

function keyOf(kind: string, nodes: Node[]): string {
  return kind === "text" ? `text ${textIn(nodes)}` : `${nodes[0]?.type.name ?? ""} ${nodes[0]?.textContent ?? ""}`;
}

/** The pairing with the greatest sum of similarities. */
function bestPairs(old: Slot[], items: Item[], oldShift: number, itemShift: number): [number, number][] {
  const width = items.length + 1;
  const best = new Float64Array((old.length + 1) * width);
  const score = new Float64Array(old.length * items.length);
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = items.length - 1; j >= 0; j -= 1) {
      const slot = old[i];
      const item = items[j];
      const alike = slot === undefined || item === undefined ? 0 : similarity(slot, item);
      score[i * items.length + j] = alike;
      const paired = alike > 0 ? alike + (best[(i + 1) * width + j + 1] ?? 0) : 0;
      best[i * width + j] = Math.max(paired, best[(i + 1) * width + j] ?? 0, best[i * width + j + 1] ?? 0);
    }
  }
  const pairs: [number, number][] = [];
  for (let i = 0, j = 0; i < old.length && j < items.length; ) {
    const here = best[i * width + j] ?? 0;
    const alike = score[i * items.length + j] ?? 0;
    if (alike > 0 && alike + (best[(i + 1) * width + j + 1] ?? 0) === here) {
      pairs.push([i + oldShift, j + itemShift]);
      i += 1;
      j += 1;
    } else if ((best[(i + 1) * width + j] ?? 0) === here) {
      i += 1;
    } else {
      j += 1;
    }
  }
  return pairs;
}

/** 0: one cannot become the other in place. */
function similarity(slot: Slot, item: Item): number {
  if (slot.kind === "text" && item.kind === "text") {
    if (!slot.covers.some((child) => child.kind === "text")) return 0;
    return slot.nodes.length === 0 ? 0.5 : 1 + commonLength(textIn(slot.nodes), textIn(item.nodes));
  }
  if ((slot.kind !== "node" && slot.kind !== "atom") || item.kind !== "node") return 0;
  const [was] = slot.nodes;
  const [is] = item.nodes;
  if (was === is) return 10 + is.nodeSize;
  if (slot.kind === "atom" || is.type.name === UNKNOWN_BLOCK || is.type.name === UNKNOWN_INLINE) {
    return slot.kind === "atom" && was.type === is.type && was.attrs["container"] === is.attrs["container"] ? 10 : 0;
  }
  if (was.type === is.type && was.isLeaf) return was.sameMarkup(is) ? 3 : 1;
  const common = commonLength(was.textContent, is.textContent);
  if (was.type === is.type) return common + (was.sameMarkup(is) ? 3 : 2);
  // Another type with the same text: a paragraph that became a heading, a list that became another list.
  if (was.isLeaf || is.isLeaf || was.inlineContent !== is.inlineContent || was.isInline !== is.isInline) return 0;
  const isEmptied = was.content.size === 0 && is.content.size === 0;
  return common > 0 || isEmptied ? common + 1 : 0;
}
