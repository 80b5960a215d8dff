// A labelled input, and a labelled choice.
import { useId, type ComponentPropsWithRef } from "react";
import { Labelled, type LabelledProps } from "./Labelled";

export interface FieldProps
  extends LabelledProps, Omit<ComponentPropsWithRef<"input">, "id" | "className" | "onChange" | "value"> {
  value: string;
  onValue: (value: string) => void;
}

export function Field({ label, hint, problem = null, onValue, ...input }: FieldProps) {
  return (
    <Labelled label={label} hint={hint} problem={problem}>
      {(field) => <input {...input} {...field} onChange={(event) => { onValue(event.target.value); }} />}
    </Labelled>
  );
}

export interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  options: readonly { value: T; label: string }[];
  onChoose: (value: T) => void;
  isDisabled?: boolean;
  /** In a row of a list the label is for screen readers only. */
  isLabelHidden?: boolean;
  hint?: string;
}

/** One of a few, in the browser's own select. */
export function Choice<T extends string>(props: ChoiceProps<T>) {
  const { label, value, options, onChoose, isDisabled = false, isLabelHidden = false, hint } = props;
  const id = useId();
  const select = (
    <select
      id={id}
      className="select"
      value={value}
      disabled={isDisabled}
      aria-label={isLabelHidden ? label : undefined}
      aria-describedby={hint === undefined ? undefined : `${id}-hint`}
      onChange={(event) => {
        const chosen = options.find((option) => option.value === event.target.value);
        if (chosen !== undefined) onChoose(chosen.value);
      }}
    >
      {options.map((option) => <option key={option.value} value={option.value}>{option.label}</option>)}
    </select>
  );
  if (isLabelHidden) return select;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {select}
      {hint !== undefined && <small id={`${id}-hint`}>{hint}</small>}
    </div>
  );
}
