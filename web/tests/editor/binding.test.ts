// What the binding promises, one claim a test.
import { toggleMark } from "@tiptap/pm/commands";
import { NodeSelection, Plugin, TextSelection } from "@tiptap/pm/state";
import type { Command } from "@tiptap/pm/state";
import { Decoration, DecorationSet } from "@tiptap/pm/view";
import { expect, test } from "vitest";
import { backspace, clearFormatting, deleteForwards, indent, insertRule, move, outdent, split, toggleList, toggleQuote, toggleTask, toggleType } from "../../src/editor/commands";
import { bodyOf, plainText } from "../../src/editor/model";
import { hrefOf, isAllowedHref } from "../../src/editor/links";
import { removesUnknown } from "../../src/editor/guard";
import { cursorAt, positionOf } from "../../src/editor/positions";
import { Undo } from "../../src/editor/undo";
import { exchange, paragraph, rendered, replicas, schema, shown, TestEditor } from "./kit";
import type { NewBlock } from "../../src/editor/model";

function pair(blocks?: NewBlock[], plugins: Plugin[] = []): [TestEditor, TestEditor] {
  const [a, b] = replicas(2, blocks);
  if (a === undefined || b === undefined) throw new Error("two replicas");
  return [new TestEditor(a, plugins), new TestEditor(b, plugins)];
}

function caret(editor: TestEditor, anchor: number, head = anchor): void {
  editor.state = editor.state.apply(editor.tr.setSelection(TextSelection.create(editor.state.doc, anchor, head)));
}

function run(editor: TestEditor, command: Command): void {
  command(editor.state, (tr) => editor.apply(tr));
}

function mark(name: string): NonNullable<(typeof schema.marks)[string]> {
  const found = schema.marks[name];
  if (found === undefined) throw new Error(`no mark ${name}`);
  return found;
}

function expectSame(...editors: TestEditor[]): void {
  for (const editor of editors) {
    expect(editor.warnings).toEqual([]);
    expect(editor.state.doc).toBe(editor.binding.view);
    expect(editor.state.doc.toJSON()).toEqual(rendered(editor.doc).toJSON());
    editor.state.doc.check();
  }
}

test("opening writes nothing, whatever the document holds", () => {
  const [doc] = replicas(1, [paragraph("x"), paragraph("odd", { list: "spiral", indent: -3, level: "high", type: 7 }), paragraph("", { object: { kind: "chart" } })]);
  if (doc === undefined) throw new Error("a replica");
  bodyOf(doc).insert(bodyOf(doc).length, "without an end");
  doc.commit();
  const before = doc.opCount();
  const editor = new TestEditor(doc);
  editor.state.doc.check();
  expect(doc.opCount()).toBe(before);
  expect(doc.getPendingTxnLength()).toBe(0);
  expect(editor.state.doc.textContent).toContain("without an end");
  editor.apply(editor.tr.insertText("!", 1));
  expectSame(editor);
});

test("an empty text is an empty paragraph, and can be written into", () => {
  const [doc] = replicas(1);
  if (doc === undefined) throw new Error("a replica");
  bodyOf(doc).delete(0, 1);
  doc.commit();
  const editor = new TestEditor(doc);
  editor.apply(editor.tr.insertText("back", 1));
  expect(plainText(doc)).toBe("back");
  expectSame(editor);
});

test("a typed character is one insertion into the paragraph's text", () => {
  const [editor] = pair([paragraph("ab"), paragraph("cd")]);
  const before = editor.doc.opCount();
  editor.apply(editor.tr.insertText("x", 2));
  expect(editor.doc.opCount()).toBe(before + 1);
  expectSame(editor);
});

