// What a machine can say of accessibility: axe-core has nothing serious against any page, and the keyboard suffices.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { openWindow, saved, shareLink, startBrowser, startQuire, textOf } from "./kit.mjs";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** How the pages are looked at: each scheme of colours, at each width. */
const LOOKS = [
  { name: "light", colorScheme: "light", width: 1200 },
  { name: "dark", colorScheme: "dark", width: 1200 },
  { name: "light, narrow", colorScheme: "light", width: 390 },
  { name: "dark, narrow", colorScheme: "dark", width: 390 },
];

let quire;
let browser;
let ada;
let stranger;
let documentAddress;

before(async () => {
  quire = await startQuire({ QUIRE_OPEN_SIGN_UP: "true" });
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await quire?.stop();
});

/** What axe-core has against the page as it stands, in every look: "page, look: rule at selector: why". */
async function findings(page, name) {
  const found = [];
  for (const look of LOOKS) {
    await page.emulateMedia({ colorScheme: look.colorScheme, reducedMotion: "reduce" });
    await page.setViewportSize({ width: look.width, height: 800 });
    // Not a script of the page, which its Content Security Policy would refuse.
    await page.evaluate(AXE);
    const violations = await page.evaluate(async () => {
      const isEnding = (animation) => Number.isFinite(animation.effect.getComputedTiming().endTime);
      // The new look has to be painted; until then some elements still report the old colours.
      for (let frames = 0; frames < 2; frames += 1) await new Promise((resolve) => { globalThis.requestAnimationFrame(resolve); });
      await Promise.all(document.getAnimations().filter(isEnding).map((animation) => animation.finished.catch(() => undefined)));
      const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
      return violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    });
    for (const { id, nodes } of violations) {
      for (const { target, failureSummary } of nodes) {
        found.push(`${name}, ${look.name}: ${id} at ${target.join(" ")}: ${failureSummary.replace(/\s+/g, " ")}`);
      }
    }
  }
  await page.setViewportSize({ width: 1200, height: 800 });
  return found;
}

/** Looks at each of the pages: a name, and how one gets there. */
async function lookAt(page, visits) {
  const found = [];
  for (const [name, go] of visits) {
    await go();
    found.push(...await findings(page, name));
  }
  assert.equal(found.length, 0, `\n${found.join("\n")}`);
}

/** Where the focus is, and whether one sees it: an outline, a shadow or, in the text, the caret. */
function focusOf(page) {
  return page.evaluate(() => {
    const element = document.activeElement;
    const style = globalThis.getComputedStyle(element);
    const isOutlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
    return {
      what: element.outerHTML.slice(0, 120),
      isSomewhere: element !== document.body,
      isVisible: isOutlined || style.boxShadow !== "none" || element.isContentEditable,
    };
  });
}

