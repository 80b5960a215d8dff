// Editors that do at random what people do, in several copies whose updates cross.
import { lift, joinBackward, splitBlock, wrapIn, setBlockType, toggleMark, selectAll } from "@tiptap/pm/commands";
import { Fragment, Slice } from "@tiptap/pm/model";
import type { Node } from "@tiptap/pm/model";
import { liftListItem, sinkListItem, splitListItem, wrapInList } from "@tiptap/pm/schema-list";
import { NodeSelection, TextSelection } from "@tiptap/pm/state";
import type { Command } from "@tiptap/pm/state";
import { expect, test } from "vitest";
import { exchange, paragraph, random, rendered, replicas, schema, TestEditor } from "./kit";

type Dice = (limit: number) => number;

const ROUNDS = Number(process.env["QUIRE_ROUNDS"] ?? 60);
const SEEDS = Number(process.env["QUIRE_SEEDS"] ?? 25);
const FIRST_SEED = Number(process.env["QUIRE_SEED"] ?? 1);

function type(name: string): NonNullable<(typeof schema.nodes)[string]> {
  const found = schema.nodes[name];
  if (found === undefined) throw new Error(`no node ${name}`);
  return found;
}

function pick<T>(dice: Dice, list: readonly T[]): T {
  return list[dice(list.length)] as T;
}

function someText(dice: Dice): string {
  return Array.from({ length: 1 + dice(8) }, () => pick(dice, ["a", "a", "b", "c", " ", "ü", "😀", "😁", "x"])).join("");
}

/** Most people cannot put the caret into the middle of an emoji; a seed divisible by five can. */
function whole(doc: Node, at: number, mayCut: boolean): number {
  const after = at < doc.content.size ? doc.textBetween(at, at + 1) : "";
  return !mayCut && /[\udc00-\udfff]/.test(after) ? at - 1 : at;
}

let mayCutPairs = false;

function select(editor: TestEditor, dice: Dice, span: number): void {
  const size = editor.state.doc.content.size;
  const from = dice(size + 1);
  const to = Math.min(size, from + dice(span + 1));
  const { doc } = editor.state;
  editor.state = editor.state.apply(editor.tr.setSelection(TextSelection.between(doc.resolve(whole(doc, from, mayCutPairs)), doc.resolve(whole(doc, to, mayCutPairs)))));
}

function run(editor: TestEditor, command: Command): void {
  command(editor.state, (tr) => editor.apply(tr));
}

function someNode(dice: Dice): Node {
  const text = (): Node => schema.text(someText(dice), dice(3) === 0 ? [schema.mark("bold")] : []);
  const block = (): Node => type("paragraph").create(null, dice(4) === 0 ? null : text());
  switch (dice(6)) {
    case 0: return type("horizontalRule").create();
    case 1: return type("codeBlock").create({ language: "rust" }, schema.text("fn main() {}"));
    case 2: return type("bulletList").create(null, [type("listItem").create(null, [block(), block()]), type("listItem").create(null, block())]);
    case 3: return type("blockquote").create(null, [block(), type("heading").create({ level: 2 }, text())]);
    case 4: return type("taskList").create(null, [type("taskItem").create({ checked: true }, block())]);
    default: return block();
  }
}

