// Folders by their whole names, so that two of the same name are told apart.
import type { Folder } from "../api/folders";

export interface NamedFolder {
  value: string;
  label: string;
}

/** "Press / Drafts"; of what lies above, only folders that one may know of are named. */
export function byWholeName(folders: readonly Folder[]): NamedFolder[] {
  const known = new Map(folders.map((folder) => [folder.folder_id, folder]));
  const wholeName = (folder: Folder): string => {
    const above = folder.parent_id === null ? undefined : known.get(folder.parent_id);
    return above === undefined ? folder.name : `${wholeName(above)} / ${folder.name}`;
  };
  const named = folders.map((folder) => ({ value: folder.folder_id, label: wholeName(folder) }));
  return named.sort((a, b) => a.label.localeCompare(b.label));
}
