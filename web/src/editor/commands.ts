// What is done to blocks: each command sets what blocks are and never writes their text again, except where a
// block moves.
import { Fragment } from "@tiptap/pm/model";
import type { Node } from "@tiptap/pm/model";
import { NodeSelection, TextSelection } from "@tiptap/pm/state";
import type { Command, EditorState, Transaction } from "@tiptap/pm/state";
import type { Value } from "loro-crdt";
import type { Keys } from "./model";
import { DEEPEST, depthOf, isCode, isHeading, keysOf, listOf, numberOf, PARAGRAPH, RULE } from "./nodes";
import type { ListKind } from "./nodes";
import { isText } from "./sequence";

/** A block that is text, where it begins and which of the page's it is. */
export type Block = { node: Node; at: number; index: number };

type Change = Record<string, Value>;

/** What an item of a list has that others have not. */
const NO_ITEM: Change = { list: null, checked: null, start: null };
const NO_TYPE: Change = { type: null, level: null, lang: null };

/** The blocks of text that the selection touches. */
export function selectedBlocks(state: EditorState): Block[] {
  const { from, to } = state.selection;
  const blocks: Block[] = [];
  state.doc.forEach((node, at, index) => {
    if (isText(node) && at < to + (from === to ? 1 : 0) && at + node.nodeSize > from) blocks.push({ node, at, index });
  });
  return blocks;
}

/** The block that the caret is in; null: something is selected, or no text. */
function caretBlock(state: EditorState): (Block & { offset: number }) | null {
  const { selection } = state;
  if (!(selection instanceof TextSelection) || !selection.empty) return null;
  const { $from } = selection;
  if (!isText($from.parent)) return null;
  return { node: $from.parent, at: $from.before(), index: $from.index(0), offset: $from.parentOffset };
}

/** The keys with others; null takes one away. */
export function withKeys(keys: Keys, change: Change): Keys {
  return Object.fromEntries(Object.entries({ ...keys, ...change }).filter(([, value]) => value !== null));
}

function set(tr: Transaction, { node, at }: Pick<Block, "node" | "at">, change: Change): void {
  tr.setNodeAttribute(at, "keys", withKeys(keysOf(node), change));
}

function setAll(blocks: readonly Block[], change: (keys: Keys) => Change): Command {
  return (state, dispatch) => {
    if (blocks.length === 0) return false;
    if (dispatch !== undefined) {
      const { tr } = state;
      for (const block of blocks) set(tr, block, change(keysOf(block.node)));
      dispatch(tr.setStoredMarks(state.storedMarks).scrollIntoView());
    }
    return true;
  };
}

/** Makes paragraphs, headings or code of what is selected. */
export function setType(type: "paragraph" | "heading" | "code", level = 1): Command {
  return (state, dispatch) => setAll(selectedBlocks(state), () => {
    if (type === "paragraph") return NO_TYPE;
    return type === "heading" ? { ...NO_TYPE, type, level } : { ...NO_TYPE, ...NO_ITEM, type };
  })(state, dispatch);
}

/** The same, or paragraphs of what is that already. */
export function toggleType(type: "heading" | "code", level = 1): Command {
  return (state, dispatch) => {
    const has = (keys: Keys): boolean => keys["type"] === type && (type === "code" || numberOf(keys, "level") === level);
    const isOn = selectedBlocks(state).every(({ node }) => has(keysOf(node)));
    return setType(isOn ? "paragraph" : type, level)(state, dispatch);
  };
}

export function toggleList(list: ListKind): Command {
  return (state, dispatch) => {
    const blocks = selectedBlocks(state);
    const isOn = blocks.every(({ node }) => listOf(keysOf(node)) === list);
    return setAll(blocks, (keys) => {
      if (isOn) return NO_ITEM;
      return { ...(isCode(keys) ? NO_TYPE : {}), list, checked: list === "task" ? (keys["checked"] ?? null) : null, start: null };
    })(state, dispatch);
  };
}

export function toggleQuote(): Command {
  return (state, dispatch) => {
    const blocks = selectedBlocks(state);
    const isOn = blocks.every(({ node }) => depthOf(keysOf(node), "quote") > 0);
    return setAll(blocks, (keys) => ({ quote: isOn ? depthOf(keys, "quote") - 1 || null : depthOf(keys, "quote") + 1 }))(state, dispatch);
  };
}

/** Takes away all marks that are known. */
export function clearFormatting(): Command {
  return (state, dispatch) => {
    const { from, to, empty } = state.selection;
    if (dispatch !== undefined) {
      const { tr } = state;
      for (const type of Object.values(state.schema.marks)) {
        if (type.spec.attrs?.["key"] === undefined) tr.removeMark(from, to, type);
      }
      if (empty) tr.setStoredMarks([]);
      dispatch(tr);
    }
    return true;
  };
}

/** How deep an item or what belongs to one may stand: one more than what is before it. */
function deepest(doc: Node, index: number): number {
  const before = index === 0 ? null : doc.child(index - 1);
  if (before === null || !isText(before)) return 0;
  const keys = keysOf(before);
  return Math.min(DEEPEST, depthOf(keys, "indent") + (listOf(keys) === null ? 0 : 1));
}

