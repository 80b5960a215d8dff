// The past of a document: who worked on it, what it was then, and versions with names.
import { documentPath, type FileFormat } from "./documents";
import { ask } from "./request";
import type { Account } from "../sync/account";

/** A stretch of work of one author. */
export interface Sitting {
  author: Account;
  /** Times are the server's, RFC 3339. */
  from: string;
  to: string;
  /** Numbers of edits, which name moments. */
  first_edit: string;
  last_edit: string;
  edits: number;
  /** Characters. */
  inserted: number;
  deleted: number;
}

export interface Version {
  version_id: string;
  name: string;
  author: Account;
  created_at: string;
  /** When the last edit of it was written. */
  written_at: string;
}

export type Change = "kept" | "added" | "removed" | "reformatted";

export interface By {
  account_id: string;
  edit_id: string;
  at: string;
}

/** Characters that share all of this. */
export interface Run {
  change: Change;
  text: string;
  marks: Record<string, unknown>;
  set: Record<string, unknown>;
  by: By | null;
}

/** A block; its change is that of its end. */
export interface Line {
  change: Change;
  attributes: Record<string, unknown>;
  set: Record<string, unknown>;
  by: By | null;
  runs: Run[];
}

export interface Comparison {
  title: string;
  lines: Line[];
  /** Everybody who wrote in the document. */
  authors: Account[];
}

/** How long history is kept, and since when it is there. */
export interface Kept {
  /** Null: for ever. */
  days: number | null;
  /** Null: from the beginning. */
  since: string | null;
}

/** Places are in characters (Unicode code points) of the plain text. */
export interface BlameSpan {
  start: number;
  end: number;
  /** Null: it is older than the history that is kept. */
  account_id: string | null;
  from: string;
  to: string;
}

export interface Blame {
  spans: BlameSpan[];
  authors: Account[];
}

/** How requests name a moment: an edit's number, `before:` and one, a version's id, or `now`. */
export type Moment = string;

export interface SittingsPart {
  sittings: Sitting[];
  /** Where the next part begins; null: there is none. */
  next: string | null;
  kept: Kept;
}

/** What is asked and done about the past of one document. */
export interface Past {
  sittings: (after: string | null) => Promise<SittingsPart>;
  versions: () => Promise<Version[]>;
  compare: (from: Moment, to: Moment) => Promise<Comparison>;
  blame: (at: Moment) => Promise<Blame>;
  name: (name: string, at: Moment) => Promise<Version>;
  rename: (versionId: string, name: string) => Promise<Version>;
  unname: (versionId: string) => Promise<void>;
  restore: (at: Moment) => Promise<unknown>;
  takeBack: (sitting: Sitting) => Promise<unknown>;
  filePath: (format: FileFormat, at: Moment) => string;
}

const PART = 50;

export function past(orgId: string, documentId: string): Past {
  const document = documentPath(orgId, documentId);
  const history = `${document}/history`;
  const versions = `${document}/versions`;
  return {
    sittings: (after) => ask("GET", `${history}?limit=${PART}${after === null ? "" : `&after=${after}`}`),
    versions: async () => (await ask<{ versions: Version[] }>("GET", versions)).versions,
    compare: (from, to) => ask("GET", `${history}/comparison?from=${from}&to=${to}`),
    blame: (at) => ask("GET", `${history}/blame?at=${at}`),
    name: (name, at) => ask("POST", versions, { name, at }),
    rename: (versionId, name) => ask("PATCH", `${versions}/${versionId}`, { name }),
    unname: (versionId) => ask("DELETE", `${versions}/${versionId}`),
    restore: (at) => ask("POST", `${history}/restore`, { at }),
    takeBack: ({ first_edit, last_edit, author }) =>
      ask("POST", `${history}/undo`, { from: `before:${first_edit}`, to: last_edit, account_id: author.account_id }),
    filePath: (format, at) => `${document}/export?format=${format}&at=${at}`,
  };
}
