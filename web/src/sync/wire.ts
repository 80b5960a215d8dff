// Quire's view of the Loro Syncing Protocol: what is said in a room, as bytes.
// The frames themselves are encoded by loro-protocol; this file adds Quire's join payload and fragments.
import {
  CrdtType,
  encode,
  MAX_MESSAGE_SIZE,
  MessageType,
  tryDecode,
  type HexString,
  type ProtocolMessage,
} from "loro-protocol";
import type { PeerID } from "loro-crdt";

export type BatchId = HexString;

/** Room for the frame's head: magic, room id, batch id, lengths. */
const FRAME_HEAD_BYTES = 1024;
export const FRAGMENT_BYTES = MAX_MESSAGE_SIZE - FRAME_HEAD_BYTES;

/** What the server tells a joiner about the lease, in JoinResponseOk.extra. */
export interface Lease {
  peer: PeerID;
  schema: number;
}

export interface JoinPayload {
  peer?: PeerID;
  device: string;
}

const text = new TextEncoder();

export function joinDocument(roomId: string, payload: JoinPayload, version: Uint8Array): Uint8Array {
  return encode({
    type: MessageType.JoinRequest,
    crdt: CrdtType.Loro,
    roomId,
    auth: text.encode(JSON.stringify(payload)),
    version,
  });
}

export function joinPresence(roomId: string, device: string): Uint8Array {
  return encode({
    type: MessageType.JoinRequest,
    crdt: CrdtType.LoroEphemeralStore,
    roomId,
    auth: text.encode(JSON.stringify({ device })),
    version: new Uint8Array(0),
  });
}

export function leaveDocument(roomId: string): Uint8Array {
  return encode({ type: MessageType.Leave, crdt: CrdtType.Loro, roomId });
}

export function presenceUpdate(roomId: string, update: Uint8Array, batchId: BatchId): Uint8Array {
  return encode({
    type: MessageType.DocUpdate,
    crdt: CrdtType.LoroEphemeralStore,
    roomId,
    updates: [update],
    batchId,
  });
}

/** One update as the messages that carry it: one, or a header and its fragments. */
export function documentUpdate(roomId: string, update: Uint8Array, batchId: BatchId): Uint8Array[] {
  const crdt = CrdtType.Loro;
  if (update.byteLength <= FRAGMENT_BYTES) {
    return [encode({ type: MessageType.DocUpdate, crdt, roomId, updates: [update], batchId })];
  }
  const fragmentCount = Math.ceil(update.byteLength / FRAGMENT_BYTES);
  const messages = [
    encode({
      type: MessageType.DocUpdateFragmentHeader,
      crdt,
      roomId,
      batchId,
      fragmentCount,
      totalSizeBytes: update.byteLength,
    }),
  ];
  for (let index = 0; index < fragmentCount; index += 1) {
    const fragment = update.subarray(index * FRAGMENT_BYTES, (index + 1) * FRAGMENT_BYTES);
    messages.push(encode({ type: MessageType.DocUpdateFragment, crdt, roomId, batchId, index, fragment }));
  }
  return messages;
}

/** Undefined for what is no frame of this protocol. */
export function decodeFrame(bytes: Uint8Array): ProtocolMessage | undefined {
  return tryDecode(bytes);
}

/** Null when the server leased nothing (a reader) or said something that is no lease. */
export function parseLease(extra: Uint8Array | undefined): Lease | null {
  if (extra === undefined || extra.byteLength === 0) return null;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(extra));
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null || !("peer" in value)) return null;
  const { peer } = value;
  if (typeof peer !== "string" || !isPeer(peer)) return null;
  const schema = "schema" in value && typeof value.schema === "number" ? value.schema : 1;
  return { peer, schema };
}

export function isPeer(value: string): value is PeerID {
  return /^(0|[1-9][0-9]{0,19})$/.test(value);
}
