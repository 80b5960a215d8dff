#!/usr/bin/env node
// Runs the tests of rights in full (every way of the matrix, QUIRE_ACCESS_ROUNDS rounds of the race)
// and the check of the API, and prints their figures as one line of JSON, last. Fails when a test
// does, or a figure is wrong.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROUNDS = process.env.QUIRE_ACCESS_ROUNDS ?? '10000';
/** From COMMIT to the closed socket on the other server. */
const CLOSE_MS_P99 = 100;

const folder = mkdtempSync(join(tmpdir(), 'quire-access-'));
const tests = spawnSync(
  'cargo',
  ['test', '--locked', '--test', 'quire', 'access::', '--', '--nocapture', '--test-threads', '1'],
  {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, QUIRE_ACCESS_ROUNDS: ROUNDS, QUIRE_ACCESS_FIGURES: folder },
  },
);

const figures = {};
for (const name of ['matrix', 'race', 'probes']) {
  try {
    figures[name] = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
  } catch {
    figures[name] = null;
  }
}
rmSync(folder, { recursive: true });

const api = spawnSync('node', ['scripts/api-check.mjs'], {
  stdio: ['ignore', 'pipe', 'inherit'],
  encoding: 'utf8',
});
process.stdout.write(api.stdout);
figures.api = api.status === 0 ? JSON.parse(api.stdout.trim().split('\n').at(-1)).api : null;

const { matrix, race, probes } = figures;
const isRight =
  tests.status === 0 &&
  api.status === 0 &&
  matrix?.wrong === 0 &&
  race?.rounds === Number(ROUNDS) &&
  race.rows_after_revocation === 0 &&
  race.wrong === 0 &&
  race.close_ms_p99 <= CLOSE_MS_P99 &&
  probes?.leaks === 0;
console.log(JSON.stringify(figures));
process.exit(isRight ? 0 : 1);
