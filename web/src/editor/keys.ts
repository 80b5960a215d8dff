// Keys, what becomes a block as it is typed, and boxes that are ticked.
import { Extension } from "@tiptap/core";
import { InputRule, inputRules, undoInputRule } from "@tiptap/pm/inputrules";
import { Fragment, Slice } from "@tiptap/pm/model";
import type { Node, ResolvedPos } from "@tiptap/pm/model";
import { Plugin, TextSelection } from "@tiptap/pm/state";
import type { Command, EditorState, Transaction } from "@tiptap/pm/state";
import type { EditorView } from "@tiptap/pm/view";
import type { Value } from "loro-crdt";
import { backspace, deleteForwards, indent, insertRule, move, outdent, setType, split, toggleList, toggleQuote, toggleTask, toggleType, withKeys } from "./commands";
import { clipboardText, Nested } from "./copy";
import { isCode, keysOf, PARAGRAPH } from "./nodes";
import { isText } from "./sequence";

export const Blocks = Extension.create({
  name: "quireBlocks",
  priority: 900,
  addKeyboardShortcuts() {
    const run = (command: Command) => (): boolean => command(this.editor.state, this.editor.view.dispatch);
    // After Escape the next Tab leaves the page, for whoever has no mouse.
    let leaves = false;
    const tab = (command: Command) => (): boolean => {
      const goes = leaves;
      leaves = false;
      return !goes && this.editor.isEditable && run(command)();
    };
    return {
      Enter: run(fenced(split())),
      "Shift-Enter": () => isCodeAt(this.editor.state) && run(split())(),
      Backspace: () => run(undoInputRule)() || run(backspace())(),
      "Shift-Backspace": run(backspace()),
      Delete: run(deleteForwards()),
      Tab: tab(indent()),
      "Shift-Tab": tab(outdent()),
      Escape: () => {
        leaves = true;
        return false;
      },
      "Alt-ArrowUp": run(move(-1)),
      "Alt-ArrowDown": run(move(1)),
      "Mod-Alt-0": run(setType("paragraph")),
      ...Object.fromEntries([1, 2, 3, 4, 5, 6].map((level) => [`Mod-Alt-${level}`, run(toggleType("heading", level))])),
      "Mod-Alt-c": run(toggleType("code")),
      "Mod-Shift-7": run(toggleList("ordered")),
      "Mod-Shift-8": run(toggleList("bullet")),
      "Mod-Shift-9": run(toggleList("task")),
      "Mod-Shift-b": run(toggleQuote()),
    };
  },
  addProseMirrorPlugins() {
    return [inputRules({ rules }), new Plugin({
      props: {
        handleDOMEvents: { click: ticked },
        handleTextInput: typedInCode,
        transformPasted: fitted,
        clipboardTextParser: linesOf,
        clipboardSerializer: new Nested(this.editor.schema),
        clipboardTextSerializer: clipboardText,
      },
    })];
  },
});

function isCodeAt(state: EditorState): boolean {
  return isText(state.selection.$from.parent) && isCode(keysOf(state.selection.$from.parent));
}

