// Undo and redo of one's own edits only, with the selection that was there before. Typing merges to one
// step; anything else begins a step of its own.
import { UndoManager } from "loro-crdt";
import type { Cursor, Value } from "loro-crdt";
import type { EditorState } from "@tiptap/pm/state";
import type { EditorView } from "@tiptap/pm/view";
import type { Binding } from "./binding";
import type { Range } from "./edits";
import { selectBetween } from "./plugin";
import { cursorAt, positionOf } from "./positions";

/** Typing with shorter pauses than this is one step. */
const MERGE_INTERVAL_MS = 600;
const MAX_STEPS = 500;

type Kind = "typing" | "erasing" | "other";

export class Undo {
  private readonly manager: UndoManager;
  private selectionBefore: Cursor[] = [];
  private popped: Cursor[] = [];
  private lastKind: Kind = "other";
  private lastEnd = -1;

  constructor(private readonly binding: Binding) {
    this.manager = new UndoManager(binding.doc, {
      mergeInterval: MERGE_INTERVAL_MS,
      maxUndoSteps: MAX_STEPS,
      onPush: (): { value: Value; cursors: Cursor[] } => ({ value: null, cursors: this.selectionBefore }),
      onPop: (_isUndo, { cursors }) => { this.popped = cursors; },
    });
  }

  /** Called before a local change is written: keeps the selection, and decides whether a new step begins. */
  willWrite(before: EditorState | null, ranges: Range[]): void {
    if (before !== null) this.keepSelection(before);
    const kind = kindOf(ranges);
    const range = ranges[0];
    const isNext = range !== undefined && (range.oldFrom === this.lastEnd || range.oldTo === this.lastEnd);
    const continues = kind !== "other" && kind === this.lastKind && isNext;
    this.manager.setMergeInterval(continues ? MERGE_INTERVAL_MS : 0);
    this.lastKind = kind;
    this.lastEnd = range?.newTo ?? -1;
  }

  didWrite(): void {
    this.manager.setMergeInterval(MERGE_INTERVAL_MS);
  }

  canUndo(): boolean {
    return this.manager.canUndo();
  }

  canRedo(): boolean {
    return this.manager.canRedo();
  }

  undo(view: EditorView): boolean {
    return this.run(view, () => this.manager.undo());
  }

  redo(view: EditorView): boolean {
    return this.run(view, () => this.manager.redo());
  }

  free(): void {
    this.manager.free();
  }

  private run(view: EditorView, step: () => boolean): boolean {
    this.keepSelection(view.state);
    this.popped = [];
    this.lastKind = "other";
    // Its events arrive while it runs and are shown like those of others.
    if (!step()) return false;
    const [anchor, head] = this.popped as (Cursor | undefined)[];
    const from = anchor === undefined ? null : positionOf(this.binding, anchor);
    const to = head === undefined ? from : positionOf(this.binding, head);
    if (from !== null && to !== null) view.dispatch(selectBetween(view.state.tr, from, to).scrollIntoView());
    return true;
  }

  private keepSelection(state: EditorState): void {
    if (state.doc !== this.binding.view) return;
    const { anchor, head } = state.selection;
    const cursors = [cursorAt(this.binding, anchor), cursorAt(this.binding, head)];
    this.selectionBefore = cursors.filter((cursor) => cursor !== null);
    if (this.selectionBefore.length === 1) this.selectionBefore = [];
  }
}

function kindOf(ranges: Range[]): Kind {
  const [range] = ranges;
  if (range === undefined || ranges.length > 1) return "other";
  const deleted = range.oldTo - range.oldFrom;
  const inserted = range.newTo - range.newFrom;
  if (deleted === 0 && inserted === 1) return "typing";
  return deleted === 1 && inserted === 0 ? "erasing" : "other";
}
