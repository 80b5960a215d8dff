// Signing in and one's own account: welcome links, passwords, devices, API tokens.
import { ask } from "./request";
import type { Account } from "../sync/account";

export type OrganisationRole = "owner" | "admin" | "member" | "guest";

export interface Organisation {
  org_id: string;
  name: string;
  role: OrganisationRole;
}

export interface OwnAccount extends Account {
  /** Null: comes in by one-time links only. */
  email: string | null;
  /** Whether it may see how the installation is. */
  may_oversee: boolean;
}

export interface Me {
  account: OwnAccount;
  organisations: Organisation[];
}

export interface LinkOffer {
  kind: "first" | "return" | "invitation";
  organisation_name: string;
  account_name: string | null;
}

export interface Welcome {
  account: Account;
  organisation: Organisation;
  document_id: string | null;
}

export interface Credentials {
  email: string;
  password: string;
}

export interface BrowserSession {
  session_id: string;
  user_agent: string;
  address: string | null;
  /** Times are the server's, RFC 3339. */
  created_at: string;
  last_seen_at: string;
  expires_at: string;
  is_current: boolean;
}

export type Scope = "read" | "write" | "admin";

export interface ApiToken {
  session_id: string;
  name: string;
  scopes: Scope[];
  created_at: string;
  last_seen_at: string;
  expires_at: string;
}

export function lookAtLink(token: string): Promise<LinkOffer> {
  return ask("POST", "/api/v1/welcome/preview", { token });
}

/** An account that comes back has its name; a new one may get a password at once. */
export function acceptLink(token: string, name: string | null, credentials: Credentials | null): Promise<Welcome> {
  return ask("POST", "/api/v1/welcome", { token, ...(name === null ? {} : { name }), ...credentials });
}

export function me(): Promise<Me> {
  return ask("GET", "/api/v1/me");
}

export function changeName(name: string): Promise<Me> {
  return ask("PATCH", "/api/v1/me", { name });
}

export function signIn(credentials: Credentials): Promise<Me> {
  return ask("POST", "/api/v1/session", credentials);
}

/** Whether anybody may sign up on this server. */
export async function isSignUpOpen(): Promise<boolean> {
  return (await ask<{ is_open: boolean }>("GET", "/api/v1/sign-up")).is_open;
}

export interface NewAccount extends Credentials {
  name: string;
  /** Name of the organisation that is made with it. */
  organisation: string;
}

export function signUp(account: NewAccount): Promise<Welcome> {
  return ask("POST", "/api/v1/sign-up", account);
}

export function signOut(): Promise<void> {
  return ask("DELETE", "/api/v1/session");
}

export interface NewPassword {
  email?: string;
  current_password?: string;
  password: string;
}

/** Ends all other browser sessions. */
export function setPassword(change: NewPassword): Promise<void> {
  return ask("PUT", "/api/v1/me/password", change);
}

export function askForReset(email: string): Promise<void> {
  return ask("POST", "/api/v1/password-resets", { email });
}

export function resetPassword(token: string, password: string): Promise<Me> {
  return ask("PUT", "/api/v1/password-resets", { token, password });
}

export async function listSessions(): Promise<BrowserSession[]> {
  return (await ask<{ sessions: BrowserSession[] }>("GET", "/api/v1/me/sessions")).sessions;
}

export function endSession(sessionId: string): Promise<void> {
  return ask("DELETE", `/api/v1/me/sessions/${sessionId}`);
}

export function signOutEverywhere(): Promise<void> {
  return ask("DELETE", "/api/v1/me/sessions");
}

export async function listTokens(): Promise<ApiToken[]> {
  return (await ask<{ tokens: ApiToken[] }>("GET", "/api/v1/me/tokens")).tokens;
}

export interface NewToken {
  name: string;
  scopes: Scope[];
  days: number;
}

/** The secret is told this once. */
export function makeToken(wish: NewToken): Promise<ApiToken & { token: string }> {
  return ask("POST", "/api/v1/me/tokens", wish);
}

export function revokeToken(sessionId: string): Promise<void> {
  return ask("DELETE", `/api/v1/me/tokens/${sessionId}`);
}
