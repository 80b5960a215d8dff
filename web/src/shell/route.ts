// Which page an address means, and going there without loading the page anew.
import { useSyncExternalStore } from "react";

export type OrganisationTab = "members" | "groups" | "settings" | "audit";

export type Route =
  | { page: "list" }
  | { page: "bin" }
  | { page: "welcome"; token: string }
  | { page: "reset"; token: string }
  | { page: "share"; token: string }
  /** `next` is where one wanted to go. */
  | { page: "sign-in"; next: string }
  | { page: "sign-up" }
  | { page: "account" }
  | { page: "admin" }
  | { page: "organisation"; orgId: string; tab: OrganisationTab }
  | { page: "folder"; orgId: string; folderId: string }
  | { page: "document"; orgId: string; documentId: string }
  | { page: "unknown" };

const UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
const DOCUMENT_PATH = new RegExp(`^/(${UUID})/(${UUID})/?$`);
const FOLDER_PATH = new RegExp(`^/organisation/(${UUID})/folder/(${UUID})/?$`);
const ORGANISATION_PATH = new RegExp(`^/organisation/(${UUID})/?$`);

/** What is something else to somebody who is signed in. */
const PAGES_TO_RETURN_TO: readonly Route["page"][] = ["bin", "account", "admin", "organisation", "folder", "document", "share"];

export const listPath = "/";
export const binPath = "/#bin";
export const accountPath = "/account";
export const adminPath = "/admin";
export const signUpPath = "/sign-up";

export function documentPath(orgId: string, documentId: string): string {
  return `/${orgId}/${documentId}`;
}

export function folderPath(orgId: string, folderId: string): string {
  return `/organisation/${orgId}/folder/${folderId}`;
}

export function organisationPath(orgId: string, tab: OrganisationTab = "members"): string {
  return `/organisation/${orgId}${tab === "members" ? "" : `#${tab}`}`;
}

/** The way to sign in that leads back to a page; the page stands in the fragment, so that no server logs it. */
export function signInPath(next: string): string {
  return next === listPath ? "/sign-in" : `/sign-in#${next}`;
}

/** The address that is shown now. */
export function currentPath(): string {
  return location.pathname + location.hash;
}

export function parseRoute(path: string, hash: string): Route {
  const fragment = hash.slice(1);
  switch (path) {
    case "/":
    case "/index.html":
      return { page: fragment === "bin" ? "bin" : "list" };
    case "/welcome":
    case "/reset":
    case "/share":
      return { page: path === "/welcome" ? "welcome" : path === "/reset" ? "reset" : "share", token: fragment };
    case "/sign-in":
      return { page: "sign-in", next: pageWithin(fragment) };
    case "/sign-up":
      return { page: "sign-up" };
    case "/account":
      return { page: "account" };
    case "/admin":
      return { page: "admin" };
  }
  const [, folderOrgId, folderId] = FOLDER_PATH.exec(path) ?? [];
  if (folderOrgId !== undefined && folderId !== undefined) return { page: "folder", orgId: folderOrgId, folderId };
  const [, organisation] = ORGANISATION_PATH.exec(path) ?? [];
  if (organisation !== undefined) return { page: "organisation", orgId: organisation, tab: tabOf(fragment) };
  const [, orgId, documentId] = DOCUMENT_PATH.exec(path) ?? [];
  if (orgId !== undefined && documentId !== undefined) return { page: "document", orgId, documentId };
  return { page: "unknown" };
}

/** A link to the sign-in must not lead out of Quire afterwards. */
export function pageWithin(address: string): string {
  const at = address.indexOf("#");
  const [path, hash] = at < 0 ? [address, ""] : [address.slice(0, at), address.slice(at)];
  const { page } = parseRoute(path, hash);
  return PAGES_TO_RETURN_TO.includes(page) ? address : listPath;
}

function tabOf(fragment: string): OrganisationTab {
  return fragment === "groups" || fragment === "settings" || fragment === "audit" ? fragment : "members";
}

export function navigate(path: string, how: "push" | "replace" = "push"): void {
  if (how === "push") history.pushState(null, "", path);
  else history.replaceState(null, "", path);
  window.dispatchEvent(new PopStateEvent("popstate"));
}

export function useRoute(): Route {
  const address = useSyncExternalStore(subscribe, () => `${location.pathname}\n${location.hash}`);
  const [path = "/", hash = ""] = address.split("\n");
  return parseRoute(path, hash);
}

function subscribe(listener: () => void): () => void {
  window.addEventListener("popstate", listener);
  window.addEventListener("hashchange", listener);
  return () => {
    window.removeEventListener("popstate", listener);
    window.removeEventListener("hashchange", listener);
  };
}
