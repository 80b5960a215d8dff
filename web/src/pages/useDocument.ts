// Opens a document for as long as its page is shown.
import { useEffect, useState, useSyncExternalStore } from "react";
import { loadLoro } from "../loro";
import { OpenError, openDocument, type LiveDocument, type OpenFailure } from "../sync/document";
import type { Status } from "../sync/status";

export type Opening =
  | { kind: "opening" }
  | { kind: "open"; document: LiveDocument }
  | { kind: "failed"; failure: OpenFailure };

/** Opens once: a component that wants another document, or the same anew, is mounted anew. */
export function useDocument(orgId: string, documentId: string): Opening {
  const [opening, setOpening] = useState<Opening>({ kind: "opening" });
  useEffect(() => {
    let isCurrent = true;
    let opened: LiveDocument | null = null;
    loadLoro()
      .then(() => openDocument(orgId, documentId))
      .then(
        (document) => {
          opened = document;
          if (isCurrent) setOpening({ kind: "open", document });
          else document.close();
        },
        (error: unknown) => {
          const failure = error instanceof OpenError ? error.failure : "unreachable";
          if (isCurrent) setOpening({ kind: "failed", failure });
        },
      );
    return () => {
      isCurrent = false;
      opened?.close();
    };
  }, [orgId, documentId]);
  return opening;
}

export function useStatus(document: LiveDocument): Status {
  return useSyncExternalStore(
    (listener) => document.subscribeStatus(listener),
    () => document.status(),
  );
}

export function usePermission(document: LiveDocument): "read" | "write" {
  return useSyncExternalStore(
    (listener) => document.subscribeStatus(listener),
    () => document.permission,
  );
}

/** Whether it is joined and brought up to date. */
export function useIsLive(document: LiveDocument): boolean {
  return useSyncExternalStore(
    (listener) => document.subscribeStatus(listener),
    () => {
      const { kind } = document.status();
      return kind === "saved" || kind === "saving";
    },
  );
}

export function useOthers(document: LiveDocument): ReturnType<LiveDocument["presence"]["others"]> {
  return useSyncExternalStore(
    (listener) => document.presence.subscribe(listener),
    () => document.presence.others(),
  );
}

/** The title as the server last told it through the document's connection. */
export function useToldTitle(document: LiveDocument): string | null {
  return useSyncExternalStore(
    (listener) => document.presence.subscribe(listener),
    () => document.about()?.title ?? null,
  );
}

export function useIsDeleted(document: LiveDocument): boolean {
  return useSyncExternalStore(
    (listener) => document.presence.subscribe(listener),
    () => document.about()?.deleted ?? false,
  );
}
