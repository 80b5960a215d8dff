// Places in the document: a Loro cursor (which stays with its character whatever others do) for a
// ProseMirror position and back.
import { Cursor } from "loro-crdt";
import type { Binding } from "./binding";
import { slotSize } from "./mirror";
import type { Mirror, NodeMirror, Slot, TextMirror } from "./mirror";

/** Of a character: before it, at it, after it. */
export type Side = -1 | 0 | 1;

/** The cursor of a position in what the binding shows; null where no container stands behind it. */
export function cursorAt(binding: Binding, position: number, side: Side = 0): Cursor | null {
  let mirror = binding.root;
  let offset = position;
  for (;;) {
    const found = childAt(mirror.slots, offset);
    if (found === null) return listCursor(binding, mirror, mirror.children.length);
    if (found.kind === "text") {
      const text = binding.doc.getText(found.text.id);
      return text.getCursor(found.offset, side) ?? null;
    }
    if (found.kind === "before") return listCursor(binding, mirror, mirror.children.indexOf(found.child));
    mirror = found.child;
    offset = found.offset;
  }
}

function listCursor(binding: Binding, mirror: NodeMirror, index: number): Cursor | null {
  if (mirror.childrenId === null || index < 0) return null;
  return binding.doc.getList(mirror.childrenId).getCursor(index) ?? null;
}

type Found =
  | { kind: "text"; text: TextMirror; offset: number }
  | { kind: "before"; child: Mirror }
  | { kind: "within"; child: NodeMirror; offset: number };

/** What stands at an offset of a node's content; null: its end. */
function childAt(slots: Slot[], offset: number): Found | null {
  let start = 0;
  for (let at = 0; at < slots.length; at += 1) {
    const slot = slots[at];
    if (slot === undefined) break;
    const size = slotSize(slot);
    // At a border, a text on either side is preferred to "between two nodes".
    const isText = slot.kind === "text" && slot.covers.some((child) => child.kind === "text");
    const next = slots[at + 1];
    if (offset < start + size || (offset === start + size && (isText || (next === undefined && offset < start + size)))) {
      const found = within(slot, offset - start);
      if (found !== null) return found;
    }
    start += size;
    if (start > offset) return null;
  }
  return null;
}

function within(slot: Slot, offset: number): Found | null {
  const covers: Mirror[] = slot.covers;
  const before = covers[0] === undefined ? null : { kind: "before" as const, child: covers[0] };
  if (slot.kind === "text") {
    let left = offset;
    let last: TextMirror | null = null;
    for (const text of slot.covers) {
      if (text.kind !== "text") continue;
      if (left <= text.length) return { kind: "text", text, offset: left };
      left -= text.length;
      last = text;
    }
    return last === null ? null : { kind: "text", text: last, offset: last.length };
  }
  if (offset <= 0 || slot.kind === "atom") return before;
  if (slot.kind === "node") return { kind: "within", child: slot.covers[0], offset: offset - 1 };
  return slot.kind === "made" ? (childAt(slot.slots, offset - 1) ?? before) : null;
}

/** The position that an encoded cursor has in what is shown now; null when its place is not shown. */
export function positionOfEncoded(binding: Binding, encoded: Uint8Array): number | null {
  try {
    const cursor = Cursor.decode(encoded);
    try {
      return positionOf(binding, cursor);
    } finally {
      cursor.free();
    }
  } catch {
    // Whatever another client calls a cursor.
    return null;
  }
}

export function positionOf(binding: Binding, cursor: Cursor): number | null {
  const entry = binding.registry.get(cursor.containerId());
  if (entry === undefined) return null;
  const found = binding.doc.getCursorPos(cursor);
  const offset = (found?.offset ?? 0) + (found?.side === 1 ? 1 : 0);
  if (entry.role === "text") {
    const start = startOf(entry.mirror);
    return start === null ? null : start + Math.min(offset, entry.mirror.length);
  }
  const child = entry.role === "children" ? entry.mirror.children[offset] : undefined;
  const inside = startOf(entry.mirror);
  if (inside === null) return null;
  if (child !== undefined) return startOfChild(entry.mirror, child, inside);
  const content = entry.mirror.view?.content.size ?? 0;
  return entry.role === "children" && offset > 0 ? inside + content : inside;
}

/** Where a mirror's content begins: a text's first character, or the inside of a node. */
export function startOf(mirror: NodeMirror | TextMirror): number | null {
  const { parent } = mirror;
  if (parent === null) return 0;
  const inside = startOf(parent);
  if (inside === null) return null;
  const before = startOfChild(parent, mirror, inside);
  if (before === null || mirror.kind === "text") return before;
  return mirror.view === null ? null : before + 1;
}

function startOfChild(parent: NodeMirror, child: Mirror, inside: number): number | null {
  return startInSlots(parent.slots, child, inside);
}

function startInSlots(slots: Slot[], child: Mirror, from: number): number | null {
  let start = from;
  for (const slot of slots) {
    if (slot.covers.length > 0 && (slot.covers as Mirror[]).includes(child)) {
      if (slot.kind === "hidden") return null;
      if (slot.kind === "made") return startInSlots(slot.slots, child, start + 1);
      for (const text of slot.covers) {
        if (text === child) return start;
        if (text.kind === "text") start += text.length;
      }
    }
    start += slotSize(slot);
  }
  return null;
}
