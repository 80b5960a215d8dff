// An organisation's name, and what its members may do with new documents.
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
  const [isSaved, setSaved] = useState(false);
  const saving = useAction();
  const problem = problemWithAll(saving, ["name"]);
  const isChanged = name.trim() !== settings.name || defaultRole !== settings.default_role;
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    saving.run(changeOrganisation(settings.org_id, { name: name.trim(), default_role: defaultRole }), (saved) => {
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
