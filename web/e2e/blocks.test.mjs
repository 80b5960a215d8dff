// Blocks as people make them: by signs that they type, by keys, by copying and pasting; and as others see them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { arrive, becomes, invitation, openWindow, saved, shareLink, startBrowser, startQuire, textOf } from "./kit.mjs";

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

async function clear(page) {
  await page.locator(".document-text").click();
  await page.keyboard.press("Control+A");
  await page.keyboard.press("Backspace");
  for (let steps = 0; steps < 4; steps += 1) await page.keyboard.press("Backspace");
  await page.keyboard.press("Control+Alt+Digit0");
}

/** Lines are typed and ended; keys in braces are pressed. */
async function write(page, ...lines) {
  for (const line of lines) {
    if (line.startsWith("{")) await page.keyboard.press(line.slice(1, -1));
    else await page.keyboard.type(line);
  }
}

async function markdown(page) {
  await saved(page);
  return page.evaluate(async () => {
    const [org, id] = window.location.pathname.match(/[0-9a-f]{8}-[0-9a-f-]{27}/g);
    return (await fetch(`/api/v1/organisations/${org}/documents/${id}/export?format=markdown`)).text();
  });
}

test("signs at the start of a block make headings, lists, tasks, quotes, code and a rule", async () => {
  const { page } = ada;
  await clear(page);
  await write(
    page, "# Title", "{Enter}", "words", "{Enter}", "- one", "{Enter}", "two", "{Enter}", "{Tab}", "deep", "{Enter}", "{Shift+Tab}", "three",
    "{Enter}", "{Enter}", "1. first", "{Enter}", "second", "{Enter}", "{Enter}", "[ ] to do", "{Enter}", "done", "{Enter}", "{Enter}",
    "> quoted", "{Enter}", "more", "{Enter}", "{Enter}", "```rust", "{Enter}", "fn a() {", "{Enter}", "{Tab}", "b();", "{Enter}", "}",
    "{Enter}", "{Enter}", "---", "the end",
  );
  await page.locator("input[type=checkbox]").nth(1).click();
  const wanted = [
    "# Title", "", "words", "", "- one", "- two", "  - deep", "- three", "", "1. first", "2. second", "", "- [ ] to do", "- [x] done", "",
    "> quoted", ">", "> more", "", "```rust", "fn a() {", "  b();", "}", "```", "", "---", "", "the end", "",
  ].join("\n");
  assert.equal(await markdown(page), wanted);
  const shown = "Title\nwords\none\ntwo\ndeep\nthree\nfirst\nsecond\nto do\ndone\nquoted\nmore\nfn a() {\n  b();\n}\n\nthe end";
  await becomes(() => textOf(grace.page), shown, "the other sees it");
  assert.equal(await grace.page.locator("li[data-checked=true]").count(), 1);
});

test("Backspace, Enter and Shift+Tab lead out of a list and a quote", async () => {
  const { page } = ada;
  await clear(page);
  await write(page, "- one", "{Enter}", "{Tab}", "two", "{Home}", "{Backspace}", "{Backspace}");
  assert.equal(await markdown(page), "- one\n\ntwo\n");
  await write(page, "{Backspace}");
  assert.equal(await markdown(page), "- onetwo\n");
  await write(page, "{Shift+Tab}", "{End}", "{Enter}", "> ", "quote", "{Enter}", "{Enter}", "plain");
  assert.equal(await markdown(page), "onetwo\n\n> quote\n\nplain\n");
});

test("several blocks at once become a list and go deeper, and move", async () => {
  const { page } = ada;
  await clear(page);
  await write(page, "one", "{Enter}", "two", "{Enter}", "three", "{Shift+ArrowUp}", "{Control+Shift+Digit8}");
  assert.equal(await markdown(page), "one\n\n- two\n- three\n");
  await write(page, "{Alt+ArrowUp}");
  assert.equal(await markdown(page), "- two\n- three\n\none\n");
  await write(page, "{Control+Shift+Digit7}", "{Alt+ArrowDown}");
  assert.equal(await markdown(page), "one\n\n1. two\n2. three\n");
});

