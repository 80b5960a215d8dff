// Names that one tab of this browser holds for itself (Web Locks): two tabs must never write as the same peer.
// The browser gives a lock back when its tab closes or crashes.
import type { PeerID } from "loro-crdt";

/** How long a reloaded page waits for the lock of the page that it replaces. */
const HANDOVER_MS = 400;

export class Locks {
  private readonly releases = new Map<string, () => void>();

  /** Says whether this tab holds the name from now on. Without Web Locks nothing can be held. */
  async acquire(name: string, waitMs: number): Promise<boolean> {
    if (this.releases.has(name)) return true;
    if (!("locks" in navigator)) return false;
    return new Promise((answer) => {
      const hold = (lock: Lock | null): Promise<void> | undefined => {
        if (lock === null) {
          answer(false);
          return undefined;
        }
        return new Promise((release) => {
          this.releases.set(name, release);
          answer(true);
        });
      };
      const options: LockOptions = waitMs > 0 ? { signal: AbortSignal.timeout(waitMs) } : { ifAvailable: true };
      navigator.locks.request(name, options, hold).catch(() => {
        answer(false);
      });
    });
  }

  release(): void {
    for (const release of this.releases.values()) release();
    this.releases.clear();
  }
}

export function lockPeer(locks: Locks, roomId: string, peer: PeerID): Promise<boolean> {
  return locks.acquire(`quire:peer:${roomId}:${peer}`, HANDOVER_MS);
}

const SLOTS = 64;
let slot: Promise<number> | undefined;
const tabLocks = new Locks();

/** The smallest number that no other tab has; together with the browser's id it names the device to the server. */
export function tabSlot(): Promise<number> {
  slot ??= (async () => {
    for (let candidate = 0; candidate < SLOTS; candidate += 1) {
      // The first one may still be on its way from the page that this one replaces.
      const waitMs = candidate === 0 ? HANDOVER_MS : 0;
      if (await tabLocks.acquire(`quire:slot:${candidate}`, waitMs)) return candidate;
    }
    return SLOTS + Math.floor(Math.random() * 1e6);
  })();
  return slot;
}
