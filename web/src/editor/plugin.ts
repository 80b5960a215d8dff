// The ProseMirror plugin that keeps a view and a Loro document the same: each local transaction is written
// to Loro before `dispatch` returns, each event of Loro becomes a transaction.
import { Plugin, PluginKey, TextSelection } from "@tiptap/pm/state";
import type { EditorState, Transaction } from "@tiptap/pm/state";
import type { StepMap } from "@tiptap/pm/transform";
import type { EditorView } from "@tiptap/pm/view";
import type { LoroEventBatch } from "loro-crdt";
import type { Binding } from "./binding";
import { composeRanges } from "./edits";
import { removesUnknown } from "./guard";
import type { Undo } from "./undo";

/** Step maps since the document that the binding shows. */
type Pending = readonly StepMap[];
const REMOTE = "quire:remote";
/** The name of a key that an input method has. */
const COMPOSING = "Process";

export const bindingKey = new PluginKey<Pending>("quire-binding");

export function isRemote(tr: Transaction): boolean {
  return tr.getMeta(REMOTE) === true;
}

export type BindingOptions = {
  binding: Binding;
  undo: Undo;
  mayWrite: () => boolean;
};

export function bindingPlugin({ binding, undo, mayWrite }: BindingOptions): Plugin<Pending> {
  return new Plugin<Pending>({
    key: bindingKey,
    state: {
      init: () => [],
      apply(tr, pending, before) {
        if (!tr.docChanged) return pending;
        if (isRemote(tr)) return [];
        return before.doc === binding.view ? tr.mapping.maps : [...pending, ...tr.mapping.maps];
      },
    },
    filterTransaction(tr, state) {
      if (!tr.docChanged || isRemote(tr)) return true;
      return mayWrite() && binding.isSeeded && !binding.doc.isDetached() && !removesUnknown(tr, state);
    },
    props: {
      // A key that comes before the browser told of the caret acts where the caret is shown all the same.
      handleDOMEvents: {
        keydown(view, event) {
          if (event.key !== COMPOSING) readSelection(view);
        },
        cut: readSelection,
        copy: readSelection,
        paste: readSelection,
      },
    },
    view: (view) => new BindingView(view, binding, undo),
  });
}

class BindingView {
  private readonly unsubscribe: () => void;

  constructor(
    private readonly view: EditorView,
    private readonly binding: Binding,
    private readonly undo: Undo,
  ) {
    this.unsubscribe = binding.doc.subscribe((batch) => { this.receive(batch); });
    // Between the editor's state and its view, either side may have changed.
    if (binding.isBehind) this.dispatch((tr, state) => binding.refresh(tr, state));
    else if (view.state.doc !== binding.view) this.write(view.state, null);
  }

  update(view: EditorView, before: EditorState): void {
    if (view.state.doc !== this.binding.view) this.write(view.state, before);
  }

  destroy(): void {
    this.unsubscribe();
  }

  private write(state: EditorState, before: EditorState | null): void {
    const ranges = composeRanges(bindingKey.getState(state) ?? []);
    this.undo.willWrite(before, ranges);
    const isSame = this.binding.local(state.doc, ranges);
    this.undo.didWrite();
    if (!isSame) this.dispatch((tr, now) => this.binding.repair(tr, now));
  }

  private receive(batch: LoroEventBatch): void {
    if (this.view.isDestroyed) return;
    if (batch.by !== "local") readSelection(this.view);
    this.dispatch((tr, state) => (state.doc === this.binding.view ? this.binding.remote(batch, tr, state) : false));
  }

  private dispatch(change: (tr: Transaction, state: EditorState) => boolean): void {
    const { state } = this.view;
    const { tr } = state;
    if (!change(tr, state)) return;
    this.view.dispatch(tr.setMeta(REMOTE, true).setMeta("preventAutolink", true).setMeta("addToHistory", false));
  }
}

/** Of ProseMirror's observer of the page, which its types leave out. */
type Observer = { pendingRecords(): readonly unknown[]; flush(): void; flushSoon(): void };

/**
 * Makes the state's selection that of the page. The browser tells of a moved caret only a task later; a
 * transaction of another's that comes in between would put the caret back to where it was.
 */
export function readSelection(view: EditorView): void {
  if (view.composing) return;
  const { domObserver } = view as unknown as { domObserver: Observer };
  // Text that is not read yet was typed before what has just arrived: it is not to be read in its midst.
  if (domObserver.pendingRecords().length > 0) domObserver.flushSoon();
  else domObserver.flush();
}

/** Puts the selection where two positions are, as near as the document allows. */
export function selectBetween(tr: Transaction, anchor: number, head: number): Transaction {
  const limit = tr.doc.content.size;
  const $anchor = tr.doc.resolve(Math.min(anchor, limit));
  const $head = tr.doc.resolve(Math.min(head, limit));
  return tr.setSelection(TextSelection.between($anchor, $head));
}