/** Presses Tab until the focus is on it; on the way there it is always seen. */
async function tabTo(page, target) {
  for (let steps = 0; steps < 30; steps += 1) {
    if (await target.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press("Tab");
    const { what, isSomewhere, isVisible } = await focusOf(page);
    assert.ok(!isSomewhere || isVisible, `the focus is not seen at ${what}`);
  }
  assert.fail("the focus does not come there");
}

test("the pages of somebody who is not signed in have no serious finding", async () => {
  stranger = await openWindow(browser);
  const { page } = stranger;
  await lookAt(page, [
    ["sign-in", async () => {
      await page.goto(`${quire.servers[0]}/sign-in`);
      await page.getByRole("heading", { name: "Sign in" }).waitFor();
    }],
    ["sign-in refused", async () => {
      await page.getByLabel("Mail address").fill("nobody@example.org");
      await page.getByLabel("Password").fill("not a password of anybody");
      await page.keyboard.press("Enter");
      await page.getByRole("alert").waitFor();
    }],
    ["reset", async () => {
      await page.goto(`${quire.servers[0]}/reset#of-nobody`);
      await page.locator("h1").waitFor();
    }],
    ["sign-up", async () => {
      await page.goto(`${quire.servers[0]}/sign-up`);
      await page.getByLabel("Name of the organisation").waitFor();
    }],
    ["welcome", async () => {
      await page.goto(quire.link);
      await page.getByLabel("Your name").waitFor();
    }],
  ]);
});

test("from the welcome to the text by keyboard alone, and the focus is always seen", async () => {
  ada = await openWindow(browser);
  const { page } = ada;
  await page.goto(quire.link);
  const name = page.getByLabel("Your name");
  await name.waitFor();
  await tabTo(page, name);
  await page.keyboard.type("Ada");
  await page.keyboard.press("Enter");
  const text = page.locator(".document-text[contenteditable=true]");
  await text.waitFor();
  await tabTo(page, text);
  await page.keyboard.press("Control+End");
  await page.keyboard.type("Written without a mouse");
  assert.match(await textOf(page), /Written without a mouse/);
  await saved(page);
  documentAddress = page.url();
});

test("the pages of somebody who is signed in have no serious finding", async () => {
  const { page } = ada;
  const [, orgId] = new URL(documentAddress).pathname.split("/");
  const close = () => page.keyboard.press("Escape");
  await lookAt(page, [
    ["document", async () => {
      await page.getByRole("toolbar", { name: "Formatting" }).waitFor();
      for (const block of ["# A heading", "- an item", "", "> a quote", "", "`code` and **bold**", "[ ] to be done"]) {
        await page.keyboard.press("Enter");
        await page.keyboard.type(block);
      }
      await page.getByRole("checkbox").waitFor();
      await saved(page);
    }],
    ["download menu", async () => { await page.getByRole("button", { name: "Download" }).click(); }],
    ["document's menu", async () => { await page.getByRole("button", { name: "More", exact: true }).click(); }],
    ["link panel", async () => {
      await close();
      await page.locator(".document-text").click();
      await page.keyboard.press("Control+A");
      await page.keyboard.press("Control+K");
      await page.locator(".link-panel").waitFor();
    }],
    ["comments", async () => {
      await close();
      await page.locator(".document-text").click();
      await page.keyboard.press("Control+A");
      await page.keyboard.press("Control+Alt+KeyM");
      const panel = page.getByRole("complementary", { name: "Comments" });
      await panel.getByRole("textbox").waitFor();
      await page.keyboard.type("Is that so?");
      await page.keyboard.press("Control+Enter");
      await panel.getByRole("button", { name: "Reply" }).click();
    }],
    ["history", async () => {
      await page.getByRole("button", { name: "History", exact: true }).click();
      const panel = page.getByRole("complementary", { name: "History" });
      await panel.locator(".moment").first().click();
      await page.locator(".past-text ins").first().waitFor();
    }],
    ["who wrote what", async () => {
      await page.getByRole("button", { name: "Who wrote what" }).click();
      await page.locator(".past-written").first().waitFor();
    }],
    ["share dialog", async () => {
      await page.getByRole("button", { name: "Close the history" }).click();
      await page.getByRole("button", { name: "Share" }).click();
      await page.getByRole("combobox", { name: "Add people or groups" }).waitFor();
    }],
    ["new link", async () => { await page.getByRole("button", { name: "Make a link" }).click(); }],
    ["list", async () => {
      await page.goto(quire.servers[0]);
      await page.getByRole("heading", { name: "Documents" }).waitFor();
      await page.getByText("Welcome to Quire").first().waitFor();
    }],
    ["no access", async () => {
      await page.goto(documentAddress.replace(/.$/, (last) => (last === "0" ? "1" : "0")));
      await page.getByRole("button", { name: "Ask for access" }).waitFor();
    }],
    ["folder", async () => {
      const folder = await page.evaluate(async (address) => {
        const headers = { "x-quire": "1", "content-type": "application/json" };
        return (await fetch(address, { method: "POST", headers, body: `{"name": "Press"}` })).json();
      }, `/api/v1/organisations/${orgId}/folders`);
      await page.goto(`${quire.servers[0]}/organisation/${orgId}/folder/${folder.folder_id}`);
      await page.getByRole("heading", { name: "Press" }).waitFor();
    }],
    ["list with a folder", async () => {
      await page.goto(quire.servers[0]);
      await page.getByRole("link", { name: "Press" }).waitFor();
    }],
    ["account's menu", async () => { await page.getByRole("button", { name: "Account of Ada" }).click(); }],
    ["account", async () => {
      await page.goto(`${quire.servers[0]}/account`);
      await page.getByRole("button", { name: "Set a password" }).click();
    }],
    ...["members", "groups", "settings", "audit"].map((tab) => [`organisation's ${tab}`, async () => {
      await page.goto(`${quire.servers[0]}/organisation/${orgId}#${tab}`);
      await page.getByRole("main").waitFor();
      await page.waitForLoadState("networkidle");
    }]),
  ]);
});

test("the page that a share link leads to has no serious finding", async () => {
  await ada.page.goto(documentAddress);
  const link = await shareLink(ada.page, quire.servers[1], { password: "for Vera" });
  const { page } = stranger;
  await lookAt(page, [["share link", async () => {
    await page.goto(link);
    await page.getByLabel("Password of the link").waitFor();
  }]]);
});

test("the page has had no fault in all this", () => {
  assert.deepEqual([...ada.faults, ...stranger.faults], []);
});
