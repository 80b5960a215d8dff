// An organisation: its settings, members, groups, and the audit log of who changed what.
import type { DocumentRole } from "./documents";
import type { Organisation, OrganisationRole } from "./people";
import { ask, askAll, askForText, organisationPath } from "./request";
import type { Account } from "../sync/account";

/** What members may do with a new document. */
export type DefaultRole = "none" | DocumentRole;

export interface OrganisationSettings extends Organisation {
  default_role: DefaultRole;
  /** For how many days the history of documents is kept; null: for ever. */
  history_days: number | null;
}

export interface Member extends Account {
  role: OrganisationRole;
  /** Only owners and admins see it. */
  email: string | null;
  created_at: string;
}

export interface Group {
  group_id: string;
  name: string;
  members: Account[];
}

export interface Invitation {
  url: string;
  expires_at: string;
}

export type InvitedRole = Exclude<OrganisationRole, "owner">;

export interface AuditEntry {
  audit_id: number;
  created_at: string;
  action: string;
  /** Who did it; null: nobody who was signed in. */
  actor: Account | null;
  /** Whom it was done to. */
  account: Account | null;
  document_id: string | null;
  folder_id: string | null;
  address: string | null;
  database_role: string;
  detail: Record<string, unknown>;
}

export interface AuditPage {
  entries: AuditEntry[];
  more: boolean;
}

/** The server's limit of one answer. */
const EXPORT_PAGE = 1000;

export function showOrganisation(orgId: string): Promise<OrganisationSettings> {
  return ask("GET", organisationPath(orgId));
}

export function changeOrganisation(
  orgId: string,
  change: { name?: string; default_role?: DefaultRole; history_days?: number | null },
): Promise<OrganisationSettings> {
  return ask("PATCH", organisationPath(orgId), change);
}

export async function listMembers(orgId: string): Promise<Member[]> {
  const members = await askAll<Member>(`${organisationPath(orgId)}/members`, "members");
  return members.sort((a, b) => a.name.localeCompare(b.name));
}

export function changeRole(orgId: string, accountId: string, role: OrganisationRole): Promise<unknown> {
  return ask("PATCH", `${organisationPath(orgId)}/members/${accountId}`, { role });
}

export function removeMember(orgId: string, accountId: string): Promise<void> {
  return ask("DELETE", `${organisationPath(orgId)}/members/${accountId}`);
}

export function invite(orgId: string, role: InvitedRole, documentId: string | null): Promise<Invitation> {
  const body = documentId === null ? { role } : { role, document_id: documentId };
  return ask("POST", `${organisationPath(orgId)}/invitations`, body);
}

export async function listGroups(orgId: string): Promise<Group[]> {
  return (await ask<{ groups: Group[] }>("GET", `${organisationPath(orgId)}/groups`)).groups;
}

export function makeGroup(orgId: string, name: string): Promise<unknown> {
  return ask("POST", `${organisationPath(orgId)}/groups`, { name });
}

export function renameGroup(orgId: string, groupId: string, name: string): Promise<unknown> {
  return ask("PATCH", groupPath(orgId, groupId), { name });
}

export function deleteGroup(orgId: string, groupId: string): Promise<void> {
  return ask("DELETE", groupPath(orgId, groupId));
}

export function addToGroup(orgId: string, groupId: string, accountId: string): Promise<void> {
  return ask("PUT", `${groupPath(orgId, groupId)}/members/${accountId}`);
}

export function removeFromGroup(orgId: string, groupId: string, accountId: string): Promise<void> {
  return ask("DELETE", `${groupPath(orgId, groupId)}/members/${accountId}`);
}

/** The newest entries, or those older than `before`. */
export function listAudit(orgId: string, before: AuditEntry | null): Promise<AuditPage> {
  const from = before === null ? "" : `&before=${before.audit_id}`;
  return ask("GET", `${organisationPath(orgId)}/audit?limit=50${from}`);
}

/** The whole audit log, a JSON object a line. */
export async function exportAudit(orgId: string): Promise<string> {
  const pages: string[] = [];
  let before = "";
  for (;;) {
    const page = await askForText(`${organisationPath(orgId)}/audit?format=jsonl&limit=${EXPORT_PAGE}${before}`);
    pages.push(page);
    const lines = page.trimEnd().split("\n");
    if (lines.length < EXPORT_PAGE) return pages.join("");
    const last = JSON.parse(lines.at(-1) ?? "") as Pick<AuditEntry, "audit_id">;
    before = `&before=${last.audit_id}`;
  }
}

function groupPath(orgId: string, groupId: string): string {
  return `${organisationPath(orgId)}/groups/${groupId}`;
}
