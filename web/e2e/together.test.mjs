// Two people in two windows, each on a server of their own.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { arrive, invitation, saved, startBrowser, startQuire, statusOf, textOf, until } from "./kit.mjs";

let quire;
let browser;
let ada;
let grace;

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

const letters = (text) => text.replace(/[^a-z]/g, "");
const digits = (text) => text.replace(/[^0-9]/g, "");

async function clear() {
  await ada.page.locator(".document-text").click();
  await ada.page.keyboard.press("Control+A");
  await ada.page.keyboard.press("Delete");
  for (const { page } of [ada, grace]) await until(() => textOf(page), (text) => text === "", "the page is empty");
  await saved(ada.page);
}

test("two people who type at once in one paragraph read the same, and each finds all they typed", async () => {
  assert.equal(new URL(ada.page.url()).origin, quire.servers[0]);
  assert.equal(new URL(grace.page.url()).origin, quire.servers[1]);
  await ada.page.locator(".document-text").click();
  await grace.page.locator(".document-text").click();
  const adas = "abcdefghijklmnopqrstuvwxyz".repeat(4);
  const graces = "0123456789".repeat(10);
  await Promise.all([
    ada.page.keyboard.type(adas, { delay: 8 }),
    grace.page.keyboard.type(graces, { delay: 8 }),
  ]);
  await saved(ada.page);
  await saved(grace.page);
  const text = await until(() => textOf(ada.page), (found) => found.length === adas.length + graces.length, "all has come");
  assert.equal(await until(() => textOf(grace.page), (found) => found === text, "both read the same"), text);
  assert.equal(letters(text), adas);
  assert.equal(digits(text), graces);
});

test("each sees the other's caret with their name", async () => {
  await ada.page.keyboard.type("x");
  await grace.page.keyboard.type("0");
  for (const [one, other] of [[ada, grace], [grace, ada]]) {
    const caret = one.page.locator(".document-text .peer-caret").filter({ hasText: other.name });
    await caret.waitFor({ state: "attached" });
    assert.ok((await caret.boundingBox()).height > 5);
  }
});

test("undo takes back one's own text and leaves the other's", async () => {
  await clear();
  await ada.page.keyboard.type("mine");
  await until(() => textOf(grace.page), (text) => text === "mine", "it has come to the other");
  await grace.page.keyboard.press("Control+End");
  await grace.page.keyboard.type("12345");
  await until(() => textOf(ada.page), (text) => text === "mine12345", "the other's text has come");
  await ada.page.keyboard.press("Control+Z");
  for (const { page } of [ada, grace]) await until(() => textOf(page), (text) => text === "12345", "only the other's text is left");
  await ada.page.keyboard.press("Control+Y");
  for (const { page } of [ada, grace]) await until(() => textOf(page), (text) => text === "mine12345", "redo brings it back");
});

test("a caret that was just moved is not put back by what comes from the other", async () => {
  await clear();
  await ada.page.keyboard.type("middle");
  await until(() => textOf(grace.page), (text) => text === "middle", "it has come to the other");
  await grace.page.locator(".document-text").click();
  await grace.page.keyboard.press("Control+End");
  await ada.page.waitForFunction(() => {
    const line = document.querySelector(".document-text p");
    return line.firstChild.textContent === "middle" && line.querySelector(".peer-caret") !== null;
  });
  // The browser moves the caret, and before it tells of that, the other's caret is drawn anew.
  await ada.page.evaluate(() => {
    const { requestAnimationFrame } = window;
    window.requestAnimationFrame = (draw) => requestAnimationFrame((time) => {
      window.requestAnimationFrame = requestAnimationFrame;
      getSelection().collapse(document.querySelector(".document-text p").firstChild, 0);
      draw(time);
      window.hasMoved = true;
    });
  });
  await grace.page.keyboard.press("ArrowLeft");
  await ada.page.waitForFunction(() => window.hasMoved);
  await ada.page.keyboard.type("a");
  assert.equal(await textOf(ada.page), "amiddle");
});

