// What two people do at the same time in one place, each in a window of their own on a server of their own: a table of
// every structural command against typing, commands, deletion and undo of the other, online and offline. After each case
// both pages are the same, every character typed stands in the text, in one piece, with its author; comments stay on their words.
import assert from "node:assert/strict";
import { arrive, becomes, invitation, saved, startBrowser, startQuire, statusOf, textOf, until } from "./kit.mjs";

/** The document of each case, in Markdown; the second block is where it happens. */
const PAGE = "11\n\nalpha omega delta\n\n22";
const BLOCK = "alpha omega delta";
/** The word that has a comment in each case. */
const COMMENTED = "omega";
/** Milliseconds between two keys of somebody who types. */
const KEY_MS = 60;

/** Keys that change what the block is, with the caret at `at` in it. */
export const COMMANDS = {
  heading: { at: "middle", keys: ["Control+Alt+Digit2"] },
  bullet: { at: "middle", keys: ["Control+Shift+Digit8"] },
  ordered: { at: "middle", keys: ["Control+Shift+Digit7"] },
  task: { at: "middle", keys: ["Control+Shift+Digit9"] },
  quote: { at: "middle", keys: ["Control+Shift+KeyB"] },
  code: { at: "middle", keys: ["Control+Alt+KeyC"] },
  indent: { at: "middle", keys: ["Tab"], before: "- 11\n- alpha omega delta\n- 22" },
  outdent: { at: "middle", keys: ["Shift+Tab"], before: "- 11\n  - alpha omega delta\n- 22" },
  list_off: { at: "middle", keys: ["Control+Shift+Digit8"], before: "- 11\n- alpha omega delta\n- 22" },
  typed_list: { at: "start", keys: ["-", "Space"] },
  split: { at: "middle", keys: ["Enter"] },
  split_end: { at: "end", keys: ["Enter"] },
  split_start: { at: "start", keys: ["Enter"] },
  join_before: { at: "start", keys: ["Backspace"] },
  join_after: { at: "end", keys: ["Delete"] },
  bold: { at: "all", keys: ["Control+KeyB"] },
  // Moving writes the text again: what is typed meanwhile stays where it was, comments with it.
  move_down: { at: "middle", keys: ["Alt+ArrowDown"], moves: true },
};

/** What the other one does meanwhile. */
export const OTHERS = {
  type_start: { at: "start", type: "qzx" },
  type_middle: { at: "middle", type: "qzx" },
  type_end: { at: "end", type: "qzx" },
  same: {},
  list: { at: "middle", keys: ["Control+Shift+Digit8"] },
  delete_word: { at: "first_word", keys: ["Delete"], deletes: "alpha" },
  undo: { at: "middle", type: "qzx", keys: ["Control+KeyZ"], undoes: true },
};

/** Who is offline while both act. */
export const LINES = ["online", "first_offline", "second_offline"];

export function allCases() {
  const cases = [];
  for (const command of Object.keys(COMMANDS)) {
    for (const other of Object.keys(OTHERS)) for (const line of LINES) cases.push({ command, other, line });
  }
  return cases;
}

/** Two people and their windows. */
export async function openPair() {
  const quire = await startQuire();
  const browser = await startBrowser();
  const ada = await arrive(browser, quire.link, "Ada");
  const grace = await arrive(browser, await invitation(ada.page, quire.servers[1]), "Grace");
  const [orgId, documentId] = new URL(ada.page.url()).pathname.match(/[0-9a-f]{8}-[0-9a-f-]{27}/g) ?? [];
  assert.ok(documentId, ada.page.url());
  return {
    quire, browser, ada, grace,
    path: `/api/v1/organisations/${orgId}/documents/${documentId}`,
    async close() {
      await browser.close();
      await quire.stop();
    },
  };
}

/** Plays one case; answers what went wrong in it. */
export async function play(pair, { command, other, line }) {
  const { ada, grace } = pair;
  const first = COMMANDS[command];
  const second = other === "same" ? first : OTHERS[other];
  await begin(pair, first.before ?? PAGE);
  const offline = { first_offline: ada, second_offline: grace }[line];
  if (offline !== undefined) {
    await offline.context.setOffline(true);
    await until(() => statusOf(offline.page), (status) => status.startsWith("Offline"), "the page knows that it is offline");
  }
  await placeCaret(ada.page, first.at);
  await placeCaret(grace.page, second.at);
  await Promise.all([act(ada.page, first), act(grace.page, second)]);
  if (offline !== undefined) await offline.context.setOffline(false);
  await Promise.all([saved(ada.page), saved(grace.page)]);
  await until(async () => Promise.all([ada, grace].map(({ page }) => shown(page))), ([one, two]) => one === two, `both show the same (${command}, ${other}, ${line})`);
  return judge(pair, first, second);
}

