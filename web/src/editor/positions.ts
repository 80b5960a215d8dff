// Places in the document: a Loro cursor (which stays with its character whatever others do) for a
// ProseMirror position and back.
import { Cursor } from "loro-crdt";
import type { Binding } from "./binding";
import { offsetAt, positionAt } from "./sequence";

/** Of a character: before it, at it, after it. */
export type Side = -1 | 0 | 1;

/** The cursor of a position in what the binding shows. */
export function cursorAt(binding: Binding, position: number, side: Side = 0): Cursor | null {
  return binding.body.getCursor(offsetAt(binding.view, position), side) ?? null;
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
  if (cursor.containerId() !== binding.body.id) return null;
  const found = binding.doc.getCursorPos(cursor);
  if (found === undefined) return null;
  return positionAt(binding.view, found.offset + (found.side === 1 ? 1 : 0));
}
