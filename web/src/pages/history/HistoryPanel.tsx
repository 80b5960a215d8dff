// The history beside the text: versions with names, and who worked when; a drawer where there is no room beside it.
import { useEffect, useRef, useState } from "react";
import { byDay, timesOf } from "./days";
import { momentOf, type History, type Looking } from "./useHistory";
import type { Kept, Sitting, Version } from "../../api/history";
import { Avatar } from "../../shell/Avatar";
import { ConfirmDialog } from "../../shell/ConfirmDialog";
import { CloseIcon, MoreIcon } from "../../shell/icons";
import { Menu } from "../../shell/Menu";
import { NameDialog } from "../../shell/NameDialog";
import { timeAgo, timeInFull } from "../../shell/time";
import { useNow } from "../../shell/useNow";

export interface HistoryPanelProps {
  history: History;
  mayEdit: boolean;
  onNameVersion: () => void;
}

type Doing = { kind: "reading" } | { kind: "renaming"; version: Version } | { kind: "removing"; version: Version };

export function HistoryPanel({ history, mayEdit, onNameVersion }: HistoryPanelProps) {
  const { looking, isBlaming, sittings, versions, act } = history;
  const [doing, setDoing] = useState<Doing>({ kind: "reading" });
  const nowMs = useNow();
  const panel = useRef<HTMLElement>(null);
  useEffect(() => { panel.current?.focus(); }, []);
  const read = (): void => { setDoing({ kind: "reading" }); };
  const named = versions.state.kind === "loaded" ? versions.state.value : [];
  const look = (wanted: Looking): void => {
    const isShown = momentOf(wanted) === momentOf(looking);
    history.look(isShown ? { kind: "now" } : wanted);
  };
  const isShown = (wanted: Looking): boolean => momentOf(wanted) === momentOf(looking);
  return (
    <aside
      ref={panel}
      tabIndex={-1}
      className="history-panel"
      aria-label="History"
      onKeyDown={(event) => {
        if (event.key === "Escape" && doing.kind === "reading") history.close();
      }}
    >
      <div className="history-head">
        <h2>History</h2>
        <button type="button" className="button ghost square" aria-label="Close the history" title="Close" onClick={history.close}>
          <CloseIcon />
        </button>
      </div>
      <div className="history-tools">
        <button type="button" className="button" aria-pressed={isBlaming} onClick={() => { history.blame(!isBlaming); }}>
          Who wrote what
        </button>
        {mayEdit && looking.kind === "now" && (
          <button type="button" className="button" onClick={onNameVersion}>Name this version</button>
        )}
      </div>
      {named.length > 0 && (
        <section aria-label="Named versions">
          <h3>Named versions</h3>
          <ul className="moments">
            {named.map((version) => (
              <li key={version.version_id} className="moment-row">
                <button
                  type="button"
                  className="moment"
                  aria-pressed={isShown({ kind: "version", version })}
                  onClick={() => { look({ kind: "version", version }); }}
                >
                  <span className="row-words">
                    <strong>{version.name}</strong>
                    <small>
                      <time dateTime={version.written_at} title={timeInFull(version.written_at)}>{timeAgo(version.written_at, nowMs)}</time>
                      {` · named by ${version.author.name}`}
                    </small>
                  </span>
                </button>
                {mayEdit && (
                  <Menu
                    label={`More for ${version.name}`}
                    button={<MoreIcon />}
                    actions={[
                      { label: "Rename", run: () => { setDoing({ kind: "renaming", version }); } },
                      { label: "Remove the name", isDanger: true, run: () => { setDoing({ kind: "removing", version }); } },
                    ]}
                  />
                )}
              </li>
            ))}
          </ul>
        </section>
      )}
      {sittings.state.kind === "loading" && <p className="loading" role="status"><span className="spinner" />Reading the history…</p>}
      {sittings.state.kind === "failed" && (
        <div className="failed" role="alert">
          <p className="problem">{sittings.state.problem}</p>
          <button type="button" className="button" onClick={history.reload}>Try again</button>
        </div>
      )}
      {sittings.state.kind === "loaded" && byDay(sittings.state.value, nowMs).map(({ name, sittings: ofDay }) => (
        <section key={`${name} ${ofDay[0]?.first_edit ?? ""}`} aria-label={name}>
          <h3>{name}</h3>
          <ul className="moments">
            {ofDay.map((sitting) => (
              <li key={sitting.first_edit}>
                <SittingButton
                  sitting={sitting}
                  isShown={isShown({ kind: "sitting", sitting })}
                  onChoose={() => { look({ kind: "sitting", sitting }); }}
                />
              </li>
            ))}
          </ul>
        </section>
      ))}
      {history.olderProblem !== null && <p className="problem" role="alert">{history.olderProblem}</p>}
      {history.showOlder !== null && <button type="button" className="button" onClick={history.showOlder}>Show older</button>}
      {history.kept !== null && history.showOlder === null && <KeptNote kept={history.kept} />}
      {doing.kind === "renaming" && (
        <NameDialog
          title="Rename the version"
          name={doing.version.name}
          action="Rename"
          onName={(name) => act.rename(doing.version.version_id, name)}
          onDone={(version) => {
            read();
            versions.reload();
            if (isShown({ kind: "version", version })) history.look({ kind: "version", version });
          }}
          onClose={read}
        />
      )}
      {doing.kind === "removing" && (
        <ConfirmDialog
          title={`Remove the name “${doing.version.name}”?`}
          action="Remove"
          onConfirm={() => act.unname(doing.version.version_id)}
          onDone={() => {
            read();
            versions.reload();
            if (isShown({ kind: "version", version: doing.version })) history.look({ kind: "now" });
          }}
          onClose={read}
        >
          Only the name goes; what was written stays in the history.
        </ConfirmDialog>
      )}
    </aside>
  );
}

interface SittingButtonProps {
  sitting: Sitting;
  isShown: boolean;
  onChoose: () => void;
}

function SittingButton({ sitting, isShown, onChoose }: SittingButtonProps) {
  const { author, inserted, deleted } = sitting;
  return (
    <button type="button" className="moment" aria-pressed={isShown} title={timeInFull(sitting.to)} onClick={onChoose}>
      <Avatar name={author.name} color={author.color} />
      <span className="row-words">
        <strong>{author.name}</strong>
        <small>{timesOf(sitting)}</small>
      </span>
      <span className="moment-size">
        {inserted > 0 && <span>+{inserted.toLocaleString()}<span className="sr-only"> characters</span></span>}
        {deleted > 0 && <span>−{deleted.toLocaleString()}<span className="sr-only"> characters</span></span>}
      </span>
    </button>
  );
}

function KeptNote({ kept: { days, since } }: { kept: Kept }) {
  if (days === null && since === null) return null;
  return (
    <p className="quiet">
      {days !== null && `History is kept for ${String(days)} ${days === 1 ? "day" : "days"}. `}
      {since !== null && <>It begins <time dateTime={since}>{timeInFull(since)}</time>; what was written before has no author any more.</>}
    </p>
  );
}
