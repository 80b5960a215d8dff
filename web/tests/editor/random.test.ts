// Editors that do at random what people do, in several copies whose updates cross. Every letter is typed once,
// so that it can be said of each where it has gone.
import { selectAll, toggleMark } from "@tiptap/pm/commands";
import { Fragment, Slice } from "@tiptap/pm/model";
import type { Node } from "@tiptap/pm/model";
import { NodeSelection, TextSelection } from "@tiptap/pm/state";
import type { Command } from "@tiptap/pm/state";
import { expect, test } from "vitest";
import { backspace, deleteForwards, indent, insertRule, move, outdent, setType, split, toggleList, toggleQuote, toggleTask, toggleType } from "../../src/editor/commands";
import { Undo } from "../../src/editor/undo";
import { exchange, paragraph, random, rendered, replicas, schema, TestEditor } from "./kit";

type Dice = (limit: number) => number;

const ROUNDS = Number(process.env["QUIRE_ROUNDS"] ?? 80);
const SEEDS = Number(process.env["QUIRE_SEEDS"] ?? 40);
const FIRST_SEED = Number(process.env["QUIRE_SEED"] ?? 1);

function type(name: string): NonNullable<(typeof schema.nodes)[string]> {
  const found = schema.nodes[name];
  if (found === undefined) throw new Error(`no node ${name}`);
  return found;
}

function pick<T>(dice: Dice, list: readonly T[]): T {
  return list[dice(list.length)] as T;
}

/** What everybody together has typed and deleted. */
class Ledger {
  private next = 0x4e00;
  readonly typed = new Set<string>();
  readonly deleted = new Set<string>();

  text(dice: Dice): string {
    return Array.from({ length: 1 + dice(8) }, () => {
      const letter = String.fromCodePoint(this.next);
      // From the plane of single units to one of pairs, so that both are typed.
      this.next = this.next === 0x9000 ? 0x20000 : this.next + 1;
      this.typed.add(letter);
      return letter;
    }).join("");
  }
}

function letters(doc: Node): Set<string> {
  return new Set(Array.from(doc.textContent).filter((letter) => (letter.codePointAt(0) ?? 0) >= 0x4e00));
}

/** Does something and notes what letters go by it. */
function erasing(editor: TestEditor, ledger: Ledger, act: () => void): void {
  const before = letters(editor.state.doc);
  act();
  const after = letters(editor.state.doc);
  for (const letter of before) if (!after.has(letter)) ledger.deleted.add(letter);
}

/** Does something that is only structure: every letter stays. */
function keeping(editor: TestEditor, act: () => void): void {
  const before = letters(editor.state.doc);
  act();
  const after = letters(editor.state.doc);
  expect([...before].filter((letter) => !after.has(letter))).toEqual([]);
}

/** Nobody can put the caret into the middle of a character. */
function whole(doc: Node, at: number): number {
  const after = at < doc.content.size ? doc.textBetween(at, at + 1) : "";
  return /[\udc00-\udfff]/.test(after) ? at - 1 : at;
}

function select(editor: TestEditor, dice: Dice, span: number): void {
  const size = editor.state.doc.content.size;
  const from = dice(size + 1);
  const to = Math.min(size, from + dice(span + 1));
  const { doc } = editor.state;
  editor.state = editor.state.apply(editor.tr.setSelection(TextSelection.between(doc.resolve(whole(doc, from)), doc.resolve(whole(doc, to)))));
}

function run(editor: TestEditor, command: Command): void {
  command(editor.state, (tr) => editor.apply(tr));
}

function someBlock(dice: Dice, ledger: Ledger): Node {
  const text = (): Node => schema.text(ledger.text(dice), dice(3) === 0 ? [schema.mark("bold")] : []);
  const block = (keys: object): Node => type("paragraph").create({ keys }, dice(4) === 0 ? null : text());
  switch (dice(6)) {
    case 0: return type("rule").create({ keys: { object: { kind: "rule" } } });
    case 1: return block({ type: "code", lang: "rust" });
    case 2: return block({ list: "bullet", indent: dice(3) });
    case 3: return block({ quote: 1, type: "heading", level: 2 });
    case 4: return block({ list: "task", checked: true });
    default: return block({});
  }
}

