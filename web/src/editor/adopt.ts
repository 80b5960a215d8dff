// After steps were applied, the mirror takes ProseMirror's own node objects for its views, so that the next
// comparison can pass over everything that is the same object. It answers whether both show the same.
import type { Node } from "@tiptap/pm/model";
import type { NodeMirror, Slot } from "./mirror";

export function adopt(mirror: NodeMirror, node: Node): boolean {
  if (mirror.view === node) return true;
  if (mirror.view === null || !mirror.view.sameMarkup(node) || !adoptSlots(mirror.slots, node)) return false;
  mirror.view = node;
  return true;
}

function adoptSlots(slots: Slot[], parent: Node): boolean {
  let at = 0;
  for (const slot of slots) {
    for (let index = 0; index < slot.nodes.length; index += 1, at += 1) {
      const node = at < parent.childCount ? parent.child(at) : null;
      if (node === null) return false;
      if (slot.nodes[index] === node) continue;
      if (!adoptPiece(slot, index, node)) return false;
      slot.nodes[index] = node;
    }
  }
  return at === parent.childCount;
}

function adoptPiece(slot: Slot, index: number, node: Node): boolean {
  const shown = slot.nodes[index];
  if (shown === undefined) return false;
  if (slot.kind === "node") return adopt(slot.covers[0], node);
  if (slot.kind === "made" && slot.slots.length > 0) return shown.sameMarkup(node) && adoptSlots(slot.slots, node);
  return shown.eq(node);
}
