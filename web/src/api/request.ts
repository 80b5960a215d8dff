// One request to the HTTP API. Every failure is an ApiError; `isUnreachable` tells "no server" from "no".

export class ApiError extends Error {
  constructor(
    /** The HTTP status; 0 when no server answered. */
    readonly status: number,
    /** A sentence for the person. */
    message: string,
    /** The field of the request that the server did not like, as the API calls it. */
    readonly field: string | null = null,
  ) {
    super(message);
  }

  get isUnreachable(): boolean {
    // A balancer answers for a dead server.
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export async function ask<T>(method: Method, path: string, body?: unknown): Promise<T> {
  const response = await send(method, path, body);
  // 204 and 202 have no body; their callers expect nothing.
  const isEmpty = response.status === 204 || response.status === 202;
  return (isEmpty ? undefined : await response.json()) as T;
}

/** The whole of a list that the server gives in parts; `name` is what a part calls its entries. */
export async function askAll<T>(path: string, name: string): Promise<T[]> {
  const all: T[] = [];
  const joint = path.includes("?") ? "&" : "?";
  let next: string | null = null;
  do {
    const from: string = next === null ? path : `${path}${joint}after=${next}`;
    const part: { next: string | null } & Record<string, unknown> = await ask("GET", from);
    all.push(...(part[name] as T[]));
    next = part.next;
  } while (next !== null);
  return all;
}

export async function askForText(path: string): Promise<string> {
  return (await send("GET", path)).text();
}

export function organisationPath(orgId: string): string {
  return `/api/v1/organisations/${orgId}`;
}

async function send(method: Method, path: string, body?: unknown): Promise<Response> {
  const headers: Record<string, string> = { accept: "application/json" };
  // The header keeps other sites' forms from changing anything with this person's cookie.
  if (method !== "GET") headers["x-quire"] = "1";
  if (body !== undefined) headers["content-type"] = "application/json";
  const init: RequestInit = { method, headers, credentials: "same-origin", cache: "no-store" };
  if (body !== undefined) init.body = JSON.stringify(body);
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new ApiError(0, "Quire cannot be reached.");
  }
  if (!response.ok) throw refusal(response.status, await problemText(response));
  return response;
}

/** The server begins with the name of a field when a field is what is wrong: "name: is too long". */
export function refusal(status: number, detail: string): ApiError {
  const [, field = null, words = detail] = /^([a-z_]+): (.+)$/s.exec(detail) ?? [];
  return new ApiError(status, asSentence(words), field);
}

function asSentence(words: string): string {
  const text = words.trim();
  const start = text.charAt(0).toLocaleUpperCase() + text.slice(1);
  return /[.!?…]$/.test(start) ? start : `${start}.`;
}

async function problemText(response: Response): Promise<string> {
  try {
    const problem: unknown = await response.json();
    if (typeof problem === "object" && problem !== null) {
      if ("detail" in problem && typeof problem.detail === "string") return problem.detail;
      if ("title" in problem && typeof problem.title === "string") return problem.title;
    }
  } catch {
    // Not a problem document: a balancer's page.
  }
  return `The server answered ${response.status}.`;
}

/** What the person reads about any failure. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : "Something went wrong.";
}

/** It does not exist, or one may not know of it. */
export function isMissing(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

/** A link that was used or revoked, or whose time is over. */
export function isGone(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 410 || error.status === 404);
}
