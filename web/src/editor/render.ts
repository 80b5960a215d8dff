// Renders mirrors to ProseMirror nodes. What the schema does not allow (a concurrent edit can leave a list
// item without paragraph) is mended in the view only: nothing here writes to Loro.
import { Fragment } from "@tiptap/pm/model";
import type { ContentMatch, Node, NodeType, Schema } from "@tiptap/pm/model";
import { shownMarks, storedAttributes, validAttributes } from "./marks";
import type { Mirror, NodeMirror, Slot, TextMirror } from "./mirror";
import type { Value } from "loro-crdt";
import { UNKNOWN_BLOCK, UNKNOWN_INLINE } from "./unknown";

/** Deeper nodes are shown as unknown content; nobody nests a hundred levels, an attacker may. */
const MAX_DEPTH = 100;
/** How many nodes a fix-up may nest. */
const MAX_WRAP = 4;

export type Rendered = { view: Node; slots: Slot[] };

export class Renderer {
  constructor(private readonly schema: Schema) {}

  /**
   * Renders what is dirty below and including the root. `replaced` is given each mirror that is rendered
   * anew, with what it showed before.
   */
  root(root: NodeMirror, replaced?: (mirror: NodeMirror, before: Rendered) => void): Node {
    const view = this.node(root, this.schema.topNodeType, 0, replaced);
    return view ?? this.fallbackRoot(root);
  }

  private fallbackRoot(root: NodeMirror): Node {
    root.slots = [{ kind: "hidden", covers: root.children, nodes: [] }];
    const view = this.schema.topNodeType.createAndFill();
    if (view === null) throw new Error("the schema has no empty document");
    root.slots = view.children.map((node): Slot => ({ kind: "made", covers: [], nodes: [node], slots: [] }));
    if (root.children.length > 0) root.slots.push({ kind: "hidden", covers: root.children, nodes: [] });
    root.view = view;
    return view;
  }

  /** Null: this schema cannot show it, the parent shows an atom in its place. */
  private node(mirror: NodeMirror, type: NodeType, depth: number, replaced?: (mirror: NodeMirror, before: Rendered) => void): Node | null {
    if (mirror.dirty === "no" && mirror.view !== null) return mirror.view;
    const { view: before, slots: slotsBefore, dirty } = mirror;
    for (const child of mirror.children) {
      if (child.kind !== "node" || (child.dirty === "no" && child.view !== null)) continue;
      const childType = depth < MAX_DEPTH ? this.typeOf(child) : null;
      const view = childType === null ? null : this.node(child, childType, depth + 1, replaced);
      if (view === null) makeOpaque(child, replaced);
    }
    mirror.dirty = "no";
    const slots = (dirty === "below" && before?.type === type && patchedSlots(mirror)) || this.fit(type, mirror.children, MAX_WRAP);
    if (slots === null) return null;
    let view: Node;
    try {
      const marks = shownMarks(this.schema, mirror.marks, null);
      view = type.create(validAttributes(type.spec.attrs, mirror.attributes), Fragment.fromArray(shownNodes(slots)), marks);
    } catch {
      return null;
    }
    mirror.view = view;
    mirror.slots = slots;
    if (before !== null) replaced?.(mirror, { view: before, slots: slotsBefore });
    return view;
  }

  private typeOf(mirror: NodeMirror): NodeType | null {
    const type = this.schema.nodes[mirror.name];
    const isReserved = type === undefined || type.isText || type === this.schema.topNodeType
      || type.name === UNKNOWN_BLOCK || type.name === UNKNOWN_INLINE;
    return isReserved ? null : type;
  }

  /** Arranges children as content of `type`, with fillers and wrappers where they are needed. */
  private fit(type: NodeType, children: Mirror[], wrapsLeft: number): Slot[] | null {
    const slots: Slot[] = [];
    let match = type.contentMatch;
    const pieces = type.isLeaf ? [{ covers: children, hidden: true as const }] : piecesOf(children);
    for (let at = 0; at < pieces.length; ) {
      const piece = pieces[at];
      if (piece === undefined) break;
      const placed = this.place(type, match, pieces, at, wrapsLeft);
      if (placed === null) {
        slots.push({ kind: "hidden", covers: piece.covers, nodes: [] });
        at += 1;
      } else {
        for (const slot of placed.slots) this.append(slots, slot, type);
        match = placed.match;
        at += placed.used;
      }
    }
    const end = match.fillBefore(Fragment.empty, true);
    if (end === null) return null;
    for (const node of end.content) slots.push(filler(node));
    return slots;
  }

