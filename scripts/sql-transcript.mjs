#!/usr/bin/env node
// Asks the questions of sql/README.md in a database with the installation of scripts/known.sql, and
// writes psql's answers below them; with --check it fails when they differ from what stands there.
// DATABASE_URL names an empty, migrated database, for a superuser. `make sql-transcript` runs it.

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const README = new URL('../sql/README.md', import.meta.url);
const KNOWN = new URL('./known.sql', import.meta.url);
const url = process.env.DATABASE_URL;
if (url === undefined) throw new Error('DATABASE_URL is not set');

/** What psql prints for `sql`. */
function psql(sql, options) {
  const ran = spawnSync('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-P', 'footer=on', url], {
    input: sql,
    encoding: 'utf8',
    env: { ...process.env, PGOPTIONS: `-c timezone=UTC ${options}`, PGAPPNAME: 'transcript' },
  });
  if (ran.status !== 0) throw new Error(`${sql}\n${ran.stderr}`);
  return ran.stdout;
}

psql(readFileSync(KNOWN, 'utf8'), '');
// A reader of the log that was taken away, and what has been written since.
psql("select pg_create_logical_replication_slot('forgotten', 'pgoutput'); select pg_logical_emit_message(false, 'x', 'y');", '');

const before = readFileSync(README, 'utf8');
let questions = 0;
const after = before.replace(/```sql\n(.*?)```\n\n```text\n.*?```/gs, (_, sql) => {
  questions += 1;
  const lines = psql(sql, '-c role=quire_operator').trimEnd().split('\n');
  const answer = lines.map((line) => line.trimEnd()).join('\n');
  return `\`\`\`sql\n${sql}\`\`\`\n\n\`\`\`text\n${answer}\n\`\`\``;
});
if (!process.argv.includes('--check')) {
  writeFileSync(README, after);
} else if (after !== before) {
  const differs = (line, place) => line !== before.split('\n')[place];
  console.error(after.split('\n').filter(differs).slice(0, 20).join('\n'));
  console.error('sql/README.md does not say what the database answers: run make sql-transcript');
  process.exit(1);
}
console.log(JSON.stringify({ questions }));