/** Changes the blocks that are selected, if there are any. */
function onBlocks(change: (tr: Transaction, blocks: readonly [Block, ...Block[]]) => void): Command {
  return (state, dispatch) => {
    const [first, ...others] = selectedBlocks(state);
    if (first === undefined) return false;
    if (dispatch === undefined) return true;
    const { tr } = state;
    change(tr, [first, ...others]);
    dispatch(tr.scrollIntoView());
    return true;
  };
}

/** Tab: items go deeper, code is indented, and a paragraph takes a tab. */
export function indent(): Command {
  return onBlocks((tr, blocks) => {
    const isList = blocks.some(({ node }) => listOf(keysOf(node)) !== null || depthOf(keysOf(node), "indent") > 0);
    if (isList) {
      for (const { node, at, index } of blocks) {
        const is = depthOf(keysOf(node), "indent");
        // Read anew: what is before it may just have gone deeper.
        if (is < deepest(tr.doc, index)) set(tr, { node, at }, { indent: is + 1 });
      }
    } else {
      const space = isCode(keysOf(blocks[0].node)) ? "  " : "\t";
      if (tr.selection.empty) tr.insertText(space);
      else for (const { at } of [...blocks].reverse()) tr.insertText(space, at + 1);
    }
  });
}

/** Shift-Tab: items come out, and at last leave the list. */
export function outdent(): Command {
  return onBlocks((tr, blocks) => {
    for (const block of [...blocks].reverse()) {
      const keys = keysOf(block.node);
      const depth = depthOf(keys, "indent");
      const start = block.at + 1;
      const spaces = /^( {1,2}|\t)/.exec(block.node.textContent)?.[0].length ?? 0;
      if (depth > 0) set(tr, block, { indent: depth - 1 || null });
      else if (listOf(keys) !== null) set(tr, block, NO_ITEM);
      else if (spaces > 0) tr.delete(start, start + spaces);
    }
  });
}

/** Enter. */
export function split(): Command {
  return (state, dispatch) => {
    const { $from } = state.selection;
    if (!isText($from.parent)) return false;
    const block = caretBlock(state);
    if (block !== null && block.node.content.size === 0 && leave(block, state)) {
      if (dispatch !== undefined) leaveWith(block, state, dispatch);
      return true;
    }
    if (dispatch === undefined) return true;
    const { tr } = state;
    const marks = state.storedMarks ?? $from.marks();
    if (!state.selection.empty) tr.deleteSelection();
    const $at = tr.doc.resolve(tr.mapping.map($from.pos));
    const { parent: node } = $at;
    if (!isText(node)) return false;
    const keys = keysOf(node);
    const at = $at.before();
    const isAtStart = $at.parentOffset === 0;
    const isAtEnd = $at.parentOffset === node.content.size;
    // The new end ends the first half, so what counts once stays with that.
    const plain = isHeading(keys) ? NO_TYPE : {};
    const second = withKeys(keys, { checked: null, start: null, apart: null, ...(isAtEnd && !isAtStart ? plain : {}) });
    const isOpen = node.attrs["isOpen"] === true;
    tr.split($at.pos, 1, [{ type: node.type, attrs: { keys: second, isOpen } }]);
    const first = withKeys(keys, isAtStart && !isAtEnd ? plain : {});
    tr.setNodeAttribute(at, "keys", first);
    if (isOpen) tr.setNodeAttribute(at, "isOpen", false);
    // An address in code is no link.
    if (isCode(keys)) tr.setMeta("preventAutolink", true);
    dispatch(tr.ensureMarks(marks).scrollIntoView());
    return true;
  };
}

/** What Enter does in an empty block instead of another one; null: nothing. */
function leave({ node, index }: Block, state: EditorState): Change | null {
  const keys = keysOf(node);
  const depth = depthOf(keys, "indent");
  if (depth > 0) return { indent: depth - 1 || null };
  if (listOf(keys) !== null) return NO_ITEM;
  if (depthOf(keys, "quote") > 0) return { quote: depthOf(keys, "quote") - 1 || null };
  const [before, after] = [state.doc.maybeChild(index - 1), state.doc.maybeChild(index + 1)];
  const isLine = (block: Node | null): boolean => block !== null && isText(block) && isCode(keysOf(block));
  return isCode(keys) && index > 0 && isLine(before) && !isLine(after) ? NO_TYPE : null;
}

function leaveWith(block: Block, state: EditorState, dispatch: (tr: Transaction) => void): void {
  const { tr } = state;
  set(tr, block, leave(block, state) ?? {});
  dispatch(tr.scrollIntoView());
}

