// A labelled field of several lines, with its hint and what is wrong with it.
import { useId, type ComponentPropsWithRef } from "react";

export interface TextFieldProps extends Omit<ComponentPropsWithRef<"textarea">, "id" | "className" | "onChange" | "value"> {
  label: string;
  value: string;
  onValue: (value: string) => void;
  hint?: string;
  problem?: string | null;
}

export function TextField({ label, hint, problem = null, onValue, ...area }: TextFieldProps) {
  const id = useId();
  const described = [problem === null ? null : `${id}-problem`, hint === undefined ? null : `${id}-hint`];
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <textarea
        {...area}
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
