// History: who worked on a document, what it was then, versions with names, and bringing one back while another types.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { arrive, everyLook, invitation, openWindow, saved, shareLink, startBrowser, startQuire, tabTo, textOf, until } from "./kit.mjs";

let quire;
let browser;
let ada;
let grace;

before(async () => {
  quire = await startQuire();
  browser = await startBrowser();
  ada = await arrive(browser, quire.link, "Ada");
  grace = await arrive(browser, await invitation(ada.page, quire.servers[1]), "Grace");
  await write(ada.page, "Control+Home", "The engine weaves algebraic patterns.");
  await ada.page.keyboard.press("Enter");
  await ada.page.keyboard.type("It has no pretensions to originate anything.");
  await saved(ada.page);
  await until(() => textOf(grace.page), (text) => text.includes("anything."), "it has come");
});

after(async () => {
  await browser?.close();
  await quire?.stop();
});

const panel = (page) => page.getByRole("complementary", { name: "History" });
const past = (page) => page.getByRole("region", { name: "A moment of the past" });

async function write(page, where, text) {
  await page.locator(".document-text").click();
  await page.keyboard.press(where);
  await page.keyboard.type(text);
  await saved(page);
}

/** For whoever wants to look at it: QUIRE_SHOTS names a folder. */
async function shot(page, name) {
  if (process.env.QUIRE_SHOTS === undefined) return;
  await page.screenshot({ path: `${process.env.QUIRE_SHOTS}/${name}.png` });
}

/** Opens the history, if it is not open. */
async function openHistory(page) {
  const button = page.getByRole("button", { name: "History", exact: true });
  if ((await button.getAttribute("aria-expanded")) === "false") await button.click();
  await panel(page).locator(".moment").first().waitFor();
}

/** Chooses in the menu of the moment that is looked at. */
async function choose(page, label) {
  await past(page).getByRole("button", { name: "More for this version" }).click();
  await page.getByRole("menuitem", { name: label }).click();
}

test("a sitting shows what its author added and removed, and who wrote what", async () => {
  await grace.page.locator(".document-text").click();
  await grace.page.keyboard.press("Control+Home");
  for (let step = 0; step < 3; step += 1) await grace.page.keyboard.press("Control+Shift+ArrowRight");
  await grace.page.keyboard.type("Looms weave");
  await saved(grace.page);
  await until(() => textOf(ada.page), (text) => text.startsWith("Looms weave algebraic"), "it has come");
  const { page } = ada;
  await openHistory(page);
  const sittings = panel(page).locator(".moment");
  assert.match(await sittings.first().innerText(), /Grace/);
  await shot(page, "history-panel");
  await sittings.first().click();
  await past(page).locator("ins").first().waitFor();
  assert.equal((await past(page).locator("ins").allInnerTexts()).join(""), "Looms weave");
  assert.equal((await past(page).locator("del").allInnerTexts()).join(""), "The engine weaves");
  assert.match(await past(page).locator("ins").first().getAttribute("title"), /^Grace, /);
  assert.equal(await page.locator(".document-text").isVisible(), false, "it stands in the place of the document");
  await shot(page, "history-sitting");

  await panel(page).getByRole("button", { name: "Who wrote what" }).click();
  await past(page).getByRole("list", { name: "Authors" }).waitFor();
  const written = await until(
    () => past(page).locator(".past-written").evaluateAll((runs) => runs.map((run) => [run.title.split(",")[0], run.textContent])),
    (runs) => runs.length > 0,
    "the authors are shown",
  );
  assert.deepEqual(written, [
    ["Grace", "Looms weave"],
    ["Ada", " algebraic patterns."],
    ["Ada", "It has no pretensions to originate anything."],
  ]);
  await shot(page, "history-blame");
  await past(page).getByRole("button", { name: "Back to the document" }).click();
  await page.locator(".document-text").waitFor();
});

