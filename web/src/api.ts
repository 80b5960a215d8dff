// The HTTP API as functions. Every failure is an ApiError; `isUnreachable` tells "no server" from "no".
import type { Account } from "./sync/account";

export interface Organisation {
  org_id: string;
  name: string;
  role: string;
}

export interface Me {
  account: Account;
  organisations: Organisation[];
}

export interface DocumentEntry {
  org_id: string;
  document_id: string;
  title: string;
  /** Times are the server's, RFC 3339. */
  created_at: string;
  created_by: string;
  edited_at: string;
  deleted_at: string | null;
  role: "view" | "edit";
}

export interface LinkOffer {
  kind: "first" | "return" | "invitation";
  organisation_name: string;
  account_name: string | null;
}

export interface Welcome {
  account: Account;
  organisation: Organisation;
  document_id: string | null;
}

export interface Invitation {
  url: string;
  expires_at: string;
}

export class ApiError extends Error {
  constructor(
    /** The HTTP status; 0 when no server answered. */
    readonly status: number,
    message: string,
  ) {
    super(message);
  }

  get isUnreachable(): boolean {
    // A balancer answers for a dead server.
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

export function lookAtLink(token: string): Promise<LinkOffer> {
  return ask("POST", "/api/v1/welcome/preview", { token });
}

export function acceptLink(token: string, name: string): Promise<Welcome> {
  return ask("POST", "/api/v1/welcome", { token, name });
}

export function me(): Promise<Me> {
  return ask("GET", "/api/v1/me");
}

export function signOut(): Promise<void> {
  return ask("DELETE", "/api/v1/session");
}

export async function listDocuments(orgId: string, isBin: boolean): Promise<DocumentEntry[]> {
  const path = `${documentsPath(orgId)}${isBin ? "?bin=true" : ""}`;
  const { documents } = await ask<{ documents: DocumentEntry[] }>("GET", path);
  return documents;
}

export function createDocument(orgId: string): Promise<DocumentEntry> {
  return ask("POST", documentsPath(orgId), {});
}

export function showDocument(orgId: string, documentId: string): Promise<DocumentEntry> {
  return ask("GET", documentPath(orgId, documentId));
}

export function renameDocument(orgId: string, documentId: string, title: string): Promise<DocumentEntry> {
  return ask("PATCH", documentPath(orgId, documentId), { title });
}

export function binDocument(orgId: string, documentId: string): Promise<void> {
  return ask("DELETE", documentPath(orgId, documentId));
}

export function restoreDocument(orgId: string, documentId: string): Promise<DocumentEntry> {
  return ask("POST", `${documentPath(orgId, documentId)}/restore`, {});
}

export function invite(orgId: string, documentId: string | null): Promise<Invitation> {
  const body = documentId === null ? {} : { document_id: documentId };
  return ask("POST", `/api/v1/organisations/${orgId}/invitations`, body);
}

function documentsPath(orgId: string): string {
  return `/api/v1/organisations/${orgId}/documents`;
}

function documentPath(orgId: string, documentId: string): string {
  return `${documentsPath(orgId)}/${documentId}`;
}

type Method = "GET" | "POST" | "PATCH" | "DELETE";

async function ask<T>(method: Method, path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { accept: "application/json" };
  // The header keeps other sites' forms from changing anything with this person's cookie.
  if (method !== "GET") headers["x-quire"] = "1";
  if (body !== undefined) headers["content-type"] = "application/json";
  const init: RequestInit = { method, headers, credentials: "same-origin", cache: "no-store" };
  if (body !== undefined) init.body = JSON.stringify(body);
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new ApiError(0, "Quire cannot be reached.");
  }
  if (!response.ok) throw new ApiError(response.status, await problemText(response));
  // 204 has no body; its callers expect nothing.
  return (response.status === 204 ? undefined : await response.json()) as T;
}

async function problemText(response: Response): Promise<string> {
  try {
    const problem: unknown = await response.json();
    if (typeof problem === "object" && problem !== null) {
      if ("detail" in problem && typeof problem.detail === "string") return problem.detail;
      if ("title" in problem && typeof problem.title === "string") return problem.title;
    }
  } catch {
    // Not a problem document: a balancer's page.
  }
  return `The server answered ${response.status}.`;
}
