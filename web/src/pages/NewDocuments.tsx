// Making documents in a folder, or in none: a new one, or out of files.
import { useState } from "react";
import { ImportButton } from "./ImportButton";
import { useImport, type Import, type ImportPlace } from "./useImport";
import { createDocument } from "../api/documents";
import { PlusIcon } from "../shell/icons";
import { documentPath, navigate } from "../shell/route";
import { problemWithAll, useAction } from "../shell/useAction";

export interface NewDocuments {
  importing: Import;
  isCreating: boolean;
  create: () => void;
  problem: string | null;
  /** What was imported, in words. */
  said: string;
}

/** Null: this person makes no documents here. `onMade`: some were imported, and the list is shown on. */
export function useNewDocuments(place: ImportPlace | null, onMade: () => void): NewDocuments {
  const [said, setSaid] = useState("");
  const creating = useAction();
  const importing = useImport(place, (made, isAll) => {
    const [only] = made;
    if (only !== undefined && made.length === 1 && isAll) navigate(documentPath(only.org_id, only.document_id));
    else onMade();
    setSaid(made.length === 0 ? "" : made.length === 1 ? "1 document was imported." : `${made.length} documents were imported.`);
  });
  const create = (): void => {
    if (place === null) return;
    creating.run(createDocument(place.orgId, place.folderId), (entry) => {
      navigate(documentPath(entry.org_id, entry.document_id));
    });
  };
  return { importing, isCreating: creating.isBusy, create, problem: problemWithAll(creating), said };
}

export function NewDocumentButtons({ making }: { making: NewDocuments }) {
  return (
    <>
      <ImportButton isBusy={making.importing.isBusy} onFiles={making.importing.start} />
      <button type="button" className="button primary" disabled={making.isCreating} onClick={making.create}>
        <PlusIcon />
        New document
      </button>
    </>
  );
}

export function NewDocumentAnswers({ making: { importing, problem, said } }: { making: NewDocuments }) {
  return (
    <>
      {problem !== null && <p className="banner problem" role="alert">{problem}</p>}
      {importing.problems.length > 0 && (
        <ul className="banner problem lines" role="alert">
          {importing.problems.map((words) => <li key={words}>{words}</li>)}
        </ul>
      )}
      <p className="answer" role="status">{said}</p>
      {importing.isOver && <p className="drop" aria-hidden="true">Drop Markdown or text files to make documents of them.</p>}
    </>
  );
}
