// Asking for access, folders and giving a document away, as people do it in the page.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { arrive, becomes, everyLook, invitation, openWindow, saved, startBrowser, startQuire, tabTo, textOf, until } from "./kit.mjs";

let quire;
let browser;
let ada;
let grace;
let documentPath;

before(async () => {
  quire = await startQuire();
  browser = await startBrowser();
  ada = await arrive(browser, quire.link, "Ada");
  grace = await arrive(browser, await invitation(ada.page, quire.servers[1]), "Grace");
  documentPath = new URL(ada.page.url()).pathname;
});

after(async () => {
  await browser?.close();
  await quire?.stop();
});

async function openShare(page) {
  await page.getByRole("button", { name: "Share" }).click();
  await page.getByRole("combobox", { name: "Add people or groups" }).waitFor();
}

test("what is loaded into the dialog takes the focus from nothing that somebody went to", async () => {
  const { page } = ada;
  let release;
  const held = new Promise((resolve) => { release = resolve; });
  await page.route(/\/members(\?|$)/, async (route) => {
    await held;
    await route.continue();
  });
  const field = page.getByRole("combobox", { name: "Add people or groups" });
  await page.getByRole("button", { name: "Share" }).click();
  const done = page.getByRole("button", { name: "Done" });
  await tabTo(page, done);
  assert.ok(!(await field.isVisible()), "it is still to come");
  release();
  await field.waitFor();
  // Effects come after what is painted.
  await page.evaluate(() => new Promise((resolve) => document.defaultView.requestAnimationFrame(() => setTimeout(resolve))));
  assert.ok(await done.evaluate((button) => button === document.activeElement), "the focus went elsewhere");
  await page.unroute(/\/members(\?|$)/);
  await page.keyboard.press("Escape");
  await openShare(page);
  await becomes(() => field.evaluate((input) => input === document.activeElement), true, "whoever went nowhere may write at once");
  await page.keyboard.press("Escape");
});

test("who may not open a document asks for access without a mouse, is given it, and writes", async () => {
  await openShare(ada.page);
  await ada.page.getByLabel(/^What Everyone in .* may do$/).selectOption("none");
  await ada.page.getByText(/^No longer shared with Everyone/).waitFor({ state: "attached" });
  await ada.page.keyboard.press("Escape");

  const { page } = grace;
  const absent = documentPath.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
  const shown = [];
  for (const path of [absent, documentPath]) {
    await page.goto(`${quire.servers[1]}${path}`);
    await page.getByRole("heading", { name: "You cannot open this document" }).waitFor();
    const message = page.getByLabel("Message (optional)");
    await message.focus();
    await page.keyboard.type("I write the <b>second</b> part");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByText("Asked. If there is such a document").waitFor();
    shown.push(await page.locator("main").innerText());
  }
  assert.equal(shown[0], shown[1], "whether it exists is not told");

  await ada.page.goto(quire.servers[0]);
  await ada.page.getByText("1 asks for access").waitFor();
  await ada.page.goto(`${quire.servers[0]}${documentPath}`);
  await ada.page.getByRole("button", { name: /Share.*1 asks/ }).waitFor();
  await openShare(ada.page);
  await ada.page.getByText("I write the <b>second</b> part").waitFor();
  await ada.page.getByLabel("What Grace may do").selectOption("edit");
  await ada.page.getByRole("button", { name: "Give access to Grace" }).press("Enter");
  await ada.page.getByText("Shared with Grace.").waitFor({ state: "attached" });
  await ada.page.getByText("Somebody asks for access").waitFor({ state: "detached" });
  await ada.page.keyboard.press("Escape");

  await page.getByRole("button", { name: "Try again" }).click();
  await page.locator(".document-text[contenteditable=true]").click();
  await page.keyboard.type("the second part");
  await until(() => textOf(ada.page), (text) => text.includes("the second part"), "it has come");
});

test("a request is dismissed", async () => {
  await openShare(ada.page);
  await ada.page.getByRole("button", { name: "Remove Grace" }).click();
  await ada.page.getByText("No longer shared with Grace.").waitFor({ state: "attached" });
  await ada.page.keyboard.press("Escape");
  await grace.page.reload();
  await grace.page.getByRole("button", { name: "Ask for access" }).click();
  await grace.page.getByText("Asked.").waitFor();
  await ada.page.reload();
  await openShare(ada.page);
  await ada.page.getByRole("button", { name: "Dismiss the request of Grace" }).click();
  await ada.page.getByText("The request of Grace was dismissed.").waitFor({ state: "attached" });
  await ada.page.getByText("Somebody asks for access").waitFor({ state: "detached" });
  await ada.page.keyboard.press("Escape");
});