type Action = (editor: TestEditor, dice: Dice, ledger: Ledger) => void;

const typing: Action = (editor, dice, ledger) => {
  select(editor, dice, 0);
  if (!editor.state.selection.$from.parent.inlineContent) return;
  for (let n = dice(4); n >= 0; n -= 1) editor.apply(editor.tr.insertText(ledger.text(dice)));
};

const structure: Action = (editor, dice) => {
  select(editor, dice, dice(3) === 0 ? 20 : 0);
  const command = pick(dice, [
    toggleList("bullet"), toggleList("ordered"), toggleList("task"), toggleQuote(), toggleType("heading", 1 + dice(3)), toggleType("code"),
    setType("paragraph"), indent(), outdent(), insertRule(),
  ]);
  keeping(editor, () => { run(editor, command); });
};

/** At the start or the end of a block. */
const joining: Action = (editor, dice) => {
  select(editor, dice, 0);
  const { $from } = editor.state.selection;
  if ($from.depth === 0) return;
  const isBack = dice(2) === 0;
  editor.state = editor.state.apply(editor.tr.setSelection(TextSelection.create(editor.state.doc, isBack ? $from.start() : $from.end())));
  keeping(editor, () => { run(editor, isBack ? backspace() : deleteForwards()); });
};

const actions: Action[] = [
  ...Array<Action>(6).fill(typing),
  ...Array<Action>(6).fill(structure),
  ...Array<Action>(3).fill(joining),
  ...Array<Action>(3).fill((editor, dice) => { select(editor, dice, 0); keeping(editor, () => { run(editor, split()); }); }),
  (editor, dice, ledger) => { erasing(editor, ledger, () => { select(editor, dice, 30); editor.apply(editor.tr.deleteSelection()); }); },
  (editor, dice, ledger) => { erasing(editor, ledger, () => { select(editor, dice, 6); editor.apply(editor.tr.insertText(ledger.text(dice))); }); },
  (editor, dice, ledger) => { erasing(editor, ledger, () => { select(editor, dice, 6); run(editor, split()); }); },
  (editor, dice) => { select(editor, dice, 12); run(editor, toggleMark(schema.marks[pick(dice, ["bold", "italic", "code", "strike"])] as never)); },
  (editor, dice) => {
    select(editor, dice, 12);
    run(editor, toggleMark(schema.marks["link"] as never, { href: pick(dice, ["https://a.example", "https://b.example"]) }));
  },
  (editor, dice, ledger) => {
    erasing(editor, ledger, () => {
      select(editor, dice, 4);
      editor.apply(editor.tr.replaceSelection(new Slice(Fragment.from([someBlock(dice, ledger), someBlock(dice, ledger)]), 0, 0)));
    });
  },
  (editor, dice, ledger) => {
    // Cut, and pasted elsewhere with open ends: for the others its letters are deleted where they were.
    select(editor, dice, 30);
    const slice = editor.state.selection.content();
    for (const letter of letters(editor.state.doc.type.create(null, slice.content))) ledger.deleted.add(letter);
    editor.apply(editor.tr.deleteSelection());
    select(editor, dice, 0);
    editor.apply(editor.tr.replaceSelection(slice));
  },
  (editor, dice, ledger) => {
    select(editor, dice, 0);
    for (const letter of letters(editor.state.doc)) ledger.deleted.add(letter);
    run(editor, move(dice(2) === 0 ? 1 : -1));
  },
  (editor, dice) => {
    select(editor, dice, 0);
    const { $from } = editor.state.selection;
    if ($from.parent.inlineContent) editor.apply(editor.tr.replaceSelectionWith(type("hardBreak").create(), true));
  },
  (editor, dice) => {
    const places: number[] = [];
    editor.state.doc.forEach((_node, at) => { places.push(at); });
    run(editor, toggleTask(pick(dice, places)));
  },
  (editor, dice, ledger) => {
    // Several places in one transaction.
    const tr = editor.tr;
    for (let n = 0; n < 3; n += 1) {
      const at = whole(tr.doc, dice(tr.doc.content.size + 1));
      const $at = tr.doc.resolve(at);
      if ($at.parent.inlineContent) tr.insertText(ledger.text(dice), at);
    }
    editor.apply(tr);
  },
  (editor, dice, ledger) => {
    // A block is deleted.
    const index = dice(editor.state.doc.childCount);
    let at = 0;
    for (let n = 0; n < index; n += 1) at += editor.state.doc.child(n).nodeSize;
    const tr = editor.tr.setSelection(NodeSelection.create(editor.state.doc, at));
    erasing(editor, ledger, () => { editor.apply(tr.deleteSelection()); });
  },
  (editor, dice, ledger) => {
    if (dice(10) === 0) erasing(editor, ledger, () => { run(editor, selectAll); editor.apply(editor.tr.deleteSelection()); });
  },
];

