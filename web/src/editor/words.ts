// Counts words as a reader would: runs of letters and digits, an apostrophe or hyphen inside joined; in
// scripts written without spaces each ideograph counts.
import type { Node } from "@tiptap/pm/model";

const WORD = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|[\p{L}\p{N}\p{M}]+(?:['’-][\p{L}\p{N}\p{M}]+)*/gu;

export function countWords(doc: Node): number {
  let words = 0;
  doc.descendants((node) => {
    if (!node.isTextblock) return true;
    words += node.textBetween(0, node.content.size, undefined, " ").match(WORD)?.length ?? 0;
    return false;
  });
  return words;
}
