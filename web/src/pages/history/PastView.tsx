// A moment in the place of the document: read-only, with what is done about it above.
import { useState, type ReactNode } from "react";
import { timeOfDay } from "./days";
import { PastPage } from "./PastPage";
import { momentOf, type History, type Looking } from "./useHistory";
import { Avatar } from "../../shell/Avatar";
import { ConfirmDialog } from "../../shell/ConfirmDialog";
import { MoreIcon } from "../../shell/icons";
import { Menu, type MenuAction } from "../../shell/Menu";
import { timeInFull } from "../../shell/time";
import type { FileFormat } from "../../api/documents";

const FORMATS: readonly { format: FileFormat; label: string }[] = [
  { format: "markdown", label: "Markdown" },
  { format: "html", label: "HTML" },
  { format: "text", label: "plain text" },
  { format: "json", label: "JSON" },
];

export interface PastViewProps {
  history: History;
  mayEdit: boolean;
  onNameVersion: () => void;
}

export function PastView({ history, mayEdit, onNameVersion }: PastViewProps) {
  const { looking, isBlaming, page, act } = history;
  const [asking, setAsking] = useState<"restore" | "take-back" | null>(null);
  const moment = momentOf(looking);
  const isPast = looking.kind !== "now";
  const goBack = (): void => {
    history.blame(false);
    history.look({ kind: "now" });
  };
  const done = (): void => {
    setAsking(null);
    goBack();
    history.reload();
  };
  const actions: MenuAction[] = [];
  if (mayEdit && looking.kind !== "version") actions.push({ label: "Name this version", run: onNameVersion });
  if (mayEdit && looking.kind === "sitting") {
    actions.push({ label: "Take back these changes", run: () => { setAsking("take-back"); } });
  }
  actions.push(...FORMATS.map(({ format, label }) => ({ label: `Download as ${label}`, file: act.filePath(format, moment) })));
  const authors = page.state.kind === "loaded" ? (page.state.value?.comparison.authors ?? []) : [];
  return (
    <section className="past" aria-label="A moment of the past">
      <div className="past-bar">
        <div className="past-words" role="status">
          <strong>{titleOf(looking)}</strong>
          <small>{isBlaming ? "Each author’s words are in their colour." : wordsOf(looking)}</small>
        </div>
        <div className="past-actions">
          {mayEdit && isPast && (
            <button type="button" className="button primary" onClick={() => { setAsking("restore"); }}>Restore this version</button>
          )}
          <Menu label="More for this version" button={<MoreIcon />} actions={actions} />
          <button type="button" className="button ghost" onClick={goBack}>Back to the document</button>
        </div>
      </div>
      {isBlaming && (
        <ul className="past-authors" aria-label="Authors">
          {authors.map(({ account_id, name, color }) => (
            <li key={account_id}><Avatar name={name} color={color} />{name}</li>
          ))}
        </ul>
      )}
      {/* It scrolls, so it must be reachable by the keyboard. */}
      <div className="past-scroll" tabIndex={0} role="region" aria-label="The text then">
        {page.state.kind === "loading" && <p className="loading" role="status"><span className="spinner" />Reading…</p>}
        {page.state.kind === "failed" && (
          <div className="failed" role="alert">
            <p className="problem">{page.state.problem}</p>
            <button type="button" className="button" onClick={page.reload}>Try again</button>
          </div>
        )}
        {page.state.kind === "loaded" && page.state.value !== null && <PastPage shown={page.state.value} />}
      </div>
      {asking === "restore" && (
        <ConfirmDialog
          title="Restore this version?"
          action="Restore"
          isHarmless
          onConfirm={() => act.restore(moment)}
          onDone={done}
          onClose={() => { setAsking(null); }}
        >
          The document becomes as it was then. Nothing is erased: what is there now stays in the history, and what others
          type meanwhile stays in the text.
        </ConfirmDialog>
      )}
      {asking === "take-back" && looking.kind === "sitting" && (
        <ConfirmDialog
          title={`Take back what ${looking.sitting.author.name} changed?`}
          action="Take back"
          isHarmless
          onConfirm={() => act.takeBack(looking.sitting)}
          onDone={done}
          onClose={() => { setAsking(null); }}
        >
          What was added then goes and what was removed comes back. What others wrote there since stays, and all of it
          stays in the history.
        </ConfirmDialog>
      )}
    </section>
  );
}

function titleOf(looking: Looking): ReactNode {
  switch (looking.kind) {
    case "now":
      return "The document now";
    case "sitting":
      return `${timeInFull(looking.sitting.from)}${spanOf(looking.sitting.from, looking.sitting.to)}`;
    case "version":
      return looking.version.name;
  }
}

function spanOf(from: string, to: string): string {
  const [begin, end] = [timeOfDay(from), timeOfDay(to)];
  return begin === end ? "" : ` – ${end}`;
}

function wordsOf(looking: Looking): string {
  switch (looking.kind) {
    case "now":
      return "As it is.";
    case "sitting":
      return `What ${looking.sitting.author.name} added is underlined, what was removed is struck through.`;
    case "version":
      return `As it was on ${timeInFull(looking.version.written_at)}.`;
  }
}