test("another's edit is a step in its place: decorations and selection stay", () => {
  const marked = new Plugin<DecorationSet>({
    state: {
      init: (_config, state) => DecorationSet.create(state.doc, [Decoration.inline(2, 4, { class: "found" })]),
      apply: (tr, shown) => shown.map(tr.mapping, tr.doc),
    },
  });
  const [a, b] = pair([paragraph("hello"), paragraph("world")], [marked]);
  caret(a, 3);
  b.apply(b.tr.insertText("wide ", 8));
  exchange(a.doc, b.doc);
  const step = a.received[0]?.steps[0]?.toJSON() as { from: number; to: number };
  expect(a.received[0]?.steps.length).toBe(1);
  expect([step.from, step.to]).toEqual([8, 8]);
  expect(a.state.selection.from).toBe(3);
  expect(marked.getState(a.state)?.find().map(({ from, to }) => [from, to])).toEqual([[2, 4]]);
  expectSame(a, b);
});

test("a repeated letter is inserted just where it was typed", () => {
  const [a, b] = pair([paragraph("aaaa")]);
  caret(a, 4);
  b.apply(b.tr.insertText("a", 2));
  exchange(a.doc, b.doc);
  expect((a.received[0]?.steps[0]?.toJSON() as { from: number }).from).toBe(2);
  expect(a.state.selection.from).toBe(5);
});

test("text that another inserts before the caret moves it, at the caret it does not", () => {
  const [a, b] = pair([paragraph("hello")]);
  caret(a, 4);
  b.apply(b.tr.insertText("12", 1));
  exchange(a.doc, b.doc);
  expect(a.state.selection.from).toBe(6);
  b.apply(b.tr.insertText("34", 6));
  exchange(a.doc, b.doc);
  expect(a.state.selection.from).toBe(6);
  expectSame(a, b);
});

const COMMANDS: [name: string, command: Command][] = [
  ["heading", toggleType("heading", 2)], ["code", toggleType("code")], ["bullets", toggleList("bullet")], ["numbers", toggleList("ordered")],
  ["tasks", toggleList("task")], ["quote", toggleQuote()], ["indent", indent()], ["outdent", outdent()], ["Enter", split()],
  ["Backspace", backspace()], ["Delete", deleteForwards()], ["rule", insertRule()], ["up", move(-1)], ["down", move(1)],
];

for (const [name, command] of COMMANDS) {
  test(`what another types into the block meanwhile stays: ${name}`, () => {
    for (const keys of [undefined, { list: "bullet" }, { list: "ordered", indent: 1 }, { quote: 1 }, { type: "heading", level: 1 }, { type: "code" }]) {
      for (const place of [0, 2, 4]) {
        for (const at of [0, 2, 4]) {
          const [a, b] = pair([paragraph("first", { list: "bullet" }), paragraph("text", keys), paragraph("last")]);
          caret(a, 8 + place);
          run(a, command);
          b.apply(b.tr.insertText("WORDS", 8 + at));
          exchange(a.doc, b.doc);
          expect(plainText(a.doc).replaceAll("\n", ""), JSON.stringify({ keys, place, at })).toContain("WORDS");
          expect(plainText(a.doc)).toBe(plainText(b.doc));
          expectSame(a, b);
        }
      }
    }
  });
}

test("a caret stays at its character whatever another makes of the block", () => {
  for (const [name, command] of COMMANDS) {
    if (name === "up" || name === "down") continue;
    for (const place of [1, 2, 3]) {
      const [a, b] = pair([paragraph("first", { list: "bullet" }), paragraph("text"), paragraph("last")]);
      caret(b, 8 + place);
      caret(a, 8);
      run(a, command);
      exchange(a.doc, b.doc);
      const before = b.state.doc.textBetween(b.state.selection.from - 1, b.state.selection.from);
      expect(before, `${name} at ${place}`).toBe("text"[place - 1]);
    }
  }
});

test("a split heading gives a paragraph, and what another makes of it meanwhile counts for the second half", () => {
  const [a, b] = pair([paragraph("title", { type: "heading", level: 1 })]);
  caret(a, 6);
  run(a, split());
  expect(shown(a.state.doc)).toEqual(["[level=1 type=heading] title", ""]);
  caret(b, 2);
  run(b, toggleList("bullet"));
  exchange(a.doc, b.doc);
  expect(shown(a.state.doc)).toEqual(["[level=1 type=heading] title", "[list=bullet] "]);
  expectSame(a, b);
});

