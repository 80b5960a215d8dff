// What stands around a field: its label, its hint, and what is wrong with it, told to screen readers.
import { useId, type ReactNode } from "react";

export interface LabelledProps {
  label: string;
  hint?: ReactNode;
  problem?: string | null;
}

/** What the field itself needs to belong to its label. */
export interface Described {
  id: string;
  "aria-invalid": boolean;
  "aria-describedby": string | undefined;
}

export function Labelled({ label, hint, problem = null, children }: LabelledProps & { children: (field: Described) => ReactNode }) {
  const id = useId();
  const described = [problem === null ? null : `${id}-problem`, hint === undefined ? null : `${id}-hint`];
  const describedBy = described.filter((part) => part !== null).join(" ") || undefined;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({ id, "aria-invalid": problem !== null, "aria-describedby": describedBy })}
      {problem !== null && <p className="problem" id={`${id}-problem`} role="alert">{problem}</p>}
      {hint !== undefined && <small id={`${id}-hint`}>{hint}</small>}
    </div>
  );
}
