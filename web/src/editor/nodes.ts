// The page as ProseMirror has it, as flat as the model: a page is blocks, of which none stands in another. What
// a block is stands in its `keys`; `isOpen` says that its text has lost its own end.
import { mergeAttributes, Node } from "@tiptap/core";
import { Mark } from "@tiptap/core";
import type { DOMOutputSpec, Node as PmNode } from "@tiptap/pm/model";
import type { Keys } from "./model";

export const PARAGRAPH = "paragraph";
export const RULE = "rule";
export const THING = "thing";
export const INLINE_THING = "inlineThing";
export const UNKNOWN_MARK = "unknownMark";

/** More count as so many. */
export const DEEPEST = 20;
/** Lists deeper than this are drawn like this deep. */
const DEEPEST_DRAWN = 8;

export function keysOf(node: PmNode): Keys {
  return node.attrs["keys"] as Keys;
}

export function numberOf(keys: Keys, key: string): number {
  const value = keys[key];
  return typeof value === "number" && Number.isFinite(value) ? Math.trunc(value) : 0;
}

/** How deep a block stands in quotes or lists. */
export function depthOf(keys: Keys, key: "quote" | "indent"): number {
  return Math.min(Math.max(numberOf(keys, key), 0), DEEPEST);
}

export type ListKind = "bullet" | "ordered" | "task";

/** The kind of list that a block is an item of; one that is yet to come is drawn with bullets. */
export function listOf(keys: Keys): ListKind | null {
  const { list } = keys;
  if (typeof list !== "string") return null;
  return list === "ordered" || list === "task" ? list : "bullet";
}

export function levelOf(keys: Keys): number {
  return Math.min(Math.max(numberOf(keys, "level"), 1), 6);
}

export const isCode = (keys: Keys): boolean => keys["type"] === "code";
export const isHeading = (keys: Keys): boolean => keys["type"] === "heading";

const keysAttribute = {
  keys: {
    default: {} as Keys,
    parseHTML: (element: HTMLElement): Keys => parsed(element.getAttribute("data-keys")),
    rendered: false,
  },
};

function parsed(text: string | null): Keys {
  try {
    const value: unknown = JSON.parse(text ?? "{}");
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Keys) : {};
  } catch {
    return {};
  }
}

export const Paragraph = Node.create({
  name: PARAGRAPH,
  group: "block",
  content: "inline*",
  priority: 1000,
  addAttributes: () => ({ ...keysAttribute, isOpen: { default: false, rendered: false } }),
  parseHTML: () => [{ tag: "p", preserveWhitespace: "full" }],
  renderHTML: ({ node }) => drawn(keysOf(node)),
});

/** A block within its quotes, as an item of its list: each draws its own, so that none has to be drawn anew with its neighbours. */
function drawn(keys: Keys): DOMOutputSpec {
  const list = listOf(keys);
  const indent = depthOf(keys, "indent");
  let spec: unknown[] = [elementOf(keys), {}, 0];
  if (isCode(keys)) spec = ["pre", { spellcheck: "false" }, ["code", {}, 0]];
  if (list !== null) {
    const isChecked = keys["checked"] === true;
    const box = ["input", { type: "checkbox", "aria-label": isChecked ? "Done" : "To do", ...(isChecked ? { checked: "checked" } : {}) }];
    const item = list === "task"
      ? ["li", { "data-checked": String(isChecked) }, ["label", { contenteditable: "false" }, box], spec]
      : ["li", {}, spec];
    spec = [list === "ordered" ? "ol" : "ul", {}, item];
  }
  for (let depth = depthOf(keys, "quote"); depth > 0; depth -= 1) spec = ["blockquote", {}, spec];
  const start = list === "ordered" && keys["start"] !== undefined ? ` counter-set: n${Math.min(indent, DEEPEST_DRAWN)} ${numberOf(keys, "start")};` : "";
  const classes = ["block", `is-${list ?? "text"}`, `at-${Math.min(indent, DEEPEST_DRAWN)}`, ...(typeof keys["type"] === "string" && !isHeading(keys) && !isCode(keys) ? ["is-unknown"] : [])];
  spec[1] = mergeAttributes(spec[1] as Record<string, string>, {
    class: classes.join(" "),
    ...(start === "" ? {} : { style: start.trim() }),
    ...(typeof keys["dir"] === "string" ? { dir: keys["dir"] } : {}),
  });
  return spec as unknown as DOMOutputSpec;
}

function elementOf(keys: Keys): string {
  return isHeading(keys) ? `h${levelOf(keys)}` : "p";
}

export const Rule = Node.create({
  name: RULE,
  group: "block",
  atom: true,
  selectable: true,
  addAttributes: () => keysAttribute,
  parseHTML: () => [{ tag: "hr" }],
  renderHTML: () => ["hr", { class: "block is-text at-0" }],
});

/** What a newer version of this page shows as a block: kept as it is. */
export const Thing = Node.create({
  name: THING,
  group: "block",
  atom: true,
  selectable: true,
  isolating: true,
  addAttributes: () => keysAttribute,
  parseHTML: () => [{ tag: "div[data-thing]" }],
  renderHTML: ({ node }) => [
    "div",
    { class: "unknown-block", contenteditable: "false", "data-thing": "", "data-keys": JSON.stringify(keysOf(node)) },
    ["span", { class: "unknown-title" }, "Unknown content"],
    ["span", { class: "unknown-note" }, `“${kindOf(keysOf(node)["object"])}” needs a newer version of this page. It is kept as it is.`],
  ],
});

/** The same within a line. */
export const InlineThing = Node.create({
  name: INLINE_THING,
  group: "inline",
  inline: true,
  atom: true,
  selectable: true,
  addAttributes: () => ({ object: { default: null, rendered: false } }),
  renderHTML: ({ node }) => ["span", { class: "unknown-inline", contenteditable: "false" }, `unknown content: ${kindOf(node.attrs["object"])}`],
});

export function kindOf(object: unknown): string {
  const kind: unknown = typeof object === "object" && object !== null && "kind" in object ? object.kind : "";
  return typeof kind === "string" && kind !== "" ? kind : "unnamed";
}

export const UnknownMark = Mark.create({
  name: UNKNOWN_MARK,
  excludes: "",
  inclusive: false,
  addAttributes: () => ({
    key: { default: "", rendered: false },
    value: { default: null, rendered: false },
  }),
  renderHTML: () => ["span", { class: "unknown-mark" }, 0],
});
