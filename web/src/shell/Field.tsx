// A labelled input with its hint, and what is wrong with it, beside it and told to screen readers.
import { useId, type ComponentPropsWithRef, type ReactNode } from "react";

export interface FieldProps extends Omit<ComponentPropsWithRef<"input">, "id" | "className" | "onChange" | "value"> {
  label: string;
  value: string;
  onValue: (value: string) => void;
  hint?: ReactNode;
  problem?: string | null;
}

export function Field({ label, hint, problem = null, onValue, ...input }: FieldProps) {
  const id = useId();
  const described = [problem === null ? null : `${id}-problem`, hint === undefined ? null : `${id}-hint`];
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        {...input}
        id={id}
        aria-invalid={problem !== null}
        aria-describedby={described.filter((part) => part !== null).join(" ") || undefined}
        onChange={(event) => { onValue(event.target.value); }}
      />
      {problem !== null && <p className="problem" id={`${id}-problem`} role="alert">{problem}</p>}
      {hint !== undefined && <small id={`${id}-hint`}>{hint}</small>}
    </div>
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