test("a share link to a folder shows a visitor what lies in it, and only that", async () => {
  const [, orgId] = documentPath.split("/");
  const { page } = ada;
  await page.goto(quire.servers[0]);
  for (const name of ["Press", "Drafts"]) {
    await page.getByRole("button", { name: "New folder" }).click();
    await page.getByLabel("Name", { exact: true }).fill(name);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name }).waitFor();
  }
  await page.getByRole("navigation", { name: "Folders above" }).getByRole("link", { name: "Press" }).click();
  await page.getByRole("heading", { name: "Press" }).waitFor();
  await page.getByText("No documents lie in this folder.").waitFor();
  const folderPath = new URL(page.url()).pathname;
  await page.getByRole("button", { name: "New document" }).click();
  await page.locator(".document-text[contenteditable=true]").click();
  await page.keyboard.type("for the press");
  await page.getByLabel("Title").fill("Release");
  const renamed = page.waitForResponse((answer) => answer.request().method() === "PATCH");
  await page.keyboard.press("Enter");
  assert.ok((await renamed).ok());
  await saved(page);
  await page.goto(`${quire.servers[0]}${folderPath}`);
  await openShare(page);
  await page.getByRole("button", { name: "Make a link" }).click();
  await page.getByRole("button", { name: "Make the link" }).click();
  const made = new URL(await page.getByLabel("Your new link").inputValue());
  await page.keyboard.press("Escape");

  const visitor = await openWindow(browser);
  await visitor.page.goto(`${quire.servers[1]}${made.pathname}${made.hash}`);
  await visitor.page.getByText("You can read what lies in it.").waitFor();
  await visitor.page.getByRole("button", { name: "Open the folder" }).click();
  await visitor.page.getByRole("heading", { name: "Press" }).waitFor();
  assert.equal(await visitor.page.getByRole("button", { name: "Share" }).count(), 0);
  assert.equal(await visitor.page.getByRole("button", { name: "New document" }).count(), 0);
  await visitor.page.getByRole("link", { name: "Drafts" }).click();
  await visitor.page.getByRole("heading", { name: "Drafts" }).waitFor();
  await visitor.page.getByRole("navigation", { name: "Folders above" }).getByRole("link", { name: "Press" }).click();
  await visitor.page.getByRole("link", { name: /^Release/ }).click();
  await until(() => textOf(visitor.page), (text) => text === "for the press", "it is read");
  await visitor.page.goto(`${quire.servers[1]}/organisation/${orgId}/folder/${orgId}`);
  await visitor.page.getByRole("heading", { name: "You cannot open this folder" }).waitFor();
  assert.deepEqual(visitor.faults, []);
  await visitor.context.close();
});

test("a document is moved from folder to folder, and only an empty folder is deleted", async () => {
  const { page } = ada;
  const choose = async (menu, action) => {
    await page.getByRole("button", { name: menu, exact: true }).press("Enter");
    await page.getByRole("menuitem", { name: action }).press("Enter");
  };
  await choose("More for Release", "Move to a folder…");
  await page.getByLabel("Folder", { exact: true }).selectOption("Press / Drafts");
  await page.getByRole("button", { name: "Move", exact: true }).click();
  await page.getByText("No documents lie in this folder.").waitFor();
  await choose("More", "Delete the folder");
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByText(/this folder is not empty/i).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("link", { name: "Drafts" }).click();
  await choose("More for Release", "Move to a folder…");
  await page.getByLabel("Folder", { exact: true }).selectOption("No folder");
  await page.getByRole("button", { name: "Move", exact: true }).click();
  await page.getByText("No documents lie in this folder.").waitFor();
  await choose("More", "Rename");
  await page.getByLabel("Name", { exact: true }).fill("Old drafts");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Old drafts" }).waitFor();
  await choose("More", "Delete the folder");
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("heading", { name: "Press" }).waitFor();
  await page.getByRole("navigation", { name: "Folders above" }).getByRole("link", { name: "Documents" }).click();
});

test("an owner gives a document away, is told what that means, and goes on editing", async () => {
  const { page } = ada;
  await page.getByRole("link", { name: /^Release/ }).click();
  await page.locator(".document-text[contenteditable=true]").waitFor();
  await openShare(page);
  await page.getByRole("button", { name: "Give away…" }).press("Enter");
  await page.getByRole("combobox", { name: "New owner" }).waitFor();
  await page.keyboard.type("gra");
  await page.keyboard.press("Enter");
  await page.getByText("Grace will own it").waitFor();
  await page.getByRole("button", { name: "Give it to Grace" }).press("Enter");
  await page.getByText("Grace owns it now.").waitFor({ state: "attached" });
  await page.getByRole("listitem").filter({ hasText: /Owner/ }).filter({ hasText: "Grace" }).waitFor();
  await page.getByLabel("What Ada may do").waitFor();
});

test("the page has had no fault in all this", () => {
  assert.deepEqual([...ada.faults, ...grace.faults], []);
});

test("a document is published by a switch, read by anybody without signing in, and withdrawn at once", async () => {
  await ada.page.goto(`${quire.servers[0]}${documentPath}`);
  await openShare(ada.page);
  await ada.page.getByLabel("Anybody can read it as a page, without signing in").click();
  const address = await ada.page.getByLabel("Address of the page").inputValue();
  const { page: stranger } = await openWindow(browser);
  const shown = await stranger.goto(address);
  assert.equal(shown.status(), 200);
  assert.match(shown.headers()["content-security-policy"], /sandbox/);
  assert.equal(await stranger.locator("meta[name=robots]").getAttribute("content"), "noindex");
  const width = await stranger.evaluate(() => window.getComputedStyle(document.body).maxWidth);
  assert.notEqual(width, "none", "its style is let through by its policy");
  await everyLook(ada.page, "published-switch");
  await everyLook(stranger, "published-page");
  await ada.page.getByLabel("Search engines may list it").click();
  await until(async () => (await fetch(address)).headers.get("x-robots-tag"), (tag) => tag === null, "it may be listed");
  await ada.page.getByLabel("Anybody can read it as a page, without signing in").click();
  await until(async () => (await fetch(address)).status, (status) => status === 410, "it is withdrawn");
  await ada.page.keyboard.press("Escape");
});