  /** Texts with nothing shown between them are one run for ProseMirror, and so one slot. */
  private append(slots: Slot[], slot: Slot, type: NodeType): void {
    const lastShown = slots.findLastIndex((before) => before.kind !== "hidden");
    const before = slots[lastShown];
    if (slot.kind !== "text" || before?.kind !== "text") {
      slots.push(slot);
      return;
    }
    const covers = [...slots.splice(lastShown).flatMap((part): Mirror[] => part.covers), ...slot.covers];
    slots.push({ kind: "text", covers, nodes: this.textNodes(covers.filter((child) => child.kind === "text"), type) });
  }

  private place(type: NodeType, match: ContentMatch, pieces: Piece[], at: number, wrapsLeft: number): Placed | null {
    const piece = pieces[at];
    if (piece === undefined || piece.hidden) return null;
    const slot = this.shown(type, piece);
    const node = slot.nodes[0];
    // A text without characters is covered, so that it can be found again, but it is never fitted.
    if (node === undefined) return { slots: [slot], match, used: 1 };
    const direct = match.matchType(node.type);
    if (direct !== null) return { slots: [slot], match: direct, used: 1 };
    const fill = match.fillBefore(Fragment.from(node));
    if (fill !== null) {
      const next = match.matchFragment(fill)?.matchType(node.type);
      if (next != null) return { slots: [...fill.content.map(filler), slot], match: next, used: 1 };
    }
    return wrapsLeft === 0 ? this.atom(match, piece) : this.wrap(match, pieces, at, node, wrapsLeft) ?? this.atom(match, piece);
  }

  private wrap(match: ContentMatch, pieces: Piece[], at: number, node: Node, wrapsLeft: number): Placed | null {
    const used = lengthOfKind(pieces, at);
    const covers = pieces.slice(at, at + used).flatMap((piece) => piece.covers);
    const found = match.findWrapping(node.type);
    const chains = found !== null && found.length > 0 ? [found] : edgesOf(match);
    for (const chain of chains) {
      const outer = chain[0];
      const inner = chain[chain.length - 1];
      if (outer === undefined || inner === undefined) continue;
      const next = match.matchType(outer);
      const slots = this.fit(inner, covers, wrapsLeft - 1);
      if (next === null || slots === null || slots.some((slot) => slot.kind === "hidden")) continue;
      let made: Slot & { kind: "made" } = { kind: "made", covers, nodes: [inner.create(null, shownNodes(slots))], slots };
      for (let level = chain.length - 2; level >= 0; level -= 1) {
        made = { kind: "made", covers, nodes: [chain[level]?.create(null, made.nodes) ?? made.nodes[0]], slots: [made] };
      }
      return { slots: [made], match: next, used };
    }
    return null;
  }

  /** A known node at a place where nothing can be made of it is shown as unknown content. */
  private atom(match: ContentMatch, piece: Piece): Placed | null {
    const mirror = piece.covers[0];
    if (piece.covers.length !== 1 || mirror?.kind !== "node") return null;
    for (const name of [UNKNOWN_BLOCK, UNKNOWN_INLINE]) {
      const type = this.schema.nodes[name];
      const next = type === undefined ? null : match.matchType(type);
      if (type !== undefined && next !== null) {
        return { slots: [{ kind: "atom", covers: [mirror], nodes: [atomOf(type, mirror)] }], match: next, used: 1 };
      }
    }
    return null;
  }

  private shown(type: NodeType, piece: Piece): Slot {
    const first = piece.covers[0];
    if (first?.kind === "node") {
      if (first.view !== null) return { kind: "node", covers: [first], nodes: [first.view] };
      const atomType = this.schema.nodes[type.inlineContent ? UNKNOWN_INLINE : UNKNOWN_BLOCK];
      if (atomType === undefined) throw new Error("the schema lacks the node for unknown content");
      return { kind: "atom", covers: [first], nodes: [atomOf(atomType, first)] };
    }
    const texts = piece.covers.filter((child) => child.kind === "text");
    return { kind: "text", covers: piece.covers, nodes: this.textNodes(texts, type) };
  }

