// What was loaded, or that it is being loaded, or why it could not be.
import type { ReactNode } from "react";
import type { Loading } from "./useLoaded";

export interface ShownProps<T> {
  loading: Loading<T>;
  children: (value: T) => ReactNode;
}

export function Shown<T>({ loading, children }: ShownProps<T>) {
  const { state, reload } = loading;
  switch (state.kind) {
    case "loading":
      return <p className="quiet" role="status">Loading…</p>;
    case "failed":
      return (
        <div className="failed" role="alert">
          <p className="problem">{state.problem}</p>
          <button type="button" className="button" onClick={reload}>Try again</button>
        </div>
      );
    case "loaded":
      return children(state.value);
  }
}