/** What is typed at the start of a block and a space after it. */
const rules = [
  rule(/^(#{1,6})\s$/, ([, signs = ""]) => ({ type: "heading", level: signs.length })),
  rule(/^[-+*]\s$/, () => ({ list: "bullet" })),
  rule(/^(\d{1,9})[.)]\s$/, ([, number = "1"]) => ({ list: "ordered", ...(Number(number) === 1 ? {} : { start: Number(number) }) })),
  rule(/^\[( |x|X)?\]\s$/, ([, sign]) => ({ list: "task", ...(sign === "x" || sign === "X" ? { checked: true } : {}) })),
  rule(/^>\s$/, () => ({ quote: 1 })),
  rule(/^```([\w+#.-]*)\s$/, ([, lang]) => code(lang)),
  new InputRule(/^(---|___|\*\*\*)$/, (state, _match, start, end) => {
    if (isCodeAt(state)) return null;
    const bare = state.apply(state.tr.delete(start, end));
    const made: Transaction[] = [];
    insertRule()(bare, (tr) => made.push(tr));
    const [inserted] = made;
    if (inserted === undefined) return null;
    const tr = state.tr.delete(start, end);
    for (const step of inserted.steps) tr.step(step);
    return tr.setSelection(TextSelection.near(tr.doc.resolve(inserted.selection.from)));
  }),
];

function code(lang: string | undefined): Record<string, Value> {
  return { type: "code", ...(lang === undefined || lang === "" ? {} : { lang }) };
}

function rule(pattern: RegExp, change: (match: RegExpMatchArray) => Record<string, Value>): InputRule {
  return new InputRule(pattern, (state, match, start, end) => {
    const { $from } = state.selection;
    if (!isText($from.parent) || isCode(keysOf($from.parent))) return null;
    const keys = keysOf($from.parent);
    const made = change(match);
    // "[ ] " in a bullet makes it a task; in what is that already it is text.
    const isNew = Object.entries(made).some(([key, value]) => keys[key] !== value);
    if (!isNew || (made["quote"] !== undefined && keys["quote"] !== undefined)) return null;
    const item = made["list"] === undefined ? {} : { checked: null, start: null };
    return state.tr.delete(start, end).setNodeAttribute($from.before(), "keys", withKeys(keys, { ...item, ...made }));
  });
}

/** Enter behind "```" and a language makes code of the line. */
function fenced(otherwise: Command): Command {
  return (state, dispatch, view) => {
    const { $from, empty } = state.selection;
    const fence = empty && isText($from.parent) && !isCode(keysOf($from.parent)) ? /^```([\w+#.-]*)$/.exec($from.parent.textContent) : null;
    if (fence === null) return otherwise(state, dispatch, view);
    const tr = state.tr.delete($from.start(), $from.end()).setNodeAttribute($from.before(), "keys", { ...keysOf($from.parent), ...code(fence[1]) });
    dispatch?.(tr);
    return true;
  };
}

/** In code no sign means anything: it is not bold, no link, and no list. */
function typedInCode(view: EditorView, from: number, to: number, text: string): boolean {
  if (!isCodeAt(view.state)) return false;
  view.dispatch(view.state.tr.insertText(text, from, to).setMeta("preventAutolink", true).scrollIntoView());
  return true;
}

/** Pasted text as blocks, one for each line. */
function linesOf(text: string, $context: ResolvedPos): Slice {
  const type = $context.doc.type.schema.nodes[PARAGRAPH];
  if (type === undefined) return Slice.empty;
  const { schema } = type;
  const blocks = text.split(/\r\n?|\n/).map((line) => type.create(null, line === "" ? null : schema.text(line, $context.marks())));
  return new Slice(Fragment.fromArray(blocks), 1, 1);
}

/** What is pasted into code is code, and what is pasted into an empty block takes its place with what its own first block is. */
function fitted(slice: Slice, view: EditorView): Slice {
  const { parent } = view.state.selection.$from;
  const first = slice.content.firstChild;
  if (first?.isBlock === true && isCodeAt(view.state)) {
    const lines: Node[] = [];
    slice.content.forEach((block) => {
      const text = block.textContent;
      if (isText(block)) lines.push(block.type.create({ keys: keysOf(parent) }, text === "" ? null : block.type.schema.text(text)));
    });
    return new Slice(Fragment.fromArray(lines), Math.min(1, lines.length), Math.min(1, lines.length));
  }
  if (slice.openStart === 0 || first === null || !isText(first) || !isText(parent) || parent.content.size > 0) return slice;
  return Object.keys(keysOf(first)).length === 0 ? slice : new Slice(slice.content, 0, slice.openEnd);
}

function ticked(view: EditorView, event: Event): boolean {
  const box = event.target;
  if (!(box instanceof HTMLInputElement) || box.type !== "checkbox") return false;
  const item = box.closest("li");
  if (item === null || !view.editable) {
    event.preventDefault();
    return true;
  }
  const inside = view.posAtDOM(item, item.childNodes.length);
  const $at = view.state.doc.resolve(Math.min(inside, view.state.doc.content.size));
  toggleTask($at.depth > 0 ? $at.before(1) : inside)(view.state, view.dispatch);
  return true;
}
