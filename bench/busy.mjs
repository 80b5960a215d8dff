#!/usr/bin/env node
// What one busy document costs one server: four people write in it, 10 to 1,000 read. Writes the table of docs/scale.md.
//
//   node bench/busy.mjs [seconds of each measurement, 5]

import { cpus } from 'node:os';
import { table } from './draw.mjs';
import { replay, share, write } from './replay.mjs';

const READERS = [10, 100, 300, 1000];
const RATES = [10, 100, 1000];
const WRITERS = 4;

const seconds = Number(process.argv[2] ?? 5);
const rows = RATES.flatMap((rate) => READERS.map((readers) => measure(rate, readers)));
const heads = ['edits/s', 'readers', 'edits/s reached', 'updates delivered a second', 'server, % of a core', 'µs a delivery', 'delivery p50 ms', 'p99 ms'];
write('busy', `${seconds} s each; the server, everybody who reads, and the database on ${cpus().length} cores.\n\n${table(heads, rows)}\n`);

function measure(rate, readers) {
  const report = replay({ writers: WRITERS, readers, servers: 1, rate, edits: rate * seconds });
  const row = [
    rate,
    readers,
    Math.round(report.acked_per_s),
    Math.round(report.deliveries / report.seconds),
    share(report.used.servers_s, report.seconds),
    ((report.used.servers_s / report.deliveries) * 1e6).toFixed(1),
    report.delivery_ms.p50.toFixed(2),
    report.delivery_ms.p99.toFixed(2),
  ];
  console.error(row.join(' '));
  return row;
}
