// Folders of an organisation, and what lies in them.
import type { DocumentEntry, DocumentRole } from "./documents";
import { ask, askAll, organisationPath } from "./request";

export interface FolderName {
  folder_id: string;
  name: string;
}

export interface Folder extends FolderName {
  /** Null: it lies in none. */
  parent_id: string | null;
  role: DocumentRole;
  may_manage: boolean;
  created_at: string;
}

export interface OpenFolder extends Folder {
  organisation_name: string;
  /** The folders above that one may know of, the outermost first. */
  path: FolderName[];
  folders: FolderName[];
  documents: DocumentEntry[];
}

export async function listFolders(orgId: string): Promise<Folder[]> {
  return (await ask<{ folders: Folder[] }>("GET", `${organisationPath(orgId)}/folders`)).folders;
}

export async function openFolder(orgId: string, folderId: string): Promise<OpenFolder> {
  const path = folderPath(orgId, folderId);
  const folder: OpenFolder & { next: string | null } = await ask("GET", path);
  if (folder.next === null) return folder;
  return { ...folder, documents: await askAll(path, "documents") };
}

export function createFolder(orgId: string, name: string, parentId: string | null): Promise<Folder> {
  return ask("POST", `${organisationPath(orgId)}/folders`, { name, parent_id: parentId });
}

export function renameFolder(orgId: string, folderId: string, name: string): Promise<Folder> {
  return ask("PATCH", folderPath(orgId, folderId), { name });
}

/** Only an empty one goes. */
export function deleteFolder(orgId: string, folderId: string): Promise<void> {
  return ask("DELETE", folderPath(orgId, folderId));
}

/** The folder's address in the API. */
export function folderPath(orgId: string, folderId: string): string {
  return `${organisationPath(orgId)}/folders/${folderId}`;
}