  textNodes(texts: TextMirror[], parent: NodeType): Node[] {
    const holder = parent.inlineContent ? parent : null;
    const nodes = texts.flatMap((text) => text.runs.map((run) => this.schema.text(run.insert, shownMarks(this.schema, run.attributes, holder))));
    return nodes.length < 2 ? nodes : [...Fragment.fromArray(nodes).content];
  }
}

type Piece = { covers: Mirror[]; hidden?: true };
type Placed = { slots: Slot[]; match: ContentMatch; used: number };

/** Texts that follow each other are one piece; so are the values between them that cannot be shown. */
function piecesOf(children: Mirror[]): Piece[] {
  const pieces: Piece[] = [];
  let texts: Piece | null = null;
  for (const child of children) {
    if (child.kind === "node") {
      texts = null;
      pieces.push({ covers: [child] });
    } else if (texts !== null) {
      texts.covers.push(child);
    } else {
      texts = { covers: [child] };
      pieces.push(texts);
    }
  }
  return pieces;
}

/** How many pieces from `at` on may share a wrapper: inline content, or nodes of one name. */
function lengthOfKind(pieces: Piece[], at: number): number {
  const kind = (piece: Piece | undefined): string => {
    const first = piece?.covers[0];
    if (first === undefined) return "";
    if (first.kind !== "node" || first.view?.isInline === true) return "inline";
    return first.name;
  };
  let end = at + 1;
  while (end < pieces.length && kind(pieces[end]) === kind(pieces[at])) end += 1;
  return end - at;
}

function edgesOf(match: ContentMatch): NodeType[][] {
  const types: NodeType[][] = [];
  for (let n = 0; n < match.edgeCount; n += 1) {
    const { type } = match.edge(n);
    if (!type.isLeaf && !type.isText && !type.hasRequiredAttrs()) types.push([type]);
  }
  return types;
}

function filler(node: Node): Slot {
  return { kind: "made", covers: [], nodes: [node], slots: [] };
}

export function shownNodes(slots: Slot[]): Node[] {
  const nodes: Node[] = [];
  for (const slot of slots) for (const node of slot.nodes) nodes.push(node);
  return nodes;
}

/** The slots with the new views of children, when none changed its kind; null when they must be fitted. */
function patchedSlots(mirror: NodeMirror): Slot[] | null {
  const slots = mirror.slots.slice();
  for (let at = 0; at < slots.length; at += 1) {
    const slot = slots[at];
    if (slot?.kind === "node") {
      const child = slot.covers[0];
      if (child.view === slot.nodes[0]) continue;
      if (child.view === null || child.view.type !== slot.nodes[0].type) return null;
      slots[at] = { kind: "node", covers: slot.covers, nodes: [child.view] };
    } else if (slot !== undefined && slot.covers.some((child) => child.kind === "node")) {
      return null;
    }
  }
  return slots;
}

function makeOpaque(mirror: NodeMirror, replaced?: (mirror: NodeMirror, before: Rendered) => void): void {
  const before = mirror.view;
  mirror.dirty = "no";
  for (const child of mirror.children) if (child.kind === "node") makeOpaque(child);
  if (before !== null) {
    replaced?.(mirror, { view: before, slots: mirror.slots });
    if (mirror.parent !== null) mirror.parent.dirty = "self";
  }
  mirror.view = null;
  mirror.slots = [];
}

function atomOf(type: NodeType, mirror: NodeMirror): Node {
  return type.create({ container: mirror.id, content: contentOf(mirror) });
}

/** An opaque node's content as plain JSON: what a copy of it is written from. */
function contentOf(mirror: NodeMirror): Value {
  const children = mirror.children.flatMap((child): Value[] => {
    if (child.kind === "other") return [];
    return [child.kind === "text" ? child.runs : contentOf(child)];
  });
  return { nodeName: mirror.name, attributes: storedAttributes(mirror.attributes), marks: mirror.marks, children };
}
