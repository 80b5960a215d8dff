// @vitest-environment node
import { EphemeralStoreWasm } from "loro-crdt";
import { expect, test } from "vitest";
import { PresenceBoard } from "./presence";

function entry(key: string, value: unknown): Uint8Array {
  const store = new EphemeralStoreWasm(1e13);
  store.set(key, value);
  return store.encode(key);
}

function person(key: string, name: string): Uint8Array {
  return entry(key, { anchor: null, focus: null, user: { account_id: name, name, color: "#123456" } });
}

function removal(key: string): Uint8Array {
  const store = new EphemeralStoreWasm(1e13);
  store.set(key, null);
  store.delete(key);
  return store.encode(key);
}

test("who is here is shown until they leave or fall silent, and never oneself", () => {
  const board = new PresenceBoard();
  board.apply([person("1", "Ada"), person("2", "Bob"), person("3", "Cleo")], 0);
  expect([...board.others("1").keys()]).toEqual(["2", "3"]);
  expect(board.others("1")).toBe(board.others("1"));
  // Of two entries in one millisecond the first stands.
  const before = Date.now();
  while (Date.now() <= before + 1);
  board.apply([removal("2")], 1000);
  expect([...board.others("1").keys()]).toEqual(["3"]);
  expect(board.expire(20_000)).toBe(false);
  board.apply([person("4", "Dan")], 20_000);
  expect(board.expire(31_000)).toBe(true);
  expect([...board.others("1").keys()]).toEqual(["4"]);
  board.clear();
  expect(board.others("1").size).toBe(0);
  board.apply([person("3", "Cleo")], 32_000);
  expect(board.others(null).get("3")?.user.name).toBe("Cleo");
});

test("however many there are, a thousand are kept, and what the server says of the document always is", () => {
  const board = new PresenceBoard();
  for (let peer = 1; peer <= 3000; peer++) board.apply([person(String(peer), `P${peer}`)], 0);
  board.apply([entry("quire:document", { title: "Minutes", deleted: false })], 0);
  expect(board.others(null).size).toBe(1000);
  expect(board.about()?.title).toBe("Minutes");
  board.expire(60_000);
  board.apply([person("5000", "Late")], 60_000);
  expect([...board.others(null).keys()]).toEqual(["5000"]);
  expect(board.about()?.title).toBe("Minutes");
});
