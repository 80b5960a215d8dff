// What a key and another's edit cost in the binding, in a small and in a large document.
// Run from web/: npx vitest run --config bench/vitest.config.ts
import { test } from "vitest";
import { exchange, paragraph, replicas, TestEditor } from "../tests/editor/kit";

const KEYS = 400;

function median(times: number[]): number {
  return times.sort((x, y) => x - y)[times.length >> 1] ?? 0;
}

function measure(paragraphs: number): { open: number; local: number; apply: number; remote: number; remoteImport: number } {
  const blocks = Array.from({ length: paragraphs }, (_, at) => paragraph(`Paragraph ${at}: ${"some words of text ".repeat(10)}`));
  const [docA, docB, docC] = replicas(3, blocks);
  if (docA === undefined || docB === undefined || docC === undefined) throw new Error("three replicas");
  const start = performance.now();
  const a = new TestEditor(docA);
  const open = performance.now() - start;
  const b = new TestEditor(docB);
  const middle = a.state.doc.content.size >> 1;
  const at = a.state.doc.resolve(middle).start() + 20;
  const local: number[] = [];
  const apply: number[] = [];
  const remote: number[] = [];
  const remoteImport: number[] = [];
  for (let key = 0; key < KEYS; key += 1) {
    const tr = a.tr.insertText("x", at + key);
    let before = performance.now();
    a.state.apply(tr);
    apply.push(performance.now() - before);
    before = performance.now();
    a.apply(tr);
    local.push(performance.now() - before);
    const update = docA.export({ mode: "update", from: docB.version() });
    before = performance.now();
    docC.import(update);
    remoteImport.push(performance.now() - before);
    before = performance.now();
    docB.import(update);
    remote.push(performance.now() - before);
  }
  exchange(docA, docB);
  if (!a.state.doc.eq(b.state.doc)) throw new Error("the editors differ");
  return { open, local: median(local), apply: median(apply), remote: median(remote), remoteImport: median(remoteImport) };
}

test("measure", { timeout: 120_000 }, () => {
  measure(10);
  for (const paragraphs of [10, 300, 3000]) {
    const figures = Object.entries(measure(paragraphs)).map(([name, ms]) => `${name} ${ms.toFixed(3)} ms`);
    console.log(`${paragraphs} paragraphs: ${figures.join(", ")}`);
  }
});
