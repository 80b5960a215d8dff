// An organisation's name, what its members may do with new documents, and how long history is kept.
import { useState, type SubmitEvent } from "react";
import { changeOrganisation, type DefaultRole, type OrganisationSettings } from "../../api/organisations";
import { Choice, Field } from "../../shell/Field";
import { defaultRoles } from "../../shell/roles";
import { Section } from "../../shell/Section";
import { Shown } from "../../shell/Shown";
import { problemWith, problemWithAll, useAction } from "../../shell/useAction";
import type { Loading } from "../../shell/useLoaded";

/** Longest name, in characters; the server's limit. */
const NAME_LENGTH = 200;

/** For how many days history may be kept; besides whatever was set by a program. */
const HISTORY_DAYS = [7, 30, 90, 365, 1825];
const FOR_EVER = "for ever";

function historyChoices(current: number | null): { value: string; label: string }[] {
  const days = new Set([...HISTORY_DAYS, ...(current === null ? [] : [current])]);
  const choices = [...days].sort((a, b) => a - b).map((count) => ({ value: String(count), label: `For ${String(count)} days` }));
  return [{ value: FOR_EVER, label: "For ever" }, ...choices];
}

export interface SettingsProps {
  loading: Loading<OrganisationSettings>;
  onChanged: () => void;
}

export function Settings({ loading, onChanged }: SettingsProps) {
  return (
    <Section title="Settings">
      <Shown loading={loading}>
        {(settings) => (
          <Form
            settings={settings}
            onSaved={(saved) => {
              loading.show(saved);
              onChanged();
            }}
          />
        )}
      </Shown>
    </Section>
  );
}

function Form({ settings, onSaved }: { settings: OrganisationSettings; onSaved: (settings: OrganisationSettings) => void }) {
  const [name, setName] = useState(settings.name);
  const [defaultRole, setDefaultRole] = useState<DefaultRole>(settings.default_role);
  const [historyDays, setHistoryDays] = useState(settings.history_days);
  const [isSaved, setSaved] = useState(false);
  const saving = useAction();
  const problem = problemWithAll(saving, ["name"]);
  const isChanged = name.trim() !== settings.name || defaultRole !== settings.default_role || historyDays !== settings.history_days;
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const change = { name: name.trim(), default_role: defaultRole, history_days: historyDays };
    saving.run(changeOrganisation(settings.org_id, change), (saved) => {
      setName(saved.name);
      setSaved(true);
      onSaved(saved);
    });
  };
  return (
    <form className="stack" onSubmit={submit} onChange={() => { setSaved(false); }}>
      <Field
        label="Name"
        required
        autoComplete="off"
        maxLength={NAME_LENGTH}
        value={name}
        onValue={setName}
        problem={problemWith(saving, "name")}
      />
      <Choice
        label="What members may do with new documents"
        value={defaultRole}
        options={defaultRoles}
        onChoose={setDefaultRole}
        hint="Documents that exist already keep what they have. Guests see only what is shared with them."
      />
      <Choice
        label="How long history is kept"
        value={historyDays === null ? FOR_EVER : String(historyDays)}
        options={historyChoices(settings.history_days)}
        onChoose={(chosen) => { setHistoryDays(chosen === FOR_EVER ? null : Number(chosen)); }}
        hint="What was written stays. Who wrote it, and what the text was before, is forgotten after that time and does not come back; versions with names stay."
      />
      {problem !== null && <p className="problem" role="alert">{problem}</p>}
      <div className="actions end">
        <span className="answer" role="status">{isSaved && !isChanged ? "Saved" : ""}</span>
        <button type="submit" className="button primary" disabled={saving.isBusy || !isChanged || name.trim() === ""}>
          Save
        </button>
      </div>
    </form>
  );
}
