// Which server to try next, and after how long. Pure: time and randomness come in as arguments.

export interface Servers {
  /** Origins like "https://a.example", the page's own first. Never empty. */
  readonly origins: readonly string[];
  /** The index tried last. */
  readonly current: number;
  /** Failed attempts since a join last succeeded. */
  readonly failures: number;
}

const FIRST_DELAY_MS = 400;
const LONGEST_DELAY_MS = 15_000;
/** Pause before the next address of a round that is not finished. */
const NEXT_ADDRESS_MS = 150;

export function knownServers(own: string, remembered: readonly string[]): Servers {
  return { origins: [...new Set([own, ...remembered])], current: 0, failures: 0 };
}

/** Takes a new list without losing the place: the server in use stays in use. */
export function learnServers(servers: Servers, own: string, live: readonly string[]): Servers {
  const inUse = currentOrigin(servers);
  const origins = [...new Set([own, inUse, ...live])];
  return { ...servers, origins, current: Math.max(0, origins.indexOf(inUse)) };
}

export function currentOrigin(servers: Servers): string {
  const origin = servers.origins[servers.current] ?? servers.origins[0];
  if (origin === undefined) throw new Error("a list of servers is never empty");
  return origin;
}

/** A connection failed or ended: the next address, and the pause before it in ms. */
export function nextServer(servers: Servers, random: () => number): { servers: Servers; delayMs: number } {
  const failures = servers.failures + 1;
  const next = {
    ...servers,
    failures,
    current: (servers.current + 1) % servers.origins.length,
  };
  const roundIsOpen = failures % servers.origins.length !== 0;
  if (roundIsOpen) return { servers: next, delayMs: Math.round(random() * NEXT_ADDRESS_MS) };
  const round = failures / servers.origins.length;
  return { servers: next, delayMs: backOffMs(round, random) };
}

export function joinSucceeded(servers: Servers): Servers {
  return { ...servers, failures: 0 };
}

/** Doubles with each round, spread over half of itself so that clients of one server do not return as one. */
export function backOffMs(round: number, random: () => number): number {
  const full = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.max(0, round - 1));
  return Math.round(full * (0.5 + 0.5 * random()));
}

export function syncAddress(origin: string): string {
  return `${origin.replace(/^http/, "ws")}/sync/v1`;
}
