// Where comments stand: highlights in the text, which is itself not changed, and anchors of what is selected.
// Anchors come from others: whatever they are, they are only tried as Loro cursors.
import type { Node } from "@tiptap/pm/model";
import { Plugin, PluginKey } from "@tiptap/pm/state";
import type { EditorState, Transaction } from "@tiptap/pm/state";
import type { Mapping } from "@tiptap/pm/transform";
import { Decoration, DecorationSet } from "@tiptap/pm/view";
import type { EditorView } from "@tiptap/pm/view";
import type { Binding } from "./binding";
import { isRemote } from "./plugin";
import { cursorAt, positionOfEncoded, type Side } from "./positions";
import type { Session } from "./session";

/** A thread as the editor needs it. */
export interface Anchored {
  threadId: string;
  anchor: { start: string; end: string };
  /** Whether its text is marked; its place is known in any case. */
  isMarked: boolean;
}

/** From and to are the same: the text is gone, or was never there. */
export interface Place {
  from: number;
  to: number;
}

export type Places = ReadonlyMap<string, Place>;

interface Shown {
  threads: readonly Anchored[];
  active: string | null;
  places: Places;
  decorations: DecorationSet;
}

/** Longest anchor that is looked at, in characters; the server's limit is 512 bytes. */
const ANCHOR_LENGTH = 700;
/** Longest text that is quoted, in characters; the server's limit. */
const QUOTE_LENGTH = 1000;
/** After changes by others, places are looked up anew when these rest. */
const LOOK_AFTER_MS = 200;
/** So few are looked up at once. */
const LOOK_AT_ONCE = 100;

type Wish = Pick<Shown, "threads" | "active"> | "again";

const commentsKey = new PluginKey<Shown>("quire-comments");

export function commentsPlugin(binding: Binding, onChosen: (threadId: string) => void): Plugin<Shown> {
  return new Plugin<Shown>({
    key: commentsKey,
    state: {
      init: () => ({ threads: [], active: null, places: new Map(), decorations: DecorationSet.empty }),
      apply(tr, shown, _before, state) {
        const wish = tr.getMeta(commentsKey) as Wish | undefined;
        if (wish === undefined) {
          if (!tr.docChanged || shown.threads.length === 0) return shown;
          // A small change of others moves places as it moves text; a large one maps nowhere.
          if (!isRemote(tr) || shown.threads.length > LOOK_AT_ONCE) return moved(shown, tr, state);
        }
        const { threads, active } = wish === undefined || wish === "again" ? shown : wish;
        // A local change is not in Loro yet: places are right only where the binding shows this very text.
        const places = state.doc === binding.view ? lookUp(binding, threads) : shown.places;
        return { threads, active, places, decorations: drawn(state.doc, threads, places, active) };
      },
    },
    props: {
      decorations: (state) => commentsKey.getState(state)?.decorations,
      handleClick(view, position) {
        const threadId = threadAt(view.state, position);
        if (threadId !== null) onChosen(threadId);
        return false;
      },
    },
    view: () => new CommentsView(),
  });
}

/** Looks places up anew when others' changes rest: a large change maps nowhere. */
class CommentsView {
  private timer = 0;

  update(view: EditorView, before: EditorState): void {
    if (view.state.doc === before.doc || this.timer !== 0 || (commentsKey.getState(view.state)?.threads.length ?? 0) === 0) return;
    this.timer = window.setTimeout(() => {
      this.timer = 0;
      if (!view.isDestroyed) view.dispatch(quiet(view.state.tr.setMeta(commentsKey, "again")));
    }, LOOK_AFTER_MS);
  }

  destroy(): void {
    window.clearTimeout(this.timer);
  }
}

/** Shows these threads in the text, one of them stronger. */
export function showComments({ editor }: Session, threads: readonly Anchored[], active: string | null): void {
  editor.view.dispatch(quiet(editor.state.tr.setMeta(commentsKey, { threads, active } satisfies Wish)));
}

export function placesOf(state: EditorState): Places {
  return commentsKey.getState(state)?.places ?? new Map<string, Place>();
}

