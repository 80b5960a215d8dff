// How the installation is: servers, replicas, slots, rates and what is wrong. For owners of its first organisation.
import { ask } from "./request";

export interface Finding {
  check: string;
  severity: "error" | "warning";
  says: string;
  mend: string;
}

/** What a server said of itself. */
export interface Vitals {
  version: string;
  /** Seconds since 1970, by the server's clock. */
  started_at: number;
  connections: number;
  documents: number;
  document_bytes: number;
  committed_10s: number;
  delivered_10s: number;
  applied: string;
  lag_ms: number;
  behind_bytes: number;
  /** `primary`, or the address of a standby; empty while nobody sends it the log. */
  source: string;
  not_ready: string | null;
  is_draining: boolean;
}

export interface Standing {
  server_id: string;
  address: string;
  state: "ready" | "not_ready" | "draining" | "silent";
  is_asked: boolean;
  heard_ms: number;
  /** Null of a server of an older version. */
  vitals: Vitals | null;
}

export interface Replica {
  host: string;
  is_reachable: boolean;
  is_paused: boolean;
  is_receiving: boolean;
  replayed: string | null;
  behind_bytes: number | null;
  lag_ms: number | null;
}

export interface Stream {
  host: string;
  name: string;
  address: string;
  is_logical: boolean;
  state: string | null;
  sync_state: string | null;
  behind_bytes: number | null;
  lag_ms: number | null;
}

export interface Slot {
  name: string;
  is_active: boolean;
  is_temporary: boolean;
  is_logical: boolean;
  retained_bytes: number;
}

export interface Busy {
  org_id: string;
  edits: number;
  bytes: number;
}

export interface BusyDocument extends Busy {
  document_id: string;
}

export interface Overview {
  at_ms: number;
  edits_per_s: number;
  wal_bytes_per_s: number;
  findings: Finding[];
  servers: Standing[];
  primary: { host: string; timeline: number; position: string } | null;
  replicas: Replica[];
  streams: Stream[];
  slots: Slot[];
  documents: BusyDocument[];
  organisations: Busy[];
}

export function showOverview(): Promise<Overview> {
  return ask("GET", "/api/v1/admin/overview");
}
