// Pages that the server and the browser read alike: tests/document/vectors.rs reads the same file.
import { readFileSync } from "node:fs";
import { LoroDoc } from "loro-crdt";
import { expect, test } from "vitest";
import { kept, opened } from "../../src/editor/copy";
import type { Frame } from "../../src/editor/copy";
import { newPage, plainText } from "../../src/editor/model";
import type { Keys } from "../../src/editor/model";
import { keysOf } from "../../src/editor/nodes";
import { marksOf, textOf } from "../../src/editor/sequence";
import { rendered } from "./kit";

type Block = { keys: Keys; runs: { text: string; marks?: Keys }[]; frames: string[] };
type Page = { markdown: string; text: string; blocks: Block[] };

const pages = JSON.parse(readFileSync(new URL("../../../tests/vectors/pages.json", import.meta.url), "utf8")) as Page[];

for (const { markdown, text, blocks } of pages) {
  test(`the blocks of ${JSON.stringify(markdown)}`, () => {
    const doc = new LoroDoc();
    newPage(doc, blocks.map(({ keys, runs }) => ({ keys, text: runs.map(({ text: insert, marks }) => ({ insert, attributes: { ...marks } })) })));
    expect(plainText(doc)).toBe(text);
    const page = rendered(doc);
    const open: Frame[] = [];
    const found = Array.from({ length: page.childCount }, (_, index) => {
      const block = page.child(index);
      const keys = keysOf(block);
      open.length = kept(open, keys);
      open.push(...opened(open, keys));
      const whole = textOf(block, null).slice(0, -1);
      let at = 0;
      const runs: { text: string; marks?: Keys }[] = [];
      for (const { length, marks } of marksOf(block, null).slice(0, -1)) {
        const last = runs.at(-1);
        const piece = whole.slice(at, at + length);
        at += length;
        if (last !== undefined && JSON.stringify(last.marks ?? {}) === JSON.stringify(marks)) last.text += piece;
        else runs.push(Object.keys(marks).length === 0 ? { text: piece } : { text: piece, marks });
      }
      return { keys, runs, frames: open.map(({ kind }) => kind) };
    });
    expect(found).toEqual(blocks);
  });
}
