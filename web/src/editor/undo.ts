// Undo and redo of one's own edits only, with the selection that was there before. Typing merges to one
// step; anything else begins a step of its own. Of marks and of what a block is only that is taken back which is
// still as this person set it.
import { UndoManager } from "loro-crdt";
import type { Cursor, LoroEventBatch, Value } from "loro-crdt";
import type { EditorState } from "@tiptap/pm/state";
import type { EditorView } from "@tiptap/pm/view";
import type { Binding } from "./binding";
import type { Range } from "./edits";
import { countsOn, setMarks } from "./model";
import type { Keys, TextDelta } from "./model";
import { selectBetween } from "./plugin";
import { cursorAt, positionOf } from "./positions";

/** Typing with shorter pauses than this is one step. */
const MERGE_INTERVAL_MS = 600;
const MAX_STEPS = 500;
/** Commits with which others' marks are kept; they are no steps. */
const KEEP_ORIGIN = "quire:keep";

type Kind = "typing" | "erasing" | "other";
/** By their keys the values, as JSON, that a step has set. */
type Made = Record<string, string[]>;

export class Undo {
  private readonly manager: UndoManager;
  private selectionBefore: Cursor[] = [];
  private popped: { cursors: Cursor[]; made: Made } = { cursors: [], made: {} };
  private lastKind: Kind = "other";
  private lastEnd = -1;

  constructor(private readonly binding: Binding) {
    this.manager = new UndoManager(binding.doc, {
      mergeInterval: MERGE_INTERVAL_MS,
      maxUndoSteps: MAX_STEPS,
      excludeOriginPrefixes: [KEEP_ORIGIN],
      onPush: (_isUndo, _range, batch): { value: Value; cursors: Cursor[] } => ({ value: this.madeBy(batch), cursors: this.selectionBefore }),
      onPop: (_isUndo, { value, cursors }) => { this.popped = { cursors, made: (value ?? {}) as Made }; },
    });
  }

  /** Called before a local change is written: keeps the selection, and decides whether a new step begins. */
  willWrite(before: EditorState | null, ranges: readonly Range[]): void {
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
    const { body, doc } = this.binding;
    this.keepSelection(view.state);
    this.popped = { cursors: [], made: {} };
    this.lastKind = "other";
    const before = body.toDelta();
    const deltas: TextDelta[][] = [];
    const unsubscribe = body.subscribe(({ events }) => {
      for (const { diff } of events) if (diff.type === "text") deltas.push(diff.diff);
    });
    // Its events arrive while it runs and are shown like those of others.
    const isDone = step();
    unsubscribe();
    if (!isDone) return false;
    for (const delta of deltas) {
      for (const { at, keys } of notOurs(before, delta, this.popped.made)) {
        const [now] = body.sliceDelta(at, at + 1);
        setMarks(body, at, [{ length: 1, marks: { ...now?.attributes as Keys, ...keys } }]);
      }
    }
    doc.commit({ origin: KEEP_ORIGIN });
    const [anchor, head] = this.popped.cursors as (Cursor | undefined)[];
    const from = anchor === undefined ? null : positionOf(this.binding, anchor);
    const to = head === undefined ? from : positionOf(this.binding, head);
    if (from !== null && to !== null) view.dispatch(selectBetween(view.state.tr, from, to).scrollIntoView());
    return true;
  }

  private madeBy(batch: LoroEventBatch | undefined): Made {
    const made: Made = {};
    for (const { target, diff } of batch?.events ?? []) {
      if (target !== this.binding.body.id || diff.type !== "text") continue;
      for (const { retain, attributes } of diff.diff) {
        if (retain === undefined) continue;
        for (const [key, value] of Object.entries(attributes ?? {})) {
          const values = (made[key] ??= []);
          const text = JSON.stringify(value ?? null);
          if (!values.includes(text)) values.push(text);
        }
      }
    }
    return made;
  }

  private keepSelection(state: EditorState): void {
    if (state.doc !== this.binding.view) return;
    const { anchor, head } = state.selection;
    const cursors = [cursorAt(this.binding, anchor), cursorAt(this.binding, head)];
    this.selectionBefore = cursors.filter((cursor) => cursor !== null);
    if (this.selectionBefore.length === 1) this.selectionBefore = [];
  }
}

/** The characters whose marks others have set since, and what those were before they were taken back, too. */
function notOurs(before: readonly TextDelta[], delta: readonly TextDelta[], made: Made): { at: number; keys: Keys }[] {
  const found: { at: number; keys: Keys }[] = [];
  const was = new Marked(before);
  let old = 0;
  let now = 0;
  for (const { retain = 0, insert = "", delete: gone = 0, attributes } of delta) {
    const changed = retain > 0 ? Object.keys(attributes ?? {}) : [];
    for (let step = 0; changed.length > 0 && step < retain; step += 1) {
      const { character, marks } = was.at(old + step);
      const others = changed.filter((key) => countsOn(key, character) && made[key]?.includes(JSON.stringify(marks[key] ?? null)) === false);
      if (others.length > 0) found.push({ at: now + step, keys: Object.fromEntries(others.map((key) => [key, marks[key] ?? null])) });
    }
    old += retain + gone;
    now += retain + insert.length;
  }
  return found;
}

/** A text's characters with their marks, asked for from the first to the last. */
class Marked {
  private index = 0;
  private start = 0;

  constructor(private readonly runs: readonly TextDelta[]) {}

  at(place: number): { character: string; marks: Keys } {
    for (;;) {
      const run = this.runs[this.index];
      const text = run?.insert ?? "";
      if (run === undefined || place < this.start + text.length) {
        return { character: text.charAt(place - this.start), marks: run?.attributes ?? {} };
      }
      this.start += text.length;
      this.index += 1;
    }
  }
}

function kindOf(ranges: readonly Range[]): Kind {
  const [range] = ranges;
  if (range === undefined || ranges.length > 1) return "other";
  const deleted = range.oldTo - range.oldFrom;
  const inserted = range.newTo - range.newFrom;
  if (deleted === 0 && inserted === 1) return "typing";
  return deleted === 1 && inserted === 0 ? "erasing" : "other";
}
