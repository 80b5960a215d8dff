// Comments: two people see each other's without loading anew, also one who may not edit.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { arrive, invitation, openWindow, saved, shareLink, startBrowser, startQuire, statusOf, tabTo, textOf, until } from "./kit.mjs";

let quire;
let browser;
let ada;
let grace;

before(async () => {
  quire = await startQuire();
  browser = await startBrowser();
  ada = await arrive(browser, quire.link, "Ada");
  grace = await arrive(browser, await invitation(ada.page, quire.servers[1]), "Grace");
  await ada.page.locator(".document-text").click();
  await ada.page.keyboard.type("The engine weaves algebraic patterns.");
  await ada.page.keyboard.press("Enter");
  await ada.page.keyboard.type("A second paragraph.");
  await saved(ada.page);
  await until(() => textOf(grace.page), (text) => text.includes("A second paragraph."), "it has come");
});

after(async () => {
  await browser?.close();
  await quire?.stop();
});

const panel = (page) => page.getByRole("complementary", { name: "Comments" });

/** Selects words in the text, as a reader does with the mouse. */
async function select(page, words) {
  await page.locator(".document-text").evaluate((element, wanted) => {
    const walker = document.createTreeWalker(element, 4);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const at = node.data.indexOf(wanted);
      if (at < 0) continue;
      getSelection().setBaseAndExtent(node, at, node, at + wanted.length);
      return;
    }
    throw new Error(`no ${wanted}`);
  }, words);
  await page.getByRole("button", { name: "Comment on what is selected" }).waitFor();
}

/** What is marked in the text. */
function marked(page) {
  return page.locator(".commented").allInnerTexts();
}

test("a comment on selected text is seen by the other without loading anew, and answered", async () => {
  await select(ada.page, "algebraic patterns");
  await ada.page.getByRole("button", { name: "Comment on what is selected" }).click();
  await ada.page.getByLabel("Comment on what is selected").last().waitFor();
  await ada.page.keyboard.type("Which <b>ones</b>?\nAll of them?");
  await ada.page.keyboard.press("Control+Enter");
  await panel(ada.page).getByText("Which <b>ones</b>?").waitFor();

  await until(() => marked(grace.page), (words) => words.join() === "algebraic patterns", "it is marked for the other");
  await grace.page.locator(".commented").click();
  await panel(grace.page).getByText("Which <b>ones</b>?").waitFor();
  await panel(grace.page).getByRole("button", { name: "Reply" }).click();
  await grace.page.keyboard.type("Jacquard's.");
  await grace.page.keyboard.press("Control+Enter");
  await panel(ada.page).getByText("Jacquard's.").waitFor();
});

test("a comment stays with its text whatever others type, and shows its quote when the text is gone", async () => {
  const { page } = grace;
  await select(page, "second");
  await page.keyboard.press("Control+Alt+KeyM");
  await panel(page).getByRole("textbox").waitFor();
  await page.keyboard.type("Why?");
  await page.keyboard.press("Control+Enter");
  await panel(page).getByText("Why?").waitFor();
  await ada.page.locator(".document-text").click();
  await ada.page.keyboard.press("Control+Home");
  await ada.page.keyboard.type("First of all. ");
  await until(() => marked(page), (words) => words.join("|") === "algebraic patterns|second", "both stay with their words");
  assert.deepEqual(await panel(page).locator(".quote").allInnerTexts(), ["algebraic patterns", "second"]);
  await select(ada.page, "second");
  await ada.page.keyboard.press("Delete");
  await panel(page).getByText("The text was deleted.").waitFor();
  assert.deepEqual(await marked(page), ["algebraic patterns"]);
  assert.equal(await panel(page).locator("s").innerText(), "second");
  await saved(ada.page);
});

test("a thread is resolved, found again, reopened, edited and deleted, without a mouse", async () => {
  const { page } = ada;
  const thread = panel(page).locator(".thread").filter({ hasText: "Which" });
  const press = async (button) => {
    await button.waitFor();
    await button.focus();
    await page.keyboard.press("Enter");
  };
  await press(thread.getByRole("button", { name: "Resolve" }));
  await until(() => marked(grace.page), (words) => words.length === 0, "it is not marked any more");
  await tabTo(page, panel(page).getByRole("button", { name: "Resolved (1)" }));
  await page.keyboard.press("Enter");
  await thread.getByText("Resolved by Ada").waitFor();
  await press(thread.getByRole("button", { name: "Reopen" }));
  await press(panel(page).getByRole("button", { name: /^Open/ }));
  await press(thread.getByRole("button", { name: "More for the comment of Ada" }));
  await page.getByRole("menuitem", { name: "Edit" }).waitFor();
  await page.keyboard.press("Enter");
  await page.getByLabel("Edit the comment").waitFor();
  await page.keyboard.press("Control+A");
  await page.keyboard.type("Whose?");
  await page.keyboard.press("Control+Enter");
  await panel(grace.page).getByText("Whose?").waitFor();
  await panel(grace.page).getByText("edited").waitFor();
  const own = panel(page).locator(".thread").filter({ hasText: "Whose?" });
  await press(own.getByRole("button", { name: "More for the comment of Ada" }));
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  const question = page.getByRole("dialog", { name: "Delete the whole thread?" });
  await question.waitFor();
  // What others say in the meantime brings the thread anew; it must stay the thread that is asked about.
  await panel(grace.page).locator(".thread").filter({ hasText: "Whose?" }).getByRole("button", { name: "Reply" }).click();
  await grace.page.keyboard.type("Babbage's.");
  await grace.page.keyboard.press("Control+Enter");
  await question.getByText("It goes with its 2 replies").waitFor();
  await press(page.getByRole("button", { name: "Delete", exact: true }));
  await panel(grace.page).getByText("Whose?").waitFor({ state: "detached" });
});

test("somebody who may comment but not edit comments; somebody who may only read sees none", async () => {
  const commenter = await openWindow(browser);
  await commenter.page.goto(await shareLink(ada.page, quire.servers[1], { role: "comment" }));
  await commenter.page.getByLabel("Your name").fill("Hedy");
  await commenter.page.keyboard.press("Enter");
  await commenter.page.locator(".document-text[contenteditable=false]").waitFor();
  await commenter.page.getByRole("button", { name: /^Comments/ }).waitFor();
  await select(commenter.page, "engine");
  await commenter.page.getByRole("button", { name: "Comment on what is selected" }).click();
  await panel(commenter.page).getByRole("textbox").waitFor();
  await commenter.page.keyboard.type("With which motor?");
  await commenter.page.keyboard.press("Control+Enter");
  await panel(ada.page).getByText("With which motor?").waitFor();
  await until(() => marked(ada.page), (words) => words.includes("engine"), "it is marked");

  const viewer = await openWindow(browser);
  await viewer.page.goto(await shareLink(ada.page, quire.servers[1], { role: "view" }));
  await viewer.page.getByLabel("Your name").fill("Vera");
  await viewer.page.keyboard.press("Enter");
  await viewer.page.locator(".document-text").waitFor();
  await until(() => statusOf(viewer.page), (status) => status === "Saved", "it is open");
  await viewer.page.waitForLoadState("networkidle");
  assert.equal(await viewer.page.getByRole("button", { name: /^Comments/ }).count(), 0);
  assert.deepEqual(await marked(viewer.page), []);
  assert.deepEqual([...commenter.faults, ...viewer.faults], []);
});

test("the page has had no fault in all this", () => {
  assert.deepEqual([...ada.faults, ...grace.faults], []);
});
