// Nothing that somebody pastes, imports, names or exports runs as script for others, loads anything, or
// even becomes an element that could.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { addresses, markup } from "./hostile.mjs";
import { arrive, invitation, openWindow, saved, shareLink, startBrowser, startQuire, textOf, until } from "./kit.mjs";

let quire;
let browser;
let folder;
let ada;
let orgId;
/** What ran, was asked for, or was stopped only by the policy. */
const harm = [];

before(async () => {
  assert.ok(markup.length + addresses.length >= 150, "the corpus is there");
  assert.equal(new Set(markup).size, markup.length, "each is another one");
  folder = await mkdtemp(join(tmpdir(), "quire-hostile-"));
  quire = await startQuire();
  browser = await startBrowser();
  ada = await watched(await arrive(browser, quire.link, "Ada"));
  [, orgId] = new URL(ada.page.url()).pathname.split("/");
});

after(async () => {
  await browser?.close();
  await quire?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Notes everything that must not happen in a window. */
async function watched(window) {
  const { context, page } = window;
  const note = (what) => { harm.push(what); };
  page.on("dialog", (dialog) => {
    note(`ran: ${dialog.message()} at ${page.url()}`);
    void dialog.dismiss();
  });
  context.on("page", (opened) => { note(`opened a window: ${opened.url()}`); });
  page.on("frameattached", () => { note("made a frame"); });
  context.on("request", (request) => {
    if (request.url().includes("canary.invalid")) note(`asked for ${request.url()}`);
  });
  // What only the policy stopped got too far all the same.
  page.on("console", (message) => {
    if (message.text().includes("Content Security Policy")) note(message.text());
  });
  return window;
}

/** The elements and attributes of the page that could run, load or lead somewhere. */
function dangers(page) {
  return page.evaluate(() => {
    const found = [];
    const own = (address) => new URL(address, document.location.href).origin === document.location.origin;
    // What is no address at all leads nowhere.
    const isLink = (address) => {
      const whole = URL.canParse(address, document.location.href) ? new URL(address, document.location.href).href : address;
      return /^(https?:|mailto:)/i.test(whole);
    };
    for (const element of document.querySelectorAll("*")) {
      const name = element.localName;
      const says = () => found.push(element.outerHTML.slice(0, 200));
      if (["iframe", "frame", "object", "embed", "applet", "base", "portal", "math", "style", "audio", "video"].includes(name)) {
        if (name !== "style" || document.location.protocol !== "file:") says();
      }
      if (name === "script" && !(element.src !== "" && own(element.src))) says();
      if (name === "meta" && /refresh/i.test(element.httpEquiv)) says();
      if (name === "link" && !own(element.href)) says();
      if ((name === "a" || name === "area") && element.hasAttribute("href") && !isLink(element.getAttribute("href"))) says();
      if (element.hasAttribute("action") || element.hasAttribute("formaction") || element.hasAttribute("ping")) says();
      for (const source of ["src", "srcset", "poster", "background"]) {
        const value = element.getAttribute(source);
        if (value !== null && name !== "script" && !/^(blob:|data:image\/)/.test(value) && !own(value)) says();
      }
      for (const { name: attribute } of element.attributes) if (/^on/i.test(attribute)) says();
      if (/url\(|expression|position:\s*fixed/i.test(element.getAttribute("style") ?? "")) says();
    }
    return found;
  });
}

async function isHarmless(page, what) {
  assert.deepEqual(await dangers(page), [], what);
  assert.deepEqual([...new Set(harm)], [], what);
}

/** A request of Ada's own page. */
function api(method, path, body) {
  return ada.page.evaluate(async ([verb, address, content]) => {
    const response = await fetch(`/api/v1/organisations/${address}`, {
      method: verb,
      headers: { "content-type": "application/json", "x-quire": "1" },
      ...(content === undefined ? {} : { body: JSON.stringify(content) }),
    });
    const text = await response.text();
    return { status: response.status, text };
  }, [method, `${orgId}${path}`, body]);
}

async function made(path, body) {
  const answer = await api("POST", path, body);
  assert.equal(answer.status, 201, `${JSON.stringify(body)}: ${answer.text}`);
  return JSON.parse(answer.text);
}

/** Pastes as a program would put it on the clipboard: what browsers clean themselves is not cleaned here. */
function paste(page, type, payloads) {
  return page.evaluate(async ([kind, texts]) => {
    const editor = document.querySelector(".document-text");
    for (const text of texts) {
      const clipboardData = new globalThis.DataTransfer();
      clipboardData.setData(kind, text);
      if (kind !== "text/plain") clipboardData.setData("text/plain", "pasted");
      editor.focus();
      editor.dispatchEvent(new globalThis.ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
      await new Promise((resolve) => { setTimeout(resolve); });
    }
  }, [type, payloads]);
}

/** Clicks every link of the text, as a curious reader does: none may do anything in this page. */
async function touchEverything(page) {
  await page.evaluate(() => {
    for (const element of document.querySelectorAll(".document-text *")) {
      for (const kind of ["pointerenter", "mouseover", "focus", "mousedown", "mouseup"]) {
        element.dispatchEvent(new globalThis.Event(kind, { bubbles: true }));
      }
    }
  });
}

const linked = addresses.map((address) => {
  const escaped = address.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
  return `<p><a href="${escaped}">press</a></p>`;
});

test("what is pasted as markup is text or nothing, for who pastes it and for who reads it", async () => {
  const { page } = ada;
  const bob = await watched(await arrive(browser, await invitation(page, quire.servers[1]), "Bob"));
  await page.locator(".document-text").click();
  await paste(page, "text/html", [...markup, ...linked, ...markup.map((one) => `<p>before ${one} after</p>`)]);
  await page.keyboard.type("the last words");
  await saved(page);
  await touchEverything(page);
  await isHarmless(page, "in the author's page");
  await until(() => textOf(bob.page), (text) => text.includes("the last words"), "the reader has it");
  await touchEverything(bob.page);
  await isHarmless(bob.page, "in the reader's page");
  await bob.context.close();
});

test("what is pasted as text stays the text that it was", async () => {
  const { page } = ada;
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.press("Delete");
  await paste(page, "text/plain", markup.map((one) => `${one}\n`));
  await saved(page);
  const text = await textOf(page);
  for (const one of ["<img src=x onerror=alert(1)>", "<svg onload=alert(1)>", "&lt;script&gt;alert(1)&lt;/script&gt;"]) {
    assert.ok(text.includes(one), one);
  }
  await isHarmless(page, "in the page");
});

test("a link leads to the web or to a mail address, whoever says otherwise", async () => {
  const { page } = ada;
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.press("Delete");
  await page.getByLabel("Block type").selectOption("paragraph");
  await page.locator(".document-text").click();
  await page.keyboard.type("words");
  await page.keyboard.press("ControlOrMeta+a");
  await page.getByRole("toolbar").getByRole("button", { name: "Link", exact: true }).click();
  for (const address of addresses.filter((one) => !/^https:/.test(one) && !/[\r\n\0]/.test(one))) {
    await page.getByLabel("Address", { exact: true }).fill(address);
    await page.keyboard.press("Enter");
    await until(() => page.getByRole("alert").count(), (count) => count === 1, `${address} is refused`);
  }
  await page.keyboard.press("Escape");
  await isHarmless(page, "by the dialog");
});

test("imported Markdown and what is exported of it run nothing, and come back the same", async () => {
  const links = addresses.flatMap((one) => [`[press](<${one.replaceAll(/[<>\r\n]/g, "")}>)`, `<${one}>`, `![image](${one})`]);
  const markdown = [...markup, ...links].join("\n\n");
  const imported = await made("/documents", { title: "Imported", markdown });
  const path = `/documents/${imported.document_id}/export?format=`;
  const window = await watched(await openWindow(browser));
  const html = await api("GET", `${path}html`);
  assert.equal(html.status, 200);
  const file = join(folder, "exported.html");
  // Without the policy that it brings: what it says must be harmless by itself.
  const bare = html.text.replace(/<meta http-equiv="?Content-Security-Policy"?[^>]*>/i, "");
  assert.notEqual(bare, html.text, "it brings a policy");
  await writeFile(file, bare);
  await window.page.goto(pathToFileURL(file).href);
  await isHarmless(window.page, "the exported file");
  await window.context.close();

  const first = await api("GET", `${path}markdown`);
  const again = await made("/documents", { title: "Again", markdown: first.text });
  const second = await api("GET", `/documents/${again.document_id}/export?format=markdown`);
  assert.equal(second.text, first.text);

  const reader = await watched({ context: ada.context, page: await ada.context.newPage() });
  // Opening a page in this context is what this test does itself.
  harm.length = 0;
  await reader.page.goto(`${new URL(ada.page.url()).origin}/${orgId}/${imported.document_id}`);
  await until(() => textOf(reader.page), (text) => text.includes("onerror"), "it is shown");
  await isHarmless(reader.page, "the imported document");
  await reader.page.close();
});

test("titles and names are shown as they are", async () => {
  const names = markup.map((one) => one.slice(0, 80).trim());
  const { page } = ada;
  for (const title of names) await made("/documents", { title });
  for (const name of names.slice(0, 40)) {
    await made("/groups", { name });
    await made("/folders", { name });
  }
  const hostile = "<img src=x onerror=alert(1)>";
  const title = page.getByLabel("Title");
  await title.fill(hostile);
  await title.press("Enter");
  await saved(page);
  const link = await shareLink(page, quire.servers[1]);
  const guest = await watched(await openWindow(browser));
  await guest.page.goto(link);
  await isHarmless(guest.page, "the page of the share link");
  await guest.page.getByLabel("Your name").fill("<svg onload=alert(1)>");
  await guest.page.keyboard.press("Enter");
  await guest.page.locator(".document-text").click();
  await guest.page.keyboard.type("me");
  await until(() => page.locator(".peer-caret").count(), (count) => count > 0, "the guest's caret is shown");
  assert.ok((await page.locator("body").innerText()).includes("<svg onload=alert(1)>") || (await page.locator(".peer-caret").first().textContent()).includes("<svg"), "under the guest's name");
  await isHarmless(page, "the document with the guest");
  await page.getByRole("button", { name: "Share" }).click();
  await page.getByRole("dialog").first().waitFor();
  await isHarmless(page, "the dialog of who may do what");
  await page.keyboard.press("Escape");
  await guest.context.close();

  await page.goto(`${new URL(page.url()).origin}/organisation/${orgId}`);
  await page.getByText("Groups", { exact: true }).first().click();
  const shows = (name) => until(() => page.locator("body").textContent(), (text) => text.includes(name), `${name} is shown`);
  await shows(names[0]);
  await isHarmless(page, "the organisation's page");
  await page.goto(new URL(page.url()).origin);
  await shows(names[5]);
  await isHarmless(page, "the list");
});

test("comments, quotes and anchors of others are text, and lead nowhere", async () => {
  const { page } = ada;
  await page.goto(new URL(page.url()).origin);
  const documentId = await page.evaluate(async ({ orgId, bodies }) => {
    const documents = `/api/v1/organisations/${orgId}/documents`;
    const post = async (path, body) => {
      const headers = { "x-quire": "1", "content-type": "application/json" };
      const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
      if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
      return answer.json();
    };
    const { document_id } = await post(documents, { title: "Commented", markdown: "some text" });
    const bytes = (length) => Array.from({ length }, (_, at) => String.fromCharCode((at * 37 + length) % 256)).join("");
    const anchor = (length) => globalThis.btoa(bytes(length)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
    for (const [at, body] of bodies.entries()) {
      const lengths = [1, 2, 3, 9, 17, 64, 511];
      const length = lengths[at % lengths.length];
      await post(`${documents}/${document_id}/comments`, {
        body, quote: body.slice(0, 1000), anchor: { start: anchor(length), end: anchor(length + 1) },
      });
    }
    return document_id;
  }, { orgId, bodies: markup });
  await page.goto(`${new URL(page.url()).origin}/${orgId}/${documentId}`);
  await page.getByRole("button", { name: /^Comments/ }).click();
  await until(() => page.locator(".comment-body").count(), (count) => count === markup.length, "all are shown");
  const bodies = await page.locator(".comment-body").evaluateAll((all) => all.map((element) => [element.childElementCount, element.textContent]));
  assert.deepEqual(bodies.map(([elements]) => elements).filter((count) => count > 0), [], "none has elements");
  assert.deepEqual(bodies.map(([, text]) => text).sort(), markup.map((text) => text.trim()).sort(), "each is as it was written");
  await page.getByText("The text was deleted.").first().waitFor();
  await isHarmless(page, "the comments");
  // The editor goes on all the same.
  await page.locator(".document-text").click();
  await page.keyboard.press("Control+End");
  await page.keyboard.type(", and more");
  await until(() => textOf(page), (text) => text === "some text, and more", "it is written");
  await saved(page);
});

test("the watch itself notices", async () => {
  const { page } = ada;
  await page.evaluate(() => {
    const image = document.createElement("img");
    image.setAttribute("onerror", "alert(1)");
    image.src = "https://canary.invalid/x";
    document.body.append(image);
  });
  await until(() => harm, (all) => all.length > 0, "it is noted");
  assert.ok((await dangers(page)).some((element) => element.includes("onerror")));
});
