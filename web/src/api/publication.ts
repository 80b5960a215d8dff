// A document as a page on the web.
import { documentPath } from "./documents";
import { ask } from "./request";
import type { Account } from "../sync/account";

export interface Publication {
  /** Below each public address of Quire. */
  path: string;
  is_indexed: boolean;
  published_at: string;
  published_by: Account;
}

interface Answer {
  publication: Publication | null;
}

function path(orgId: string, documentId: string): string {
  return `${documentPath(orgId, documentId)}/publication`;
}

/** Null: it is not published. */
export async function showPublication(orgId: string, documentId: string): Promise<Publication | null> {
  return (await ask<Answer>("GET", path(orgId, documentId))).publication;
}

/** Also changes whether search engines may list it. */
export function publish(orgId: string, documentId: string, isIndexed: boolean): Promise<unknown> {
  return ask("PUT", path(orgId, documentId), { is_indexed: isIndexed });
}

export function withdraw(orgId: string, documentId: string): Promise<void> {
  return ask("DELETE", path(orgId, documentId));
}
