#!/usr/bin/env node
// Runs the tests of the SQL port and the questions of sql/README.md and prints their figures as one line of
// JSON, last: which clients get the same answers through it as directly, the text at 100 moments, blame, how
// many questions are answered right, how much slower pgbench -S is. In a release build, as Quire is run.
// QUIRE_TRACES names a folder with recorded histories; without one made-up ones stand for them. Fails when a
// test does, or a figure is wrong.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Rate of pgbench -S through the port, of what it is directly. */
const RATIO = 0.6;
/** Those of sql/README.md. */
const QUESTIONS = 20;

const folder = mkdtempSync(join(tmpdir(), 'quire-sql-'));
const tests = spawnSync(
  'cargo',
  ['test', '--release', '--locked', '--test', 'quire', '--', 'sqlport::', 'sql::questions::', '--nocapture', '--test-threads', '1'],
  { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, QUIRE_SQL_FIGURES: folder } },
);

/** The figures of one object: a line each, name and value. */
function figures(object) {
  let text = '';
  try {
    text = readFileSync(join(folder, object), 'utf8');
  } catch {
    // No test has written any.
  }
  const value = (word) => (Number.isNaN(Number(word)) ? word : Number(word));
  const lines = text.split('\n').filter((line) => line !== '');
  return Object.fromEntries(lines.map((line) => line.split('\t')).map(([name, word]) => [name, value(word)]));
}

const { pgbench_ratio, blame_wrong, questions, ...others } = figures('all');
const result = { clients: figures('clients'), text_at: figures('text_at'), blame_wrong, questions, ...others, pgbench_ratio };
rmSync(folder, { recursive: true });

const { clients, text_at } = result;
const isRight =
  tests.status === 0 &&
  Object.keys(clients).length === 7 &&
  Object.values(clients).every((answer) => answer === 'same' || answer === 'skipped') &&
  text_at.moments === 100 &&
  text_at.wrong === 0 &&
  blame_wrong === 0 &&
  questions === QUESTIONS &&
  pgbench_ratio >= RATIO;
console.log(JSON.stringify(result));
process.exit(isRight ? 0 : 1);
