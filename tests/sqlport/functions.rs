//! The functions: what they give, in every way that a statement can be sent, and to whom.

use quire::client::Client as Writer;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, SimpleQueryMessage};

use super::clients::python;
use super::stage::{Stage, run, said};
use crate::kit::server::shows;
use crate::path::retention::{fold, keep};

/// Types a text in three edits and takes a word back.
async fn write(stage: &Stage) -> Writer {
    let writer = stage
        .world
        .client(0, &stage.world.office.owner, "laptop")
        .await;
    for (place, word) in [(0, "one "), (4, "zwei "), (9, "drei€")] {
        writer
            .edit(|editor| editor.insert(place, word))
            .expect("typed");
        writer.settled().await.expect("acknowledged");
    }
    shows(&writer, "one zwei drei€").await;
    writer
}

/// What a simple query says, a row a line.
async fn ask(client: &Client, sql: &str) -> Result<Vec<String>, tokio_postgres::Error> {
    let messages = client.simple_query(sql).await?;
    let rows = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            let fields = (0..row.len()).map(|n| row.get(n).unwrap_or("-").to_owned());
            Some(fields.collect::<Vec<_>>().join("|"))
        }
        _ => None,
    });
    Ok(rows.collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_is_read_like_a_table() {
    let stage = Stage::new().await;
    let writer = write(&stage).await;
    let dba = stage.connect(stage.port, "dba").await.expect("signed in");
    let document = stage.world.office.document_id;
    let edits = ask(&dba, &format!("select edit_id, account_id from quire.edit where document_id = '{document}' order by edit_id")).await.expect("read");
    let ids: Vec<i64> = edits
        .iter()
        .map(|row| {
            row.split_once('|')
                .expect("two")
                .0
                .parse()
                .expect("a number")
        })
        .collect();
    let then = ids[ids.len() - 2];
    let d = format!("'{document}'");
    for (sql, expected) in [
        (format!("select quire.text({d})"), vec!["one zwei drei€"]),
        (format!("select quire.text({d}, {then})"), vec!["one zwei "]),
        (
            format!("select quire.text({d}, at => '{then}')"),
            vec!["one zwei "],
        ),
        (
            format!("select quire.text({d}, at => now())"),
            vec!["one zwei drei€"],
        ),
        (
            // It was not there.
            format!("select quire.text({d}, at => now() - interval '1 day')"),
            vec!["-"],
        ),
        (format!("select quire.text({d}, '1999-01-01')"), vec!["-"]),
        (format!("select quire.text({d}, at => null)"), vec!["-"]),
        (
            format!("select quire.text({d}, at => null::timestamptz)"),
            vec!["-"],
        ),
        (
            format!("select count(*) from quire.blame({d}, null)"),
            vec!["0"],
        ),
        (
            format!("select count(*) from quire.operations({d}, {then}, null)"),
            vec!["0"],
        ),
        (
            format!("select * from quire.text({d}) t where t like 'one%'"),
            vec!["one zwei drei€"],
        ),
        (
            format!("select quire.markdown({d})"),
            vec!["one zwei drei€\n"],
        ),
        ("select quire.text(null)".to_owned(), vec!["-"]),
        ("select quire.text(gen_random_uuid())".to_owned(), vec!["-"]),
        (
            "select quire.text((select document_id from quire.document))".to_owned(),
            vec!["one zwei drei€"],
        ),
        (
            format!(
                "select b.text, a.name from quire.blame({d}) b join quire.account a using (account_id) where length > 4 order by position"
            ),
            vec!["zwei |Ada", "drei€|Ada"],
        ),
        (
            format!(
                "select o.kind, o.position, o.text from quire.operations({d}) o where kind = 'insert' and session_id is not null order by edit_id"
            ),
            vec!["insert|0|one ", "insert|4|zwei ", "insert|9|drei€"],
        ),
        (
            format!(
                "select change, from_position, to_position, text from quire.diff({d}, {then}, now())"
            ),
            vec!["added|9|9|drei€"],
        ),
        (
            format!("select count(*), sum(length) from quire.blame({d}) x, lateral (select 1) y"),
            vec!["3|14"],
        ),
        (
            "select name, document_id is not null from quire.presence()".to_owned(),
            vec!["Ada|t"],
        ),
        (
            "select count(*), bool_and(is_asked), min(state) from quire.servers()".to_owned(),
            vec!["1|t|takes clients"],
        ),
        (
            format!("explain (costs off) select * from quire.blame({d})"),
            vec!["Function Scan on json_to_recordset quire_rows"],
        ),
    ] {
        let said = ask(&dba, &sql)
            .await
            .unwrap_or_else(|e| panic!("{sql}: {e:?}"));
        if sql.contains("presence") {
            // The client shows no cursor unless it says so.
            assert!(said.len() <= 1, "{said:?}");
            continue;
        }
        assert_eq!(said, expected, "{sql}");
    }
    // As prepared statements, with parameters, in binary.
    for (sql, types, expected) in [
        (
            "select quire.text($1, $2)",
            vec![Type::UUID, Type::TEXT],
            "one zwei ",
        ),
        (
            "select 'x' || quire.text(at => $2, document => $1)",
            vec![],
            "xone zwei ",
        ),
    ] {
        let statement = dba.prepare_typed(sql, &types).await.expect(sql);
        assert_eq!(statement.params(), [Type::UUID, Type::TEXT], "{sql}");
        let row = dba
            .query_one(&statement, &[&document, &then.to_string()])
            .await
            .expect(sql);
        assert_eq!(row.get::<_, String>(0), expected, "{sql}");
        let row = dba
            .query_one(&statement, &[&document, &None::<String>])
            .await
            .expect(sql);
        assert_eq!(row.get::<_, Option<String>>(0), None, "{sql}");
    }
    // A prepared statement sees what was written after it was prepared.
    let statement = dba
        .prepare("select quire.text($1)")
        .await
        .expect("prepared");
    writer.edit(|editor| editor.insert(0, "0 ")).expect("typed");
    writer.settled().await.expect("acknowledged");
    let text: String = dba
        .query_one(&statement, &[&document])
        .await
        .expect("read")
        .get(0);
    assert_eq!(text, "0 one zwei drei€");
    stage.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_fails_is_an_error_like_any_other() {
    let stage = Stage::new().await;
    let dba = stage.connect(stage.port, "dba").await.expect("signed in");
    let document = stage.world.office.document_id;
    for (sql, code, place) in [
        (
            format!("select 1, quire.text('{document}', 'no time')"),
            "22007",
            None,
        ),
        (
            "select 1, quire.text('no uuid')".to_owned(),
            "22P02",
            Some(22),
        ),
        (
            format!("select 1, quire.text('{document}', nothing)"),
            "42703",
            Some(62),
        ),
        (
            "select quire.text(d.document_id) from quire.document d".to_owned(),
            "42P01",
            Some(19),
        ),
        (
            format!("select quire.text('{document}', 999999)"),
            "22023",
            None,
        ),
        (
            format!("select quire.text('{document}', true)"),
            "22023",
            None,
        ),
        (
            format!("select quire.text('{document}') + nothing"),
            "42703",
            Some(61),
        ),
        (
            format!("select quire.text('{document}'); select 1"),
            "0A000",
            Some(8),
        ),
        ("select quire.text()".to_owned(), "42883", Some(8)),
        (
            format!("create view public.v as select quire.text('{document}')"),
            "0A000",
            Some(32),
        ),
    ] {
        for begin in ["", "begin"] {
            if !begin.is_empty() {
                dba.batch_execute(begin).await.expect("begun");
            }
            let error = dba.simple_query(&sql).await.expect_err(&sql);
            let error = error.as_db_error().expect("Postgres's own form");
            assert_eq!(error.code().code(), code, "{sql}: {error:?}");
            let at = error.position().map(|p| match p {
                tokio_postgres::error::ErrorPosition::Original(at) => *at,
                tokio_postgres::error::ErrorPosition::Internal { .. } => 0,
            });
            assert_eq!(at, place, "{sql}: {error:?}");
            if !begin.is_empty() {
                let failed = dba
                    .simple_query("select 1")
                    .await
                    .expect_err("a failed transaction");
                assert_eq!(failed.code(), Some(&SqlState::IN_FAILED_SQL_TRANSACTION));
                dba.batch_execute("rollback").await.expect("ended");
            }
            let prepared = dba.query(&sql, &[]).await.expect_err(&sql);
            let same = prepared.code().map(SqlState::code);
            assert!(
                same == Some(code) || same == Some("42601"),
                "{sql}: {prepared:?}"
            );
        }
        assert_eq!(ask(&dba, "select 1").await.expect("it goes on"), ["1"]);
    }
    stage.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_read_the_edits_gets_postgres_own_error_from_every_function() {
    let stage = Stage::new().await;
    write(&stage).await;
    let document = stage.world.office.document_id;
    let calls = [
        format!("select quire.text('{document}')"),
        format!("select quire.markdown('{document}')"),
        format!("select quire.html('{document}', now())"),
        format!("select * from quire.operations('{document}')"),
        format!("select * from quire.blame('{document}')"),
        format!("select * from quire.diff('{document}', 1, now())"),
        "select * from quire.presence()".to_owned(),
        "select * from quire.servers()".to_owned(),
    ];
    let dba = stage.connect(stage.direct, "dba").await.expect("signed in");
    let reader = stage
        .connect(stage.port, "reader")
        .await
        .expect("signed in");
    let refused = async |message: &str, calls: &[String]| {
        for sql in calls {
            for error in [
                reader.simple_query(sql).await.expect_err(sql),
                reader.query(sql, &[]).await.expect_err(sql),
            ] {
                let error = error.as_db_error().expect("Postgres's own");
                assert_eq!(
                    (error.code().code(), error.message()),
                    ("42501", message),
                    "{sql}"
                );
            }
        }
    };
    refused("permission denied for schema quire", &calls).await;
    dba.batch_execute("grant usage on schema quire to reader")
        .await
        .expect("granted");
    refused("permission denied for table document", &calls).await;
    dba.batch_execute("grant select (org_id, document_id, title) on quire.document to reader")
        .await
        .expect("granted");
    refused("permission denied for table edit", &calls[..6]).await;
    dba.batch_execute("grant select on quire.edit, quire.fold to reader")
        .await
        .expect("granted");
    assert_eq!(
        ask(&reader, &calls[0]).await.expect("read"),
        ["one zwei drei€"]
    );
    // Row-level security decides what there is, also for a document that somebody else has read just now.
    dba.batch_execute("create policy nothing on quire.edit as restrictive to reader using (false)")
        .await
        .expect("restricted");
    assert_eq!(ask(&reader, &calls[0]).await.expect("read"), [""]);
    let all = stage.connect(stage.port, "dba").await.expect("signed in");
    assert_eq!(
        ask(&all, &calls[0]).await.expect("read"),
        ["one zwei drei€"]
    );
    assert_eq!(ask(&reader, &calls[0]).await.expect("read"), [""]);
    dba.batch_execute(
        "create policy nothing on quire.document as restrictive to reader using (false)",
    )
    .await
    .expect("restricted");
    assert_eq!(ask(&reader, &calls[0]).await.expect("read"), ["-"]);
    // As another role, within the transaction.
    all.batch_execute("begin; set local role reader")
        .await
        .expect("begun");
    assert_eq!(ask(&all, &calls[0]).await.expect("read"), ["-"]);
    all.batch_execute("rollback").await.expect("ended");
    stage.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_stand_among_other_statements_of_every_kind() {
    let stage = Stage::new().await;
    write(&stage).await;
    let (python, mut arguments) = python("functions.py");
    arguments.push(stage.world.office.document_id.to_string());
    let mut command = stage.command(&python, stage.port, "dba");
    command.args(arguments);
    let output = run(command).await;
    assert!(output.status.success(), "{}", said(&output));
    stage.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_one_side_is_the_end_of_the_other() {
    let stage = Stage::new().await;
    let observer = stage.connect(stage.direct, "dba").await.expect("signed in");
    let pid = async |client: &Client| -> i32 {
        let row = client.query_one("select pg_backend_pid()", &[]).await;
        row.expect("told").get(0)
    };
    let client = stage.connect(stage.port, "dba").await.expect("signed in");
    let backend = pid(&client).await;
    drop(client);
    let lives = "select 1 from pg_stat_activity where pid = $1";
    while !observer
        .query(lives, &[&backend])
        .await
        .expect("told")
        .is_empty()
    {
        crate::kit::pause().await;
    }

    let client = stage.connect(stage.port, "dba").await.expect("signed in");
    let backend = pid(&client).await;
    let end = "select pg_terminate_backend($1)";
    observer.query(end, &[&backend]).await.expect("ended");
    let asking = async {
        while client.simple_query("select 1").await.is_ok() {
            crate::kit::pause().await;
        }
    };
    let patience = std::time::Duration::from_secs(20);
    tokio::time::timeout(patience, asking)
        .await
        .expect("it hears of it");
    stage.world.stop().await;
}

/// What is folded is the text that the operations begin with; of it itself there are none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operations_of_a_document_begin_where_its_history_does() {
    let stage = Stage::new().await;
    let writer = write(&stage).await;
    keep(&stage.world, "0").await;
    fold(&stage.world).await;
    keep(&stage.world, "30 days").await;
    let dba = stage.connect(stage.port, "dba").await.expect("signed in");
    let document = stage.world.office.document_id;
    let left = format!("select position, text from quire.operations('{document}')");
    let before = ask(&dba, &left).await.expect("read");
    writer.edit(|editor| editor.insert(4, "x")).expect("typed");
    writer.settled().await.expect("acknowledged");
    writer
        .edit(|editor| editor.replace(0, 4, ""))
        .expect("deleted");
    writer.settled().await.expect("acknowledged");
    let operations = format!("select kind, position, text from quire.operations('{document}')");
    let operations = ask(&dba, &operations).await.expect("read");
    assert_eq!(operations[before.len()..], ["insert|4|x", "delete|0|one "]);
    assert!(
        before.iter().all(|row| !row.starts_with("-|")),
        "{before:?}"
    );
    stage.world.stop().await;
}