test("what counts once stays with the first half", () => {
  const [a, b] = pair([paragraph("done", { list: "task", checked: true, indent: 1 })]);
  caret(a, 3);
  run(a, split());
  expect(shown(a.state.doc)).toEqual(["[checked=true indent=1 list=task] do", "[indent=1 list=task] ne"]);
  exchange(a.doc, b.doc);
  expectSame(a, b);
});

test("a split undone keeps what another typed into the second half", () => {
  const [a, b] = pair([paragraph("one two")]);
  const undo = new Undo(a.binding);
  caret(a, 5);
  undo.willWrite(a.state, []);
  run(a, split());
  undo.didWrite();
  exchange(a.doc, b.doc);
  b.apply(b.tr.insertText("XX", b.state.doc.content.size - 1));
  exchange(a.doc, b.doc);
  const view = { get state() { return a.state; }, dispatch(tr: typeof a.tr) { a.state = a.state.apply(tr); } };
  undo.undo(view as never);
  exchange(a.doc, b.doc);
  expect(shown(a.state.doc)).toEqual(["one twoXX"]);
  expectSame(a, b);
  undo.free();
});

test("undo leaves what another has made of the block since", () => {
  const [a, b] = pair([paragraph("one"), paragraph("two")]);
  const undo = new Undo(a.binding);
  const view = { get state() { return a.state; }, dispatch(tr: typeof a.tr) { a.state = a.state.apply(tr); } };
  caret(a, 1, 9);
  undo.willWrite(a.state, []);
  run(a, toggleList("bullet"));
  undo.didWrite();
  exchange(a.doc, b.doc);
  caret(b, 7);
  run(b, toggleList("ordered"));
  exchange(a.doc, b.doc);
  undo.undo(view as never);
  expect(shown(a.state.doc)).toEqual(["one", "[list=ordered] two"]);
  undo.redo(view as never);
  expect(shown(a.state.doc)).toEqual(["[list=bullet] one", "[list=ordered] two"]);
  exchange(a.doc, b.doc);
  expectSame(a, b);
  undo.free();
});

test("lists go deeper and come out as people know it", () => {
  const [a] = pair([paragraph("one", { list: "bullet" }), paragraph("two", { list: "bullet" }), paragraph("")]);
  caret(a, 2);
  run(a, indent());
  expect(shown(a.state.doc)[0]).toBe("[list=bullet] one");
  caret(a, 7);
  run(a, indent());
  expect(shown(a.state.doc)[1]).toBe("[indent=1 list=bullet] two");
  run(a, indent());
  expect(shown(a.state.doc)[1]).toBe("[indent=1 list=bullet] two");
  caret(a, 9);
  run(a, split());
  run(a, split());
  expect(shown(a.state.doc)).toEqual(["[list=bullet] one", "[indent=1 list=bullet] two", "[list=bullet] ", ""]);
  run(a, split());
  expect(shown(a.state.doc)[2]).toBe("");
  caret(a, 6);
  run(a, backspace());
  run(a, backspace());
  expect(shown(a.state.doc).slice(0, 2)).toEqual(["[list=bullet] one", "two"]);
  run(a, backspace());
  expect(shown(a.state.doc)[0]).toBe("[list=bullet] onetwo");
  run(a, outdent());
  expect(shown(a.state.doc)[0]).toBe("onetwo");
  expectSame(a);
});

test("a list over many blocks is one mark, and so is bold", () => {
  const [a] = pair(Array.from({ length: 5_000 }, (_, at) => paragraph(`block ${at}`)));
  const { size } = a.state.doc.content;
  for (const command of [toggleList("bullet"), toggleMark(mark("bold")), clearFormatting()]) {
    caret(a, 1, size - 1);
    const from = a.doc.version();
    run(a, command);
    expect(a.doc.export({ mode: "update", from }).length).toBeLessThan(400);
  }
  expectSame(a);
});

