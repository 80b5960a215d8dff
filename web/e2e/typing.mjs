// From a key to its paint in a long page, alone and while five others type; bold over all of it; opening. Run by
// `make typing`; figures as one line of JSON, last. PAGE=items has list items instead of paragraphs.
import { LoroAdaptor } from "loro-adaptors/loro";
import { LoroDoc } from "loro-crdt";
import { LoroWebsocketClient } from "loro-websocket";
import { WebSocket } from "ws";
import { arrive, saved, startBrowser, startQuire, until } from "./kit.mjs";

// Node has none of its own before version 22.
globalThis.WebSocket = WebSocket;

const BLOCKS = { paragraphs: 1_700, items: 5_000 };
const KEYS = 120;
const TYPING_MS = 120;

function page(kind) {
  const words = "some words of the text that are typed ".repeat(kind === "items" ? 1 : 7).trim();
  return Array.from({ length: BLOCKS[kind] }, (_, at) => (kind === "items" ? `- ${at} ${words}` : `${at} ${words}\n`)).join("\n");
}

function quantile(times, part) {
  return Math.round(times.sort((a, b) => a - b)[Math.floor((times.length - 1) * part)] * 10) / 10;
}

/** Tells how long each key takes until what it does is painted. */
async function watch(page) {
  await page.evaluate(() => {
    window.paints = [];
    window.addEventListener("keydown", (event) => {
      const start = event.timeStamp;
      window.requestAnimationFrame(() => {
        const channel = new window.MessageChannel();
        channel.port1.onmessage = () => { window.paints.push(window.performance.now() - start); };
        channel.port2.postMessage(null);
      });
    }, { capture: true });
  });
}

async function type(page, keys) {
  await page.evaluate(() => { window.paints.length = 0; });
  for (let key = 0; key < keys; key += 1) {
    await page.keyboard.press("x");
    await page.waitForTimeout(TYPING_MS);
  }
  return page.evaluate(() => window.paints);
}

async function middle(page) {
  await page.locator(".document-text").evaluate((element) => {
    const block = element.children[Math.floor(element.children.length / 2)];
    block.scrollIntoView();
    const walker = document.createTreeWalker(block, 4);
    element.focus();
    getSelection().collapse(walker.nextNode(), 5);
  });
}

/** Somebody who types by the protocol; the document. */
async function join(server, roomId, token) {
  const bytes = (text) => new TextEncoder().encode(text);
  const client = new LoroWebsocketClient({ url: `${server.replace(/^http/, "ws")}/sync/v1` });
  await client.waitConnected();
  const adaptor = new LoroAdaptor(new LoroDoc());
  await client.join({ roomId, crdtAdaptor: adaptor, auth: bytes(token) });
  return adaptor.getDoc();
}

const figures = {};
for (const kind of (process.env.PAGE ?? "paragraphs,items").split(",")) {
  const quire = await startQuire();
  const browser = await startBrowser();
  try {
    const ada = await arrive(browser, quire.link, "Ada");
    await ada.page.evaluate(async (markdown) => {
      const [org, document] = window.location.pathname.match(/[0-9a-f]{8}-[0-9a-f-]{27}/g);
      const answer = await fetch(`/api/v1/organisations/${org}/documents/${document}/edits`, {
        method: "POST", headers: { "content-type": "application/json", "x-quire": "1", "if-match": "*" },
        body: JSON.stringify({ operations: [{ operation: "replace_blocks", start: 0, end: 1, markdown }] }),
      });
      if (!answer.ok) throw new Error(await answer.text());
    }, page(kind));
    const blocks = (page) => page.locator(".document-text > *").count();
    await until(() => blocks(ada.page), (count) => count >= BLOCKS[kind], "the page has come");
    const began = Date.now();
    await ada.page.reload();
    await until(() => blocks(ada.page), (count) => count >= BLOCKS[kind], "the page is open");
    const found = { open_ms: Date.now() - began };
    await watch(ada.page);
    await middle(ada.page);
    await type(ada.page, 20);
    const alone = await type(ada.page, KEYS);
    Object.assign(found, { key_ms_p50: quantile(alone, 0.5), key_ms_p95: quantile(alone, 0.95) });
    await saved(ada.page);
    await ada.page.keyboard.press("Control+A");
    await ada.page.waitForTimeout(500);
    await ada.page.evaluate(() => { window.paints.length = 0; });
    await ada.page.keyboard.press("Control+B");
    await until(() => ada.page.evaluate(() => window.paints.length), (count) => count > 0, "all is bold");
    found.bold_ms = quantile(await ada.page.evaluate(() => window.paints), 0.5);
    await saved(ada.page);
    // Others without windows: with five more of them this machine would measure their painting.
    const [session] = (await ada.context.cookies()).filter(({ name }) => name === "quire_session");
    const [org, id] = new URL(ada.page.url()).pathname.match(/[0-9a-f]{8}-[0-9a-f-]{27}/g);
    const others = [];
    for (let number = 0; number < (Number(process.env.OTHERS) || 5); number += 1) {
      others.push(await join(quire.servers[number % 2], `${org}/${id}`, session.value));
    }
    await middle(ada.page);
    const typing = globalThis.setInterval(() => {
      for (const doc of others) {
        const body = doc.getText("body");
        body.insert(Math.floor(body.length / 2) + Math.floor(Math.random() * 2_000) - 1_000, "y");
        doc.commit();
      }
    }, 200);
    const together = await type(ada.page, KEYS);
    globalThis.clearInterval(typing);
    Object.assign(found, { with_others_ms_p50: quantile(together, 0.5), with_others_ms_p95: quantile(together, 0.95) });
    figures[kind] = found;
    console.log(JSON.stringify({ [kind]: found }));
  } finally {
    await browser.close();
    await quire.stop();
  }
}
console.log(JSON.stringify(figures));
// The others would go on trying to come back.
process.exit(0);
