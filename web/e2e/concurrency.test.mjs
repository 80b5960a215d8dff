// A part of the table of concurrency.mjs, in which each command, each act of the other and each line comes; `make concurrency` plays all.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { COMMANDS, LINES, openPair, OTHERS, play } from "./concurrency.mjs";

let pair;

before(async () => { pair = await openPair(); });
after(async () => { await pair?.close(); });

const others = Object.keys(OTHERS);
for (const [number, command] of Object.keys(COMMANDS).entries()) {
  const one = { command, other: others[number % others.length], line: LINES[number % LINES.length] };
  test(`nothing is lost: ${command} against ${one.other}, ${one.line}`, async () => {
    assert.deepEqual(await play(pair, one), { lost: 0, carets_moved: 0, comments_loose: 0, blame_wrong: 0 });
  });
}

test("the page has had no fault in all this", () => {
  assert.deepEqual([...pair.ada.faults, ...pair.grace.faults], []);
});
