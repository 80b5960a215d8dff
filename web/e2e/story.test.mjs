// From the first sign-up to writing together, by keyboard alone.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openWindow, saved, startBrowser, startQuire, tabTo, textOf, until } from "./kit.mjs";

let quire;
let browser;
const windows = [];

before(async () => {
  quire = await startQuire({ QUIRE_OPEN_SIGN_UP: "true" });
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await quire?.stop();
});

async function open(address, options) {
  const opened = await openWindow(browser, options);
  windows.push(opened);
  await opened.page.goto(address);
  return opened.page;
}

/** Goes to it with Tab and presses a key there. */
async function press(page, target, key = "Enter") {
  await target.waitFor();
  await tabTo(page, target);
  await page.keyboard.press(key);
}

/** Goes to a field with Tab and types. */
async function fill(page, label, words) {
  const field = page.getByLabel(label, { exact: true });
  await field.waitFor();
  await tabTo(page, field);
  await page.keyboard.type(words);
}

/** Says who one is with a one-time link, and sets a password at once. */
async function comeIn(page, name, email, password) {
  await fill(page, "Your name", name);
  await press(page, page.getByLabel(/^Set a password/), "Space");
  await fill(page, "Mail address", email);
  await fill(page, "Password", password);
  await page.keyboard.press("Enter");
  await page.locator(".document-text[contenteditable=true]").waitFor();
}

async function write(page, words) {
  const text = page.locator(".document-text[contenteditable=true]");
  await text.waitFor();
  await tabTo(page, text);
  await page.keyboard.press("Control+End");
  await page.keyboard.type(words, { delay: 10 });
}

/** All read the same, and all of it. */
async function readTogether(pages, parts) {
  const [first, ...others] = pages;
  const text = await until(() => textOf(first), (found) => parts.every((part) => found.includes(part)), "all has come");
  for (const page of others) await until(() => textOf(page), (found) => found === text, "all read the same");
}

test("an owner invites, the invited signs up, and both write in one document and see each other", async () => {
  const ada = await open(quire.link);
  await comeIn(ada, "Ada", "ada@example.org", "an engine of analysis");
  const documentPath = new URL(ada.url()).pathname;
  await press(ada, ada.getByRole("button", { name: "Share" }));
  await press(ada, ada.getByRole("button", { name: "Invite to" }));
  await press(ada, ada.getByRole("button", { name: "Make a link" }));
  const link = new URL(await ada.getByLabel("Link for one person").inputValue());
  await ada.keyboard.press("Escape");

  const grace = await open(`${quire.servers[1]}${link.pathname}${link.hash}`);
  await grace.getByRole("heading", { name: /^Join / }).waitFor();
  await comeIn(grace, "Grace", "grace@example.org", "a compiler of sentences");
  assert.equal(new URL(grace.url()).pathname, documentPath);
  await Promise.all([write(ada, "Ada writes this."), write(grace, "Grace writes that.")]);
  const letters = async (page) => (await textOf(page)).replace(/\s/g, "").length;
  await until(() => letters(ada), (count) => count === "AdawritesthisGracewritesthat".length + 2, "all has come");
  await readTogether([ada, grace], []);
  await ada.getByRole("list", { name: "Also here" }).getByRole("img", { name: "Grace" }).waitFor();
  await grace.getByRole("list", { name: "Also here" }).getByRole("img", { name: "Ada" }).waitFor();
  await Promise.all([saved(ada), saved(grace)]);
});

test("somebody signs up without an invitation and shares the first document by a link", async () => {
  const hedy = await open(`${quire.servers[0]}/sign-in`, { viewport: { width: 390, height: 800 } });
  await press(hedy, hedy.getByRole("link", { name: "Sign up" }));
  await fill(hedy, "Your name", "Hedy");
  await fill(hedy, "Name of the organisation", "Frequencies");
  await fill(hedy, "Mail address", "ada@example.org");
  await fill(hedy, "Password", "hop hop hop");
  await hedy.keyboard.press("Enter");
  // What is wrong is said at the field.
  await hedy.getByRole("alert").waitFor();
  assert.equal(await hedy.getByLabel("Mail address").getAttribute("aria-invalid"), "true");
  await hedy.getByLabel("Mail address").focus();
  await hedy.keyboard.press("Control+A");
  await hedy.keyboard.type("hedy@example.org");
  await hedy.keyboard.press("Enter");
  await write(hedy, "Hedy begins.");
  await hedy.keyboard.press("Control+K");
  const panel = await hedy.getByRole("dialog", { name: "Link" }).boundingBox();
  assert.ok(panel.x >= 8 && panel.x + panel.width <= 382, `the panel stands within a narrow window: ${JSON.stringify(panel)}`);
  await hedy.keyboard.press("Escape");
  await press(hedy, hedy.getByRole("button", { name: "Share" }));
  await press(hedy, hedy.getByRole("button", { name: "Make a link" }));
  await hedy.getByLabel("Anybody with the link", { exact: true }).focus();
  await hedy.keyboard.type("Can edit");
  await press(hedy, hedy.getByRole("button", { name: "Make the link" }));
  const link = new URL(await hedy.getByLabel("Your new link").inputValue());
  await hedy.keyboard.press("Escape");

  const vera = await open(`${quire.servers[1]}${link.pathname}${link.hash}`);
  await fill(vera, "Your name", "Vera");
  await vera.keyboard.press("Enter");
  await write(vera, " Vera goes on.");
  await readTogether([hedy, vera], ["Hedy begins. Vera goes on."]);
});

test("where signing up is not open, nobody is offered it", async () => {
  const other = await startQuire();
  try {
    const page = await open(`${other.servers[0]}/sign-in`);
    await page.getByText("Quire lets people in by link").waitFor();
    await page.waitForLoadState("networkidle");
    assert.equal(await page.getByRole("link", { name: "Sign up" }).count(), 0);
    await page.goto(`${other.servers[0]}/sign-up`);
    await page.getByRole("heading", { name: "Signing up is not open here" }).waitFor();
  } finally {
    await other.stop();
  }
});

test("the page has had no fault in all this", () => {
  assert.deepEqual(windows.flatMap(({ faults }) => faults), []);
});