/** Backspace at the start of a block: it leaves its list, its depth, its quote, and then joins the one before. */
export function backspace(): Command {
  return (state, dispatch) => {
    const block = caretBlock(state);
    if (block === null || block.offset > 0) return false;
    const keys = keysOf(block.node);
    const before = block.index === 0 ? null : state.doc.child(block.index - 1);
    const depth = depthOf(keys, "indent");
    const quote = depthOf(keys, "quote");
    let change: Change | null = null;
    if (listOf(keys) !== null) change = NO_ITEM;
    else if (depth > 0) change = { indent: depth - 1 || null };
    else if (quote > (before === null ? 0 : depthOf(keysOf(before), "quote"))) change = { quote: quote - 1 || null };
    else if (keys["type"] !== undefined && (before === null || (isCode(keys) && !isCode(keysOf(before))))) change = NO_TYPE;
    if (change === null) return join(state, dispatch, block.index - 1);
    return setAll([block], () => change)(state, dispatch);
  };
}

/** Delete at the end of a block. */
export function deleteForwards(): Command {
  return (state, dispatch) => {
    const block = caretBlock(state);
    if (block === null || block.offset < block.node.content.size) return false;
    return join(state, dispatch, block.index);
  };
}

/** Joins a block with the one behind it: what the first is stays, unless it is empty. A thing is selected instead. */
function join(state: EditorState, dispatch: ((tr: Transaction) => void) | undefined, index: number): boolean {
  const { doc, tr } = state;
  const [first, second] = [doc.maybeChild(index), doc.maybeChild(index + 1)];
  // There is nothing to join: the key is done with all the same.
  if (first === null || second === null) return true;
  let at = 0;
  for (let before = 0; before < index; before += 1) at += doc.child(before).nodeSize;
  const end = at + first.nodeSize;
  if (dispatch === undefined) return true;
  if (!isText(first) || !isText(second)) {
    dispatch(tr.setSelection(NodeSelection.create(doc, isText(first) ? end : at)).scrollIntoView());
    return true;
  }
  const keys = first.content.size === 0 ? keysOf(second) : keysOf(first);
  const isOpen = second.attrs["isOpen"] === true;
  tr.join(end);
  tr.setNodeAttribute(at, "keys", keys);
  if (first.attrs["isOpen"] !== isOpen) tr.setNodeAttribute(at, "isOpen", isOpen);
  dispatch(tr.scrollIntoView());
  return true;
}

/** A line across the page, behind the block of the caret or in the place of an empty one. */
export function insertRule(): Command {
  return (state, dispatch) => {
    const blocks = selectedBlocks(state);
    const block = blocks.at(-1);
    const { [RULE]: rule, [PARAGRAPH]: paragraph } = state.schema.nodes;
    if (block === undefined || rule === undefined || paragraph === undefined) return false;
    if (dispatch === undefined) return true;
    const { tr } = state;
    const isEmpty = block.node.content.size === 0;
    const at = isEmpty ? block.at : block.at + block.node.nodeSize;
    const next = isEmpty ? block.node : state.doc.maybeChild(block.index + 1);
    const line = rule.create({ keys: { object: { kind: "rule" } } });
    tr.insert(at, next !== null && isText(next) ? line : Fragment.fromArray([line, paragraph.create()]));
    tr.setSelection(TextSelection.near(tr.doc.resolve(at + 1)));
    dispatch(tr.scrollIntoView());
    return true;
  };
}

/** Alt-Up and Alt-Down: the selected blocks change places with the one above or below. */
export function move(direction: -1 | 1): Command {
  return (state, dispatch) => {
    const { selection, doc } = state;
    const [from, to] = [selection.$from.index(0), Math.max(selection.$from.index(0), doc.resolve(Math.max(selection.from, selection.to - 1)).index(0))];
    const other = doc.maybeChild(direction < 0 ? from - 1 : to + 1);
    if (other === null || from >= doc.childCount) return false;
    if (dispatch === undefined) return true;
    const blocks = Array.from({ length: to - from + 1 }, (_, index) => doc.child(from + index));
    const size = blocks.reduce((sum, block) => sum + block.nodeSize, 0);
    let start = 0;
    for (let index = 0; index < from; index += 1) start += doc.child(index).nodeSize;
    const { tr } = state;
    // These are written again where they go; the other stays what it is.
    const goal = direction < 0 ? start - other.nodeSize : start + other.nodeSize;
    tr.delete(start, start + size).insert(goal, blocks);
    const shift = goal - start;
    if (selection instanceof NodeSelection) tr.setSelection(NodeSelection.create(tr.doc, selection.from + shift));
    else tr.setSelection(TextSelection.between(tr.doc.resolve(selection.anchor + shift), tr.doc.resolve(selection.head + shift)));
    dispatch(tr.scrollIntoView());
    return true;
  };
}

/** Ticks the task that begins at a position, or takes the tick away. */
export function toggleTask(at: number): Command {
  return (state, dispatch) => {
    const node = state.doc.nodeAt(at);
    if (node === null || listOf(keysOf(node)) !== "task") return false;
    if (dispatch !== undefined) {
      const { tr } = state;
      set(tr, { node, at }, { checked: keysOf(node)["checked"] === true ? null : true });
      dispatch(tr);
    }
    return true;
  };
}
