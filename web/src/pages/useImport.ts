// Making documents of files that somebody chose or dropped onto the page.
import { useEffect, useRef, useState } from "react";
import { FileProblem, readFile } from "./import";
import { importDocument, type DocumentEntry } from "../api/documents";
import { wordsOf } from "../api/request";

export interface Import {
  isBusy: boolean;
  /** What could not be imported and why, a sentence a file. */
  problems: readonly string[];
  /** Files are held over the page. */
  isOver: boolean;
  start: (files: readonly File[]) => void;
}

/** Where the documents are made: in a folder, or in none. */
export interface ImportPlace {
  orgId: string;
  folderId: string | null;
}

/** `onDone` is told what was made, and whether that is all. Null: this person makes no documents here. */
export function useImport(place: ImportPlace | null, onDone: (made: DocumentEntry[], isAll: boolean) => void): Import {
  const [isBusy, setBusy] = useState(false);
  const [problems, setProblems] = useState<readonly string[]>([]);
  const start = (files: readonly File[]): void => {
    if (place === null || isBusy || files.length === 0) return;
    setBusy(true);
    setProblems([]);
    void makeAll(place, files).then(({ made, failed }) => {
      setBusy(false);
      setProblems(failed);
      onDone(made, failed.length === 0);
    });
  };
  const isOver = useDrop(place !== null, start);
  return { isBusy, problems, isOver, start };
}

/** One after another, so that the list has them in the order of the files. */
async function makeAll(
  { orgId, folderId }: ImportPlace,
  files: readonly File[],
): Promise<{ made: DocumentEntry[]; failed: string[] }> {
  const made: DocumentEntry[] = [];
  const failed: string[] = [];
  for (const file of files) {
    try {
      made.push(await importDocument(orgId, folderId, await readFile(file)));
    } catch (error) {
      failed.push(error instanceof FileProblem ? error.message : `“${file.name}” was not imported: ${wordsOf(error)}`);
    }
  }
  return { made, failed };
}

/** Anywhere in the window: a browser would otherwise leave the page for a file that misses its place. */
function useDrop(isWanted: boolean, onFiles: (files: readonly File[]) => void): boolean {
  const [isOver, setOver] = useState(false);
  const take = useRef(onFiles);
  useEffect(() => {
    take.current = onFiles;
  });
  useEffect(() => {
    if (!isWanted) return;
    const hold = (event: DragEvent): void => {
      if (event.dataTransfer?.types.includes("Files") !== true) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = "copy";
      setOver(true);
    };
    const leave = (event: DragEvent): void => {
      // Out of the window, not from one element to the next.
      if (event.relatedTarget === null) setOver(false);
    };
    const drop = (event: DragEvent): void => {
      setOver(false);
      if (event.dataTransfer?.types.includes("Files") !== true) return;
      event.preventDefault();
      take.current([...event.dataTransfer.files]);
    };
    window.addEventListener("dragover", hold);
    window.addEventListener("dragleave", leave);
    window.addEventListener("drop", drop);
    return () => {
      window.removeEventListener("dragover", hold);
      window.removeEventListener("dragleave", leave);
      window.removeEventListener("drop", drop);
    };
  }, [isWanted]);
  return isOver;
}
