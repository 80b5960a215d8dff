// The way in by the OpenID provider, where one is set.
import { providerName, setOut, type Wish } from "../api/provider";
import { rememberNext } from "../shell/provider";
import { useAction } from "../shell/useAction";
import { useLoaded } from "../shell/useLoaded";

export interface ProviderButtonProps {
  wish: Wish;
  /** Where one wants to go afterwards. */
  next: string;
  verb: "Sign in" | "Sign up" | "Join" | "Start";
}

export function ProviderButton({ wish, next, verb }: ProviderButtonProps) {
  const { state } = useLoaded(providerName);
  const going = useAction();
  // Without an answer the other ways in are there.
  if (state.kind !== "loaded" || state.value === null) return null;
  return (
    <div className="stack">
      <button
        type="button"
        className="button wide"
        disabled={going.isBusy}
        onClick={() => {
          rememberNext(next);
          going.run(setOut(wish), (url) => { location.assign(url); });
        }}
      >
        {going.isBusy ? "One moment…" : `${verb} with ${state.value}`}
      </button>
      {going.problem !== null && <p className="problem" role="alert">{going.problem.words}</p>}
    </div>
  );
}
