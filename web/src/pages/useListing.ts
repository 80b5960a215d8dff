// The documents of an organisation, looked up when the list is shown and whenever the person comes back to it.
import { useEffect, useReducer, useState } from "react";
import { listDocuments, type DocumentEntry } from "../api/documents";
import { wordsOf } from "../api/request";

export type Listing =
  | { kind: "loading" }
  /** `atMs` is the time of the answer, against which ages are shown. */
  | { kind: "listed"; documents: DocumentEntry[]; atMs: number }
  | { kind: "failed"; problem: string };

export function useListing(orgId: string, isBin: boolean): { listing: Listing; reload: () => void } {
  const [listing, setListing] = useState<Listing>({ kind: "loading" });
  const [asked, reload] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    let isCurrent = true;
    listDocuments(orgId, isBin).then(
      (documents) => {
        if (isCurrent) setListing({ kind: "listed", documents, atMs: Date.now() });
      },
      (error: unknown) => {
        if (isCurrent) setListing({ kind: "failed", problem: wordsOf(error) });
      },
    );
    return () => {
      isCurrent = false;
    };
  }, [orgId, isBin, asked]);
  useEffect(() => {
    const refresh = (): void => {
      if (document.visibilityState === "visible") reload();
    };
    document.addEventListener("visibilitychange", refresh);
    return () => {
      document.removeEventListener("visibilitychange", refresh);
    };
  }, []);
  return { listing, reload };
}