test("a version is named and restored while another types, and none of the other's words is lost", async () => {
  const { page } = ada;
  await openHistory(page);
  await panel(page).locator(".moment").nth(1).click();
  await past(page).getByText("The engine weaves").waitFor();
  await choose(page, "Name this version");
  await page.getByLabel("Name", { exact: true }).fill("As Ada wrote it");
  await page.keyboard.press("Enter");
  const named = panel(page).getByRole("button", { name: /^As Ada wrote it/ });
  await named.waitFor();
  await named.click();
  await past(page).getByText("The engine weaves").waitFor();
  await shot(page, "history-version");

  await grace.page.locator(".document-text").click();
  await grace.page.keyboard.press("Control+End");
  const typed = ` ${Array.from({ length: 60 }, (_, number) => `word${number}`).join(" ")}.`;
  const typing = grace.page.keyboard.type(typed, { delay: 15 });
  await until(() => fetchText(page, "/text"), (text) => text.includes("word5 "), "some of it is committed");
  await past(page).getByRole("button", { name: "Restore this version" }).click();
  await page.getByRole("dialog", { name: "Restore this version?" }).waitFor();
  await shot(page, "history-restore");
  await page.getByRole("button", { name: "Restore", exact: true }).click();
  await page.locator(".document-text").waitFor();
  await typing;
  await saved(grace.page);
  const text = await until(() => textOf(page), (shown) => shown.includes("word59."), "what was typed since has come");
  assert.equal(await textOf(grace.page), text);
  const version = "The engine weaves algebraic patterns.\nIt has no pretensions to originate anything.";
  assert.ok(text.startsWith(version), text);
  const { sittings } = JSON.parse(await fetchText(page, "/history"));
  const restored = sittings.find(({ author }) => author.name === "Ada");
  const before = await fetchText(page, `/text?at=before:${restored.first_edit}`);
  // What stood there when the version was brought back is in the history, all that came later in the text.
  const [early, late] = [before.slice(before.indexOf(" word0")), text.slice(version.length)];
  assert.ok(typed.startsWith(early) && typed.endsWith(late), `${early} | ${late}`);
  assert.ok(early.length + late.length >= typed.length, `${early} | ${late}`);
  assert.deepEqual([...ada.faults, ...grace.faults], []);
});

test("the history is used without a mouse, renames and removes names, and goes with Escape", async () => {
  const { page } = ada;
  await openHistory(page);
  await panel(page).focus();
  const version = panel(page).getByRole("button", { name: /^As Ada wrote it/ });
  await tabTo(page, version);
  await page.keyboard.press("Enter");
  await past(page).getByText("The engine weaves").waitFor();
  await tabTo(page, panel(page).getByRole("button", { name: "More for As Ada wrote it" }));
  await page.keyboard.press("Enter");
  await page.getByRole("menuitem", { name: "Rename" }).waitFor();
  await page.keyboard.press("Enter");
  await page.getByLabel("Name", { exact: true }).fill("First");
  await page.keyboard.press("Enter");
  await panel(page).getByRole("button", { name: "More for First" }).click();
  await page.getByRole("menuitem", { name: "Remove the name" }).click();
  await page.getByRole("button", { name: "Remove", exact: true }).click();
  await panel(page).getByRole("button", { name: /^First/ }).waitFor({ state: "detached" });
  await panel(page).focus();
  await page.keyboard.press("Escape");
  await panel(page).waitFor({ state: "detached" });
  await page.locator(".document-text").waitFor();
});

test("a version is downloaded as it was", async () => {
  const { page } = ada;
  await openHistory(page);
  await panel(page).locator(".moment").last().click();
  const [download] = await Promise.all([page.waitForEvent("download"), choose(page, "Download as plain text")]);
  assert.equal((await readFile(await download.path(), "utf8")).trim(), "", "before anybody wrote");
  await past(page).getByRole("button", { name: "Back to the document" }).click();
});

