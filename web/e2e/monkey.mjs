// Five people do whatever comes to their minds in one document, each in a window of their own, on two servers: typing, all kinds of
// blocks and marks, undo, comments, offline spells. Every character that is typed is another one, so it can be told what
// became of each: it is in the text, or somebody who was shown it deleted it.
import assert from "node:assert/strict";
import { arrive, invitation, saved, startBrowser, startQuire, until } from "./kit.mjs";

const PEOPLE = 5;
/** Characters that are typed: Han characters, each once. */
const FIRST_CHARACTER = 0x4e00;
const CHARACTERS_EACH = 4_000;
/** An offline spell ends after so many actions. */
const OFFLINE_ACTIONS = 25;

/** Random numbers from a seed (mulberry32). */
export function randomOf(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { below: (limit) => Math.floor(next() * limit), chance: (part) => next() < part };
}

const KEYS = {
  structure: [
    "Enter", "Enter", "Enter", "Tab", "Shift+Tab", "Control+Alt+Digit1", "Control+Alt+Digit2", "Control+Alt+Digit0", "Control+Shift+Digit7",
    "Control+Shift+Digit8", "Control+Shift+Digit9", "Control+Shift+KeyB", "Control+Alt+KeyC", "Shift+Enter",
  ],
  mark: ["Control+KeyB", "Control+KeyI", "Control+KeyU", "Control+KeyE", "Control+Shift+KeyS"],
  erase: ["Backspace", "Delete", "Backspace", "Control+KeyX"],
  history: ["Control+KeyZ", "Control+KeyZ", "Control+KeyY"],
};

/** What somebody may do, and how often. */
const ACTIONS = [
  ["type", 40], ["move_caret", 14], ["select", 8], ["structure", 14], ["mark", 6], ["erase", 6], ["history", 6],
  ["paste", 1], ["rule", 1], ["comment", 1], ["offline", 1], ["move_block", 1],
];

export async function monkey({ seed, actions, people = PEOPLE }) {
  const quire = await startQuire();
  const browser = await startBrowser();
  try {
    const all = [];
    for (let number = 0; number < people; number += 1) {
      const link = number === 0 ? quire.link : await invitation(all[0].page, quire.servers[number % 2]);
      const person = await arrive(browser, link, `Person ${number}`);
      all.push({
        ...person, number,
        random: randomOf(seed * 1_000 + number),
        next: FIRST_CHARACTER + number * CHARACTERS_EACH,
        typed: new Set(), deleted: new Set(), vanishedAtUndo: new Set(), offlineFor: 0, done: 0,
      });
    }
    for (const { page } of all) await page.locator(".document-text").click();
    await Promise.all(all.map(async (person) => {
      for (; person.done < actions; person.done += 1) await act(person);
      await online(person);
    }));
    for (const { page } of all) await saved(page);
    const identical = await until(() => Promise.all(all.map(({ page }) => shown(page))), (pages) => new Set(pages).size === 1, "all show the same")
      .then(() => true, async () => (console.log(difference(await Promise.all(all.map(({ page }) => shown(page))))), false));
    return judge(all, await allText(all[0].page), identical);
  } finally {
    await browser.close();
    await quire.stop();
  }
}

/** Where the first two pages that differ begin to. */
function difference([first, ...others]) {
  const other = others.find((page) => page !== first) ?? first;
  let at = 0;
  while (at < first.length && first[at] === other[at]) at += 1;
  return `${first.slice(Math.max(0, at - 200), at + 200)}\n--- and elsewhere\n${other.slice(Math.max(0, at - 200), at + 200)}`;
}

function judge(all, text, identical) {
  const there = new Set(text);
  const deleted = new Set(all.flatMap((person) => [...person.deleted]));
  const isLost = (character) => !there.has(character) && !deleted.has(character);
  const lost = all.flatMap((person) => [...person.typed].filter(isLost));
  const undone = new Set(all.flatMap((person) => [...person.vanishedAtUndo]));
  // Text that comes without keys over several blocks the browser joins by itself, with styles that the page's policy refuses.
  const faults = all.flatMap((person) => person.faults).filter((fault) => !fault.startsWith("Applying inline style"));
  for (const fault of faults.slice(0, 10)) console.log(fault);
  if (lost.length > 0) console.log(`lost: ${lost.map((character) => character.codePointAt(0).toString(16)).join(" ")}`);
  return {
    browsers: all.length,
    actions: all.reduce((sum, person) => sum + person.done, 0),
    identical,
    typed: all.reduce((sum, person) => sum + person.typed.size, 0),
    lost_characters: lost.length,
    schema_errors: faults.length,
    undo_errors: lost.filter((character) => undone.has(character)).length,
  };
}

function pick(random) {
  let at = random.below(ACTIONS.reduce((sum, [, weight]) => sum + weight, 0));
  for (const [name, weight] of ACTIONS) {
    if (at < weight) return name;
    at -= weight;
  }
  return "type";
}

