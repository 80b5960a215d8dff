#!/usr/bin/env node
// What compose.yaml starts, without containers: a primary with two standbys, three servers with TLS and two
// balancers, all on this machine. Ends with Ctrl-C. Arguments: the program (default: the release build), the
// folder for the documents, and the first port of the balancers (0: free ones).

import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const [program = 'target/release/quire', data = folder(), first = '4443'] = process.argv.slice(2);
const SERVERS = 3;
const NAMES = ['FIRST', 'SECOND', 'THIRD'];

function folder() {
  return process.getuid() === 0 ? '/var/lib/quire-cluster' : join(homedir(), '.local/share/quire-cluster');
}

/** Those that hold a balancer's port until it listens there itself. */
const holders = [];

/** A port that nobody is given before the balancers are started. */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      holders.push(server);
      // It keeps nothing alive when Quire has ended.
      server.unref();
      resolve(server.address().port);
    });
  });
}

async function ports() {
  if (Number(first) > 0) return [Number(first), Number(first) + 1];
  return [await freePort(), await freePort()];
}

mkdirSync(data, { recursive: true });
const certificate = spawnSync('compose/certificate.sh', [data], { stdio: ['ignore', 'ignore', 'inherit'] });
if (certificate.status !== 0) throw new Error('the certificate could not be made');

const balancers = (await ports()).map((port) => `https://localhost:${port}`);
const listen = Number(first) > 0 ? '127.0.0.1:4401' : '127.0.0.1:0';
const arguments_ = ['dev', '--data', join(data, 'data'), '--listen', listen, '--servers', String(SERVERS)];
arguments_.push('--standbys', '2', '--balancer', balancers.join(','));
arguments_.push('--tls-certificate', join(data, 'chain.pem'), '--tls-key', join(data, 'key.pem'));
const quire = spawn(program, arguments_, { stdio: ['ignore', 'pipe', 'inherit'] });
const running = [quire];
let servers = [];

function stop() {
  for (const process_ of running.splice(0)) process_.kill('SIGINT');
}
process.on('SIGINT', stop);
process.on('SIGTERM', stop);
quire.once('exit', (code) => {
  stop();
  process.exitCode = code ?? 1;
});

/** Starts the balancers in front of the servers. */
async function balance() {
  await Promise.all(holders.splice(0).map((holder) => new Promise((resolve) => { holder.close(resolve); })));
  const addresses = servers.map((server, index) => [NAMES[index], server.replace('https://', '')]);
  const pem = { CERTIFICATE: join(data, 'quire.pem'), AUTHORITY: join(data, 'chain.pem'), NAME: 'localhost' };
  for (const address of balancers) {
    const env = { ...process.env, ...Object.fromEntries(addresses), ...pem, BIND: address.replace('https://localhost', '127.0.0.1') };
    const balancer = spawn('haproxy', ['-db', '-f', 'compose/haproxy.cfg'], { env, stdio: ['ignore', 'inherit', 'inherit'] });
    balancer.once('exit', (code) => running.length > 0 && console.error(`the balancer at ${address} ended (${code})`));
    running.push(balancer);
  }
  console.log(`The balancers are ${balancers.join(', ')}.`);
}

for await (const line of createInterface({ input: quire.stdout })) {
  if (line.startsWith('The servers are ')) servers = line.match(/https:[^,\s]*:\d+/g);
  console.log(line);
  if (servers.length === SERVERS && running.length === 1) await balance();
}
