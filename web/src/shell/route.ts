// Which page an address means, and going there without loading the page anew.
import { useSyncExternalStore } from "react";

export type Route =
  | { page: "list" }
  | { page: "bin" }
  | { page: "welcome"; token: string }
  | { page: "document"; orgId: string; documentId: string }
  | { page: "unknown" };

const UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
const DOCUMENT_PATH = new RegExp(`^/(${UUID})/(${UUID})/?$`);

export const listPath = "/";
export const binPath = "/#bin";

export function documentPath(orgId: string, documentId: string): string {
  return `/${orgId}/${documentId}`;
}

export function parseRoute(path: string, hash: string): Route {
  if (path === "/" || path === "/index.html") return { page: hash === "#bin" ? "bin" : "list" };
  if (path === "/welcome") return { page: "welcome", token: hash.slice(1) };
  const [, orgId, documentId] = DOCUMENT_PATH.exec(path) ?? [];
  if (orgId !== undefined && documentId !== undefined) return { page: "document", orgId, documentId };
  return { page: "unknown" };
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
