// The time against which ages are shown, a minute old at most: what is newer happened just now.
import { useSyncExternalStore } from "react";

const MINUTE_MS = 60_000;

export function useNow(): number {
  const minute = useSyncExternalStore(subscribe, () => Math.floor(Date.now() / MINUTE_MS));
  return minute * MINUTE_MS;
}

function subscribe(listener: () => void): () => void {
  const timer = setInterval(listener, MINUTE_MS);
  return () => {
    clearInterval(timer);
  };
}
