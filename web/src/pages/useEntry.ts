// What the API says about a document that is open, and renaming it.
import { useEffect, useState } from "react";
import { useIsLive, useToldTitle } from "./useDocument";
import { renameDocument, showDocument, type DocumentEntry } from "../api/documents";
import { wordsOf } from "../api/request";
import type { LiveDocument } from "../sync/document";

export interface OpenEntry {
  title: string;
  /** Null while no server has answered. */
  entry: DocumentEntry | null;
  rename: (title: string) => void;
  problem: string | null;
}

/** Of the title, what the connection tells goes before what the API answered when the page was opened. */
export function useEntry(orgId: string, documentId: string, live: LiveDocument): OpenEntry {
  const told = useToldTitle(live);
  // Joined anew after a change of rights, it is another entry.
  const isLive = useIsLive(live);
  const [entry, setEntry] = useState<DocumentEntry | null>(null);
  const [kept, setKept] = useState("");
  const [wanted, setWanted] = useState<string | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    let isCurrent = true;
    showDocument(orgId, documentId).then(
      (found) => {
        if (isCurrent) setEntry(found);
      },
      () => {
        // Without a server the title of the local copy stands.
        if (isCurrent) setKept(live.title());
      },
    );
    return () => {
      isCurrent = false;
    };
  }, [orgId, documentId, live, isLive]);
  const title = wanted ?? told ?? entry?.title ?? kept;
  useEffect(() => {
    document.title = `${title === "" ? "Untitled document" : title} · Quire`;
  }, [title]);
  const rename = (next: string): void => {
    setWanted(next);
    setProblem(null);
    renameDocument(orgId, documentId, next)
      .then(setEntry, (error: unknown) => { setProblem(`Not renamed: ${wordsOf(error)}`); })
      .finally(() => { setWanted(null); });
  };
  return { title, entry, rename, problem };
}
