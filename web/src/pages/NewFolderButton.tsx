// Makes a folder, in another one or in none, and opens it.
import { useState } from "react";
import { createFolder } from "../api/folders";
import { FolderIcon } from "../shell/icons";
import { NameDialog } from "../shell/NameDialog";
import { folderPath, navigate } from "../shell/route";

export function NewFolderButton({ orgId, parentId }: { orgId: string; parentId: string | null }) {
  const [isNaming, setNaming] = useState(false);
  return (
    <>
      <button type="button" className="button" onClick={() => { setNaming(true); }}>
        <FolderIcon />
        New folder
      </button>
      {isNaming && (
        <NameDialog
          title="New folder"
          name=""
          action="Make it"
          onName={(name) => createFolder(orgId, name, parentId)}
          onDone={({ folder_id }) => { navigate(folderPath(orgId, folder_id)); }}
          onClose={() => { setNaming(false); }}
        />
      )}
    </>
  );
}
