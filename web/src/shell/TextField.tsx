// A labelled field of several lines.
import type { ComponentPropsWithRef } from "react";
import { Labelled, type LabelledProps } from "./Labelled";

export interface TextFieldProps
  extends LabelledProps, Omit<ComponentPropsWithRef<"textarea">, "id" | "className" | "onChange" | "value"> {
  value: string;
  onValue: (value: string) => void;
}

export function TextField({ label, hint, problem = null, onValue, ...area }: TextFieldProps) {
  return (
    <Labelled label={label} hint={hint} problem={problem}>
      {(field) => <textarea {...area} {...field} onChange={(event) => { onValue(event.target.value); }} />}
    </Labelled>
  );
}
