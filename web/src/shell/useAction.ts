// One thing that a person asked the server to do: whether it is under way, and why it failed.
import { useState } from "react";
import { ApiError, wordsOf } from "../api/request";

export interface Action {
  isBusy: boolean;
  problem: Problem | null;
  run: <T>(work: Promise<T>, then: (answer: T) => void) => void;
  forget: () => void;
}

export interface Problem {
  words: string;
  /** The field of the request that is wrong; null: the request as a whole. */
  field: string | null;
}

type State = { kind: "idle" } | { kind: "busy" } | { kind: "failed"; problem: Problem };

export function useAction(): Action {
  const [state, setState] = useState<State>({ kind: "idle" });
  return {
    isBusy: state.kind === "busy",
    problem: state.kind === "failed" ? state.problem : null,
    run: (work, then) => {
      setState({ kind: "busy" });
      work.then(
        (answer) => {
          setState({ kind: "idle" });
          then(answer);
        },
        (error: unknown) => {
          setState({ kind: "failed", problem: problemOf(error) });
        },
      );
    },
    forget: () => {
      setState({ kind: "idle" });
    },
  };
}

function problemOf(error: unknown): Problem {
  return { words: wordsOf(error), field: error instanceof ApiError ? error.field : null };
}

/** What is wrong with one field of a form. */
export function problemWith(action: Action, field: string): string | null {
  return action.problem?.field === field ? action.problem.words : null;
}

/** What is wrong with none of the fields that the form shows. */
export function problemWithAll(action: Action, fields: readonly string[] = []): string | null {
  const { problem } = action;
  return problem === null || (problem.field !== null && fields.includes(problem.field)) ? null : problem.words;
}
