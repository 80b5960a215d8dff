// What the binding promises, one claim a test.
import { toggleMark, splitBlock, setBlockType } from "@tiptap/pm/commands";
import { Plugin, TextSelection } from "@tiptap/pm/state";
import { Decoration, DecorationSet } from "@tiptap/pm/view";
import { LoroList, LoroMap, LoroText } from "loro-crdt";
import type { LoroDoc } from "loro-crdt";
import { expect, test } from "vitest";
import { CHILDREN, ROOT, textOf } from "../../src/editor/model";
import { hrefOf, isAllowedHref } from "../../src/editor/links";
import { removesUnknown } from "../../src/editor/guard";
import { cursorAt, positionOf } from "../../src/editor/positions";
import { Undo } from "../../src/editor/undo";
import { exchange, paragraph, rendered, replicas, schema, TestEditor } from "./kit";
import type { NewNode } from "../../src/editor/model";

function pair(blocks?: NewNode[], plugins: Plugin[] = []): [TestEditor, TestEditor] {
  const [a, b] = replicas(2, blocks);
  if (a === undefined || b === undefined) throw new Error("two replicas");
  return [new TestEditor(a, plugins), new TestEditor(b, plugins)];
}

function caret(editor: TestEditor, anchor: number, head = anchor): void {
  editor.state = editor.state.apply(editor.tr.setSelection(TextSelection.create(editor.state.doc, anchor, head)));
}

function mark(name: string): NonNullable<(typeof schema.marks)[string]> {
  const found = schema.marks[name];
  if (found === undefined) throw new Error(`no mark ${name}`);
  return found;
}

function rootChildren(doc: LoroDoc): LoroList {
  const list = doc.getMap(ROOT).get(CHILDREN);
  if (!(list instanceof LoroList)) throw new Error("not seeded");
  return list;
}

function insertNode(list: LoroList, at: number, name: string): LoroList {
  const map = list.insertContainer(at, new LoroMap());
  map.set("nodeName", name);
  map.setContainer("attributes", new LoroMap());
  return map.setContainer(CHILDREN, new LoroList());
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
  const [doc] = replicas(1, [paragraph("x"), { name: "listItem" }, { name: "bulletList", children: [{ name: "listItem" }, paragraph("y")] }, { name: "callout" }]);
  if (doc === undefined) throw new Error("a replica");
  rootChildren(doc).insertContainer(0, new LoroText()).insert(0, "text in the root");
  doc.commit();
  const before = doc.opCount();
  const editor = new TestEditor(doc);
  editor.state.doc.check();
  expect(doc.opCount()).toBe(before);
  expect(doc.getPendingTxnLength()).toBe(0);
  expect(editor.state.doc.textContent).toContain("text in the root");
  // What was only made up for the view becomes real when it is typed into, and nothing else does.
  editor.apply(editor.tr.insertText("!", 1));
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

test("a heading is the paragraph's own container: text typed meanwhile stays", () => {
  const [a, b] = pair([paragraph("title")]);
  caret(a, 2);
  setBlockType(schema.nodes["heading"] as never, { level: 2 })(a.state, (tr) => a.apply(tr));
  b.apply(b.tr.insertText(" typed", 6));
  exchange(a.doc, b.doc);
  expect(a.state.doc.toString()).toBe('doc(heading("title typed"))');
  expectSame(a, b);
});

test("Enter near a paragraph's beginning keeps the container of what follows", () => {
  const [a, b] = pair([paragraph("ab long tail of the paragraph")]);
  caret(a, 3);
  splitBlock(a.state, (tr) => a.apply(tr));
  b.apply(b.tr.insertText("!", 30));
  exchange(a.doc, b.doc);
  expect(textOf(a.doc)).toBe("ab\n long tail of the paragraph!");
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

test("marks and nodes of a newer schema are kept, and not deleted by accident", () => {
  const [a, b] = pair([paragraph("one"), { name: "callout", attributes: { tone: "info" }, children: [paragraph("inside")] }, paragraph("two")]);
  const text = (rootChildren(a.doc).get(0) as LoroMap).get(CHILDREN) as LoroList;
  (text.get(0) as LoroText).mark({ start: 0, end: 3 }, "sparkle", { n: 1 });
  a.doc.commit();
  expect(a.state.doc.child(0).firstChild?.marks.map(({ attrs }) => attrs["key"] as string)).toEqual(["sparkle"]);
  expect(a.state.doc.child(1).type.name).toBe("unknownBlock");
  // Typing and splitting beside them leaves them alone.
  caret(a, 2);
  splitBlock(a.state, (tr) => a.apply(tr));
  exchange(a.doc, b.doc);
  expect(JSON.stringify(b.doc.toJSON())).toContain('"tone":"info"');
  expect(b.state.doc.child(1).firstChild?.marks.length).toBe(1);
  const erasing = a.tr.delete(1, a.state.doc.content.size - 1);
  expect(removesUnknown(erasing, a.state)).toBe(true);
  // A change inside of it is shown, not edited.
  const callout = rootChildren(b.doc).toArray().find((child) => (child as LoroMap).get("nodeName") === "callout") as LoroMap;
  insertNode(callout.get(CHILDREN) as LoroList, 0, "paragraph");
  b.doc.commit();
  exchange(a.doc, b.doc);
  expectSame(a, b);
});

test("what concurrent deletions leave is shown as far as it can be, and read by both alike", () => {
  const [a, b] = pair([{ name: "bulletList", children: [{ name: "listItem", children: [paragraph("x"), { name: "bulletList", children: [{ name: "listItem", children: [paragraph("deep")] }] }] }] }]);
  const item = ((rootChildren(a.doc).get(0) as LoroMap).get(CHILDREN) as LoroList).get(0) as LoroMap;
  (item.get(CHILDREN) as LoroList).delete(0, 1);
  a.doc.commit();
  exchange(a.doc, b.doc);
  expectSame(a, b);
  expect(a.state.doc.toString()).toBe('doc(bulletList(listItem(paragraph, bulletList(listItem(paragraph("deep"))))))');
});

test("an emoji that becomes another is replaced whole", () => {
  const [a, b] = pair([paragraph("x😀y")]);
  a.apply(a.tr.insertText("😁", 2, 4));
  exchange(a.doc, b.doc);
  expect(textOf(b.doc)).toBe("x😁y");
  expectSame(a, b);
});

test("a place given as a Loro cursor comes back as the same place", () => {
  const [a] = pair([paragraph("ab"), paragraph(), { name: "bulletList", children: [{ name: "listItem", children: [paragraph("c"), paragraph("d")] }] }, paragraph("e", { name: "hardBreak" }, "f")]);
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
  expect(textOf(a.doc)).toBe("start theirs");
  expect(undo.canUndo()).toBe(false);
  expect(undo.redo(view as never)).toBe(true);
  expect(textOf(a.doc)).toBe("mine start theirs");
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
