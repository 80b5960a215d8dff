#!/usr/bin/env node
// Plays rounds of faults (ROUNDS in all, FAULTS in turn or every kind, from SEED), plants the bugs
// that the checker must catch, and prints the figures as one line of JSON, last. Fails when an
// acknowledged edit was lost, or anything else is not as it must be.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [rounds, seed, faults] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'quire-faults-'));
const env = {
  QUIRE_LOG: 'off',
  ...process.env,
  QUIRE_FAULT_FIGURES: folder,
  QUIRE_FAULT_ROUNDS: rounds,
  QUIRE_FAULTS: faults ?? '',
};
if (seed) env.QUIRE_SEED = seed;
const tests = spawnSync(
  'cargo',
  ['test', '--locked', '--test', 'quire', 'faults::campaign', '--', '--include-ignored', '--nocapture', '--test-threads', '1'],
  { stdio: ['ignore', 'inherit', 'inherit'], env },
);

const read = (name) => {
  try {
    return JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
  } catch {
    return null;
  }
};
const figures = { ...read('rounds'), planted_bugs: read('planted_bugs') };
rmSync(folder, { recursive: true });

const zeros = ['lost', 'doubled', 'divergent', 'after_revocation', 'unordered', 'leaks', 'late'];
const bugs = figures.planted_bugs;
const isRight =
  tests.status === 0 &&
  figures.rounds === Number(rounds) &&
  zeros.every((name) => figures[name] === 0) &&
  bugs !== null &&
  bugs.caught === bugs.of;
console.log(JSON.stringify(figures));
process.exit(isRight ? 0 : 1);
