// Keeps unknown content from being deleted by accident: a change that would remove it is refused, unless
// just that block was selected and deleted.
import { NodeSelection } from "@tiptap/pm/state";
import type { EditorState, Transaction } from "@tiptap/pm/state";
import type { Node } from "@tiptap/pm/model";
import { INLINE_THING, THING } from "./nodes";

export function removesUnknown(tr: Transaction, state: EditorState): boolean {
  const { selection } = state;
  if (selection instanceof NodeSelection && isUnknown(selection.node)) return false;
  let touched = 0;
  tr.mapping.maps.forEach((map, index) => {
    map.forEach((from, to) => {
      tr.docs[index]?.nodesBetween(from, to, (node) => { touched += isUnknown(node) ? 1 : 0; });
    });
  });
  return touched > 0 && count(tr.doc) < count(state.doc);
}

function count(doc: Node): number {
  let found = 0;
  doc.descendants((node) => { found += isUnknown(node) ? 1 : 0; });
  return found;
}

function isUnknown(node: Node): boolean {
  return node.type.name === THING || node.type.name === INLINE_THING;
}
