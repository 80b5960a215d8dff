//! Client libraries through the port and directly, answer by answer.

use std::path::Path;
use std::process::Command;

use futures_util::{SinkExt, TryStreamExt, pin_mut};
use tokio_postgres::{Client, NoTls};

use super::figures::note;
use super::stage::{Stage, run, said};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Debian's package libpostgresql-jdbc-java.
const JDBC: &str = "/usr/share/java/postgresql.jar";

/// Runs a program both ways and compares.
async fn is_the_same(name: &str, program: &str, arguments: &[String]) {
    let stage = Stage::new().await;
    let mut answers = Vec::new();
    for at in [stage.direct, stage.port] {
        let mut command = stage.command(program, at, "dba");
        command.args(arguments);
        let output = run(command).await;
        assert!(output.status.success(), "{name}: {}", said(&output));
        answers.push(said(&output));
    }
    for (direct, port) in answers[0].lines().zip(answers[1].lines()) {
        assert_eq!(direct, port, "{name}");
    }
    assert_eq!(answers[0], answers[1], "{name}");
    note("clients", name, "same");
    stage.world.stop().await;
}

/// Runs a script in `clients/` with the packages of `scripts/sql-clients.txt`.
pub fn python(script: &str) -> (String, Vec<String>) {
    let python = format!("{ROOT}/target/sql-clients/bin/python");
    assert!(
        Path::new(&python).exists(),
        "{python} is missing: `make target/sql-clients/.installed`"
    );
    (
        python,
        vec![format!("{ROOT}/tests/sqlport/clients/{script}")],
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn psycopg_gets_the_same_answers() {
    let (python, arguments) = python("with_psycopg.py");
    is_the_same("psycopg", &python, &arguments).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlalchemy_finds_the_same_schema() {
    let (python, arguments) = python("reflection.py");
    is_the_same("sqlalchemy", &python, &arguments).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_postgres_gets_the_same_answers() {
    let script = format!("{ROOT}/tests/sqlport/clients/node.mjs");
    is_the_same("node-postgres", "node", &[script]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jdbc_gets_the_same_answers() {
    let has_compiler = Command::new("javac").arg("-version").output().is_ok();
    if !has_compiler || !Path::new(JDBC).exists() {
        println!("skipped: no JDK, or no {JDBC} (Debian: libpostgresql-jdbc-java)");
        return note("clients", "jdbc", "skipped");
    }
    let folder = quire::dev::temporary().expect("a folder");
    let mut compile = Command::new("javac");
    compile
        .args(["-d", folder.to_str().expect("a name")])
        .arg(format!("{ROOT}/tests/sqlport/clients/Jdbc.java"));
    let compiled = run(compile).await;
    assert!(compiled.status.success(), "{}", said(&compiled));
    let path = format!("{JDBC}:{}", folder.display());
    is_the_same("jdbc", "java", &["-cp".into(), path, "Jdbc".into()]).await;
    std::fs::remove_dir_all(folder).expect("removed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokio_postgres_gets_the_same_answers() {
    let stage = Stage::new().await;
    let mut answers = Vec::new();
    for at in [stage.direct, stage.port] {
        let client = stage.connect(at, "dba").await.expect("signed in");
        answers.push(ask(&client).await);
        cancelled(&client).await;
    }
    assert_eq!(answers[0], answers[1]);
    note("clients", "tokio-postgres", "same");
    stage.world.stop().await;
}

async fn ask(client: &Client) -> Vec<String> {
    let mut said = Vec::new();
    client
        .batch_execute(
            "create table if not exists public.t (a int primary key, b text);
             truncate public.t",
        )
        .await
        .expect("made");
    let sink = client
        .copy_in("copy public.t from stdin")
        .await
        .expect("begun");
    pin_mut!(sink);
    for a in 0..2_000 {
        let line = bytes::Bytes::from(format!("{a}\t{}\n", "x".repeat(a % 100)));
        sink.send(line).await.expect("sent");
    }
    said.push(sink.finish().await.expect("copied").to_string());
    let out = client
        .copy_out("copy public.t to stdout")
        .await
        .expect("begun");
    let parts: Vec<bytes::Bytes> = out.try_collect().await.expect("copied");
    said.push(format!("{:?}", parts.concat().len()));
    let statement = client
        .prepare("select a, b from public.t where a % $1 = 0 order by a")
        .await
        .expect("prepared");
    said.push(format!(
        "{:?} {:?}",
        statement.params(),
        statement.columns()
    ));
    // Many at once: a pipeline.
    let asked = (1..50_i32).map(async |n| client.query(&statement, &[&n]).await);
    for rows in futures_util::future::join_all(asked).await {
        said.push(rows.expect("read").len().to_string());
    }
    for wrong in [
        "selec 1",
        "select nothing",
        "insert into public.t values (1, 'x')",
    ] {
        for error in [
            client.query(wrong, &[]).await.expect_err(wrong),
            client.simple_query(wrong).await.expect_err(wrong),
        ] {
            said.push(format!("{:?}", error.as_db_error()));
        }
    }
    said
}

async fn cancelled(client: &Client) {
    let token = client.cancel_token();
    let sleeping = client.simple_query("select pg_sleep(60)");
    let cancelling = async {
        // Until it is under way there is nothing to cancel.
        crate::kit::pause().await;
        loop {
            token.cancel_query(NoTls).await.expect("asked");
            crate::kit::pause().await;
        }
    };
    let error = tokio::select! {
        slept = sleeping => slept.expect_err("cancelled"),
        () = cancelling => unreachable!(),
    };
    assert_eq!(error.code().map(|code| code.code()), Some("57014"));
}
