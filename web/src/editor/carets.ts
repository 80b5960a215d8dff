// Where others are: a caret with their name, and what they have selected; and where this person is, told to
// the others. Carets are decorations, so they are no part of the document, and they take no room in a line.
import { Plugin, PluginKey } from "@tiptap/pm/state";
import type { EditorState } from "@tiptap/pm/state";
import { Decoration, DecorationSet } from "@tiptap/pm/view";
import type { EditorView } from "@tiptap/pm/view";
import type { PeerID } from "loro-crdt";
import type { Presence, PresentPeer } from "../sync/document";
import type { Binding } from "./binding";
import { readSelection } from "./plugin";
import { cursorAt, positionOfEncoded } from "./positions";

/** One's own caret is told to others at most this often. */
const TELL_INTERVAL_MS = 50;
/** A name stays to be read this long after its caret moved. */
const NAME_SHOWN_MS = 2500;
/** Of more people than this the first are shown: no text can be read under more carets. */
const MAX_CARETS = 100;

export const caretsKey = new PluginKey<DecorationSet>("quire-carets");

export function caretsPlugin(binding: Binding, presence: Presence): Plugin<DecorationSet> {
  const carets = new Carets(binding, presence);
  return new Plugin<DecorationSet>({
    key: caretsKey,
    state: {
      init: (_config, state) => (state.doc === binding.view ? carets.decorations(state) : DecorationSet.empty),
      apply(tr, shown, _before, state) {
        // A local change is not in Loro yet: until it is, the carets move along with it.
        if (state.doc !== binding.view) return shown.map(tr.mapping, tr.doc);
        return tr.docChanged || tr.getMeta(caretsKey) === true ? carets.decorations(state) : shown;
      },
    },
    props: { decorations: (state) => caretsKey.getState(state) },
    view: (view) => new CaretsView(view, binding, presence),
  });
}

/** Makes the decorations. A caret's element is kept, so that it glides and is not made anew. */
class Carets {
  private readonly elements = new Map<PeerID, { element: HTMLElement | null; place: string; timer: number }>();

  constructor(private readonly binding: Binding, private readonly presence: Presence) {}

  decorations(state: EditorState): DecorationSet {
    const others = this.presence.others();
    if (others.size === 0 && this.elements.size === 0) return DecorationSet.empty;
    const decorations: Decoration[] = [];
    let shown = 0;
    for (const [peer, other] of others) {
      if (other.focus === null) continue;
      if (shown === MAX_CARETS) break;
      const focus = positionOfEncoded(this.binding, other.focus);
      if (focus === null) continue;
      shown += 1;
      const anchor = other.anchor === null ? focus : (positionOfEncoded(this.binding, other.anchor) ?? focus);
      decorations.push(Decoration.widget(focus, () => this.caret(peer, other), {
        key: `${peer} ${other.user.name} ${other.user.color}`, side: 1, marks: [], ignoreSelection: true,
      }));
      if (anchor !== focus) {
        const style = `--peer-color: ${safeColor(other.user.color)}`;
        decorations.push(Decoration.inline(Math.min(anchor, focus), Math.max(anchor, focus), { class: "peer-selection", style }));
      }
      this.noticeMove(peer, other);
    }
    for (const [peer, { timer }] of this.elements) {
      if (others.has(peer)) continue;
      window.clearTimeout(timer);
      this.elements.delete(peer);
    }
    return DecorationSet.create(state.doc, decorations);
  }

  private caret(peer: PeerID, other: PresentPeer): HTMLElement {
    const element = document.createElement("span");
    element.className = "peer-caret";
    element.style.setProperty("--peer-color", safeColor(other.user.color));
    element.setAttribute("aria-hidden", "true");
    const name = document.createElement("span");
    name.className = "peer-name";
    name.textContent = other.user.name;
    element.append(name);
    const known = this.elements.get(peer);
    if (known === undefined) return element;
    known.element = element;
    element.classList.toggle("is-moving", known.timer !== 0);
    return element;
  }

  private noticeMove(peer: PeerID, other: PresentPeer): void {
    const place = String(other.focus);
    const known = this.elements.get(peer) ?? { element: null, place: "", timer: 0 };
    this.elements.set(peer, known);
    if (known.place === place) return;
    known.place = place;
    known.element?.classList.add("is-moving");
    window.clearTimeout(known.timer);
    known.timer = window.setTimeout(() => {
      known.timer = 0;
      known.element?.classList.remove("is-moving");
    }, NAME_SHOWN_MS);
  }
}

class CaretsView {
  private readonly unsubscribe: () => void;
  private frame = 0;
  private timer = 0;
  private toldAt = 0;
  private hasBeenHere = false;

  constructor(
    private readonly view: EditorView,
    private readonly binding: Binding,
    private readonly presence: Presence,
  ) {
    this.unsubscribe = presence.subscribe(() => { this.redrawSoon(); });
    this.redrawSoon();
  }

  update(view: EditorView, before: EditorState): void {
    const isMoved = !view.state.selection.eq(before.selection) || view.state.doc !== before.doc;
    if (isMoved || (!this.hasBeenHere && view.hasFocus())) this.tellSoon();
  }

  destroy(): void {
    this.unsubscribe();
    window.cancelAnimationFrame(this.frame);
    window.clearTimeout(this.timer);
    if (this.hasBeenHere) this.presence.setCursor(null, null);
  }

  private redrawSoon(): void {
    if (this.frame !== 0) return;
    this.frame = window.requestAnimationFrame(() => {
      this.frame = 0;
      if (this.view.isDestroyed) return;
      readSelection(this.view);
      this.view.dispatch(this.view.state.tr.setMeta(caretsKey, true).setMeta("addToHistory", false));
    });
  }

  private tellSoon(): void {
    this.hasBeenHere ||= this.view.hasFocus();
    if (!this.hasBeenHere || this.timer !== 0) return;
    const wait = Math.max(0, TELL_INTERVAL_MS - (performance.now() - this.toldAt));
    this.timer = window.setTimeout(() => {
      this.timer = 0;
      this.toldAt = performance.now();
      this.tell();
    }, wait);
  }

  private tell(): void {
    const { state } = this.view;
    if (this.view.isDestroyed || state.doc !== this.binding.view) return;
    const anchor = cursorAt(this.binding, state.selection.anchor);
    const focus = state.selection.empty ? anchor : cursorAt(this.binding, state.selection.head);
    this.presence.setCursor(anchor?.encode() ?? null, focus?.encode() ?? null);
  }
}

/** The color comes from the server; whatever it is, it stays a color. */
function safeColor(color: string): string {
  return /^[#a-z0-9(),.%/ -]{1,64}$/i.test(color) ? color : "#64748b";
}
