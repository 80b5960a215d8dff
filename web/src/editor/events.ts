// Brings the mirror to what an event batch says, and marks what must be rendered anew.
import { isContainer, LoroList, LoroMap, LoroText } from "loro-crdt";
import type { Container, ContainerID, Delta, LoroDoc, LoroEvent, LoroEventBatch, Value } from "loro-crdt";
import { markDirty, textLength, toRuns } from "./mirror";
import type { Mirror, NodeMirror, Registry, TextMirror } from "./mirror";
import { ATTRIBUTES, CHILDREN, MARK_PREFIX, NODE_NAME, readTree } from "./model";
import type { Tree } from "./model";

/** The mirror and the event do not fit: it must be read anew as a whole. */
export class OutOfStep extends Error {}

/** Applies a batch that leads to the document's present state; answers where texts changed. */
export function applyEvents(doc: LoroDoc, registry: Registry, batch: LoroEventBatch): Map<TextMirror, Delta<string>[]> {
  const deltas = new Map<TextMirror, Delta<string>[]>();
  registry.batch += 1;
  for (const event of batch.events) applyEvent(doc, registry, event, deltas);
  return deltas;
}

function applyEvent(doc: LoroDoc, registry: Registry, event: LoroEvent, deltas: Map<TextMirror, Delta<string>[]>): void {
  const entry = registry.get(event.target);
  // Not shown, or read in this very batch and so already as the event leaves it.
  if (entry === undefined || entry.mirror.born === registry.batch) return;
  const { diff } = event;
  if (entry.role === "text") {
    if (diff.type !== "text") throw new OutOfStep();
    readText(doc, entry.mirror);
    deltas.set(entry.mirror, diff.diff);
  } else if (entry.role === "children") {
    if (diff.type !== "list") throw new OutOfStep();
    applyChildren(doc, registry, entry.mirror, diff.diff);
  } else if (entry.role === "attributes") {
    readAttributes(doc, registry, entry.mirror);
  } else {
    if (diff.type !== "map") throw new OutOfStep();
    applyFields(doc, registry, entry.mirror, diff.updated);
  }
}

export function readText(doc: LoroDoc, text: TextMirror): void {
  text.runs = toRuns(doc.getText(text.id).toDelta());
  text.length = textLength(text.runs);
  markDirty(text.parent);
}

function readAttributes(doc: LoroDoc, registry: Registry, node: NodeMirror): void {
  if (node.attributesId === null) return;
  registry.readAttributes(node, treeOf(doc, node.attributesId));
  markDirty(node);
}

function applyChildren(doc: LoroDoc, registry: Registry, node: NodeMirror, delta: Delta<(Value | Container)[]>[]): void {
  const children: Mirror[] = [];
  let at = 0;
  for (const part of delta) {
    if (part.retain !== undefined) {
      for (const end = at + part.retain; at < end; at += 1) children.push(childAt(node, at));
    } else if (part.delete !== undefined) {
      for (const end = at + part.delete; at < end; at += 1) registry.forget(childAt(node, at));
    } else {
      for (const value of part.insert) children.push(registry.build(treeOfValue(value), node));
    }
  }
  for (; at < node.children.length; at += 1) children.push(childAt(node, at));
  node.children = children;
  markDirty(node);
  if (node.childrenId !== null && doc.getList(node.childrenId).length !== children.length) throw new OutOfStep();
}

function childAt(node: NodeMirror, at: number): Mirror {
  const child = node.children[at];
  if (child === undefined) throw new OutOfStep();
  return child;
}

function applyFields(doc: LoroDoc, registry: Registry, node: NodeMirror, updated: Record<string, Value | Container | undefined>): void {
  if (CHILDREN in updated || ATTRIBUTES in updated) {
    const tree = treeOf(doc, node.id);
    if (tree.type === "Map") registry.reconcile(node, tree);
    return;
  }
  for (const [key, value] of Object.entries(updated)) {
    if (key === NODE_NAME) {
      node.name = typeof value === "string" ? value : "";
      markDirty(node);
    } else if (key.startsWith(MARK_PREFIX) && !isContainer(value)) {
      const name = key.slice(MARK_PREFIX.length);
      if (value === undefined) node.marks = Object.fromEntries(Object.entries(node.marks).filter(([other]) => other !== name));
      else node.marks[name] = value;
      markDirty(node);
    }
  }
}

/** Reads the whole document again, keeping every mirror whose container is still there. */
export function readAgain(doc: LoroDoc, registry: Registry, root: NodeMirror): void {
  registry.batch += 1;
  const tree = readTree(doc);
  if (tree.type === "Map") registry.reconcile(root, tree);
}

export function treeOf(doc: LoroDoc, id: ContainerID): Tree {
  const container = doc.getContainerById(id);
  if (container === undefined) throw new OutOfStep();
  return treeOfValue(container);
}

function treeOfValue(value: Value | Container): Tree {
  if (!isContainer(value)) return { type: "Value", value };
  if (value instanceof LoroMap || value instanceof LoroList || value instanceof LoroText) {
    return value.toContainerTree({ text: "delta" }) as Tree;
  }
  // Of another kind: it has no place in the model, and is kept without being looked at.
  return { type: "Counter", cid: value.id, value: null };
}
