// The admin page: what it shows, to whom, and that a server which is gone shows within five seconds.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { arrive, openWindow, saved, startBrowser, startQuire, tabTo, until } from "./kit.mjs";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const run = promisify(execFile);

let quire;
let browser;
let ada;

before(async () => {
  quire = await startQuire();
  browser = await startBrowser();
  ada = await arrive(browser, quire.link, "Ada");
  await ada.page.locator(".document-text").click();
  await ada.page.keyboard.type("Somebody writes, so that there is something to see.");
  await saved(ada.page);
});

after(async () => {
  await browser?.close();
  await quire?.stop();
});

/** For whoever wants to look at it: QUIRE_SHOTS names a folder. */
async function shot(page, name, options = {}) {
  if (process.env.QUIRE_SHOTS === undefined) return;
  await page.screenshot({ path: `${process.env.QUIRE_SHOTS}/${name}.png`, ...options });
}

/** The process that listens there. */
async function serverOf(url) {
  const { stdout } = await run("ss", ["-Hltnp", `sport = :${new URL(url).port}`]);
  const [, pid] = /pid=(\d+)/.exec(stdout) ?? assert.fail(stdout);
  return Number(pid);
}

const part = (page, name) => page.getByRole("region", { name, exact: true }).first();
const address = (url) => url.replace("http://", "");

test("the owner comes to it by the menu, with the keyboard alone", async () => {
  const { page } = ada;
  await page.goto(`${quire.servers[0]}/`);
  const menu = page.getByRole("button", { name: "Account of Ada" });
  await menu.waitFor();
  await tabTo(page, menu);
  await page.keyboard.press("Enter");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Administration" }).waitFor();
  assert.equal(new URL(page.url()).pathname, "/admin");
});

test("servers, database and the busiest are shown, and figures go on by themselves", async () => {
  const { page } = ada;
  const servers = part(page, "Servers");
  for (const url of quire.servers) {
    const row = servers.getByRole("row").filter({ hasText: address(url) });
    await until(() => row.innerText(), (text) => /Ready/.test(text) && /primary/.test(text), url);
  }
  await until(() => part(page, "Busiest documents").innerText(), (text) => /[0-9a-f-]{36}/.test(text), "what Ada wrote");
  await until(() => part(page, "Replication slots").innerText(), (text) => /temporary, logical/.test(text), "the servers' slots");
  await until(() => part(page, "Replicas").innerText(), (text) => /The primary is/.test(text), "where the primary is");
  const chart = page.getByRole("img", { name: /^Log written in the last three minutes/ });
  await until(() => chart.locator(".chart-line").getAttribute("d"), (line) => (line ?? "").split("L").length > 4, "a line");
  await page.setViewportSize({ width: 1280, height: 900 });
  await shot(page, "admin", { fullPage: true });
  await page.emulateMedia({ colorScheme: "dark" });
  await shot(page, "admin-dark", { fullPage: true });
  await page.setViewportSize({ width: 390, height: 800 });
  await shot(page, "admin-narrow-dark", { fullPage: true });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(overflow, 0, "nothing but tables scrolls sideways");
  await page.emulateMedia({ colorScheme: "light" });
  await shot(page, "admin-narrow");
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.evaluate(AXE);
  const violations = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
    return violations.filter(({ impact }) => impact === "serious" || impact === "critical").map(({ id, nodes }) => `${id}: ${nodes[0].html}`);
  });
  assert.deepEqual(violations, []);
});

test("nobody else finds a page there", async () => {
  const { page } = ada;
  await page.goBack();
  await page.locator(".document-row, .rows a, a").filter({ hasText: /welcome|draft|document/i }).first().waitFor();
  const { page: other } = await openWindow(browser);
  await other.goto(`${quire.servers[0]}/admin`);
  await other.getByRole("link", { name: /sign in/i }).first().waitFor();
  await ada.page.goto(`${quire.servers[0]}/admin`);
  await ada.page.getByRole("heading", { name: "Administration" }).waitFor();
});

test("when the server does not answer, the page says that what it shows is old", async () => {
  const { page } = ada;
  await part(page, "Servers").waitFor();
  await page.route("**/api/v1/admin/overview", (route) => route.abort());
  await page.getByRole("alert").filter({ hasText: "What is shown is old" }).waitFor();
  await page.getByText("All was well when it was last seen.").waitFor();
  await shot(page, "admin-old");
  await page.unroute("**/api/v1/admin/overview");
  await page.getByRole("alert").waitFor({ state: "detached" });
});

test("a server that is asked nothing more of falls silent on the page within five seconds", async () => {
  const { page } = ada;
  const servers = part(page, "Servers");
  await servers.waitFor();
  const pid = await serverOf(quire.servers[1]);
  process.kill(pid, "SIGSTOP");
  const stopped = Date.now();
  try {
    const row = servers.getByRole("row").filter({ hasText: address(quire.servers[1]) });
    await until(() => row.innerText(), (text) => /Silent/.test(text), "it is silent");
    const findings = part(page, "Findings");
    assert.match(await findings.innerText(), /has been silent for/);
    assert.ok(Date.now() - stopped < 7_000, "five seconds, and two until the page looks again");
    await shot(page, "admin-silent", { fullPage: true });
  } finally {
    process.kill(pid, "SIGCONT");
  }
  await until(() => part(page, "Findings").innerText(), (text) => !/silent/.test(text), "it is back");
});
