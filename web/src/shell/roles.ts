// Roles in words: those of members in an organisation, and those of people on a document.
import type { DocumentRole } from "../api/documents";
import type { DefaultRole } from "../api/organisations";
import type { OrganisationRole } from "../api/people";

export const documentRoles: readonly { value: DocumentRole; label: string }[] = [
  { value: "view", label: "Can view" },
  { value: "comment", label: "Can comment" },
  { value: "edit", label: "Can edit" },
];

export const defaultRoles: readonly { value: DefaultRole; label: string }[] = [
  { value: "none", label: "No access" },
  ...documentRoles,
];

export const organisationRoleNames: Record<OrganisationRole, string> = {
  owner: "Owner",
  admin: "Admin",
  member: "Member",
  guest: "Guest",
};

export function documentRoleName(role: DocumentRole): string {
  return documentRoles.find(({ value }) => value === role)?.label ?? role;
}

/** Whether the role may change members, groups and settings. */
export function isManager(role: OrganisationRole): boolean {
  return role === "owner" || role === "admin";
}

/** The roles that somebody of this role may give to others, highest first. */
export function rolesGivenBy(role: OrganisationRole): OrganisationRole[] {
  switch (role) {
    case "owner":
      return ["owner", "admin", "member", "guest"];
    case "admin":
      return ["admin", "member", "guest"];
    case "member":
      return ["member", "guest"];
    case "guest":
      return [];
  }
}

/** Whether somebody of this role may change or remove a member: only owners touch owners. */
export function mayChange(role: OrganisationRole, member: OrganisationRole): boolean {
  return isManager(role) && (role === "owner" || member !== "owner");
}
