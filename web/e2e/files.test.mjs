// Documents out of files and into files, as people do it in the page.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { arrive, becomes, openWindow, saved, shareLink, startBrowser, startQuire, statusOf, textOf, until } from "./kit.mjs";

let quire;
let browser;
let ada;

before(async () => {
  quire = await startQuire();
  browser = await startBrowser();
  ada = await arrive(browser, quire.link, "Ada");
});

after(async () => {
  await browser?.close();
  await quire?.stop();
});

/** Chooses in the download menu, without a mouse; the file's name and what stands in it. */
async function download(page, format) {
  await page.getByRole("button", { name: "Download" }).press("Enter");
  const item = page.getByRole("menuitem", { name: format });
  await item.waitFor();
  while (!(await item.evaluate((element) => element === document.activeElement))) await page.keyboard.press("ArrowDown");
  const [file] = await Promise.all([page.waitForEvent("download"), page.keyboard.press("Enter")]);
  return { name: file.suggestedFilename(), content: await readFile(await file.path(), "utf8") };
}

/** Drops files onto the page as a browser does: names and texts. */
async function drop(page, files) {
  const data = await page.evaluateHandle((list) => {
    const transfer = new globalThis.DataTransfer();
    for (const [name, content] of list) transfer.items.add(new globalThis.File([content], name));
    return transfer;
  }, files);
  await page.dispatchEvent(".page", "dragover", { dataTransfer: data });
  await page.getByText("Drop Markdown or text files").waitFor();
  await page.dispatchEvent(".page", "drop", { dataTransfer: data });
}

const MINUTES = "# Minutes of _May_\n\nWe **agreed**.\n\n- first\n- second\n";

test("a Markdown file becomes a document, named after its first heading", async () => {
  const { page } = ada;
  await page.goto(quire.servers[0]);
  const [chooser] = await Promise.all([
    page.waitForEvent("filechooser"),
    page.getByRole("button", { name: "Import Markdown…" }).press("Enter"),
  ]);
  await chooser.setFiles({ name: "may.md", mimeType: "text/markdown", buffer: globalThis.Buffer.from(MINUTES) });
  await page.locator(".document-text h1").waitFor();
  await becomes(() => page.getByLabel("Title").inputValue(), "Minutes of May", "the title comes by another way than the text");
  assert.equal(await textOf(page), "Minutes of May\nWe agreed.\nfirst\nsecond");
});

test("a document is downloaded in each format under its own name, by a reader too", async () => {
  const { page } = ada;
  await saved(page);
  assert.deepEqual(await download(page, "Markdown"), { name: "Minutes of May.md", content: MINUTES });
  const visitor = await openWindow(browser);
  await visitor.page.goto(await shareLink(page, quire.servers[1], { role: "view" }));
  await visitor.page.getByRole("button", { name: "Open the document" }).click();
  await visitor.page.locator(".document-text h1").waitFor();
  const html = await download(visitor.page, "HTML");
  assert.equal(html.name, "Minutes of May.html");
  assert.match(html.content, /<strong>agreed<\/strong>/);
  const text = await download(visitor.page, "Plain text");
  assert.deepEqual(text, { name: "Minutes of May.txt", content: "Minutes of May\nWe agreed.\nfirst\nsecond" });
  assert.equal(JSON.parse((await download(visitor.page, "JSON")).content).title, "Minutes of May");
  assert.deepEqual(visitor.faults, []);
  await visitor.context.close();
});

test("who downloads with changes that are not saved is told, and can have the text of the tab", async () => {
  const { page, context } = ada;
  await context.setOffline(true);
  await page.locator(".document-text").click();
  await page.keyboard.press("Control+End");
  await page.keyboard.type(" and more");
  await page.getByText(/kept on this device/).waitFor();
  await page.getByRole("button", { name: "Download" }).click();
  await page.getByText("No server can be asked now").waitFor();
  assert.equal(await page.getByRole("menuitem").count(), 1);
  await page.keyboard.press("Escape");
  assert.match((await download(page, "Text in this tab")).content, /second and more/);
  await context.setOffline(false);
  await saved(page);

  // A server that takes its time to acknowledge.
  let isHeld = false;
  const slow = await context.newPage();
  await slow.routeWebSocket(/\/sync\/v1/, (socket) => {
    const server = socket.connectToServer();
    server.onMessage((message) => { if (!isHeld) socket.send(message); });
  });
  await slow.goto(page.url());
  await slow.locator(".document-text h1").waitFor();
  await saved(slow);
  isHeld = true;
  await slow.locator(".document-text h1").click();
  await slow.keyboard.type("!");
  await until(() => statusOf(slow), (status) => status === "Saving…", "it is being saved");
  await slow.getByRole("button", { name: "Download" }).click();
  await slow.getByText("1 change is not saved yet and not in the file.").waitFor();
  await slow.close();
});

test("files that are dropped become documents; one that cannot is named, and the others are there", async () => {
  const { page } = ada;
  await page.goto(quire.servers[0]);
  await page.getByRole("heading", { name: "Documents" }).waitFor();
  await drop(page, [
    ["notes.txt", "1. *not* Markdown\n  # nor a heading"],
    ["plan.md", "no heading"],
    ["picture.md", "a\0b"],
    ["long.md", "x".repeat(1024 * 1024 + 1)],
  ]);
  const alert = page.getByRole("alert");
  await alert.waitFor();
  assert.deepEqual((await alert.innerText()).split("\n"), [
    "“picture.md” is not a text.",
    "“long.md” is too large: a document can be made of 1 MiB of text at most.",
  ]);
  await page.getByText("2 documents were imported.").waitFor();
  await page.getByRole("link", { name: /^plan/ }).waitFor();
  await page.getByRole("link", { name: /^notes/ }).click();
  await until(() => textOf(page), (text) => text === "1. *not* Markdown\n  # nor a heading", "the text is as it was");
});

test("the page has had no fault in all this", () => {
  assert.deepEqual(ada.faults, []);
});