function checkEditor(editor: TestEditor, what: string): void {
  expect(editor.warnings, what).toEqual([]);
  editor.state.doc.check();
  expect(editor.state.doc === editor.binding.view, `${what}: the shown document is the binding's`).toBe(true);
  const fresh = rendered(editor.doc);
  if (!editor.state.doc.eq(fresh)) expect(editor.state.doc.toJSON(), what).toEqual(fresh.toJSON());
}

const start = [
  paragraph("Title", { type: "heading", level: 1 }),
  paragraph("Some text aaaa bbbb"),
  paragraph([{ insert: "bold", attributes: { bold: true } }, { insert: " and plain" }]),
  paragraph("one", { list: "bullet" }),
  paragraph("two", { list: "bullet" }),
  paragraph("deep", { list: "bullet", indent: 1 }),
  paragraph("do", { list: "task" }),
  paragraph("", { object: { kind: "rule" } }),
  paragraph("let x;", { type: "code" }),
  paragraph("x;", { type: "code" }),
  paragraph(),
];

for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
  test(`editors that edit at random stay the same as Loro and each other, and lose no letter (seed ${seed})`, { timeout: 60_000 }, () => {
    const dice = random(seed);
    const ledger = new Ledger();
    const editors = replicas(2 + dice(2), start).map((doc) => new TestEditor(doc));
    for (let round = 0; round < ROUNDS; round += 1) {
      const editor = pick(dice, editors);
      const index = dice(actions.length);
      (actions[index] as Action)(editor, dice, ledger);
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
    const there = letters((editors[0] as TestEditor).state.doc);
    expect([...ledger.typed].filter((letter) => !there.has(letter) && !ledger.deleted.has(letter)), "letters that nobody deleted").toEqual([]);
    for (const editor of editors) editor.close();
  });
}

for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
  test(`what is undone is one's own, whatever others do meanwhile (seed ${seed})`, { timeout: 60_000 }, () => {
    const dice = random(1_000 + seed);
    const ledger = new Ledger();
    const [a, b] = replicas(2, start).map((doc) => new TestEditor(doc)) as [TestEditor, TestEditor];
    const undo = new Undo(a.binding);
    const view = { get state() { return a.state; }, dispatch(tr: typeof a.tr) { a.state = a.state.apply(tr); } };
    for (let round = 0; round < 12; round += 1) {
      undo.willWrite(a.state, []);
      pick(dice, [typing, structure, joining])(a, dice, ledger);
      undo.didWrite();
      const before = letters(b.state.doc);
      pick(dice, [typing, structure])(b, dice, ledger);
      const theirs = [...letters(b.state.doc)].filter((letter) => !before.has(letter));
      exchange(a.doc, b.doc);
      for (let steps = dice(4); steps > 0 && undo.canUndo(); steps -= 1) undo.undo(view as never);
      if (dice(2) === 0 && undo.canRedo()) undo.redo(view as never);
      checkEditor(a, `seed ${seed} round ${round}`);
      const there = letters(a.state.doc);
      expect(theirs.filter((letter) => !there.has(letter)), `seed ${seed} round ${round}: others' letters`).toEqual([]);
      exchange(a.doc, b.doc);
      checkEditor(b, `seed ${seed} round ${round}, the other`);
    }
    undo.free();
  });
}