test("a block that moves leaves the one that it passes alone", () => {
  const [a, b] = pair([paragraph("one"), paragraph("two", { list: "bullet" }), paragraph("three")]);
  caret(a, 7);
  run(a, move(-1));
  b.apply(b.tr.insertText("!", 4));
  exchange(a.doc, b.doc);
  expect(shown(a.state.doc)).toEqual(["[list=bullet] two", "one!", "three"]);
  expectSame(a, b);
});

test("a thing is selected before it is deleted, and text joins around it", () => {
  const [a] = pair([paragraph("one"), paragraph("", { object: { kind: "rule" } }), paragraph("two")]);
  caret(a, 7);
  run(a, backspace());
  expect(a.state.selection).toBeInstanceOf(NodeSelection);
  a.apply(a.tr.deleteSelection());
  expect(shown(a.state.doc)).toEqual(["one", "two"]);
  expectSame(a);
});

test("text that lost its own end stands before the thing", () => {
  const [a, b] = pair([paragraph("one"), paragraph("", { object: { kind: "rule" } })]);
  bodyOf(a.doc).delete(3, 1);
  a.doc.commit();
  b.apply(b.tr.insertText("!", 4));
  exchange(a.doc, b.doc);
  expect(shown(a.state.doc)).toEqual(["one!", "[object={\"kind\":\"rule\"}] <rule>"]);
  a.apply(a.tr.insertText("?", 5));
  caret(a, 3);
  run(a, split());
  expect(shown(a.state.doc).slice(0, 2)).toEqual(["on", "e!?"]);
  exchange(a.doc, b.doc);
  expectSame(a, b);
});

test("a tick is set where it was, and only on tasks", () => {
  const [a, b] = pair([paragraph("do", { list: "task" }), paragraph("text")]);
  run(a, toggleTask(0));
  run(a, toggleTask(4));
  exchange(a.doc, b.doc);
  expect(shown(b.state.doc)).toEqual(["[checked=true list=task] do", "text"]);
  expectSame(a, b);
});

test("a paste of many characters is written in pieces that merge fast", () => {
  const [a, b] = pair([paragraph("x")]);
  const text = "lorem ipsum ".repeat(10_000);
  a.apply(a.tr.insertText(text, 1));
  b.apply(b.tr.insertText("y", 2));
  const changes = a.doc.export({ mode: "update", from: b.doc.version() });
  b.doc.import(changes);
  expect(plainText(b.doc)).toBe(`${text}xy`);
  expectSame(a, b);
});

test("bold and italic of two people at once are both kept", () => {
  const [a, b] = pair([paragraph("hello world")]);
  caret(a, 1, 6);
  toggleMark(mark("bold"))(a.state, (tr) => a.apply(tr));
  caret(b, 4, 12);
  toggleMark(mark("italic"))(b.state, (tr) => b.apply(tr));
  exchange(a.doc, b.doc);
  expect(a.state.doc.toString()).toBe('doc(paragraph(bold("hel"), bold(italic("lo")), italic(" world")))');
  expectSame(a, b);
});

test("a link does not grow over what is typed behind it, bold does", () => {
  const [a, b] = pair([paragraph("ab")]);
  a.apply(a.tr.addMark(1, 2, mark("link").create({ href: "https://a.example" })).addMark(2, 3, mark("bold").create()));
  exchange(a.doc, b.doc);
  caret(a, 3);
  a.apply(a.tr.insertText("c"));
  a.apply(a.tr.insertText("x", 2));
  expect(a.state.doc.toString()).toContain('bold("bc")');
  expectSame(a, b);
});