test("Tab stays in the text, and Escape and Tab leave it", async () => {
  const { page } = ada;
  await clear(page);
  const isInText = () => page.evaluate(() => document.activeElement.closest(".document-text") !== null);
  await write(page, "a", "{Tab}", "b");
  assert.equal(await textOf(page), "a\tb");
  assert.equal(await isInText(), true);
  await write(page, "{Escape}", "{Tab}");
  assert.equal(await isInText(), false);
});

/** What copying gives other programs. */
function copied(page) {
  return page.locator(".document-text").evaluate((element) => {
    const data = new DataTransfer();
    element.dispatchEvent(new ClipboardEvent("copy", { clipboardData: data, bubbles: true, cancelable: true }));
    return { html: data.getData("text/html"), text: data.getData("text/plain") };
  });
}

function paste(page, html) {
  return page.locator(".document-text").evaluate((element, content) => {
    const data = new DataTransfer();
    data.setData("text/html", content);
    element.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  }, html);
}

test("a list is copied as a real one, and pasted as it was", async () => {
  const { page } = ada;
  await clear(page);
  await write(page, "- one", "{Enter}", "{Tab}", "two", "{Enter}", "{Shift+Tab}", "three", "{Enter}", "{Enter}", "> quote", "{Control+A}");
  const { html, text } = await copied(page);
  assert.match(html, /<ul[^>]*><li><p>one<\/p><ul><li><p>two<\/p><\/li><\/ul><\/li><li><p>three<\/p><\/li><\/ul><blockquote><p>quote<\/p><\/blockquote>/);
  assert.equal(text, "one\ntwo\nthree\nquote");
  const before = await markdown(page);
  await clear(page);
  await paste(page, html);
  assert.equal(await markdown(page), before);
});

test("what other programs copy becomes blocks: nested lists, a table's rows, code", async () => {
  const { page } = ada;
  await clear(page);
  await paste(page, '<h2>Head</h2><ol><li>a<ul><li><b>b</b></li></ul></li></ol><pre><code class="language-js">x\n  y</code></pre>');
  assert.equal(await markdown(page), "## Head\n\n1. a\n   - **b**\n\n```js\nx\n  y\n```\n");
  await clear(page);
  await paste(page, "<table><tr><td>Name</td><td>Qty</td></tr><tr><td>Widget</td><td>12</td></tr></table>");
  assert.equal(await textOf(page), "Name\tQty\nWidget\t12");
});

test("in code signs are signs, whether they are typed or pasted", async () => {
  const { page } = ada;
  await clear(page);
  await write(page, "```", "{Enter}", "a *b* c `d` # e https://example.org ", "{Enter}", "- f");
  await page.keyboard.press("Enter");
  await page.locator(".document-text").evaluate((element) => {
    const data = new DataTransfer();
    data.setData("text/plain", "**kwargs**\n\n  g");
    element.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  });
  assert.equal(await markdown(page), "```\na *b* c `d` # e https://example.org \n- f\n**kwargs**\n\n  g\n```\n");
  assert.equal(await page.locator(".document-text").locator("a, em, strong").count(), 0);
});

test("somebody who may only read cannot tick a task", async () => {
  const { page } = ada;
  await clear(page);
  await write(page, "[ ] to do");
  await saved(page);
  const visitor = await openWindow(browser);
  await visitor.page.goto(await shareLink(page, quire.servers[1], { role: "view" }));
  await visitor.page.getByRole("button", { name: "Open the document" }).click();
  const box = visitor.page.locator(".document-text input[type=checkbox]");
  await box.click();
  assert.equal(await box.isChecked(), false);
  assert.deepEqual(visitor.faults, []);
  await visitor.context.close();
});

test("the page has had no fault in all this", () => {
  assert.deepEqual([...ada.faults, ...grace.faults], []);
});
