// Asks for the overview every two seconds while the page can be seen, and keeps how its figures went.
import { useEffect, useState } from "react";
import type { Point } from "./plot";
import { SPAN_MS } from "./Chart";
import { showOverview, type Overview } from "../../api/overview";
import { ApiError, wordsOf } from "../../api/request";

const EVERY_MS = 2_000;

export interface Trends {
  edits: readonly Point[];
  wal: readonly Point[];
  /** The most that a server or a standby is behind, in milliseconds. */
  lag: readonly Point[];
}

export type Watch =
  | { kind: "looking" }
  /** `problem`: it could not be asked again; what is shown is old. */
  | { kind: "seen"; overview: Overview; trends: Trends; problem: string | null }
  | { kind: "unknown" }
  | { kind: "failed"; problem: string };

const NONE: Trends = { edits: [], wal: [], lag: [] };

export function useOverview(): Watch {
  const [watch, setWatch] = useState<Watch>({ kind: "looking" });
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isCurrent = true;
    const look = (): void => {
      showOverview().then(
        (overview) => { if (isCurrent) setWatch((before) => seen(before, overview)); },
        (error: unknown) => { if (isCurrent) setWatch((before) => failed(before, error)); },
      ).finally(() => { if (isCurrent && !document.hidden) timer = setTimeout(look, EVERY_MS); });
    };
    const onVisible = (): void => {
      clearTimeout(timer);
      if (!document.hidden) look();
    };
    look();
    document.addEventListener("visibilitychange", onVisible);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", onVisible);
    };
  }, []);
  return watch;
}

function seen(before: Watch, overview: Overview): Watch {
  const trends = before.kind === "seen" ? before.trends : NONE;
  const at = overview.at_ms;
  const add = (points: readonly Point[], value: number): Point[] =>
    [...points.filter((point) => point.at > at - SPAN_MS && point.at < at), { at, value }];
  return {
    kind: "seen",
    overview,
    problem: null,
    trends: {
      edits: add(trends.edits, overview.edits_per_s),
      wal: add(trends.wal, overview.wal_bytes_per_s),
      lag: add(trends.lag, lagOf(overview)),
    },
  };
}

function failed(before: Watch, error: unknown): Watch {
  if (error instanceof ApiError && (error.status === 404 || error.status === 401)) return { kind: "unknown" };
  const problem = wordsOf(error);
  return before.kind === "seen" ? { ...before, problem } : { kind: "failed", problem };
}

export function lagOf({ servers, replicas }: Overview): number {
  const lags = [...servers.map((server) => server.vitals?.lag_ms ?? 0), ...replicas.map((replica) => replica.lag_ms ?? 0)];
  return Math.max(0, ...lags);
}
