// Unknown content: nodes and marks of a newer schema, shown as opaque blocks and kept as they are.
// An unknown node is an atom that knows its Loro container; the binding never changes that container.
import { Mark, Node } from "@tiptap/core";
import type { Value } from "loro-crdt";

export const UNKNOWN_BLOCK = "unknownBlock";
export const UNKNOWN_INLINE = "unknownInline";
export const UNKNOWN_MARK = "unknownMark";

/** Content of an unknown node, as `render` reads it and a copy is written. */
export type UnknownContent = {
  nodeName: string;
  attributes: Record<string, Value>;
  marks: Record<string, Value>;
  children: (UnknownContent | { insert: string; attributes?: Record<string, Value> }[])[];
};

const attributes = () => ({
  container: { default: null, rendered: false },
  content: {
    default: null,
    parseHTML: (element: HTMLElement): unknown => parseContent(element.getAttribute("data-content")),
    renderHTML: (attrs: Record<string, unknown>) => ({ "data-content": JSON.stringify(attrs["content"]) }),
  },
});

function parseContent(text: string | null): unknown {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return null;
  }
}

function nameOf(content: unknown): string {
  const name: unknown = typeof content === "object" && content !== null && "nodeName" in content ? content.nodeName : "";
  return typeof name === "string" && name !== "" ? name : "unnamed";
}

export const UnknownBlock = Node.create({
  name: UNKNOWN_BLOCK,
  group: "block",
  atom: true,
  selectable: true,
  isolating: true,
  addAttributes: attributes,
  parseHTML: () => [{ tag: "div[data-unknown-block]" }],
  renderHTML: ({ node, HTMLAttributes }) => [
    "div",
    { ...HTMLAttributes, "data-unknown-block": "", class: "unknown-block", contenteditable: "false" },
    ["span", { class: "unknown-title" }, "Unknown content"],
    ["span", { class: "unknown-note" }, `“${nameOf(node.attrs["content"])}” needs a newer version of this page. It is kept as it is.`],
  ],
});

export const UnknownInline = Node.create({
  name: UNKNOWN_INLINE,
  group: "inline",
  inline: true,
  atom: true,
  selectable: true,
  addAttributes: attributes,
  parseHTML: () => [{ tag: "span[data-unknown-inline]" }],
  renderHTML: ({ node, HTMLAttributes }) => [
    "span",
    { ...HTMLAttributes, "data-unknown-inline": "", class: "unknown-inline", contenteditable: "false" },
    `unknown content: ${nameOf(node.attrs["content"])}`,
  ],
});

export const UnknownMark = Mark.create({
  name: UNKNOWN_MARK,
  excludes: "",
  inclusive: true,
  addAttributes: () => ({
    key: { default: "", rendered: false },
    value: { default: null, rendered: false },
  }),
  renderHTML: () => ["span", { class: "unknown-mark" }, 0],
});
