// The toolbar: one tab stop, arrow keys within (the ARIA toolbar pattern). It shows what holds at the caret
// and calls Tiptap's commands.
import type { Editor as TiptapEditor } from "@tiptap/core";
import { useEditorState } from "@tiptap/react";
import { useRef } from "react";
import type { KeyboardEvent, ReactNode } from "react";
import { icons } from "./icons";
import type { IconName } from "./icons";
import { insertRule, setType, toggleList, toggleQuote, toggleType, clearFormatting } from "./commands";
import { depthOf, isCode, isHeading, keysOf, levelOf, listOf } from "./nodes";
import type { Session } from "./session";
import { isText } from "./sequence";
import type { Command, EditorState } from "@tiptap/pm/state";
import type { Keys } from "./model";

type Button = {
  icon: IconName;
  label: string;
  keys?: string;
  isActive?: (editor: TiptapEditor) => boolean;
  isEnabled?: (session: Session) => boolean;
  run: (session: Session) => void;
};

const isApple = typeof navigator !== "undefined" && /Mac|iPhone|iPad/.test(navigator.userAgent);

/** "Mod-Shift-7" as this machine's keyboard says it. */
export function keysText(keys: string): string {
  const names = new Map(Object.entries(isApple ? { Mod: "⌘", Shift: "⇧", Alt: "⌥" } : { Mod: "Ctrl", Shift: "Shift", Alt: "Alt" }));
  return keys.split("-").map((key) => names.get(key) ?? key.toUpperCase()).join(isApple ? "" : "+");
}

function mark(icon: IconName, name: string, label: string, keys: string): Button {
  return {
    icon, label, keys,
    isActive: (editor) => editor.isActive(name),
    isEnabled: ({ editor }) => !isCode(keysAt(editor.state)),
    run: ({ editor }) => { editor.chain().focus().toggleMark(name).run(); },
  };
}

/** What the block of the caret is. */
function keysAt({ selection }: EditorState): Keys {
  const { parent } = selection.$from;
  return isText(parent) ? keysOf(parent) : {};
}

function run(command: Command): (session: Session) => void {
  return ({ editor }) => {
    editor.commands.focus();
    command(editor.state, editor.view.dispatch);
  };
}

function block(icon: IconName, label: string, keys: string, command: Command, is: (keys: Keys) => boolean): Button {
  return { icon, label, keys, isActive: (editor) => is(keysAt(editor.state)), run: run(command) };
}

const groups: Button[][] = [
  [
    { icon: "undo", label: "Undo", keys: "Mod-z", isEnabled: ({ undo }) => undo.canUndo(), run: ({ undo, editor }) => { undo.undo(editor.view); editor.commands.focus(); } },
    { icon: "redo", label: "Redo", keys: "Mod-Shift-z", isEnabled: ({ undo }) => undo.canRedo(), run: ({ undo, editor }) => { undo.redo(editor.view); editor.commands.focus(); } },
  ],
  [
    mark("bold", "bold", "Bold", "Mod-b"),
    mark("italic", "italic", "Italic", "Mod-i"),
    mark("underline", "underline", "Underline", "Mod-u"),
    mark("strike", "strike", "Strikethrough", "Mod-Shift-s"),
    mark("code", "code", "Code", "Mod-e"),
  ],
  [
    block("bulletList", "Bulleted list", "Mod-Shift-8", toggleList("bullet"), (keys) => listOf(keys) === "bullet"),
    block("orderedList", "Numbered list", "Mod-Shift-7", toggleList("ordered"), (keys) => listOf(keys) === "ordered"),
    block("taskList", "Task list", "Mod-Shift-9", toggleList("task"), (keys) => listOf(keys) === "task"),
  ],
  [
    block("quote", "Quote", "Mod-Shift-b", toggleQuote(), (keys) => depthOf(keys, "quote") > 0),
    block("codeBlock", "Code block", "Mod-Alt-c", toggleType("code"), isCode),
    { icon: "rule", label: "Horizontal line", run: run(insertRule()) },
  ],
  [
    { icon: "clear", label: "Clear formatting", run: run(clearFormatting()) },
  ],
];

type Block = { value: string; label: string };
const blocks: Block[] = [
  { value: "paragraph", label: "Text" },
  { value: "1", label: "Heading 1" },
  { value: "2", label: "Heading 2" },
  { value: "3", label: "Heading 3" },
  { value: "codeBlock", label: "Code" },
];

