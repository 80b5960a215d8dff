// Who may do what with a document: grants and share links.
import { documentPath, type DocumentRole } from "./documents";
import { ask } from "./request";
import type { Account } from "../sync/account";

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
  needs_password: boolean;
  is_signed_in: boolean;
}

export interface Opened {
  account: Account;
  org_id: string;
  document_id: string | null;
  folder_id: string | null;
}

export function showSharing(orgId: string, documentId: string): Promise<Sharing> {
  return ask("GET", `${documentPath(orgId, documentId)}/grants`);
}

/** The same subject again changes its role. */
export function grant(orgId: string, documentId: string, subject: Subject, role: DocumentRole): Promise<Grant> {
  return ask("POST", `${documentPath(orgId, documentId)}/grants`, { ...subject, role });
}

export function removeGrant(orgId: string, documentId: string, grantId: string): Promise<void> {
  return ask("DELETE", `${documentPath(orgId, documentId)}/grants/${grantId}`);
}

/** The address is told this once. */
export function makeLink(orgId: string, documentId: string, wish: NewLink): Promise<ShareLink & { url: string }> {
  return ask("POST", `${documentPath(orgId, documentId)}/links`, wish);
}

export function revokeLink(orgId: string, documentId: string, linkId: string): Promise<void> {
  return ask("DELETE", `${documentPath(orgId, documentId)}/links/${linkId}`);
}

export function lookAtShare(token: string): Promise<SharePreview> {
  return ask("POST", "/api/v1/share-links/preview", { token });
}

export function openShare(token: string, answer: { password?: string; name?: string }): Promise<Opened> {
  return ask("POST", "/api/v1/share-links/open", { token, ...answer });
}
