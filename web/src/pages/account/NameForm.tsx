// The name that others see.
import { useState, type SubmitEvent } from "react";
import { changeName, type Me, type OwnAccount } from "../../api/people";
import { Field } from "../../shell/Field";
import { NAME_LENGTH } from "../../shell/limits";
import { Section } from "../../shell/Section";
import { useAction } from "../../shell/useAction";

export function NameForm({ account, onChanged }: { account: OwnAccount; onChanged: (me: Me) => void }) {
  const [name, setName] = useState(account.name);
  const [isSaved, setSaved] = useState(false);
  const saving = useAction();
  const isChanged = name.trim() !== "" && name.trim() !== account.name;
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (!isChanged) return;
    saving.run(changeName(name.trim()), (me) => {
      setName(me.account.name);
      setSaved(true);
      onChanged(me);
    });
  };
  return (
    <Section title="You">
      <form className="line-form" onSubmit={submit}>
        <Field
          label="Your name"
          name="name"
          autoComplete="name"
          required
          maxLength={NAME_LENGTH}
          value={name}
          onValue={(value) => {
            setName(value);
            setSaved(false);
          }}
          hint="Others see it beside what you write."
          problem={saving.problem?.words ?? null}
        />
        <button type="submit" className="button" disabled={saving.isBusy || !isChanged}>Save</button>
        <span className="answer" role="status">{isSaved && !isChanged ? "Saved" : ""}</span>
      </form>
    </Section>
  );
}
