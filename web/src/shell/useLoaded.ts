// What a page asks the server for when it is shown, and again when something changed.
import { useCallback, useEffect, useReducer, useState } from "react";
import { wordsOf } from "../api/request";

export type Loaded<T> = { kind: "loading" } | { kind: "loaded"; value: T } | { kind: "failed"; problem: string };

export interface Loading<T> {
  state: Loaded<T>;
  reload: () => void;
  /** Shows what is already known, until it is loaded again. */
  show: (value: T) => void;
}

/** `load` is asked again when it is another function. What is shown stays until the answer is there. */
export function useLoaded<T>(load: () => Promise<T>): Loading<T> {
  const [state, setState] = useState<Loaded<T>>({ kind: "loading" });
  const [asked, reload] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    let isCurrent = true;
    load().then(
      (value) => {
        if (isCurrent) setState({ kind: "loaded", value });
      },
      (error: unknown) => {
        if (isCurrent) setState({ kind: "failed", problem: wordsOf(error) });
      },
    );
    return () => {
      isCurrent = false;
    };
  }, [load, asked]);
  const show = useCallback((value: T): void => {
    setState({ kind: "loaded", value });
  }, []);
  return { state, reload, show };
}
