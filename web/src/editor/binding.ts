// Ties one Loro document to one ProseMirror document. Pure: it knows neither views nor React. After each
// call, the document it holds (`view`) is what ProseMirror shows and what Loro says.
import type { LoroDoc, LoroEventBatch, OpId } from "loro-crdt";
import type { Delta } from "loro-crdt";
import { Slice } from "@tiptap/pm/model";
import type { Node, Schema } from "@tiptap/pm/model";
import { TextSelection } from "@tiptap/pm/state";
import type { EditorState, Transaction } from "@tiptap/pm/state";
import { adopt } from "./adopt";
import type { Range } from "./edits";
import { applyEvents, OutOfStep, readAgain } from "./events";
import { LocalWriter } from "./local";
import { Registry } from "./mirror";
import type { NodeMirror, TextMirror } from "./mirror";
import { configureTextStyles, EDIT_ORIGIN, readTree } from "./model";
import { Patcher } from "./patch";
import { Renderer } from "./render";
import type { Rendered } from "./render";

export type Warn = (what: string, error?: unknown) => void;

export class Binding {
  readonly registry = new Registry();
  readonly root: NodeMirror;
  private readonly renderer: Renderer;
  private version: OpId[];
  /** While a local change is being written, Loro's events tell of that. */
  private isWriting = false;

  /** Reads the document and writes nothing. */
  constructor(
    readonly doc: LoroDoc,
    readonly schema: Schema,
    private readonly warn: Warn = () => undefined,
  ) {
    configureTextStyles(doc);
    this.renderer = new Renderer(schema);
    const tree = readTree(doc);
    if (tree.type !== "Map") throw new Error("the document's root is no map");
    this.root = this.registry.buildNode(tree, null);
    this.version = doc.frontiers();
    this.renderer.root(this.root);
  }

  /** What is shown. */
  get view(): Node {
    if (this.root.view === null) throw new Error("the root is always rendered");
    return this.root.view;
  }

  /** False until the server's seed has arrived: such a document must not be written to. */
  get isSeeded(): boolean {
    return this.root.childrenId !== null;
  }

  /**
   * Whether Loro may have changed without this binding having been told (an import of what changes nothing
   * moves the version and tells nobody). To be asked before the first event is heard.
   */
  get isBehind(): boolean {
    return !isSameVersion(this.version, this.doc.frontiers());
  }

  /**
   * Writes what `node` changed since `view` to Loro, as one commit. Answers whether Loro now renders to just
   * that; if not, `view` is what it does render to, and `repair` makes ProseMirror follow.
   */
  local(node: Node, ranges: Range[]): boolean {
    if (node === this.view) return true;
    this.isWriting = true;
    try {
      new LocalWriter(this.doc, this.schema, this.registry, ranges).node(this.root, node, 0, 0);
    } catch (error) {
      this.warn("write a local change", error);
      this.readAgain();
      return false;
    } finally {
      this.doc.commit({ origin: EDIT_ORIGIN });
      this.version = this.doc.frontiers();
      this.isWriting = false;
    }
    this.renderer.root(this.root);
    return adopt(this.root, node);
  }

  /**
   * Adds the steps that an event batch asks for to a transaction that starts at `view`, and maps the
   * selection. Answers whether there were any.
   */
  remote(batch: LoroEventBatch, tr: Transaction, state: EditorState): boolean {
    if (this.isWriting || isSameVersion(batch.to, this.version)) return false;
    let deltas = new Map<TextMirror, Delta<string>[]>();
    const now = this.doc.frontiers();
    try {
      // Batches come one by one as they happen; when the document is already further, they cannot be replayed.
      if (!isSameVersion(batch.to, now)) throw new OutOfStep();
      deltas = applyEvents(this.doc, this.registry, batch);
      this.version = now;
    } catch (error) {
      if (!(error instanceof OutOfStep)) this.warn("apply an event", error);
      readAgain(this.doc, this.registry, this.root);
      this.version = now;
    }
    return this.patch(tr, state, deltas);
  }

  /** Adds the steps that make ProseMirror show what Loro says now, whatever it shows. */
  refresh(tr: Transaction, state: EditorState): boolean {
    if (this.isBehind) {
      readAgain(this.doc, this.registry, this.root);
      this.version = this.doc.frontiers();
    }
    if (tr.doc === this.view) return this.patch(tr, state, new Map());
    this.renderer.root(this.root);
    return this.repair(tr, state);
  }

  private patch(tr: Transaction, state: EditorState, deltas: Map<TextMirror, Delta<string>[]>): boolean {
    const before = new Map<NodeMirror, Rendered>();
    this.renderer.root(this.root, (mirror, was) => before.set(mirror, was));
    if (before.size === 0) return false;
    new Patcher(tr, before, deltas).root(this.root);
    if (!adopt(this.root, tr.doc)) {
      this.warn("steps did not lead to what Loro says");
      return this.repair(tr, state);
    }
    keepSelection(tr, state);
    return tr.docChanged;
  }

  /** One replacement, of what differs. */
  repair(tr: Transaction, state: EditorState): boolean {
    const from = tr.doc.content.findDiffStart(this.view.content);
    const to = tr.doc.content.findDiffEnd(this.view.content);
    if (from !== null && to !== null) {
      const overlap = from - Math.min(to.a, to.b);
      const shift = Math.max(0, overlap);
      try {
        tr.replace(from, to.a + shift, this.view.slice(from, to.b + shift));
      } catch (error) {
        this.warn("replace what differs", error);
      }
    }
    if (!tr.doc.eq(this.view)) {
      tr.replace(0, tr.doc.content.size, new Slice(this.view.content, 0, 0));
      for (const [name, value] of Object.entries(this.view.attrs)) tr.setDocAttribute(name, value);
    }
    if (!adopt(this.root, tr.doc)) throw new Error("the document cannot be shown");
    keepSelection(tr, state);
    return tr.docChanged;
  }

  private readAgain(): void {
    readAgain(this.doc, this.registry, this.root);
    this.version = this.doc.frontiers();
    this.renderer.root(this.root);
  }
}

/**
 * The caret stays before text that others insert just there (two people typing at one place do not mix
 * their letters), and a selection does not grow. Marks chosen for the next character stay chosen.
 */
function keepSelection(tr: Transaction, state: EditorState): void {
  const { selection } = state;
  if (!tr.docChanged) return;
  if (selection instanceof TextSelection) {
    const { anchor, head, empty } = selection;
    const bias = (position: number, other: number): -1 | 1 => (!empty && position < other ? 1 : -1);
    const $anchor = tr.doc.resolve(tr.mapping.map(anchor, bias(anchor, head)));
    const $head = empty ? $anchor : tr.doc.resolve(tr.mapping.map(head, bias(head, anchor)));
    if ($anchor.parent.inlineContent && $head.parent.inlineContent) tr.setSelection(new TextSelection($anchor, $head));
  }
  tr.setStoredMarks(state.storedMarks);
}

function isSameVersion(a: OpId[], b: OpId[]): boolean {
  return a.length === b.length && a.every((id) => b.some((other) => other.peer === id.peer && other.counter === id.counter));
}
