#!/usr/bin/env node
// Does everything that has to do with several databases and servers in small, and prints what came of it as one
// line of JSON, last: a history over four servers while standbys fail (QUIRE_TRACES names a folder with recorded
// ones), an organisation that moves while people write, what a server more costs the primary, cold opens and
// the memory of a connection. Fails when something was lost or shown too late, or a figure is missing.
// `make scale` and bench/servers.mjs measure the same at length.

import { spawnSync } from 'node:child_process';

/** Edits a second, and for how long, of the replays that measure processor time. */
const RATE = 200;
const SECONDS = 5;
/** Servers, and standbys that send them the log. */
const REPLAYS = [[1, 0], [2, 0], [4, 0], [2, 2], [4, 2]];

const tests = ['path::scaled', 'path::scale::', 'moving::under_load'];
const output = run('cargo', ['test', '--release', '--locked', '--test', 'quire', '--', ...tests, '--nocapture', '--test-threads', '1'], {
  QUIRE_SCALE_CONNECTIONS: '1000',
  QUIRE_SCALE_DOCUMENTS: '300',
});

function run(program, words, variables = {}) {
  const env = { ...process.env, QUIRE_LOG: 'off', ...variables };
  const done = spawnSync(program, words, { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'inherit'], env });
  const isRight = done.status === 0;
  if (!isRight) console.error(done.stdout);
  return { isRight, lines: done.stdout.split('\n') };
}

/** What a test printed behind a word; the runner's own words may stand before it. */
function said(word) {
  const mark = `${word}: {`;
  const line = output.lines.find((text) => text.includes(mark));
  return line === undefined ? {} : JSON.parse(line.slice(line.indexOf(mark) + mark.length - 1));
}

const primary = REPLAYS.map(([servers, standbys]) => {
  const numbers = { synthetic: 1, writers: 4, servers, standbys, rate: RATE, edits: RATE * SECONDS };
  const words = Object.entries(numbers).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const replayed = run('target/release/quire', ['replay', ...words, '--no-bare-commits', '--json']);
  const report = JSON.parse(replayed.lines.findLast((line) => line.startsWith('{')) ?? '{}');
  const percent = (report.used?.primary.walsenders_s / report.seconds) * 100;
  return { servers, standbys, walsenders_percent_of_core: Math.round(percent * 10) / 10, is_right: replayed.isRight };
});

const [scaled, moved, cold, connections] = ['cluster-check', 'moved', 'scale-cold', 'scale-connections'].map(said);
const result = {
  converged: scaled.converged,
  stale_reads: scaled.stale_reads,
  gaps: scaled.gaps,
  lost: moved.lost,
  moved,
  primary_cpu_per_server: primary,
  cold_open_ms_p99: cold.among_many?.usual.p99_ms,
  bytes_per_connection: connections.bytes_per_connection,
};
console.log(JSON.stringify(result));
const isRight =
  output.isRight &&
  result.converged === true &&
  [result.stale_reads, result.gaps, result.lost, moved.doubled, moved.divergent].every((count) => count === 0) &&
  primary.every(({ is_right }) => is_right) &&
  result.cold_open_ms_p99 > 0 &&
  result.bytes_per_connection > 0;
process.exit(isRight ? 0 : 1);
