// One open editor: the binding, undo and Tiptap's editor, made together and synchronously with the Loro
// document, so that no transaction can come before the binding.
import { Editor as TiptapEditor, Extension } from "@tiptap/core";
import { Plugin } from "@tiptap/pm/state";
import { Decoration, DecorationSet } from "@tiptap/pm/view";
import type { LiveDocument } from "../sync/document";
import { Binding } from "./binding";
import { caretsPlugin } from "./carets";
import { commentsPlugin } from "./comments";
import { cleanHtml } from "./paste";
import { bindingPlugin } from "./plugin";
import { keysOf } from "./nodes";
import { documentExtensions } from "./schema";
import { isText } from "./sequence";
import { Undo } from "./undo";

export interface Session {
  readonly editor: TiptapEditor;
  readonly undo: Undo;
  readonly binding: Binding;
  close(): void;
}

export interface Surroundings {
  mayWrite: () => boolean;
  /** Somebody clicked on commented text. */
  onThread: (threadId: string) => void;
}

export function openSession(document: LiveDocument, element: HTMLElement, { mayWrite, onThread }: Surroundings): Session {
  let parts: { binding: Binding; undo: Undo } | null = null;
  const sync = Extension.create({
    name: "quireSync",
    // After every other plugin, so that what they append is written in the same commit.
    priority: 1,
    addProseMirrorPlugins() {
      if (parts === null) throw new Error("the binding is made before the view");
      return [bindingPlugin({ ...parts, mayWrite }), caretsPlugin(parts.binding, document.presence), commentsPlugin(parts.binding, onThread)];
    },
    addKeyboardShortcuts() {
      const undo = (): boolean => (parts?.undo.undo(this.editor.view), true);
      const redo = (): boolean => (parts?.undo.redo(this.editor.view), true);
      return { "Mod-z": undo, "Mod-я": undo, "Mod-y": redo, "Shift-Mod-z": redo, "Shift-Mod-я": redo };
    },
  });
  const editor = new TiptapEditor({
    element,
    extensions: [...documentExtensions(), Placeholder, sync],
    editable: mayWrite(),
    injectCSS: false,
    // Of what is pasted only addresses become something else: signs in code are signs.
    enablePasteRules: ["link"],
    // It looks for deleted nodes after each transaction; nobody here asks.
    enableCoreExtensions: { delete: false },
    editorProps: {
      attributes: { "aria-label": "Document text", "aria-multiline": "true", "aria-description": "Tab indents. Escape and then Tab leaves the text.", class: "document-text", spellcheck: "true" },
      handleClick: (_view, _position, event) => openLink(event),
      transformPastedHTML: cleanHtml,
    },
    onBeforeCreate: ({ editor: created }) => {
      const binding = new Binding(document.doc, created.schema, (what, error) => { console.warn(`editor: ${what}`, error ?? ""); });
      parts = { binding, undo: new Undo(binding) };
      created.options.content = binding.view as never;
    },
  });
  const made = parts as { binding: Binding; undo: Undo } | null;
  if (made === null) throw new Error("the editor was not created");
  return {
    editor,
    ...made,
    close() {
      editor.destroy();
      made.undo.free();
    },
  };
}

/** A link opens with the modifier key held; a plain click puts the caret into it. */
function openLink(event: MouseEvent): boolean {
  const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
  if (!(link instanceof HTMLAnchorElement) || !(event.metaKey || event.ctrlKey)) return false;
  window.open(link.href, "_blank", "noopener,noreferrer");
  return true;
}

/** Invites to write in a document that is one empty paragraph. */
const Placeholder = Extension.create({
  name: "quirePlaceholder",
  addProseMirrorPlugins() {
    return [new Plugin({
      props: {
        decorations({ doc }) {
          const only = doc.firstChild;
          if (doc.childCount !== 1 || only === null || !isText(only) || only.content.size > 0 || Object.keys(keysOf(only)).length > 0) return null;
          return DecorationSet.create(doc, [Decoration.node(0, only.nodeSize, { class: "is-placeholder", "data-placeholder": "Start writing…" })]);
        },
      },
    })];
  },
});