async function begin(pair, markdown) {
  const { ada, grace, path } = pair;
  // Off what the case before left: what is selected, what can be undone.
  await ada.page.evaluate(async ({ path, markdown }) => {
    const send = async (method, url, body) => {
      const headers = { "content-type": "application/json", "x-quire": "1", "if-match": "*" };
      const answer = await fetch(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
      if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${await answer.text()}`);
      const type = answer.headers.get("content-type") ?? "";
      return type.includes("json") ? answer.json() : answer.text();
    };
    const { threads } = await send("GET", `${path}/comments`);
    for (const { thread_id } of threads) await send("DELETE", `${path}/comments/${thread_id}`);
    const blocks = (await send("GET", `${path}/text`)).split("\n").length;
    await send("POST", `${path}/edits`, { operations: [{ operation: "replace_blocks", start: 0, end: blocks, markdown }] });
  }, { path, markdown });
  for (const { page } of [ada, grace]) {
    await until(() => textOf(page), (text) => text.includes(BLOCK) && text.split(BLOCK).length === 2 && !/[qzx]/.test(text), "the page is as the case begins");
  }
  await selectWords(ada.page, COMMENTED);
  await ada.page.keyboard.press("Control+Alt+KeyM");
  const panel = ada.page.getByRole("complementary", { name: "Comments" });
  await panel.getByRole("textbox").first().waitFor();
  await ada.page.keyboard.type("about this word");
  await ada.page.keyboard.press("Control+Enter");
  for (const { page } of [ada, grace]) await becomes(() => marked(page), [COMMENTED], "the comment is marked");
}

/** What is marked in the text, in one piece for each comment: marks and carets may split it. */
async function marked(page) {
  const all = await page.locator(".document-text .commented").evaluateAll((pieces) => pieces.map((piece) => piece.textContent));
  return all.length === 0 ? [] : [all.join("")];
}

async function selectWords(page, words) {
  await page.locator(".document-text").evaluate((element, wanted) => {
    const walker = document.createTreeWalker(element, 4);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const at = node.data.indexOf(wanted);
      if (at < 0) continue;
      element.focus();
      getSelection().setBaseAndExtent(node, at, node, at + wanted.length);
      return;
    }
    throw new Error(`no ${wanted}`);
  }, words);
  await page.getByRole("button", { name: "Comment on what is selected" }).waitFor();
}

/** Puts the caret into the block: its pieces are told apart by their words. */
async function placeCaret(page, at) {
  await page.locator(".document-text").evaluate((element, { at, block }) => {
    const walker = document.createTreeWalker(element, 4);
    const pieces = [];
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      if (node.parentElement.closest(".peer-caret") === null) pieces.push(node);
    }
    const find = (words, offset) => {
      const piece = pieces.find((node) => node.data.includes(words));
      return [piece, piece.data.indexOf(words) + offset];
    };
    const [start, startAt] = find("alpha", 0);
    const [end, endAt] = find("delta", 5);
    element.focus();
    const selection = getSelection();
    if (at === "start") selection.collapse(start, startAt);
    else if (at === "end") selection.collapse(end, endAt);
    else if (at === "middle") selection.collapse(...find("omega", 2));
    else if (at === "first_word") selection.setBaseAndExtent(start, startAt, start, startAt + 5);
    else if (at === "all") selection.setBaseAndExtent(start, startAt, end, endAt);
    else throw new Error(`no place ${at} in ${block}`);
  }, { at, block: BLOCK });
}

async function act(page, { type = "", keys = [] }) {
  if (type !== "") await page.keyboard.type(type, { delay: KEY_MS });
  for (const key of keys) await page.keyboard.press(key);
}

/** Text and structure as they are shown, without carets and what only this window has. */
function shown(page) {
  return page.locator(".document-text").evaluate((element) => {
    const copy = element.cloneNode(true);
    for (const own of copy.querySelectorAll(".peer-caret, .ProseMirror-trailingBreak, .ProseMirror-widget")) own.remove();
    for (const piece of copy.querySelectorAll(".commented")) piece.replaceWith(...piece.childNodes);
    copy.normalize();
    return [...copy.children].map((block) => `${block.tagName} ${block.className}: ${block.textContent}`).join("\n");
  });
}

async function judge(pair, first, second) {
  const { ada, grace, path } = pair;
  const text = await textOf(ada.page);
  const found = { lost: 0, carets_moved: 0, comments_loose: 0, blame_wrong: 0 };
  const times = (letter, words) => words.split(letter).length - 1;
  const typed = second.undoes ? "" : (second.type ?? "");
  const expected = BLOCK + typed;
  for (const letter of new Set(expected.replaceAll(" ", ""))) {
    const missing = times(letter, expected) - times(letter, second.deletes ?? "") - times(letter, text);
    if (missing !== 0) found.lost += Math.abs(missing);
  }
  if (typed !== "") {
    if (!text.includes(typed)) found.carets_moved += 1;
    const { spans, authors } = await ada.page.evaluate(async (url) => (await fetch(url)).json(), `${path}/history/blame`);
    const { account_id: writer } = authors.find(({ name }) => name === grace.name) ?? {};
    const span = spans.find((one) => one.text.includes(typed));
    if (writer === undefined || span?.account_id !== writer) found.blame_wrong += 1;
  }
  if (!first.moves && !second.moves) {
    for (const { page } of [ada, grace]) {
      const isMarked = ([words = ""]) => words.replace(/[qzx\n]/g, "") === COMMENTED;
      // Threads are asked for again when somebody comes back: meanwhile none is shown.
      if (!(await until(() => marked(page), isMarked, "the comment is marked").catch(() => false))) found.comments_loose += 1;
    }
  }
  return found;
}