test("marks, attributes and things of a newer schema are kept, and not deleted by accident", () => {
  const [a, b] = pair([
    paragraph([{ insert: "one", attributes: { sparkle: { n: 1 } } }], { type: "callout", tone: "info" }),
    paragraph("", { object: { kind: "chart", id: "c1" } }),
    paragraph([{ insert: "two " }, { insert: "\ufffc", attributes: { object: { kind: "mention", id: "m1" } } }]),
  ]);
  expect(a.state.doc.child(0).firstChild?.marks.map(({ attrs }) => attrs["key"] as string)).toEqual(["sparkle"]);
  expect(a.state.doc.child(1).type.name).toBe("thing");
  // Typing and splitting beside them leaves them alone.
  caret(a, 2);
  run(a, split());
  exchange(a.doc, b.doc);
  expect(shown(b.state.doc).slice(0, 2)).toEqual(["[tone=info type=callout] o", "[tone=info type=callout] ne"]);
  expect(b.state.doc.child(1).firstChild?.marks.length).toBe(1);
  expect(bodyOf(b.doc).toDelta().some(({ attributes }) => (attributes?.["object"] as { id?: string } | undefined)?.id === "m1")).toBe(true);
  const erasing = a.tr.delete(1, a.state.doc.content.size - 1);
  expect(removesUnknown(erasing, a.state)).toBe(true);
  expectSame(a, b);
});

test("an emoji that becomes another is replaced whole", () => {
  const [a, b] = pair([paragraph("x😀y")]);
  a.apply(a.tr.insertText("😁", 2, 4));
  exchange(a.doc, b.doc);
  expect(plainText(b.doc)).toBe("x😁y");
  expectSame(a, b);
});

test("a place given as a Loro cursor comes back as the same place", () => {
  const [a] = pair([paragraph("ab"), paragraph(), paragraph("c", { list: "bullet" }), paragraph("d", { indent: 1 }), paragraph("", { object: { kind: "rule" } }), paragraph("e\u2028f")]);
  a.state.doc.descendants((node, at) => {
    if (!node.isTextblock) return;
    for (let offset = 0; offset <= node.content.size; offset += 1) {
      const cursor = cursorAt(a.binding, at + 1 + offset);
      expect(cursor === null ? null : positionOf(a.binding, cursor)).toBe(at + 1 + offset);
    }
  });
});

test("undo takes back one's own edits only, and puts the selection back", () => {
  const [a, b] = pair([paragraph("start")]);
  const undo = new Undo(a.binding);
  const type = (text: string, at: number): void => {
    const before = a.state;
    undo.willWrite(before, [{ oldFrom: at, oldTo: at, newFrom: at, newTo: at + text.length }]);
    a.apply(a.tr.insertText(text, at));
    undo.didWrite();
  };
  type("mine ", 1);
  exchange(a.doc, b.doc);
  b.apply(b.tr.insertText(" theirs", 11));
  exchange(a.doc, b.doc);
  const view = { get state() { return a.state; }, dispatch(tr: typeof a.tr) { a.state = a.state.apply(tr); } };
  expect(undo.undo(view as never)).toBe(true);
  expect(plainText(a.doc)).toBe("start theirs");
  expect(undo.canUndo()).toBe(false);
  expect(undo.redo(view as never)).toBe(true);
  expect(plainText(a.doc)).toBe("mine start theirs");
  exchange(a.doc, b.doc);
  expectSame(a, b);
  undo.free();
});

test("time travel and back is shown and writes nothing", () => {
  const [a] = pair([paragraph("one")]);
  const early = a.doc.frontiers();
  a.apply(a.tr.insertText("two ", 1));
  a.apply(a.tr.split(3));
  const before = a.doc.opCount();
  a.doc.checkout(early);
  expect(a.state.doc.textContent).toBe("one");
  a.doc.checkoutToLatest();
  expect(a.state.doc.toString()).toBe('doc(paragraph("tw"), paragraph("o one"))');
  expect(a.doc.opCount()).toBe(before);
  expectSame(a);
});

test("only web and mail addresses are links", () => {
  expect(["https://a.b", "http://a", "mailto:a@b.c"].every(isAllowedHref)).toBe(true);
  expect(["javascript:alert(1)", "data:text/html,x", "//a.b", "/x", " https://a.b", ""].some(isAllowedHref)).toBe(false);
  expect([hrefOf("example.com/x"), hrefOf("a@b.cd"), hrefOf("javascript:alert(1)"), hrefOf("two words")]).toEqual(["https://example.com/x", "mailto:a@b.cd", null, null]);
});
