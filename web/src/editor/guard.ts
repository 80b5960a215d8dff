// Keeps unknown content from being deleted by accident: a change that would remove it is refused, unless
// just that block was selected and deleted.
import { NodeSelection } from "@tiptap/pm/state";
import type { EditorState, Transaction } from "@tiptap/pm/state";
import type { Node } from "@tiptap/pm/model";
import { UNKNOWN_BLOCK, UNKNOWN_INLINE } from "./unknown";

export function removesUnknown(tr: Transaction, state: EditorState): boolean {
  const { selection } = state;
  if (selection instanceof NodeSelection && isUnknown(selection.node)) return false;
  const touched = new Set<unknown>();
  tr.mapping.maps.forEach((map, index) => {
    map.forEach((from, to) => {
      tr.docs[index]?.nodesBetween(from, to, (node) => {
        if (isUnknown(node)) touched.add(node.attrs["container"]);
      });
    });
  });
  if (touched.size === 0) return false;
  tr.doc.descendants((node) => {
    if (isUnknown(node)) touched.delete(node.attrs["container"]);
  });
  return touched.size > 0;
}

function isUnknown(node: Node): boolean {
  return node.type.name === UNKNOWN_BLOCK || node.type.name === UNKNOWN_INLINE;
}
