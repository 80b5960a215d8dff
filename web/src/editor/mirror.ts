// The mirror: the Loro tree as plain objects, each tied to the ProseMirror node that shows it. It answers
// "which container is this node" and "where is this container" without walking the whole document, and
// holds no text that ProseMirror does not hold as well (strings are shared).
import type { ContainerID, Value } from "loro-crdt";
import type { Node } from "@tiptap/pm/model";
import { ATTRIBUTES, CHILDREN, MARK_PREFIX, NODE_NAME, plainValue } from "./model";
import type { Attributes, Run, Tree } from "./model";

export interface TextMirror {
  readonly kind: "text";
  readonly id: ContainerID;
  parent: NodeMirror;
  runs: Run[];
  /** UTF-16 units. */
  length: number;
  /** The batch in which it was read from Loro; later events of that batch are already in it. */
  born: number;
}

/** A list item that is no node and no text. It is kept and not shown. */
export interface OtherMirror {
  readonly kind: "other";
  readonly id: ContainerID | null;
  parent: NodeMirror;
}

export interface NodeMirror {
  readonly kind: "node";
  readonly id: ContainerID;
  parent: NodeMirror | null;
  attributesId: ContainerID | null;
  childrenId: ContainerID | null;
  /** Empty when the map has no name. */
  name: string;
  attributes: Attributes;
  /** Marks of an inline node, by mark key. */
  marks: Attributes;
  children: Mirror[];
  /** The ProseMirror node that shows it; in an opaque node the atom, made by its parent's rendering. */
  view: Node | null;
  /** Covers `view`'s children and `children`, both in order. */
  slots: Slot[];
  dirty: Dirty;
  born: number;
}

export type Mirror = NodeMirror | TextMirror | OtherMirror;

/** `below`: only a descendant changed; `self`: its own rendering must be made again. */
export type Dirty = "no" | "below" | "self";

/**
 * A piece of a rendered node: what is shown (`nodes`, perhaps nothing) for which children (`covers`,
 * perhaps none). "made" pieces are fix-ups that exist in the view only: a filler, or a wrapper of `slots`.
 */
export type Slot =
  | { kind: "text"; covers: Mirror[]; nodes: Node[] }
  | { kind: "node"; covers: [NodeMirror]; nodes: [Node] }
  | { kind: "atom"; covers: [NodeMirror]; nodes: [Node] }
  | { kind: "made"; covers: Mirror[]; nodes: [Node]; slots: Slot[] }
  | { kind: "hidden"; covers: Mirror[]; nodes: [] };

export type Role = "node" | "attributes" | "children" | "text";
export type Entry = { role: Exclude<Role, "text">; mirror: NodeMirror } | { role: "text"; mirror: TextMirror };

export function textLength(runs: Run[]): number {
  return runs.reduce((sum, run) => sum + run.insert.length, 0);
}

export function slotSize(slot: Slot): number {
  let size = 0;
  for (const node of slot.nodes) size += node.nodeSize;
  return size;
}

/** All containers that are shown, by id. */
export class Registry {
  private readonly entries = new Map<ContainerID, Entry>();
  /** Number of the event batch that is being read. */
  batch = 0;

  get(id: ContainerID): Entry | undefined {
    return this.entries.get(id);
  }

  /** Builds the mirror of a subtree that was just read from Loro. */
  build(tree: Tree, parent: NodeMirror): Mirror {
    if (tree.type === "Map") return this.buildNode(tree, parent);
    if (tree.type === "Text") {
      const runs = runsOf(tree);
      const text: TextMirror = { kind: "text", id: tree.cid, parent, runs, length: textLength(runs), born: this.batch };
      this.entries.set(text.id, { role: "text", mirror: text });
      return text;
    }
    return { kind: "other", id: tree.type === "Value" ? null : tree.cid, parent };
  }

  buildNode(tree: Tree & { type: "Map" }, parent: NodeMirror | null): NodeMirror {
    const node: NodeMirror = {
      kind: "node", id: tree.cid, parent, attributesId: null, childrenId: null, name: "", attributes: {}, marks: {},
      children: [], view: null, slots: [], dirty: "self", born: this.batch,
    };
    this.entries.set(node.id, { role: "node", mirror: node });
    this.readFields(node, tree);
    const list = tree.value[CHILDREN];
    if (list?.type === "List") node.children = list.value.map((child) => this.build(child, node));
    return node;
  }

