// Comments on a document: threads at places in the text, each with its replies.
import { documentPath } from "./documents";
import { ask } from "./request";
import type { Account } from "../sync/account";

export interface Comment {
  comment_id: string;
  author: Account;
  body: string;
  created_at: string;
  /** Null: it stands as it was written. */
  edited_at: string | null;
  may_change: boolean;
  may_delete: boolean;
}

/** Both ends as Loro's encoded cursors in base64url. */
export interface Anchor {
  start: string;
  end: string;
}

export interface Thread {
  thread_id: string;
  /** Null: it is about the whole document. */
  anchor: Anchor | null;
  /** What the text was when it was commented. */
  quote: string;
  created_at: string;
  resolved_at: string | null;
  resolved_by: Pick<Account, "account_id" | "name"> | null;
  may_delete: boolean;
  /** At least one. */
  comments: Comment[];
}

export interface NewThread {
  body: string;
  anchor?: Anchor;
  quote?: string;
}

export async function listThreads(orgId: string, documentId: string): Promise<Thread[]> {
  const all: Thread[] = [];
  let after = "";
  for (;;) {
    const page = await ask<{ threads: Thread[]; next: string | null }>("GET", `${path(orgId, documentId)}${after}`);
    all.push(...page.threads);
    if (page.next === null) return all;
    after = `?after=${encodeURIComponent(page.next)}`;
  }
}

/** What is done with the comments of one document. */
export interface Commenting {
  start: (thread: NewThread) => Promise<Thread>;
  reply: (threadId: string, body: string) => Promise<Thread>;
  resolve: (threadId: string, resolved: boolean) => Promise<Thread>;
  change: (threadId: string, commentId: string, body: string) => Promise<Thread>;
  /** The first comment of a thread goes only with it. */
  removeReply: (threadId: string, commentId: string) => Promise<Thread>;
  remove: (threadId: string) => Promise<void>;
}

export function commenting(orgId: string, documentId: string): Commenting {
  const all = path(orgId, documentId);
  const replies = (threadId: string): string => `${all}/${threadId}/replies`;
  return {
    start: (thread) => ask("POST", all, thread),
    reply: (threadId, body) => ask("POST", replies(threadId), { body }),
    resolve: (threadId, resolved) => ask("PATCH", `${all}/${threadId}`, { resolved }),
    change: (threadId, commentId, body) => ask("PATCH", `${replies(threadId)}/${commentId}`, { body }),
    removeReply: (threadId, commentId) => ask("DELETE", `${replies(threadId)}/${commentId}`),
    remove: (threadId) => ask("DELETE", `${all}/${threadId}`),
  };
}

function path(orgId: string, documentId: string): string {
  return `${documentPath(orgId, documentId)}/comments`;
}