const actions: ((editor: TestEditor, dice: Dice) => void)[] = [
  ...Array<(editor: TestEditor, dice: Dice) => void>(6).fill((editor, dice) => {
    select(editor, dice, 0);
    for (let n = dice(4); n >= 0; n -= 1) editor.apply(editor.tr.insertText(someText(dice)));
  }),
  (editor, dice) => { select(editor, dice, 30); editor.apply(editor.tr.deleteSelection()); },
  (editor, dice) => { select(editor, dice, 6); editor.apply(editor.tr.insertText(someText(dice))); },
  (editor, dice) => { select(editor, dice, 12); run(editor, toggleMark(schema.marks[pick(dice, ["bold", "italic", "code", "strike"])] as never)); },
  (editor, dice) => {
    select(editor, dice, 12);
    run(editor, toggleMark(schema.marks["link"] as never, { href: pick(dice, ["https://a.example", "https://b.example"]) }));
  },
  (editor, dice) => { select(editor, dice, 3); run(editor, splitBlock); },
  (editor, dice) => { select(editor, dice, 3); run(editor, splitListItem(type("listItem"))); },
  (editor, dice) => {
    select(editor, dice, 0);
    const { $from } = editor.state.selection;
    if ($from.depth === 0) return;
    const at = $from.start();
    editor.state = editor.state.apply(editor.tr.setSelection(TextSelection.create(editor.state.doc, at)));
    run(editor, joinBackward);
  },
  (editor, dice) => { select(editor, dice, 20); run(editor, wrapInList(type(pick(dice, ["bulletList", "orderedList"])))); },
  (editor, dice) => { select(editor, dice, 10); run(editor, wrapIn(type("blockquote"))); },
  (editor, dice) => { select(editor, dice, 10); run(editor, lift); },
  (editor, dice) => { select(editor, dice, 10); run(editor, liftListItem(type("listItem"))); },
  (editor, dice) => { select(editor, dice, 10); run(editor, sinkListItem(type("listItem"))); },
  (editor, dice) => {
    select(editor, dice, 20);
    const [name, attrs] = pick(dice, [["heading", { level: 1 }], ["heading", { level: 3 }], ["paragraph", null], ["codeBlock", { language: "c" }]] as const);
    run(editor, setBlockType(type(name), attrs));
  },
  (editor, dice) => {
    select(editor, dice, 4);
    editor.apply(editor.tr.replaceSelection(new Slice(Fragment.from([someNode(dice), someNode(dice)]), 0, 0)));
  },
  (editor, dice) => {
    // Cut and paste elsewhere, with open ends.
    select(editor, dice, 30);
    const slice = editor.state.selection.content();
    editor.apply(editor.tr.deleteSelection());
    select(editor, dice, 0);
    editor.apply(editor.tr.replaceSelection(slice));
  },
  (editor, dice) => {
    select(editor, dice, 0);
    const { $from } = editor.state.selection;
    if ($from.parent.inlineContent && $from.parent.type.name !== "codeBlock") {
      editor.apply(editor.tr.replaceSelectionWith(type("hardBreak").create(), true));
    }
  },
  (editor, dice) => {
    const places: number[] = [];
    editor.state.doc.descendants((node, at) => { if (node.type.name === "taskItem" || node.type.name === "heading") places.push(at); });
    if (places.length === 0) return;
    const at = pick(dice, places);
    const node = editor.state.doc.nodeAt(at);
    if (node?.type.name === "taskItem") editor.apply(editor.tr.setNodeAttribute(at, "checked", node.attrs["checked"] !== true));
    else editor.apply(editor.tr.setNodeAttribute(at, "level", 1 + dice(3)));
  },
  (editor, dice) => {
    // Several places in one transaction.
    const tr = editor.tr;
    for (let n = 0; n < 3; n += 1) {
      const at = whole(tr.doc, dice(tr.doc.content.size + 1), mayCutPairs);
      const $at = tr.doc.resolve(at);
      if ($at.parent.inlineContent) tr.insertText(someText(dice), at);
    }
    editor.apply(tr);
  },
  (editor, dice) => {
    // Drag a block elsewhere.
    const count = editor.state.doc.childCount;
    if (count < 2) return;
    const from = dice(count);
    let at = 0;
    for (let n = 0; n < from; n += 1) at += editor.state.doc.child(n).nodeSize;
    const node = editor.state.doc.child(from);
    const tr = editor.tr.setSelection(NodeSelection.create(editor.state.doc, at));
    tr.delete(at, at + node.nodeSize);
    editor.apply(tr.insert(0, node));
  },
  (editor, dice) => { if (dice(10) === 0) { run(editor, selectAll); editor.apply(editor.tr.deleteSelection()); } },
];

function checkEditor(editor: TestEditor, what: string): void {
  expect(editor.warnings, what).toEqual([]);
  editor.state.doc.check();
  expect(editor.state.doc === editor.binding.view, `${what}: the shown document is the binding's`).toBe(true);
  const fresh = rendered(editor.doc);
  if (!editor.state.doc.eq(fresh)) expect(editor.state.doc.toJSON(), what).toEqual(fresh.toJSON());
}

const start = [
  { name: "heading", attributes: { level: 1 }, children: ["Title"] },
  paragraph("Some text aaaa bbbb"),
  paragraph([{ insert: "bold", attributes: { bold: {} } }, { insert: " and plain" }] as never),
  { name: "bulletList", children: [
    { name: "listItem", children: [paragraph("one")] },
    { name: "listItem", children: [paragraph("two"), { name: "bulletList", children: [{ name: "listItem", children: [paragraph("deep")] }] }] },
  ] },
  { name: "taskList", children: [{ name: "taskItem", attributes: { checked: false }, children: [paragraph("do")] }] },
  paragraph(),
];

for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
  test(`editors that edit at random stay the same as Loro and each other (seed ${seed})`, { timeout: 60_000 }, () => {
    const dice = random(seed);
    mayCutPairs = seed % 5 === 0;
    const editors = replicas(2 + dice(2), start).map((doc) => new TestEditor(doc));
    for (let round = 0; round < ROUNDS; round += 1) {
      const editor = pick(dice, editors);
      const index = dice(actions.length);
      (actions[index] as (editor: TestEditor, dice: Dice) => void)(editor, dice);
      checkEditor(editor, `seed ${seed} round ${round} action ${index}`);
      if (dice(3) === 0) {
        const other = pick(dice, editors);
        if (other !== editor) {
          exchange(editor.doc, other.doc);
          checkEditor(editor, `seed ${seed} round ${round} exchanged`);
          checkEditor(other, `seed ${seed} round ${round} exchanged, the other`);
        }
      }
    }
    for (const a of editors) for (const b of editors) if (a !== b) exchange(a.doc, b.doc);
    for (const editor of editors) {
      checkEditor(editor, `seed ${seed} at the end`);
      expect(editor.state.doc.toJSON()).toEqual(editors[0]?.state.doc.toJSON());
    }
    if (!mayCutPairs) expect(editors.map(({ repairs }) => repairs), "what is written is what Loro renders to").toEqual(editors.map(() => 0));
    for (const editor of editors) editor.close();
  });
}