  /** Brings an existing mirror to what was read, keeping what has the same container. */
  reconcile(node: NodeMirror, tree: Tree & { type: "Map" }): void {
    this.readFields(node, tree);
    node.born = this.batch;
    markDirty(node);
    const list = tree.value[CHILDREN];
    const read = list?.type === "List" ? list.value : [];
    const before = new Map<ContainerID, Mirror>();
    for (const child of node.children) if (child.id !== null) before.set(child.id, child);
    const after = read.map((childTree) => {
      const child = childTree.type === "Value" ? undefined : before.get(childTree.cid);
      if (child === undefined || child.id === null) return this.build(childTree, node);
      before.delete(child.id);
      if (child.kind === "node" && childTree.type === "Map") this.reconcile(child, childTree);
      if (child.kind === "text" && childTree.type === "Text") {
        child.runs = runsOf(childTree);
        child.length = textLength(child.runs);
        child.born = this.batch;
      }
      return child;
    });
    for (const gone of before.values()) this.forget(gone);
    node.children = after;
  }

  private readFields(node: NodeMirror, tree: Tree & { type: "Map" }): void {
    const name = tree.value[NODE_NAME];
    node.name = name?.type === "Value" && typeof name.value === "string" ? name.value : "";
    const attributes = tree.value[ATTRIBUTES];
    const list = tree.value[CHILDREN];
    this.rename(node, "attributes", node.attributesId, attributes?.type === "Map" ? attributes.cid : null);
    this.rename(node, "children", node.childrenId, list?.type === "List" ? list.cid : null);
    node.attributesId = attributes?.type === "Map" ? attributes.cid : null;
    node.childrenId = list?.type === "List" ? list.cid : null;
    if (attributes !== undefined) this.readAttributes(node, attributes);
    node.marks = {};
    for (const [key, value] of Object.entries(tree.value)) {
      if (key.startsWith(MARK_PREFIX)) node.marks[key.slice(MARK_PREFIX.length)] = plainValue(value);
    }
  }

  readAttributes(node: NodeMirror, tree: Tree): void {
    const value = plainValue(tree);
    node.attributes = isRecord(value) ? value : {};
    this.registerInner(node, tree);
  }

  /** Containers within attributes report to their node, which then reads all of its attributes again. */
  private registerInner(node: NodeMirror, tree: Tree): void {
    if (tree.type === "Value") return;
    this.entries.set(tree.cid, { role: "attributes", mirror: node });
    if (tree.type === "Map") for (const child of Object.values(tree.value)) this.registerInner(node, child);
    if (tree.type === "List" || tree.type === "MovableList") for (const child of tree.value) this.registerInner(node, child);
  }

  register(node: NodeMirror, role: "attributes" | "children", id: ContainerID): void {
    this.rename(node, role, role === "attributes" ? node.attributesId : node.childrenId, id);
    if (role === "attributes") node.attributesId = id;
    else node.childrenId = id;
  }

  private rename(node: NodeMirror, role: "attributes" | "children", from: ContainerID | null, to: ContainerID | null): void {
    if (from !== null && from !== to) this.entries.delete(from);
    if (to !== null) this.entries.set(to, { role, mirror: node });
  }

  forget(mirror: Mirror): void {
    if (mirror.id === null) return;
    const entry = this.entries.get(mirror.id);
    // Time travel brings a container back under its old id: only what still stands for it is removed.
    if (entry !== undefined && entry.mirror !== mirror) return;
    this.entries.delete(mirror.id);
    if (mirror.kind !== "node") return;
    if (mirror.attributesId !== null) this.entries.delete(mirror.attributesId);
    if (mirror.childrenId !== null) this.entries.delete(mirror.childrenId);
    for (const child of mirror.children) this.forget(child);
  }
}

export function markDirty(node: NodeMirror): void {
  node.dirty = "self";
  for (let up = node.parent; up !== null && up.dirty === "no"; up = up.parent) up.dirty = "below";
}

function runsOf(tree: Tree & { type: "Text" }): Run[] {
  return toRuns(tree.value);
}

export function toRuns(delta: { insert?: string | undefined; attributes?: Record<string, Value> | undefined }[]): Run[] {
  const runs: Run[] = [];
  for (const part of delta) {
    if (part.insert === undefined || part.insert === "") continue;
    runs.push(part.attributes === undefined ? { insert: part.insert } : { insert: part.insert, attributes: part.attributes });
  }
  return runs;
}

export function isRecord(value: unknown): value is Record<string, Value> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}
