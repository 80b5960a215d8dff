//! psql through the port and directly.

use super::figures::note;
use super::stage::{Stage, run, said};

/// What does not depend on when it runs.
const SCRIPT: &str = r"
\set VERBOSITY verbose
\d
\dt quire.*
\d quire.document
\d+ quire.edit_log
\dn+
\df quire.*
\du reader
\l template0
select 1 as one, null as two, 'ä€🎈' as three;
select * from quire.nothing;
selec 1;
select 1 / 0;
select 'a' || b;
begin;
insert into quire.setting values ('a', 'b');
savepoint s;
select 1 / 0;
select 1;
rollback to s;
table quire.setting;
rollback;
create table public.t (a int primary key, b text);
\copy public.t from pstdin
1	one
2	\N
3	drei
\.
\copy public.t from pstdin
1	again
\.
\copy (select * from public.t order by a) to pstdout
copy public.t to stdout with (format csv, header);
copy public.t (a, b) from stdin;
x	y
\.
do $$ begin raise notice 'noted %', 1; raise warning 'warned'; end $$;
declare c cursor for select 1;
begin;
declare c scroll cursor for select g from generate_series(1, 100) g;
fetch 3 c;
fetch backward 2 c;
move last c;
fetch relative -1 c;
commit;
\set FETCH_COUNT 7
select g, repeat('x', g) from generate_series(1, 30) g;
\unset FETCH_COUNT
\echo after
prepare p(int) as select $1 + 1;
execute p(41);
deallocate p;
select 1 \; select 2 \; select 3;
select $1::int + $2::int \bind 1 2 \g
\gset
select 5 as five \gset
\echo :five
select 'select ' || g from generate_series(1, 3) g \gexec
\x
select * from pg_catalog.pg_namespace where nspname = 'quire';
\x
set client_encoding = 'LATIN1';
select 'x' as latin;
reset client_encoding;
listen channel;
notify channel, 'hello';
select 1;
\i /nonexistent
\password_nothing
drop table public.t;
select current_user, session_user, current_database();
\echo :ERROR :SQLSTATE :ROW_COUNT
create sequence public.watched;
select 1 / (3 - nextval('public.watched')) \watch 0.01
drop sequence public.watched;
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn psql_shows_the_same_through_the_port() {
    let stage = Stage::new().await;
    let mut answers = Vec::new();
    for at in [stage.direct, stage.port] {
        let mut answer = String::new();
        for arguments in [
            vec!["-X", "-f", "-"],
            vec![
                "-X",
                "-a",
                "-c",
                "select 1",
                "-c",
                "select 1 / 0",
                "-c",
                "\\conninfo",
            ],
            vec!["-X", "-c", "\\d quire.edit", "-c", "\\dt"],
        ] {
            let mut command = stage.command("psql", at, "dba");
            command.args(&arguments);
            if arguments.contains(&"-") {
                let script =
                    std::env::temp_dir().join(format!("quire-{}.sql", uuid::Uuid::new_v4()));
                std::fs::write(&script, SCRIPT).expect("written");
                command.stdin(std::fs::File::open(&script).expect("there"));
                std::fs::remove_file(&script).expect("removed");
            }
            answer.push_str(&said(&run(command).await));
        }
        let port = format!("\"{}\"", at.port());
        // A process is named by its number, and what is watched by its time.
        let lines = answer
            .lines()
            .filter(|line| !line.ends_with("(every 0.01s)"));
        let lines = lines.map(|line| match line.split_once("server process with PID ") {
            Some((before, _)) => before.to_owned(),
            None => line.replace(&port, "PORT"),
        });
        answers.push(lines.collect::<Vec<_>>().join("\n"));
    }
    assert!(answers[0].contains("drei") && answers[0].contains("noted 1"));
    for (direct, port) in answers[0].lines().zip(answers[1].lines()) {
        assert_eq!(direct, port);
    }
    assert_eq!(answers[0], answers[1]);
    note("clients", "psql", "same");
    stage.world.stop().await;
}