test("a key acts where the caret was just moved to, before the browser has told of it", async () => {
  await clear();
  await ada.page.keyboard.type("one two");
  await ada.page.locator(".document-text").evaluate((element) => {
    // Somebody's caret may stand in it.
    const pieces = element.querySelector("p").childNodes;
    const text = [...pieces].find((piece) => piece.textContent.startsWith("one"));
    globalThis.getSelection().collapse(text, 3);
    // Made by hand, since a key of the keyboard comes after the news.
    element.dispatchEvent(new globalThis.KeyboardEvent("keydown", { key: "Enter", keyCode: 13, bubbles: true, cancelable: true }));
  });
  assert.equal(await textOf(ada.page), "one\n two");
  await saved(ada.page);
});

test("formatting and blocks made in one window are shown in the other", async () => {
  await clear();
  await ada.page.keyboard.type("# Plan");
  await ada.page.keyboard.press("Enter");
  await ada.page.keyboard.type("- **first** thing");
  await ada.page.keyboard.press("Enter");
  await ada.page.keyboard.type("second");
  const page = grace.page.locator(".document-text");
  await page.locator("h1", { hasText: "Plan" }).waitFor();
  await page.locator("ul li strong", { hasText: "first" }).waitFor();
  await page.locator("ul li", { hasText: "second" }).waitFor();
  assert.equal(await page.locator("ul > li").count(), 2);
});

test("offline edits outlive a reload and come together with the others', once each", async () => {
  await clear();
  await ada.page.keyboard.type("start ");
  await until(() => textOf(grace.page), (text) => text.startsWith("start"), "it has come to the other");
  await saved(ada.page);
  // From its second visit on the page is there without a server.
  await ada.page.waitForFunction(() => navigator.serviceWorker.ready.then(() => navigator.serviceWorker.controller !== null));

  await ada.context.setOffline(true);
  await ada.page.keyboard.type("written in a tunnel ");
  await grace.page.keyboard.press("Control+End");
  await grace.page.keyboard.type("written at a desk ");
  await saved(grace.page);
  const kept = /^Offline: [1-9]\d* changes? kept on this device$/;
  await until(() => statusOf(ada.page), (status) => kept.test(status), "the status says what is kept");

  await ada.page.reload();
  await until(() => textOf(ada.page), (text) => text === "start written in a tunnel ", "the reloaded page has the text");
  await until(() => statusOf(ada.page), (status) => kept.test(status), "the status still says what is kept");
  await ada.page.locator(".document-text").click();
  await ada.page.keyboard.press("Control+End");
  await ada.page.keyboard.type("and after it ");

  await ada.context.setOffline(false);
  await saved(ada.page);
  const text = await until(() => textOf(ada.page), (found) => found.includes("desk"), "the other's text has come");
  await until(() => textOf(grace.page), (found) => found === text, "both read the same");
  for (const part of ["start", "written in a tunnel", "and after it", "written at a desk"]) {
    assert.equal(text.split(part).length - 1, 1, `“${part}” once in “${text}”`);
  }
  assert.equal(text.length, "start written in a tunnel and after it written at a desk ".length);
});

test("two people offline at once lose nothing", async () => {
  await clear();
  for (const { context } of [ada, grace]) await context.setOffline(true);
  await ada.page.keyboard.type("abc".repeat(20));
  await grace.page.locator(".document-text").click();
  await grace.page.keyboard.type("123".repeat(20));
  for (const { page } of [ada, grace]) await until(() => statusOf(page), (status) => status.startsWith("Offline: "), "both are offline");
  for (const { context } of [ada, grace]) await context.setOffline(false);
  for (const { page } of [ada, grace]) await until(() => textOf(page), (text) => text.length === 120, "all has come");
  for (const { page } of [ada, grace]) await saved(page);
  const text = await textOf(ada.page);
  assert.equal(await textOf(grace.page), text);
  assert.equal(letters(text), "abc".repeat(20));
  assert.equal(digits(text), "123".repeat(20));
});

test("the page has had no fault in all this", () => {
  assert.deepEqual([...ada.faults, ...grace.faults], []);
});
