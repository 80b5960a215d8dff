// The documents of an organisation.
import { ask, askAll, organisationPath } from "./request";

export type DocumentRole = "view" | "comment" | "edit";

export interface DocumentEntry {
  org_id: string;
  document_id: string;
  title: string;
  /** Times are the server's, RFC 3339. */
  created_at: string;
  created_by: string;
  edited_at: string;
  deleted_at: string | null;
  role: DocumentRole;
  /** Whether one may share it and move it to the bin. */
  may_manage: boolean;
  owner_id: string | null;
  /** The folder that it lies in; null: none. */
  folder_id: string | null;
  /** How many ask to be let at it; 0 for those who could not let them. */
  access_requests: number;
}

export function listDocuments(orgId: string, isBin: boolean): Promise<DocumentEntry[]> {
  return askAll(`${documentsPath(orgId)}?bin=${isBin}`, "documents");
}

/** In a folder, or in none. */
export function createDocument(orgId: string, folderId: string | null): Promise<DocumentEntry> {
  return ask("POST", documentsPath(orgId), { folder_id: folderId });
}

/** Makes a document of a text in Markdown. */
export function importDocument(
  orgId: string,
  folderId: string | null,
  file: { title: string; markdown: string },
): Promise<DocumentEntry> {
  return ask("POST", documentsPath(orgId), { ...file, folder_id: folderId });
}

export type FileFormat = "markdown" | "html" | "text" | "json";

/** Where the server hands the document out as a file. */
export function filePath(orgId: string, documentId: string, format: FileFormat): string {
  return `${documentPath(orgId, documentId)}/export?format=${format}`;
}

export function showDocument(orgId: string, documentId: string): Promise<DocumentEntry> {
  return ask("GET", documentPath(orgId, documentId));
}

export function renameDocument(orgId: string, documentId: string, title: string): Promise<DocumentEntry> {
  return ask("PATCH", documentPath(orgId, documentId), { title });
}

/** Into a folder, or out of all (null). Whoever moves it may not see it any more afterwards. */
export function moveDocument(orgId: string, documentId: string, folderId: string | null): Promise<unknown> {
  return ask("PATCH", documentPath(orgId, documentId), { folder_id: folderId });
}

export function giveDocument(orgId: string, documentId: string, ownerId: string): Promise<DocumentEntry> {
  return ask("PATCH", documentPath(orgId, documentId), { owner_id: ownerId });
}

export function binDocument(orgId: string, documentId: string): Promise<void> {
  return ask("DELETE", documentPath(orgId, documentId));
}

export function restoreDocument(orgId: string, documentId: string): Promise<DocumentEntry> {
  return ask("POST", `${documentPath(orgId, documentId)}/restore`, {});
}

function documentsPath(orgId: string): string {
  return `${organisationPath(orgId)}/documents`;
}

/** The document's address in the API. */
export function documentPath(orgId: string, documentId: string): string {
  return `${documentsPath(orgId)}/${documentId}`;
}
