#!/usr/bin/env node
// What a server more costs the database, and what it does to delivery: 1, 2, 4 and 8 servers with their log from
// the primary alone, from one standby and from two, at 100, 1,000 and 5,000 edits/s, one after another in one run,
// all on this machine. Writes docs/scale/servers.json, plots of it (SVG) and the tables of docs/scale.md.
//
//   node bench/servers.mjs [seconds of each measurement, 8]     measures, then draws
//   node bench/servers.mjs draw                                 draws what was measured before

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { lines, table } from './draw.mjs';
import { replay, share, write } from './replay.mjs';

const FOLDER = 'docs/scale';
const FIGURES = `${FOLDER}/servers.json`;
const SERVERS = [1, 2, 4, 8];
const RATES = [100, 1000, 5000];
const STANDBYS = [0, 1, 2];
/** Each writes at another server, as long as there are enough. */
const WRITERS = 4;
const SOURCES = ['the primary', 'one standby', 'two standbys'];

const [argument] = process.argv.slice(2);
const figures = argument === 'draw' ? JSON.parse(readFileSync(FIGURES, 'utf8')) : measure(Number(argument ?? 8));
draw(figures);

function measure(seconds) {
  const runs = [];
  for (const rate of RATES) {
    for (const standbys of STANDBYS) {
      for (const servers of SERVERS) runs.push(run(rate, standbys, servers, seconds));
    }
  }
  const measured = { cores: cpus().length, seconds, writers: WRITERS, runs };
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(FIGURES, `${JSON.stringify(measured, null, 1)}\n`);
  return measured;
}

/** One measurement; a text that is not right ends everything. */
function run(rate, standbys, servers, seconds) {
  const report = replay({ writers: WRITERS, servers, standbys, rate, edits: rate * seconds });
  const percent = (part) => share(part, report.seconds);
  const figure = {
    rate,
    standbys,
    servers,
    reached: Math.round(report.acked_per_s),
    // Percent of a core.
    primary: percent(report.used.primary.all_s),
    primary_walsenders: percent(report.used.primary.walsenders_s),
    standbys_all: report.used.standbys.map((standby) => percent(standby.all_s)),
    servers_all: percent(report.used.servers_s),
    delivery_p50_ms: report.delivery_ms.p50,
    delivery_p99_ms: report.delivery_ms.p99,
    ack_p50_ms: report.ack_ms.p50,
  };
  console.error(JSON.stringify(figure));
  return figure;
}

function draw({ cores, seconds, runs }) {
  const of = (rate, standbys) => runs.filter((figure) => figure.rate === rate && figure.standbys === standbys);
  const series = (rate, name) => SOURCES.map((source, standbys) => ({
    name: source,
    points: of(rate, standbys).map((figure) => [figure.servers, figure[name]]),
  }));
  for (const rate of RATES) {
    const at = `at ${rate.toLocaleString('en')} edits/s`;
    const shown = { x: 'servers', xs: SERVERS };
    const primary = lines({ ...shown, title: `Processor of the primary ${at}`, y: '% of a core', series: series(rate, 'primary') });
    writeFileSync(`${FOLDER}/primary-${rate}.svg`, primary);
    const delivery = lines({ ...shown, title: `Delivery, p50, ${at}`, y: 'ms', series: series(rate, 'delivery_p50_ms') });
    writeFileSync(`${FOLDER}/delivery-${rate}.svg`, delivery);
  }
  const heads = ['log from', 'servers', 'edits/s reached', 'primary, % of a core', 'its walsenders', 'standbys', 'servers', 'delivery p50 ms', 'p99 ms'];
  const parts = RATES.map((rate) => {
    const rows = STANDBYS.flatMap((standbys) => of(rate, standbys)).map((figure) => [
      SOURCES[figure.standbys],
      figure.servers,
      figure.reached,
      figure.primary,
      figure.primary_walsenders,
      figure.standbys_all.join(' + ') || '–',
      figure.servers_all,
      figure.delivery_p50_ms.toFixed(2),
      figure.delivery_p99_ms.toFixed(2),
    ]);
    return `### ${rate.toLocaleString('en')} edits/s\n\n${table(heads, rows)}\n\n![](scale/primary-${rate}.svg) ![](scale/delivery-${rate}.svg)\n`;
  });
  const text = `${seconds} s each; everything, servers and clients too, on ${cores} cores.\n\n${parts.join('\n')}`;
  write('measured', text);
}
