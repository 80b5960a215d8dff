// The published loro-websocket client, unchanged, against Quire's servers.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { LoroDoc } from "loro-crdt";
import { LoroAdaptor, LoroEphemeralAdaptor } from "loro-adaptors/loro";
import { CrdtType, decode, MessageType } from "loro-protocol";
import { LoroWebsocketClient } from "loro-websocket";
import { WebSocket } from "ws";
import { startQuire, until } from "./kit.mjs";

globalThis.WebSocket = WebSocket;

let quire;
let token;
let roomId;
const clients = [];

before(async () => {
  quire = await startQuire();
  const [origin, secret] = quire.link.split("/welcome#");
  const response = await fetch(`${origin}/api/v1/welcome`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-quire": "1", origin },
    body: JSON.stringify({ token: secret, name: "Stock" }),
  });
  assert.equal(response.status, 200, await response.clone().text());
  const welcome = await response.json();
  token = /quire_session=([^;]+)/.exec(response.headers.get("set-cookie"))[1];
  roomId = `${welcome.organisation.org_id}/${welcome.document_id}`;
});

after(async () => {
  for (const client of clients) client.destroy();
  await quire?.stop();
});

const bytes = (text) => new TextEncoder().encode(text);

/** A connection to one of the two servers; `acks` are the answers to edits of the document, in order. */
async function connect(server) {
  const client = new LoroWebsocketClient({ url: `${quire.servers[server].replace("http", "ws")}/sync/v1` });
  clients.push(client);
  await client.waitConnected();
  const acks = [];
  client.socket.addEventListener("message", ({ data }) => {
    if (typeof data === "string") return;
    const message = decode(new Uint8Array(data));
    if (message.type === MessageType.Ack && message.crdt === CrdtType.Loro) acks.push(message.status);
  });
  return { client, acks };
}

async function joinDocument(server) {
  const { client, acks } = await connect(server);
  const refusals = [];
  const adaptor = new LoroAdaptor(new LoroDoc(), { onUpdateError: (_updates, code, reason) => { refusals.push([code, reason]); } });
  const room = await client.join({ roomId, crdtAdaptor: adaptor, auth: bytes(token) });
  const doc = adaptor.getDoc();
  await until(() => doc.getMap("page").get("schema"), (schema) => schema === 2, "the document has come");
  return { client, acks, refusals, room, doc };
}

/** A paragraph as the editor writes it, at the end. */
function addParagraph(doc, text) {
  const body = doc.getText("body");
  body.insert(body.length, `${text}\n`);
  doc.commit();
}

test("it joins with a token, writes, is acknowledged, and its edits reach a client of the other server", async () => {
  const one = await joinDocument(0);
  const other = await joinDocument(1);
  addParagraph(one.doc, "from the stock client");
  await until(() => one.acks, (acks) => acks.length === 1, "the acknowledgement has come");
  assert.deepEqual(one.acks, [0]);
  await until(() => JSON.stringify(other.doc.toJSON()), (json) => json.includes("from the stock client"), "it has reached the other");
  addParagraph(other.doc, "an answer");
  await until(() => JSON.stringify(one.doc.toJSON()), (json) => json.includes("an answer"), "the answer has come back");
  assert.deepEqual(one.doc.toJSON(), other.doc.toJSON());
  assert.deepEqual([...one.refusals, ...other.refusals], []);

  const answer = await fetch(`${quire.servers[1]}/api/v1/organisations/${roomId.replace("/", "/documents/")}/text`, {
    headers: { cookie: `quire_session=${token}` },
  });
  assert.equal(await answer.text(), "\nfrom the stock client\nan answer");
});

test("its presence reaches the other server with the name of the account", async () => {
  const one = await joinDocument(0);
  const other = await joinDocument(1);
  const [sender, receiver] = [new LoroEphemeralAdaptor(), new LoroEphemeralAdaptor()];
  await other.client.join({ roomId, crdtAdaptor: receiver, auth: bytes(token) });
  await one.client.join({ roomId, crdtAdaptor: sender, auth: bytes(token) });
  const key = one.doc.peerIdStr;
  addParagraph(one.doc, "the peer is claimed by its first edit");
  await until(() => one.acks, (acks) => acks.length === 1, "the edit is acknowledged");
  sender.getStore().set(key, { anchor: null, focus: null });
  const entry = await until(() => receiver.getStore().get(key), (value) => value !== undefined, "presence has come");
  assert.equal(entry.user.name, "Stock");
});

test("a wrong token is refused", async () => {
  const { client } = await connect(0);
  const wrong = bytes("A".repeat(token.length));
  await assert.rejects(client.join({ roomId, crdtAdaptor: new LoroAdaptor(), auth: wrong }));
});

test("no token is refused", async () => {
  const { client } = await connect(1);
  await assert.rejects(client.join({ roomId, crdtAdaptor: new LoroAdaptor() }));
});

test("a document of others is refused", async () => {
  const { client } = await connect(0);
  for (const room of [`${randomUUID()}/${randomUUID()}`, `${roomId.split("/")[0]}/${randomUUID()}`, "elsewhere"]) {
    await assert.rejects(client.join({ roomId: room, crdtAdaptor: new LoroAdaptor(), auth: bytes(token) }), room);
  }
});
