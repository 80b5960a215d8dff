// Accounts, sharing and what becomes of somebody whose rights are taken while they write.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  arrive, invitation, openWindow, saved, shareLink, startBrowser, startQuire, statusOf, tabTo, textOf, until,
} from "./kit.mjs";

let quire;
let browser;
let ada;
let grace;
let visitor;

const EMAIL = "grace@example.org";
const PASSWORD = "a compiler of sentences";
const NEW_PASSWORD = "a moth in the relay";

before(async () => {
  quire = await startQuire();
  browser = await startBrowser();
  ada = await arrive(browser, quire.link, "Ada");
  grace = await arrive(browser, await invitation(ada.page, quire.servers[1]), "Grace");
});

after(async () => {
  await browser?.close();
  await quire?.stop();
});

async function chooseInMenu({ page, name }, action) {
  await page.getByRole("button", { name: `Account of ${name}` }).click();
  await page.getByRole("menuitem", { name: action }).click();
}

test("somebody who came by an invitation sets a password and signs in again, without a mouse", async () => {
  const { page } = grace;
  const documentAddress = page.url();
  await page.getByRole("link", { name: "All documents" }).click();
  await chooseInMenu(grace, "Account");
  await page.getByRole("button", { name: "Set a password" }).click();
  await page.getByLabel("Mail address").fill(EMAIL);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.keyboard.press("Enter");
  await page.getByText(`You sign in as ${EMAIL}.`).waitFor();
  await page.getByText("Saved. Your other devices have been signed out.").waitFor();
  await chooseInMenu(grace, "Sign out");
  await page.getByRole("heading", { name: "You are not signed in here" }).waitFor();

  await page.goto(documentAddress);
  const signIn = page.getByRole("link", { name: "Sign in" });
  await signIn.waitFor();
  await tabTo(page, signIn);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.keyboard.type(EMAIL);
  await page.keyboard.press("Tab");
  await page.keyboard.type("another password");
  await page.keyboard.press("Enter");
  await page.getByText("The mail address or the password is wrong").waitFor();
  assert.equal(await page.getByLabel("Password").getAttribute("aria-invalid"), "true");
  await page.keyboard.press("Control+A");
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press("Enter");
  await page.locator(".document-text").waitFor();
  assert.equal(page.url(), documentAddress);
});

