// Signing in by an OpenID provider, and the identities there that sign the own account in.
import { ask } from "./request";

export interface Identity {
  identity_id: string;
  issuer: string;
  name: string;
  email: string | null;
  created_at: string;
  /** Null: it has not signed in yet. */
  last_used_at: string | null;
}

/** What the provider is called; null: there is none. */
export async function providerName(): Promise<string | null> {
  return (await ask<{ name: string | null }>("GET", "/api/v1/oidc")).name;
}

/** What is wanted of the provider: to sign in, to use a one-time link, or to link an identity. */
export type Wish =
  | Record<string, never>
  | { token: string; name?: string }
  | { link: true; current_password?: string };

/** The provider's page to go to. */
export async function setOut(wish: Wish): Promise<string> {
  return (await ask<{ url: string }>("POST", "/api/v1/oidc", wish)).url;
}

export async function listIdentities(): Promise<Identity[]> {
  return (await ask<{ identities: Identity[] }>("GET", "/api/v1/me/identities")).identities;
}

export function unlinkIdentity(identityId: string): Promise<void> {
  return ask("DELETE", `/api/v1/me/identities/${identityId}`);
}
