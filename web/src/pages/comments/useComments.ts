// The comments of an open document: looked up when it is live, and again when the server says that they changed.
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { commenting, listThreads, type Commenting, type Thread } from "../../api/comments";
import { wordsOf } from "../../api/request";
import type { LiveDocument } from "../../sync/document";
import { useIsLive } from "../useDocument";

/** However often they change, they are asked for at most once in this time. */
const ASK_INTERVAL_MS = 1000;

export interface Comments {
  /** Null while they have not come. */
  threads: readonly Thread[] | null;
  /** Why they could not be read. */
  problem: string | null;
  act: Commenting;
  /** A thread as the server answered it. */
  learn: (thread: Thread) => void;
  forget: (threadId: string) => void;
  reload: () => void;
}

/** `mayComment`: others are not asked for, nor told of. */
export function useComments(orgId: string, documentId: string, live: LiveDocument, mayComment: boolean): Comments {
  const [threads, setThreads] = useState<readonly Thread[] | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [act] = useState(() => commenting(orgId, documentId));
  const changed = useSyncExternalStore(
    useCallback((listener: () => void) => live.presence.subscribe(listener), [live]),
    () => live.commentsState(),
  );
  const isLive = useIsLive(live);
  const askedAtMs = useRef(-Infinity);
  /** How often it was asked, which answer is shown, and what was the last question before something was learned here. */
  const count = useRef({ asked: 0, shown: 0, outdated: 0 });
  const reload = useCallback(() => {
    askedAtMs.current = performance.now();
    const asked = (count.current.asked += 1);
    // A slow answer is shown all the same, unless a newer one is or something was done since.
    const isNews = (): boolean => asked > count.current.shown && asked > count.current.outdated;
    listThreads(orgId, documentId).then(
      (found) => {
        if (!isNews()) return;
        count.current.shown = asked;
        setThreads(found);
        setProblem(null);
      },
      (error: unknown) => {
        if (isNews()) setProblem(wordsOf(error));
      },
    );
  }, [orgId, documentId]);
  useEffect(() => {
    if (!mayComment || !isLive) return;
    const waitMs = Math.max(0, askedAtMs.current + ASK_INTERVAL_MS - performance.now());
    const timer = window.setTimeout(reload, waitMs);
    return () => { window.clearTimeout(timer); };
  }, [mayComment, isLive, changed, reload]);

  const edit = (change: (known: readonly Thread[]) => readonly Thread[]): void => {
    count.current.outdated = count.current.asked;
    setThreads((known) => change(known ?? []));
    // What was under way is not shown any more; it is asked for once more.
    reload();
  };
  return {
    threads: mayComment ? threads : null,
    problem,
    act,
    learn: (thread) => {
      edit((known) => [...known.filter(({ thread_id }) => thread_id !== thread.thread_id), thread]);
    },
    forget: (threadId) => { edit((known) => known.filter(({ thread_id }) => thread_id !== threadId)); },
    reload,
  };
}
