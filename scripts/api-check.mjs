#!/usr/bin/env node
// Holds a running Quire to docs/openapi.json: schemathesis makes thousands of requests out of it, as
// the owner's API token and as nobody. Prints one line of JSON, last; fails when an answer was an
// error of the server (5xx), or one that the description does not know.
//
//   node scripts/api-check.mjs [SEED]

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const SEED = process.argv[2] ?? String(Date.now() % 1_000_000);
/** What makes an answer a wrong one. */
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'unsupported_method',
  'allow_header_conformance',
];
/** They would end the session of the run itself; nobody asks them in the second run. */
const OWN_SESSION = ['/api/v1/session', '/api/v1/me/sessions'];

const folder = mkdtempSync(join(tmpdir(), 'quire-api-'));
// Postgres does not run as root, and what runs it must come to its own folder in this one.
chmodSync(folder, 0o755);
const quire = spawn('target/debug/quire', ['dev', '--data', join(folder, 'data'), '--listen', '127.0.0.1:0'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});

/** The address that `quire dev` prints, and the token behind it. */
async function welcome() {
  let printed = '';
  for await (const part of quire.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    printed += part;
    const link = /(http:\S+)\/welcome#(\S+)/.exec(printed);
    if (link !== null) return { origin: link[1], token: link[2] };
  }
  throw new Error(`quire dev ended before it was ready: ${printed}`);
}

async function post(url, body, cookie) {
  const headers = { 'content-type': 'application/json', 'x-quire': '1', ...(cookie && { cookie }) };
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return { json: await answer.json(), cookie: answer.headers.getSetCookie()[0]?.split(';')[0] };
}

/** One run; its figures. */
function run(name, origin, parameters, options) {
  const config = join(folder, `${name}.toml`);
  const lines = Object.entries(parameters).map(([key, value]) => `${key} = "${value}"`);
  writeFileSync(config, `[parameters]\n${lines.join('\n')}\n`);
  const reports = join(folder, name);
  const ran = spawnSync(
    resolve('target/schemathesis/bin/schemathesis'),
    [
      ...['--config-file', config, 'run', `${origin}/api/v1/openapi.json`, '--seed', SEED],
      ...['--checks', CHECKS.join(','), '--continue-on-failure', '--max-examples', '20'],
      ...['--report', 'json', '--report-dir', reports, '--warnings', 'off', ...options],
    ],
    // It leaves a cache where it runs.
    { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] },
  );
  const [file] = readdirSync(reports);
  const { test_cases, operations, failures, errors } = JSON.parse(readFileSync(join(reports, file), 'utf8'));
  const count = (isMeant) =>
    failures.filter(({ type }) => isMeant(type)).reduce((sum, failure) => sum + failure.count, 0);
  return {
    isWell: ran.status === 0 && errors.length === 0,
    operations: operations.tested,
    cases: test_cases.generated,
    server_errors: count((type) => type === 'ServerError'),
    undocumented: count((type) => type !== 'ServerError'),
  };
}

let figures = null;
let isWell = false;
try {
  const { origin, token } = await welcome();
  const { json: owner, cookie } = await post(`${origin}/api/v1/welcome`, { token, name: 'Ada' });
  const scopes = ['read', 'write', 'admin'];
  const { json: made } = await post(`${origin}/api/v1/me/tokens`, { name: 'api-check', scopes, days: 1 }, cookie);
  const ids = { org_id: owner.organisation.org_id, document_id: owner.document_id };
  const signedIn = ['--header', `Authorization: Bearer ${made.token}`];
  const runs = [
    run('owner', origin, ids, [...signedIn, ...OWN_SESSION.flatMap((path) => ['--exclude-path', path])]),
    run('nobody', origin, ids, []),
  ];
  const sum = (name) => runs.reduce((all, figures) => all + figures[name], 0);
  figures = {
    operations: Math.max(...runs.map(({ operations }) => operations)),
    cases: sum('cases'),
    server_errors: sum('server_errors'),
    undocumented: sum('undocumented'),
    seed: Number(SEED),
  };
  isWell = runs.every((run) => run.isWell);
} finally {
  quire.kill('SIGTERM');
  if (quire.exitCode === null) await once(quire, 'exit');
  rmSync(folder, { recursive: true });
}
console.log(JSON.stringify({ api: figures }));
process.exitCode = isWell && figures.server_errors === 0 && figures.undocumented === 0 ? 0 : 1;