test("what one author changed is taken back, and whoever only reads sees the history but brings nothing back", async () => {
  const { page } = ada;
  await write(grace.page, "Control+Home", "WRONG ");
  await until(() => textOf(page), (text) => text.startsWith("WRONG The"), "it has come");
  await write(page, "Control+End", " Right.");
  await openHistory(page);
  await page.getByRole("button", { name: "Close the history" }).click();
  await openHistory(page);
  await panel(page).locator(".moment").nth(1).click();
  await past(page).getByText("WRONG").waitFor();
  await choose(page, "Take back these changes");
  await page.getByRole("button", { name: "Take back", exact: true }).click();
  await until(() => textOf(grace.page), (text) => text.startsWith("The engine") && text.endsWith("Right."), "only that went");

  const reader = await openWindow(browser);
  await reader.page.goto(await shareLink(page, quire.servers[1], { role: "view" }));
  await reader.page.getByLabel("Your name").fill("Vera");
  await reader.page.keyboard.press("Enter");
  await reader.page.locator(".document-text[contenteditable=false]").waitFor();
  await openHistory(reader.page);
  await panel(reader.page).locator(".moment").nth(1).click();
  await past(reader.page).locator(".past-text").waitFor();
  assert.equal(await reader.page.getByRole("button", { name: /Restore|Name this/ }).count(), 0);
  await past(reader.page).getByRole("button", { name: "More for this version" }).click();
  const offered = await reader.page.getByRole("menuitem").allInnerTexts();
  assert.ok(offered.every((label) => label.startsWith("Download as")), offered.join());
});

test("headings, lists, quotes, code and marks of the past look like those of the document", async () => {
  const { page } = ada;
  await page.getByRole("button", { name: "Close the history" }).click();
  await write(grace.page, "Control+End", "");
  for (const block of ["# A heading", "- an item", "another", "", "1. first", "second", "", "> a quote", "", "`code` and **bold**", "[ ] to be done"]) {
    await grace.page.keyboard.press("Enter");
    await grace.page.keyboard.type(block);
  }
  await saved(grace.page);
  await until(() => textOf(page), (text) => text.includes("to be done"), "it has come");
  await openHistory(page);
  await panel(page).locator(".moment").first().click();
  const shown = past(page).locator(".past-text");
  await shown.getByRole("heading", { name: "A heading" }).waitFor();
  assert.equal(await shown.getByText("bold", { exact: true }).evaluate((element) => element.closest("strong") !== null), true);
  assert.deepEqual(await shown.locator(".past-sign").allInnerTexts(), ["•", "•", "1.", "2.", "☐"]);
  await shot(page, "history-rich");
});

test("it looks right in the dark and where there is little room", async () => {
  const { page } = ada;
  await openHistory(page);
  await page.emulateMedia({ colorScheme: "dark" });
  // Colours change slowly.
  await page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished)));
  await shot(page, "history-dark");
  await page.setViewportSize({ width: 390, height: 800 });
  await shot(page, "history-narrow");
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1200, height: 800 });
});

test("an owner says how long history is kept, and the history says so to everybody", async () => {
  const { page } = ada;
  const [, orgId] = new URL(page.url()).pathname.split("/");
  await page.goto(`${quire.servers[0]}/organisation/${orgId}#settings`);
  await page.getByLabel("How long history is kept").selectOption("30");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("Saved", { exact: true }).waitFor();
  await everyLook(page, "retention-settings");
  await grace.page.reload();
  await grace.page.locator(".document-text").waitFor();
  await openHistory(grace.page);
  await panel(grace.page).getByText("History is kept for 30 days.").waitFor();
  await everyLook(grace.page, "retention-history");
});

/** What the server has of the open document at one of its addresses. */
function fetchText(page, rest) {
  return page.evaluate(async (address) => {
    const [, orgId, documentId] = globalThis.location.pathname.split("/");
    const response = await fetch(`/api/v1/organisations/${orgId}/documents/${documentId}${address}`);
    return response.text();
  }, rest);
}