function blockAt(editor: TiptapEditor): string {
  const keys = keysAt(editor.state);
  if (isCode(keys)) return "codeBlock";
  return isHeading(keys) ? String(levelOf(keys)) : "paragraph";
}

function setBlock(session: Session, value: string): void {
  if (value === "paragraph") run(setType("paragraph"))(session);
  else if (value === "codeBlock") run(setType("code"))(session);
  else run(setType("heading", Number(value)))(session);
}

export interface ToolbarProps {
  session: Session;
  onLink: () => void;
  /** Null: this person does not comment here. */
  onComment: (() => void) | null;
}

export function Toolbar({ session, onLink, onComment }: ToolbarProps): ReactNode {
  const bar = useRef<HTMLDivElement>(null);
  const state = useEditorState({
    editor: session.editor,
    selector: ({ editor }) => ({
      block: blockAt(editor),
      isLink: editor.isActive("link"),
      isActive: groups.map((group) => group.map((button) => button.isActive?.(editor) ?? null)),
      isEnabled: groups.map((group) => group.map((button) => button.isEnabled?.(session) ?? true)),
    }),
  });

  const moveFocus = (event: KeyboardEvent<HTMLDivElement>): void => {
    const stops = [...(bar.current?.querySelectorAll<HTMLElement>("button, select") ?? [])];
    const at = stops.findIndex((stop) => stop === document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: stops.length - 1 }[event.key];
    if (to === undefined || at < 0) return;
    event.preventDefault();
    const next = stops[(to + stops.length) % stops.length];
    for (const stop of stops) stop.tabIndex = stop === next ? 0 : -1;
    next?.focus();
  };

  const group = (buttons: Button[], index: number): ReactNode => (
    <div className="toolbar-group" role="group" key={index}>
      {buttons.map((button, at) => (
        <ToolbarButton
          key={button.icon}
          button={button}
          isFirst={index === 0 && at === 0}
          isActive={state.isActive[index]?.[at] ?? null}
          isEnabled={state.isEnabled[index]?.[at] ?? true}
          onRun={() => { button.run(session); }}
        />
      ))}
      {index === 1 && (
        <ToolbarButton
          button={{ icon: "link", label: "Link", keys: "Mod-k", run: onLink }}
          isFirst={false} isActive={state.isLink} isEnabled={state.block !== "codeBlock"} onRun={onLink}
        />
      )}
    </div>
  );

  return (
    <div className="editor-toolbar" role="toolbar" aria-label="Formatting" aria-orientation="horizontal" ref={bar} onKeyDown={moveFocus}>
      {groups.slice(0, 1).map((buttons) => group(buttons, 0))}
      <div className="toolbar-group">
        <select className="toolbar-block" aria-label="Block type" title="Block type" tabIndex={-1} value={state.block} onChange={(event) => { setBlock(session, event.target.value); }}>
          {blocks.map(({ value, label }) => <option key={value} value={value}>{label}</option>)}
          {blocks.every(({ value }) => value !== state.block) && <option value={state.block}>Heading {state.block}</option>}
        </select>
      </div>
      {groups.slice(1).map((buttons, index) => group(buttons, index + 1))}
      {onComment !== null && (
        <div className="toolbar-group" role="group">
          <ToolbarButton
            button={{ icon: "comment", label: "Comment", keys: "Mod-Alt-m", run: onComment }}
            isFirst={false} isActive={null} isEnabled onRun={onComment}
          />
        </div>
      )}
    </div>
  );
}

type ToolbarButtonProps = { button: Button; isFirst: boolean; isActive: boolean | null; isEnabled: boolean; onRun: () => void };

function ToolbarButton({ button, isFirst, isActive, isEnabled, onRun }: ToolbarButtonProps): ReactNode {
  const keys = button.keys === undefined ? "" : ` (${keysText(button.keys)})`;
  return (
    <button
      type="button"
      className="toolbar-button"
      title={button.label + keys}
      aria-label={button.label}
      aria-pressed={isActive ?? undefined}
      aria-disabled={!isEnabled}
      tabIndex={isFirst ? 0 : -1}
      // The selection stays in the text.
      onMouseDown={(event) => { event.preventDefault(); }}
      onClick={() => { if (isEnabled) onRun(); }}
    >
      {icons[button.icon]}
    </button>
  );
}
