// Moves a document into a folder, or out of all.
import { useCallback, useState, type SubmitEvent } from "react";
import { byWholeName } from "./folder-names";
import { moveDocument, type DocumentEntry } from "../api/documents";
import { listFolders, type Folder } from "../api/folders";
import { Dialog } from "../shell/Dialog";
import { Choice } from "../shell/Field";
import { Shown } from "../shell/Shown";
import { problemWithAll, useAction } from "../shell/useAction";
import { useLoaded } from "../shell/useLoaded";

export interface MoveDialogProps {
  entry: DocumentEntry;
  onMoved: () => void;
  onClose: () => void;
}

export function MoveDialog({ entry, onMoved, onClose }: MoveDialogProps) {
  const { org_id, title } = entry;
  const loading = useLoaded(useCallback(() => listFolders(org_id), [org_id]));
  return (
    <Dialog title={`Move “${title}”`} onClose={onClose}>
      <Shown loading={loading}>
        {(folders) => <MoveForm entry={entry} folders={folders} onMoved={onMoved} onClose={onClose} />}
      </Shown>
    </Dialog>
  );
}

function MoveForm({ entry, folders, onMoved, onClose }: MoveDialogProps & { folders: readonly Folder[] }) {
  const { org_id, document_id, folder_id } = entry;
  const options = [
    { value: "", label: "No folder" },
    ...byWholeName(folders).filter(({ value }) => value === folder_id || folders.some((each) => each.folder_id === value && each.may_manage)),
  ];
  const [chosen, setChosen] = useState(folder_id ?? "");
  const moving = useAction();
  const problem = problemWithAll(moving);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    moving.run(moveDocument(org_id, document_id, chosen === "" ? null : chosen), onMoved);
  };
  return (
    <form className="stack" onSubmit={submit}>
      <Choice
        label="Folder"
        value={chosen}
        options={options}
        onChoose={setChosen}
        hint="What is shared with people on the folder holds for the document, too."
      />
      {problem !== null && <p className="problem" role="alert">{problem}</p>}
      <div className="actions end">
        <button type="button" className="button" onClick={onClose}>Cancel</button>
        <button type="submit" className="button primary" disabled={moving.isBusy || chosen === (folder_id ?? "")}>
          {moving.isBusy ? "One moment…" : "Move"}
        </button>
      </div>
    </form>
  );
}