test("another device is listed and signed out", async () => {
  const phone = await openWindow(browser, { userAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0" });
  await phone.page.goto(`${quire.servers[0]}/sign-in`);
  await phone.page.getByLabel("Mail address").fill(EMAIL);
  await phone.page.getByLabel("Password").fill(PASSWORD);
  await phone.page.keyboard.press("Enter");
  await phone.page.getByRole("heading", { name: "Documents" }).waitFor();

  await grace.page.goto(`${quire.servers[1]}/account`);
  await grace.page.getByRole("button", { name: "Sign out Firefox on Linux" }).click();
  await grace.page.getByText("Firefox on Linux").waitFor({ state: "detached" });
  await phone.page.reload();
  await phone.page.getByRole("heading", { name: "You are not signed in here" }).waitFor();
  assert.deepEqual(phone.faults, []);
  await phone.context.close();
});

test("somebody who forgot the password sets a new one with the link of the mail, once, without a mouse", async () => {
  const { page, context, faults } = await openWindow(browser);
  await page.goto(`${quire.servers[0]}/sign-in`);
  const forgotten = page.getByRole("button", { name: "Forgot your password?" });
  await forgotten.waitFor();
  await tabTo(page, forgotten);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Set a new password" }).waitFor();
  await page.keyboard.type(EMAIL);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Look into your mail" }).waitFor();
  // Without a mail server, the log is the mail: whoever runs Quire finds it.
  const mail = /http\S+?(\/reset#[\w-]+)/;
  const logged = await until(() => quire.logged(), (words) => mail.test(words), "the mail is logged");
  const [, link] = mail.exec(logged);
  for (const isFirst of [true, false]) {
    await page.goto(`${quire.servers[0]}/sign-in`);
    await page.goto(`${quire.servers[0]}${link}`);
    await page.getByLabel("New password").waitFor();
    await page.keyboard.type(NEW_PASSWORD);
    await page.keyboard.press("Enter");
    if (isFirst) await page.getByRole("heading", { name: "Documents" }).waitFor();
    else await page.getByRole("alert").waitFor();
  }
  assert.deepEqual(faults, []);
  await context.close();
  // Everywhere else one is signed out by it.
  await grace.page.reload();
  await grace.page.goto(`${quire.servers[1]}/sign-in#${new URL(ada.page.url()).pathname}`);
  await grace.page.getByLabel("Mail address").fill(EMAIL);
  await grace.page.getByLabel("Password").fill(PASSWORD);
  await grace.page.keyboard.press("Enter");
  await grace.page.getByText("The mail address or the password is wrong").waitFor();
  await grace.page.getByLabel("Password").fill(NEW_PASSWORD);
  await grace.page.keyboard.press("Enter");
  await grace.page.locator(".document-text").waitFor();
});

test("a visitor with a link, on the other server, writes with the one who made it", async () => {
  const link = await shareLink(ada.page, quire.servers[1], { password: "for Vera" });
  visitor = await openWindow(browser);
  const { page } = visitor;
  await page.goto(link);
  await page.getByText("You can read and edit it.").waitFor();
  await page.getByLabel("Your name").fill("Vera");
  await page.getByLabel("Password of the link").fill("for Ada");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").waitFor();
  await page.getByLabel("Password of the link").fill("for Vera");
  await page.keyboard.press("Enter");
  await page.locator(".document-text").click();
  await ada.page.locator(".document-text").click();
  await Promise.all([ada.page.keyboard.type("abcdefghij", { delay: 20 }), page.keyboard.type("0123456789", { delay: 20 })]);
  const text = await until(() => textOf(ada.page), (found) => found.length >= 20, "all has come");
  await until(() => textOf(page), (found) => found === text, "both read the same");
  assert.equal(text.replace(/[^a-z]/g, ""), "abcdefghij");
  assert.equal(text.replace(/[^0-9]/g, ""), "0123456789");
  await ada.page.getByRole("list", { name: "Also here" }).getByRole("img", { name: "Vera" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Share" }).count(), 0);
  await saved(page);
});

test("the visitor whose link is revoked while they type is told, and the editor takes no more", async () => {
  const { page } = visitor;
  await ada.page.getByRole("button", { name: "Share" }).click();
  const typing = page.keyboard.type("x".repeat(400), { delay: 10 });
  await until(() => textOf(ada.page), (text) => text.includes("xx"), "the visitor is typing");
  await ada.page.getByRole("button", { name: /^Revoke/ }).click();
  await page.getByRole("dialog", { name: "You no longer have access" }).waitFor();
  assert.equal(await page.locator(".document-text").getAttribute("contenteditable"), "false");
  await typing;
  await ada.page.keyboard.press("Escape");
  await page.reload();
  // What was typed last may not have been saved; then the page opens with it.
  await page.getByRole("heading", { name: /^You (cannot open this document|no longer have access)$/ }).waitFor();
  await page.getByRole("link", { name: "Sign in with another account" }).waitFor();
  assert.deepEqual(visitor.faults, []);
});

async function letEveryone(role) {
  await ada.page.getByRole("button", { name: "Share" }).click();
  await ada.page.getByLabel(/^What Everyone in .* may do$/).selectOption(role);
  await ada.page.getByText("Shared with Everyone").waitFor({ state: "attached" });
  await ada.page.keyboard.press("Escape");
}

test("what was written offline by somebody who may only read by then is handed back", async () => {
  const { page, context } = grace;
  await page.goto(ada.page.url().replace(quire.servers[0], quire.servers[1]));
  await page.locator(".document-text").click();
  await page.keyboard.press("Control+End");
  await page.keyboard.type("seen by all");
  await saved(page);
  await context.setOffline(true);
  await page.keyboard.type(" and kept for me");
  await until(() => statusOf(page), (status) => status.startsWith("Offline: "), "it is offline");

  await letEveryone("view");
  await context.setOffline(false);
  await page.getByRole("dialog", { name: "You may only read this document now" }).waitFor();
  assert.match(await page.getByLabel("The text in this tab").inputValue(), /seen by all and kept for me$/);
  await page.getByRole("button", { name: "Go on without it" }).click();
  await page.getByRole("banner").getByText("View only").waitFor();
  const text = await until(() => textOf(page), (found) => found.includes("seen by all"), "the document goes on");
  assert.doesNotMatch(text, /kept for me/);
  await page.getByRole("button", { name: "More", exact: true }).click();
  await page.getByRole("menuitem", { name: "Unsaved text on this device" }).click();
  assert.match(await page.getByLabel(/^Text of/).inputValue(), /kept for me$/);
  await page.keyboard.press("Escape");
});

test("somebody whose right to write is taken while they type is told, and loses nothing that they typed", async () => {
  const { page } = grace;
  await letEveryone("edit");
  await page.reload();
  const editor = page.locator(".document-text[contenteditable=true]");
  await editor.click();
  await page.keyboard.press("Control+End");
  const typing = page.keyboard.type("y".repeat(300), { delay: 10 });
  await until(() => textOf(ada.page), (text) => text.includes("yy"), "she is typing");
  await letEveryone("view");
  await page.getByText("You may only read this document now").first().waitFor();
  await page.locator(".document-text[contenteditable=false]").waitFor();
  await typing;
  const shown = (await textOf(page)).match(/y*$/)[0].length;
  const taken = (await textOf(ada.page)).match(/y*$/)[0].length;
  if (shown > taken) {
    const copy = await page.getByLabel("The text in this tab").inputValue();
    assert.equal(copy.match(/y*$/)[0].length, shown);
  }
});

test("a group is made, given a document and named in the audit log, without a mouse", async () => {
  const { page } = ada;
  const documentAddress = page.url();
  const [, orgId] = new URL(documentAddress).pathname.split("/");
  await page.goto(`${quire.servers[0]}/organisation/${orgId}#groups`);
  const newGroup = page.getByRole("button", { name: "New group" });
  await newGroup.waitFor();
  await tabTo(page, newGroup);
  await page.keyboard.press("Enter");
  await page.keyboard.type("Editors");
  await page.keyboard.press("Enter");
  const add = page.getByRole("combobox", { name: "Add to Editors" });
  await add.waitFor();
  await tabTo(page, add);
  await page.keyboard.type("gra");
  await page.keyboard.press("Enter");
  await page.getByText("1 member", { exact: true }).waitFor();

  await page.goto(documentAddress);
  const share = page.getByRole("button", { name: "Share" });
  await share.press("Enter");
  await page.getByRole("combobox", { name: "Add people or groups" }).waitFor();
  await page.keyboard.type("edit");
  await page.keyboard.press("Enter");
  await page.getByLabel("What Editors may do").waitFor();
  await page.keyboard.press("Escape");
  assert.ok(await share.evaluate((element) => element === document.activeElement), "the focus is given back");
  await page.goto(`${quire.servers[0]}/organisation/${orgId}#audit`);
  await page.getByText("Ada let the group Editors edit “Welcome to Quire”").waitFor();
});

test("the page has had no fault in all this", () => {
  assert.deepEqual([...ada.faults, ...grace.faults], []);
});