/** The thread at a position: of several the one with the shortest text. */
export function threadAt(state: EditorState, position: number): string | null {
  const { threads, places } = commentsKey.getState(state) ?? { threads: [], places: new Map<string, Place>() };
  const marked = new Set(threads.filter(({ isMarked }) => isMarked).map(({ threadId }) => threadId));
  const within = [...places].filter(([id, { from, to }]) => marked.has(id) && from < to && from <= position && position <= to);
  within.sort(([, a], [, b]) => a.to - a.from - (b.to - b.from));
  return within[0]?.[0] ?? null;
}

/** Scrolls to the commented text. */
export function revealThread({ editor }: Session, threadId: string): void {
  const place = placesOf(editor.state).get(threadId);
  if (place === undefined) return;
  const { node } = editor.view.domAtPos(Math.min(place.from, editor.state.doc.content.size));
  const element = node instanceof Element ? node : node.parentElement;
  element?.scrollIntoView({ block: "nearest" });
}

export interface SelectedText {
  anchor: { start: string; end: string };
  quote: string;
}

/** What is selected, as a new thread's anchor; null: no text is. */
export function selectedText({ editor, binding }: Session): SelectedText | null {
  const { state } = editor;
  const range = textWithin(state.doc, state.selection.from, state.selection.to);
  if (range === null || state.doc !== binding.view) return null;
  const start = encodedAt(binding, range.from, -1);
  const end = encodedAt(binding, range.to - 1, 1);
  if (start === null || end === null) return null;
  const quote = Array.from(state.doc.textBetween(range.from, range.to, "\n", " ")).slice(0, QUOTE_LENGTH).join("");
  return { anchor: { start, end }, quote };
}

/** From the first to the last character of text in a range. */
function textWithin(doc: Node, from: number, to: number): Place | null {
  let first = to;
  let last = from;
  doc.nodesBetween(from, to, (node, position) => {
    if (!node.isText) return;
    first = Math.min(first, Math.max(from, position));
    last = Math.max(last, Math.min(to, position + node.nodeSize));
  });
  return first < last ? { from: first, to: last } : null;
}

function encodedAt(binding: Binding, position: number, side: Side): string | null {
  const cursor = cursorAt(binding, position, side);
  if (cursor === null) return null;
  const text = String.fromCharCode(...cursor.encode());
  cursor.free();
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function lookUp(binding: Binding, threads: readonly Anchored[]): Places {
  const places = new Map<string, Place>();
  for (const { threadId, anchor } of threads) {
    const from = positionOfText(binding, anchor.start);
    const to = positionOfText(binding, anchor.end);
    places.set(threadId, from === null || to === null ? { from: 0, to: 0 } : { from: Math.min(from, to), to });
  }
  return places;
}

function positionOfText(binding: Binding, text: string): number | null {
  if (text.length > ANCHOR_LENGTH) return null;
  try {
    const bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return positionOfEncoded(binding, Uint8Array.from(bytes, (character) => character.charCodeAt(0)));
  } catch {
    return null;
  }
}

function moved(shown: Shown, tr: Transaction, state: EditorState): Shown {
  if (shown.threads.length === 0) return shown;
  const places = new Map([...shown.places].map(([threadId, place]) => [threadId, movedPlace(place, tr.mapping)]));
  if (isRemote(tr)) return { ...shown, places, decorations: drawn(state.doc, shown.threads, places, shown.active) };
  return { ...shown, places, decorations: shown.decorations.map(tr.mapping, tr.doc) };
}

function movedPlace({ from, to }: Place, mapping: Mapping): Place {
  const start = mapping.map(from, 1);
  return { from: start, to: Math.max(start, mapping.map(to, -1)) };
}

function drawn(doc: Node, threads: readonly Anchored[], places: Places, active: string | null): DecorationSet {
  const limit = doc.content.size;
  const decorations: Decoration[] = [];
  for (const { threadId, isMarked } of threads) {
    const { from, to } = places.get(threadId) ?? { from: 0, to: 0 };
    if (!isMarked || from >= to || to > limit) continue;
    decorations.push(Decoration.inline(from, to, { class: threadId === active ? "commented is-active" : "commented" }));
  }
  return DecorationSet.create(doc, decorations);
}

function quiet(tr: Transaction): Transaction {
  return tr.setMeta("addToHistory", false);
}
