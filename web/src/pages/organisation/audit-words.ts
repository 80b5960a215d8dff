// Entries of the audit log as sentences.
import type { AuditEntry } from "../../api/organisations";
import { organisationRoleNames } from "../../shell/roles";

/** Names of what entries only identify; what is not there any more has none. */
export interface Names {
  groups: ReadonlyMap<string, string>;
  documents: ReadonlyMap<string, string>;
}

export function sentenceOf(entry: AuditEntry, names: Names): string {
  const who = entry.actor?.name ?? "Somebody";
  const whom = entry.account?.name ?? "somebody";
  const isSelf = entry.actor !== null && entry.actor.account_id === entry.account?.account_id;
  const where = placeOf(entry, names);
  const role = text(entry, "role");
  const group = groupOf(entry, names);
  switch (entry.action) {
    case "member_added":
      return isSelf || entry.actor === null ? `${capital(whom)} joined as ${roleName(role)}` : `${who} added ${whom} as ${roleName(role)}`;
    case "member_changed":
      return `${who} changed ${isSelf ? "their own role" : `the role of ${whom}`} from ${roleName(text(entry, "former_role"))} to ${roleName(role)}`;
    case "member_removed":
      return isSelf ? `${who} left the organisation` : `${who} removed ${whom} from the organisation`;
    case "group_member_added":
      return `${who} added ${whom} to ${group}`;
    case "group_member_removed":
      return `${who} removed ${whom} from ${group}`;
    case "grant_added":
      // What the organisation gives to new documents by itself.
      if (entry.actor === null) return `${capital(receiver(entry, names))} may ${verb(role)} ${where}`;
      return `${who} let ${receiver(entry, names)} ${verb(role)} ${where}`;
    case "grant_changed":
      return `${who} now lets ${receiver(entry, names)} ${verb(role)} ${where} (before: ${verb(text(entry, "former_role"))})`;
    case "grant_removed":
      return `${who} stopped sharing ${where} with ${receiver(entry, names)}`;
    case "access_requested":
      return `${capital(whom)} asked for access to ${where}`;
    case "access_request_ended":
      return `The request of ${whom} for ${where} ended`;
    case "share_link_added":
      return `${who} made a link by which anybody can ${verb(role)} ${where}`;
    case "share_link_changed":
      return `${who} changed a link to ${where}`;
    case "share_link_revoked":
      return entry.actor === null ? `A link to ${where} expired` : `${who} revoked a link to ${where}`;
    case "share_link_opened":
      return `${capital(whom)} opened ${where} by a link`;
    case "document_deleted":
      return `${who} moved ${where} to the bin`;
    case "document_restored":
      return `${who} restored ${where} from the bin`;
    case "history_kept_changed": {
      const days = entry.detail["days"];
      return typeof days === "number" ? `${who} has history kept for ${String(days)} days` : `${who} has history kept for ever`;
    }
    case "document_published":
      return `${who} published ${where} on the web`;
    case "document_withdrawn":
      return `${who} withdrew ${where} from the web`;
    case "document_moved":
      return `${who} moved ${where} to ${entry.folder_id === null ? "no folder" : "another folder"}`;
    case "document_transferred":
      return `${who} made ${whom} the owner of ${where}`;
    case "folder_moved":
      return `${who} moved a folder`;
    case "session_started":
      return text(entry, "kind") === "token" ? `An API token of ${whom} began` : `${capital(whom)} signed in`;
    case "session_ended":
      return text(entry, "kind") === "token" ? `An API token of ${whom} ended` : `${capital(whom)} was signed out`;
    case "token_made":
      return `${capital(whom)} made the API token “${text(entry, "name")}”`;
    case "password_changed":
      return isSelf ? `${who} set a password` : `The password of ${whom} was set`;
    case "sign_in_refused":
      if (text(entry, "provider") !== "") return `Signing in with ${text(entry, "provider")} was refused`;
      return `Signing in as ${whom} was refused`;
    case "identity_linked":
      return `${capital(whom)} linked an identity of ${text(entry, "issuer")}`;
    case "identity_unlinked":
      return `${capital(whom)} unlinked an identity of ${text(entry, "issuer")}`;
    default:
      return `${who}: ${entry.action.replaceAll("_", " ")}`;
  }
}

function receiver(entry: AuditEntry, names: Names): string {
  if (entry.detail["everyone"] === true) return "everyone in the organisation";
  if (text(entry, "group_id") !== "") return groupOf(entry, names);
  return entry.account?.name ?? "somebody";
}

function groupOf(entry: AuditEntry, names: Names): string {
  const name = names.groups.get(text(entry, "group_id"));
  return name === undefined ? "a group" : `the group ${name}`;
}

function placeOf(entry: AuditEntry, names: Names): string {
  const title = entry.document_id === null ? undefined : names.documents.get(entry.document_id);
  if (title !== undefined) return `“${title}”`;
  return entry.document_id === null && entry.folder_id !== null ? "a folder" : "a document";
}

function verb(role: string): string {
  return role === "comment" ? "comment on" : role;
}

function roleName(role: string): string {
  const names: Record<string, string> = organisationRoleNames;
  return (names[role] ?? role).toLocaleLowerCase();
}

function text(entry: AuditEntry, key: string): string {
  const value = entry.detail[key];
  return typeof value === "string" ? value : "";
}

function capital(words: string): string {
  return words.charAt(0).toLocaleUpperCase() + words.slice(1);
}
