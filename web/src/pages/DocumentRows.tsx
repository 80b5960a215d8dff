// Documents in a list, and what is done with one of them: rename, to a folder, to the bin and back.
import { useState } from "react";
import { DocumentRow } from "./DocumentRow";
import { MoveDialog } from "./MoveDialog";
import { RenameDialog } from "./RenameDialog";
import { binDocument, renameDocument, restoreDocument, type DocumentEntry } from "../api/documents";
import { wordsOf } from "../api/request";

export interface DocumentRowsProps {
  documents: readonly DocumentEntry[];
  isBin: boolean;
  /** The time against which ages are shown. */
  nowMs: number;
  /** Something was done with one of them, or could not be. */
  onChanged: () => void;
}

export function DocumentRows({ documents, isBin, nowMs, onChanged }: DocumentRowsProps) {
  const [problem, setProblem] = useState<string | null>(null);
  const [renamed, setRenamed] = useState<DocumentEntry | null>(null);
  const [moved, setMoved] = useState<DocumentEntry | null>(null);
  const act = (work: Promise<unknown>): void => {
    setProblem(null);
    work.catch((error: unknown) => { setProblem(wordsOf(error)); }).finally(onChanged);
  };
  return (
    <>
      {problem !== null && <p className="banner problem" role="alert">{problem}</p>}
      <ul className="documents">
        {documents.map((entry) => (
          <DocumentRow
            key={entry.document_id}
            entry={entry}
            isBin={isBin}
            nowMs={nowMs}
            onRename={setRenamed}
            onMove={setMoved}
            onBin={({ org_id, document_id }) => { act(binDocument(org_id, document_id)); }}
            onRestore={({ org_id, document_id }) => { act(restoreDocument(org_id, document_id)); }}
          />
        ))}
      </ul>
      {moved !== null && (
        <MoveDialog
          entry={moved}
          onMoved={() => {
            setMoved(null);
            onChanged();
          }}
          onClose={() => { setMoved(null); }}
        />
      )}
      {renamed !== null && (
        <RenameDialog
          title={renamed.title}
          onClose={() => { setRenamed(null); }}
          onRename={(title) => {
            act(renameDocument(renamed.org_id, renamed.document_id, title));
            setRenamed(null);
          }}
        />
      )}
    </>
  );
}
