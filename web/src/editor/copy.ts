// What is copied: blocks as the lists and quotes that they make, as other programs have them, and as text.
import { DOMSerializer, Fragment } from "@tiptap/pm/model";
import type { Node, Schema, Slice } from "@tiptap/pm/model";
import { depthOf, isCode, isHeading, keysOf, levelOf, listOf, numberOf } from "./nodes";
import type { ListKind } from "./nodes";
import { isText } from "./sequence";
import type { Keys } from "./model";

/** Something that holds blocks, the outermost first. The rule of src/document/tree/flat.rs. */
export type Frame = { kind: "quote" } | { kind: "list" | "item"; list: ListKind };

/** How many of the open frames go on with a block. */
export function kept(open: readonly Frame[], keys: Keys): number {
  const [quotes, items] = [depthOf(keys, "quote"), depthOf(keys, "indent")];
  const most = keys["apart"] === undefined ? open.length : Math.min(open.length, Math.max(0, numberOf(keys, "apart")));
  let [inQuotes, inItems, count] = [0, 0, 0];
  for (let at = 0; at < most; at += 1) {
    const frame = open[at];
    // A list alone holds no block.
    if (frame?.kind === "list") continue;
    if (frame?.kind === "quote" && inQuotes < quotes) inQuotes += 1;
    else if (frame?.kind === "item" && inItems < items) inItems += 1;
    else break;
    count = at + 1;
  }
  const list = count < most ? open[count] : undefined;
  const goesOn = list?.kind === "list" && list.list === listOf(keys) && inQuotes === quotes && keys["start"] === undefined;
  return goesOn ? count + 1 : count;
}

/** What a block opens besides what it keeps. */
export function opened(open: readonly Frame[], keys: Keys): Frame[] {
  const frames: Frame[] = [];
  const there = open.filter(({ kind }) => kind === "quote").length;
  for (let quotes = there; quotes < depthOf(keys, "quote"); quotes += 1) frames.push({ kind: "quote" });
  const list = listOf(keys);
  if (list === null) return frames;
  const last = frames.at(-1) ?? open.at(-1);
  if (last?.kind !== "list" || last.list !== list) frames.push({ kind: "list", list });
  frames.push({ kind: "item", list });
  return frames;
}

/** Blocks as real lists, quotes and code. */
export class Nested extends DOMSerializer {
  constructor(schema: Schema) {
    const { nodes, marks } = DOMSerializer.fromSchema(schema);
    super(nodes, marks);
  }

  override serializeFragment(fragment: Fragment, options?: { document?: Document }, target?: HTMLElement | DocumentFragment): HTMLElement | DocumentFragment {
    const document = options?.document ?? window.document;
    const into = target ?? document.createDocumentFragment();
    if (fragment.firstChild === null || !fragment.firstChild.isBlock) return super.serializeFragment(fragment, options, into);
    const frames: Frame[] = [];
    const elements: (HTMLElement | DocumentFragment)[] = [into];
    let code: { element: HTMLElement; keys: Keys } | null = null;
    fragment.forEach((block) => {
      const keys = keysOf(block);
      const count = kept(frames, keys);
      const was = frames.length;
      frames.length = count;
      elements.length = count + 1;
      const made = opened(frames, keys);
      for (const frame of made) {
        const element = elementOf(document, frame, keys);
        elements.at(-1)?.append(element);
        elements.push(element);
        frames.push(frame);
      }
      const goesOn = code !== null && count === was && made.length === 0 && isText(block) && isCode(keys) && code.keys["lang"] === keys["lang"] && keys["apart"] === undefined;
      if (goesOn) {
        code?.element.append("\n");
        this.inline(block, document, code?.element as HTMLElement);
        return;
      }
      const element = blockOf(document, block, keys);
      elements.at(-1)?.append(element);
      const inner = element.querySelector("code") ?? element;
      if (isText(block)) this.inline(block, document, inner);
      code = isText(block) && isCode(keys) ? { element: inner, keys } : null;
    });
    return into;
  }

  private inline(block: Node, document: Document, into: HTMLElement): void {
    super.serializeFragment(block.content, { document }, into);
  }
}

function elementOf(document: Document, frame: Frame, keys: Keys): HTMLElement {
  if (frame.kind === "quote") return document.createElement("blockquote");
  if (frame.kind === "list") {
    const element = document.createElement(frame.list === "ordered" ? "ol" : "ul");
    if (frame.list === "ordered" && keys["start"] !== undefined) element.setAttribute("start", String(numberOf(keys, "start")));
    return element;
  }
  const item = document.createElement("li");
  if (frame.list === "task") {
    item.setAttribute("data-type", "taskItem");
    item.setAttribute("data-checked", String(keys["checked"] === true));
  }
  return item;
}

function blockOf(document: Document, block: Node, keys: Keys): HTMLElement {
  if (!isText(block)) {
    if (block.type.name === "rule") return document.createElement("hr");
    const thing = document.createElement("div");
    thing.setAttribute("data-thing", "");
    thing.setAttribute("data-keys", JSON.stringify(keys));
    return thing;
  }
  if (isCode(keys)) {
    const element = document.createElement("pre");
    const code = document.createElement("code");
    if (typeof keys["lang"] === "string" && keys["lang"] !== "") code.className = `language-${keys["lang"]}`;
    element.append(code);
    return element;
  }
  return document.createElement(isHeading(keys) ? `h${levelOf(keys)}` : "p");
}

/** The same as text: blocks are lines, and items have their signs. */
export function clipboardText(slice: Slice): string {
  const lines: string[] = [];
  slice.content.forEach((block) => {
    lines.push(isText(block) ? block.textBetween(0, block.content.size, "\n", (leaf) => (leaf.type.name === "hardBreak" ? "\n" : "")) : block.isText ? (block.text ?? "") : "");
  });
  return slice.content.firstChild?.isInline === true ? lines.join("") : lines.join("\n");
}
