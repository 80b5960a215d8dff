// What the browser tests share: Quire on two servers, people with windows of their own, and waiting for things.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { chromium } from "playwright-core";

const PROGRAM = process.env.QUIRE_PROGRAM ?? fileURLToPath(new URL("../../target/debug/quire", import.meta.url));
/** How long anything may take; a machine that also compiles is slow. */
const PATIENCE_MS = 30_000;

/** `quire dev` with two servers on a database of its own, and with further settings, by their names in the environment. */
export async function startQuire(settings = {}) {
  const folder = await mkdtemp(join(tmpdir(), "quire-e2e-"));
  // Started by root, Postgres runs as another user, who has to get at its data.
  await chmod(folder, 0o755);
  const child = spawn(PROGRAM, ["dev", "--data", join(folder, "data"), "--servers", "2"], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...settings },
  });
  const exited = new Promise((resolve) => { child.once("exit", resolve); });
  let output = "";
  let complaints = "";
  child.stderr.on("data", (bytes) => { complaints += bytes; });
  const greeted = new Promise((resolve, reject) => {
    child.stdout.on("data", (bytes) => {
      output += bytes;
      if (output.includes("Ctrl-C stops.")) resolve();
    });
    child.once("error", reject);
    child.once("exit", (code) => { reject(new Error(`quire dev ended with ${code}: ${output}${complaints}`)); });
  });
  await greeted;
  const [link] = output.match(/http:\S+\/welcome#\S+/) ?? [];
  const servers = [...(output.match(/The servers are (.*)\.\n/)?.[1].matchAll(/http:[^\s,]+/g) ?? [])].map(([url]) => url);
  assert.equal(servers.length, 2, output);
  return {
    link,
    servers,
    /** What it and its servers have logged. */
    logged: () => complaints,
    async stop() {
      child.kill("SIGINT");
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function startBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ],
  });
}

/** A window in which nobody is signed in; `faults` is what went wrong in it. */
export async function openWindow(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const faults = [];
  page.on("pageerror", (error) => { faults.push(String(error.stack)); });
  page.on("console", (message) => {
    if (/^editor:|Content Security Policy/.test(message.text())) faults.push(message.text());
  });
  return { context, page, faults };
}

/** A window of a new person, who comes by a one-time link and lands in a document. */
export async function arrive(browser, link, name, options = {}) {
  const { context, page, faults } = await openWindow(browser, options);
  await page.goto(link);
  await page.getByLabel("Your name").fill(name);
  await page.keyboard.press("Enter");
  await page.locator(".document-text").waitFor();
  return { context, page, name, faults };
}

/** The link of an invitation to the document that is open, made with the dialog, for the given server. */
export async function invitation(page, server) {
  await page.getByRole("button", { name: "Share" }).click();
  await page.getByRole("button", { name: "Invite to" }).click();
  await page.getByRole("button", { name: "Make a link" }).click();
  const made = new URL(await page.getByLabel("Link for one person").inputValue());
  await page.keyboard.press("Escape");
  return `${server}${made.pathname}${made.hash}`;
}

/** A share link to the document that is open, made with the dialog, for the given server. */
export async function shareLink(page, server, { role = "edit", password = "" } = {}) {
  await page.getByRole("button", { name: "Share" }).click();
  await page.getByRole("button", { name: "Make a link" }).click();
  await page.getByLabel("Anybody with the link", { exact: true }).selectOption(role);
  await page.getByLabel("Password (optional)").fill(password);
  await page.getByRole("button", { name: "Make the link" }).click();
  const made = new URL(await page.getByLabel("Your new link").inputValue());
  await page.keyboard.press("Escape");
  return `${server}${made.pathname}${made.hash}`;
}

/** What the person reads in the document, without the names at others' carets. */
export function textOf(page) {
  return page.locator(".document-text").evaluate((element) => {
    const copy = element.cloneNode(true);
    for (const caret of copy.querySelectorAll(".peer-caret")) caret.remove();
    return [...copy.children].map((block) => block.textContent).join("\n").replaceAll("\u00a0", " ");
  });
}

export function statusOf(page) {
  return page.getByRole("status").first().innerText();
}

/** Asks again until the answer is right; says the last one when it never is. */
export async function until(ask, isRight, what) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (isRight(answer)) return answer;
    if (Date.now() > deadline) assert.fail(`${what}: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => { setTimeout(resolve, 25); });
  }
}

/** Asks again until the answer is what is expected. */
export function becomes(ask, expected, what) {
  return until(ask, (answer) => isDeepStrictEqual(answer, expected), `${what} (expected ${JSON.stringify(expected)})`);
}

export function saved(page) {
  return until(() => statusOf(page), (status) => status === "Saved", "everything is saved");
}

/** Presses Tab until the focus is on it, as somebody without a mouse does. */
export async function tabTo(page, target) {
  for (let steps = 0; steps < 30; steps += 1) {
    if (await target.evaluate((element) => element === document.activeElement)) return;
    // In the text Tab indents, unless Escape was pressed before.
    if (await page.evaluate(() => document.activeElement?.closest(".document-text") !== null)) await page.keyboard.press("Escape");
    await page.keyboard.press("Tab");
  }
  assert.fail("the focus does not come there");
}

/** For whoever wants to look at it: in the light, in the dark, and where there is little room. QUIRE_SHOTS names a folder. */
export async function everyLook(page, name) {
  const folder = process.env.QUIRE_SHOTS;
  if (folder === undefined) return;
  const size = page.viewportSize();
  const narrow = { width: 390, height: 800 };
  for (const [look, colorScheme, room] of [["dark", "dark", size], ["narrow", "light", narrow], ["light", "light", size]]) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize(room);
    // Colours change slowly.
    await page.evaluate(() => Promise.allSettled(document.getAnimations().map((animation) => animation.finished)));
    await page.screenshot({ path: `${folder}/${name}-${look}.png` });
  }
}
