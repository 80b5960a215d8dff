// Folders, above the documents beside which they lie.
import type { FolderName } from "../api/folders";
import { FolderIcon } from "../shell/icons";
import { Link } from "../shell/Link";
import { folderPath } from "../shell/route";

export function FolderList({ orgId, folders }: { orgId: string; folders: readonly FolderName[] }) {
  if (folders.length === 0) return null;
  return (
    <ul className="folders" aria-label="Folders">
      {folders.map(({ folder_id, name }) => (
        <li key={folder_id}>
          <Link to={folderPath(orgId, folder_id)} className="folder-link">
            <FolderIcon />
            <span>{name}</span>
          </Link>
        </li>
      ))}
    </ul>
  );
}