async function act(person) {
  const { page, random } = person;
  if (person.offlineFor > 0) {
    person.offlineFor -= 1;
    if (person.offlineFor === 0) await online(person);
  }
  const name = pick(random);
  switch (name) {
    case "type": {
      const count = 1 + random.below(3);
      let text = "";
      for (let i = 0; i < count; i += 1) text += String.fromCodePoint(person.next++);
      // What is selected goes: it is shown.
      await erasing(person, () => page.keyboard.insertText(text));
      const there = new Set(await allText(page));
      // A key that came to nothing (the focus was elsewhere) typed nothing.
      for (const character of text) if (there.has(character)) person.typed.add(character);
      return;
    }
    case "paste": {
      const first = String.fromCodePoint(person.next++);
      const second = String.fromCodePoint(person.next++);
      const html = `<h2>${first}</h2><ul><li>${second}<ul><li><b>${first}</b></li></ul></li></ul>`;
      await erasing(person, () => paste(page, html));
      const there = new Set(await allText(page));
      for (const character of first + second) if (there.has(character)) person.typed.add(character);
      return;
    }
    case "erase": return erasing(person, () => page.keyboard.press(KEYS.erase[random.below(KEYS.erase.length)]));
    case "history": {
      const before = new Set(await allText(page));
      await page.keyboard.press(KEYS.history[random.below(KEYS.history.length)]);
      const after = new Set(await allText(page));
      for (const character of before) {
        if (after.has(character)) continue;
        if (person.typed.has(character)) person.deleted.add(character);
        else person.vanishedAtUndo.add(character);
      }
      return;
    }
    case "structure": case "mark": return page.keyboard.press(KEYS[name][random.below(KEYS[name].length)]);
    case "move_caret": return placeCaret(person, false);
    case "select": return placeCaret(person, true);
    case "move_block": return erasing(person, () => page.keyboard.press(random.chance(0.5) ? "Alt+ArrowUp" : "Alt+ArrowDown"));
    case "rule": return page.getByRole("button", { name: "Horizontal line" }).click();
    case "comment": return comment(person);
    case "offline":
      if (person.offlineFor > 0) return;
      await person.context.setOffline(true);
      person.offlineFor = OFFLINE_ACTIONS;
      return;
    default: assert.fail(name);
  }
}

/** Whatever goes by an action that deletes was shown to who did it. */
async function erasing(person, work) {
  const before = await allText(person.page);
  await work();
  const after = new Set(await allText(person.page));
  for (const character of before) if (!after.has(character)) person.deleted.add(character);
}

async function online(person) {
  person.offlineFor = 0;
  await person.context.setOffline(false);
}

function allText(page) {
  return page.locator(".document-text").evaluate((element) => element.textContent);
}

/** The blocks with their text and its marks: carets of others and comments, which split elements, are left out. */
function shown(page) {
  return page.locator(".document-text").evaluate((element) => {
    const marked = new Set(["STRONG", "EM", "U", "S", "CODE", "A"]);
    return [...element.querySelectorAll(":scope > .block, :scope > hr")].map((block) => {
      const runs = [];
      const walker = document.createTreeWalker(block, 5);
      for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
        const isBreak = node.nodeName === "BR" && node.className === "";
        if ((node.nodeType !== 3 && !isBreak) || node.parentElement.closest(".peer-caret") !== null) continue;
        const marks = new Set();
        for (let at = node.parentElement; at !== block.parentElement; at = at.parentElement) if (marked.has(at.nodeName)) marks.add(at.nodeName);
        const key = [...marks].sort().join(" ");
        const text = isBreak ? "\n" : node.data;
        if (runs.at(-1)?.[0] === key) runs.at(-1)[1] += text;
        else if (text !== "") runs.push([key, text]);
      }
      const kind = block.className.replace(" is-placeholder", "").replace(" ProseMirror-selectednode", "");
      const inner = block.querySelector("h1, h2, h3, h4, h5, h6, pre, p")?.nodeName ?? block.nodeName;
      return `${kind} ${inner} ${block.querySelector("li")?.dataset.checked ?? ""} ${JSON.stringify(runs)}`;
    }).join("\n");
  });
}

async function placeCaret({ page, random }, isSelection) {
  const place = [random.below(1_000_000), random.below(1_000_000), isSelection ? random.below(12) : 0];
  await page.locator(".document-text").evaluate((element, [block, offset, length]) => {
    const walker = document.createTreeWalker(element, 4);
    const pieces = [];
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      if (node.parentElement.closest(".peer-caret, [contenteditable=false]") === null) pieces.push(node);
    }
    element.focus();
    if (pieces.length === 0) return;
    const first = pieces[block % pieces.length];
    const start = offset % (first.data.length + 1);
    const last = length > first.data.length - start ? (pieces[(block % pieces.length) + 1] ?? first) : first;
    const end = Math.min(last.data.length, last === first ? start + length : 1);
    getSelection().setBaseAndExtent(first, start, last, end);
  }, place);
}

async function paste(page, html) {
  await page.locator(".document-text").evaluate((element, content) => {
    const data = new DataTransfer();
    data.setData("text/html", content);
    element.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  }, html);
}

async function comment({ page }) {
  await page.keyboard.press("Control+Alt+KeyM");
  const box = page.getByRole("complementary", { name: "Comments" }).getByRole("textbox").first();
  if (await box.isVisible().catch(() => false)) {
    await page.keyboard.insertText("about this");
    await page.keyboard.press("Control+Enter");
  }
  await page.locator(".document-text").evaluate((element) => { element.focus(); });
}
