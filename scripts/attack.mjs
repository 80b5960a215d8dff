#!/usr/bin/env node
// Attacks a server as one person could (tests/attack and the tests of what attacks had found), and prints
// what others noticed as one line of JSON, last: how many attacks, honest edits refused, the worst ack of
// others and the most memory while one went on, what was opened that was closed, and the longest stop.
// Fails when an attack succeeded.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const ATTACKS = ['attack::', 'sql::texts::', 'path::missed::', 'document::markdown::'];
const HONEST = ['document::honest::', 'path::large::'];
const CLOSED = ['http::passwords::', 'http::share_links::', 'http::invitations::'];
/** An ack of others may take so long while somebody attacks, in milliseconds. */
const ACK_MS = 100;

const tests = spawn(
  'cargo',
  ['test', '--release', '--locked', '--test', 'quire', '--', ...ATTACKS, ...HONEST, ...CLOSED, '--nocapture', '--test-threads', '1'],
  { stdio: ['ignore', 'pipe', 'inherit'], env: { QUIRE_LOG: 'off', ...process.env } },
);
const ended = new Promise((resolve) => tests.on('close', resolve));

const passed = [];
const failed = [];
const measured = [];
let test = null;
for await (const line of createInterface({ input: tests.stdout })) {
  console.error(line);
  test = /^test (\S+) \.\.\./.exec(line)?.[1] ?? test;
  const figures = /attack: (\{.*\})/.exec(line)?.[1];
  if (figures !== undefined) measured.push(JSON.parse(figures));
  if (/(^| )ok$/.test(line) && test !== null) passed.push(test);
  if (/(^| )FAILED$/.test(line) && test !== null) failed.push(test);
  if (/(^| )(ok|FAILED)$/.test(line)) test = null;
}
const status = await ended;

const of = (names, prefixes) => names.filter((name) => prefixes.some((prefix) => name.startsWith(prefix)));
const most = (figure) => Math.max(...measured.map(figure));
const figures = {
  attacks: of([...passed, ...failed], [...ATTACKS, ...CLOSED]).length,
  held: of(passed, [...ATTACKS, ...CLOSED]).length,
  honest_refused: of(failed, HONEST).length,
  others_ack_ms_p99: most(({ attacked }) => attacked.ack_ms_p99),
  others_ack_ms_p99_alone: most(({ alone }) => alone.ack_ms_p99),
  rss_mb_max: most(({ attacked }) => attacked.rss_mb),
  opened: of(failed, CLOSED).length,
  stop_s_max: most(({ stop_s }) => stop_s),
};
console.log(JSON.stringify(figures));
const isRight = status === 0 && measured.length > 0 && failed.length === 0 && figures.others_ack_ms_p99 < ACK_MS;
process.exit(isRight ? 0 : 1);
