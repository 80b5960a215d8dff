// node-postgres: simple and prepared statements, types, errors, notices, notifications, big rows.

import pg from 'pg';

const db = new pg.Client({ application_name: 'test' });
db.on('notice', (notice) => console.log(notice.severity, notice.message));
db.on('notification', (n) => console.log(n.channel, n.payload));
await db.connect();
const show = (result) => console.log(result.command, result.rowCount, JSON.stringify(result.rows));
show(await db.query('select 1 as one, null as two, $$ä€🎈$$ as three, now() > $1 as four', ['2000-01-01']));
show(await db.query('create temp table t (a int, b text, c jsonb)'));
for (let a = 0; a < 50; a++) {
  await db.query({ name: 'insert', text: 'insert into t values ($1, $2, $3)', values: [a, 'x'.repeat(a), { a }] });
}
show(await db.query({ name: 'all', text: 'select * from t where a < $1 order by a', values: [5] }));
show(await db.query({ text: 'select a, b from t where a < $1', values: [3], rowMode: 'array' }));
show(await db.query({ text: 'select a from t where a < $1', values: [3], binary: true }));
for (const [text, values] of [['selec 1'], ['select nothing'], ['select $1::int', ['a']], ['select 1 / $1', [0]]]) {
  await db.query(text, values).catch((e) => console.log(e.severity, e.code, e.message, e.position, e.routine));
}
show((await db.query('select 1; select 2'))[1]);
await db.query("do $$ begin raise notice 'noted'; end $$");
await db.query('listen channel');
await db.query("notify channel, 'hello'");
await db.query('begin');
await db.query('select 1 / 0').catch((e) => console.log(e.code));
await db.query('select 1').catch((e) => console.log(e.code));
await db.query('rollback');
console.log((await db.query("select repeat('x', 3000000) as x")).rows[0].x.length);
const many = await Promise.all(Array.from({ length: 100 }, (_, n) => db.query('select $1::int as n', [n])));
console.log(many.map((r) => r.rows[0].n).join());
await db.end();
const wrong = new pg.Client({ password: 'wrong' });
await wrong.connect().catch((e) => console.log(e.code, e.message));
