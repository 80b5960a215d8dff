// Who may do what with a document or a folder: grants, share links, and those who ask for access.
import { documentPath, type DocumentRole } from "./documents";
import { folderPath } from "./folders";
import { ask } from "./request";
import type { Account } from "../sync/account";

/** What is shared. */
export type Place = { kind: "document"; orgId: string; documentId: string } | { kind: "folder"; orgId: string; folderId: string };

function placePath(place: Place): string {
  return place.kind === "document" ? documentPath(place.orgId, place.documentId) : folderPath(place.orgId, place.folderId);
}

export interface Grant {
  grant_id: string;
  role: DocumentRole;
  /** One of these three says to whom. */
  account: Account | null;
  group: { group_id: string; name: string } | null;
  everyone: boolean;
  /** The folder that it comes from; null: it is the document's own. */
  inherited_from: string | null;
}

export interface ShareLink {
  link_id: string;
  role: DocumentRole;
  has_password: boolean;
  created_at: string;
  created_by: Account;
  /** Null: until it is revoked. */
  expires_at: string | null;
  inherited_from: string | null;
}

export interface Sharing {
  owner: Account | null;
  may_manage: boolean;
  grants: Grant[];
  links: ShareLink[];
}

export type Subject = { account_id: string } | { group_id: string } | { everyone: true };

export interface NewLink {
  role: DocumentRole;
  days?: number;
  password?: string;
}

export interface SharePreview {
  organisation_name: string;
  /** Null: told only to those who know the password. */
  title: string | null;
  role: DocumentRole;
  is_folder: boolean;
  needs_password: boolean;
  is_signed_in: boolean;
}

export interface Opened {
  account: Account;
  org_id: string;
  document_id: string | null;
  folder_id: string | null;
}

export function showSharing(place: Place): Promise<Sharing> {
  return ask("GET", `${placePath(place)}/grants`);
}

/** The same subject again changes its role. */
export function grant(place: Place, subject: Subject, role: DocumentRole): Promise<Grant> {
  return ask("POST", `${placePath(place)}/grants`, { ...subject, role });
}

export function removeGrant(place: Place, grantId: string): Promise<void> {
  return ask("DELETE", `${placePath(place)}/grants/${grantId}`);
}

/** The address is told this once. */
export function makeLink(place: Place, wish: NewLink): Promise<ShareLink & { url: string }> {
  return ask("POST", `${placePath(place)}/links`, wish);
}

export function revokeLink(place: Place, linkId: string): Promise<void> {
  return ask("DELETE", `${placePath(place)}/links/${linkId}`);
}

/** Somebody who asks to be let at a document. */
export interface AccessRequest {
  account: Account;
  message: string;
  requested_at: string;
}

/** The answer is the same whether or not there is such a document. */
export function askForAccess(orgId: string, documentId: string, message: string): Promise<void> {
  return ask("POST", `${documentPath(orgId, documentId)}/access-requests`, { message });
}

/** Those of a folder's documents stand at the documents. */
export async function listAccessRequests(place: Place): Promise<AccessRequest[]> {
  if (place.kind === "folder") return [];
  return (await ask<{ requests: AccessRequest[] }>("GET", `${placePath(place)}/access-requests`)).requests;
}

export function dismissAccessRequest(place: Place, accountId: string): Promise<void> {
  return ask("DELETE", `${placePath(place)}/access-requests/${accountId}`);
}

export function lookAtShare(token: string): Promise<SharePreview> {
  return ask("POST", "/api/v1/share-links/preview", { token });
}

export function openShare(token: string, answer: { password?: string; name?: string }): Promise<Opened> {
  return ask("POST", "/api/v1/share-links/open", { token, ...answer });
}
