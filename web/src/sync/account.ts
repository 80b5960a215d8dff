// Who is signed in in this browser, remembered so that documents open without a network.

export interface Account {
  account_id: string;
  name: string;
  color: string;
}

const ACCOUNT_KEY = "quire.account";
const DEVICE_KEY = "quire.device";
const SERVERS_KEY = "quire.servers";

export function rememberedAccount(): Account | null {
  const value = readJson(ACCOUNT_KEY);
  if (typeof value !== "object" || value === null) return null;
  if (!("account_id" in value && "name" in value && "color" in value)) return null;
  const { account_id, name, color } = value;
  if (typeof account_id !== "string" || typeof name !== "string" || typeof color !== "string") return null;
  return { account_id, name, color };
}

export function rememberAccount(account: Account | null): void {
  if (account === null) {
    localStorage.removeItem(ACCOUNT_KEY);
    return;
  }
  // Only these: the server may have told more, such as the mail address.
  const { account_id, name, color } = account;
  localStorage.setItem(ACCOUNT_KEY, JSON.stringify({ account_id, name, color }));
}

/** Names this browser towards the server; it means nothing elsewhere. */
export function deviceId(): string {
  const known = localStorage.getItem(DEVICE_KEY);
  if (known !== null) return known;
  const fresh = crypto.randomUUID();
  localStorage.setItem(DEVICE_KEY, fresh);
  return fresh;
}

export function rememberedServers(): string[] {
  const value = readJson(SERVERS_KEY);
  return Array.isArray(value) ? value.filter((origin) => typeof origin === "string") : [];
}

export function rememberServers(origins: readonly string[]): void {
  localStorage.setItem(SERVERS_KEY, JSON.stringify(origins));
}

function readJson(key: string): unknown {
  const text = localStorage.getItem(key);
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
