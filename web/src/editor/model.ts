// The document model as it stands in Loro: its names, how a new document looks, its plain text.
// The same form as loro-prosemirror 0.4: a node is a map {nodeName, attributes: map, children: list of
// nodes and texts}; marks are rich-text attributes. One key is added: a mark on an inline node that is not
// text (a bold line break) stands in that node's map under "mark:" and the mark's name.
import { LoroList, LoroMap, LoroText } from "loro-crdt";
import type { ContainerID, Delta, LoroDoc, Value } from "loro-crdt";

export const ROOT = "doc";
export const NODE_NAME = "nodeName";
export const ATTRIBUTES = "attributes";
export const CHILDREN = "children";
/** Prefix of the keys that hold an inline node's marks. */
export const MARK_PREFIX = "mark:";

/** Origin of the commits that the editor makes from local transactions. */
export const EDIT_ORIGIN = "quire:edit";

export type Run = { insert: string; attributes?: Record<string, Value> };
export type Attributes = Record<string, Value>;

/** What `toContainerTree({ text: "delta" })` answers, as far as this model uses it. */
export type Tree =
  | { type: "Value"; value: Value }
  | { type: "Map"; cid: ContainerID; value: Record<string, Tree> }
  | { type: "List" | "MovableList"; cid: ContainerID; value: Tree[] }
  | { type: "Text"; cid: ContainerID; value: Delta<string>[] }
  | { type: "Tree" | "Counter"; cid: ContainerID; value: unknown };

/** How a mark's range grows when text is typed at its end; the same on every client, or texts diverge. */
export const TEXT_STYLES: Record<string, { expand: "after" | "none" }> = {
  bold: { expand: "after" },
  italic: { expand: "after" },
  underline: { expand: "after" },
  strike: { expand: "after" },
  code: { expand: "none" },
  link: { expand: "none" },
};

/** Configures mark expansion; marks of a newer schema are carried, so unknown keys have a default. */
export function configureTextStyles(doc: LoroDoc): void {
  doc.configTextStyle(TEXT_STYLES);
  doc.configDefaultTextStyle({ expand: "after" });
}

/** A node of a document to be written by a test or a seed: text is a string or an array of runs. */
export type NewNode = {
  name: string;
  attributes?: Attributes;
  children?: (NewNode | string | Run[])[];
};

/**
 * Writes a new document's tree into an empty Loro document: by default one empty paragraph, as the server
 * seeds it. For tests and benchmarks; the editor itself never seeds a document.
 */
export function newDocumentTree(doc: LoroDoc, blocks: NewNode[] = [{ name: "paragraph" }]): void {
  configureTextStyles(doc);
  const root = doc.getMap(ROOT);
  root.set(NODE_NAME, ROOT);
  root.setContainer(ATTRIBUTES, new LoroMap());
  const children = root.setContainer(CHILDREN, new LoroList());
  blocks.forEach((block, index) => {
    writeNode(children, index, block);
  });
  doc.commit();
}

function writeNode(list: LoroList, index: number, node: NewNode): void {
  const map = list.insertContainer(index, new LoroMap());
  map.set(NODE_NAME, node.name);
  const attributes = map.setContainer(ATTRIBUTES, new LoroMap());
  for (const [key, value] of Object.entries(node.attributes ?? {})) attributes.set(key, value);
  const children = map.setContainer(CHILDREN, new LoroList());
  (node.children ?? []).forEach((child, at) => {
    if (typeof child === "string" || Array.isArray(child)) {
      const runs = typeof child === "string" ? [{ insert: child }] : child;
      children.insertContainer(at, new LoroText()).applyDelta(runs);
    } else {
      writeNode(children, at, child);
    }
  });
}

/** Whether the document has come far enough to be shown and edited (it was seeded). */
export function isSeeded(doc: LoroDoc): boolean {
  return doc.getMap(ROOT).get(CHILDREN) instanceof LoroList;
}

/** Reads the whole document in one call. */
export function readTree(doc: LoroDoc): Tree {
  return doc.getMap(ROOT).toContainerTree({ text: "delta" });
}

/** Containers of a value become plain JSON. */
export function plainValue(tree: Tree): Value {
  switch (tree.type) {
    case "Value":
      return tree.value;
    case "Map":
      return Object.fromEntries(Object.entries(tree.value).map(([key, value]) => [key, plainValue(value)]));
    case "List":
    case "MovableList":
      return tree.value.map(plainValue);
    case "Text":
      return tree.value.map((run) => run.insert ?? "").join("");
    case "Tree":
    case "Counter":
      return tree.value as Value;
  }
}

const BLOCK_CONTAINERS = new Set(["doc", "blockquote", "bulletList", "orderedList", "listItem", "taskList", "taskItem"]);

/** The document's plain text: the blocks' texts joined by "\n"; a hard break is "\n", a rule an empty line. */
export function textOf(doc: LoroDoc): string {
  const lines: string[] = [];
  collectLines(readTree(doc), lines);
  return lines.join("\n");
}

function collectLines(tree: Tree, lines: string[]): void {
  if (tree.type !== "Map") return;
  const name = nameOf(tree);
  const list = tree.value[CHILDREN];
  const children = list?.type === "List" ? list.value : [];
  let inline: string | null = BLOCK_CONTAINERS.has(name) ? null : "";
  for (const child of children) {
    if (child.type === "Text") inline = (inline ?? "") + (plainValue(child) as string);
    else if (child.type === "Map" && nameOf(child) === "hardBreak") inline = (inline ?? "") + "\n";
    else if (child.type === "Map") {
      if (inline !== null && inline !== "") lines.push(inline);
      inline = null;
      collectLines(child, lines);
    }
  }
  if (inline !== null) lines.push(inline);
}

function nameOf(tree: Tree): string {
  if (tree.type !== "Map") return "";
  const name = tree.value[NODE_NAME];
  return name?.type === "Value" && typeof name.value === "string" ? name.value : "";
}
