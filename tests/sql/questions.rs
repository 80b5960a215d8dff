//! The questions of sql/README.md: what they answer of the known installation, that psql's answers stand
//! there as they are, and that they are found by an index where there are many edits.

use std::process::Command;

use tokio_postgres::{Client, SimpleQueryMessage};

use super::{PRESS, become_role, known, number, role};
use crate::kit::postgres::{Cluster, Database, Version, connect};
use crate::kit::standby::Standby;
use crate::sqlport::figures;

const README: &str = include_str!("../../sql/README.md");
const MANY: &str = include_str!("many.sql");

/// What each question must answer, by hand: a row a line, columns parted by |. The nineteenth is of
/// the cluster, where others have slots.
const ANSWERS: [(usize, &[&str]); 19] = [
    (1, &["Ada|60|300|0", "Ben|30|90|30"]),
    (
        2,
        &[
            "2026-03-02 10:29:00+00|Ben|3|1|90",
            "2026-03-02 10:28:00+00|Ben|3|1|90",
            "2026-03-02 10:27:00+00|Ben|3|1|90",
            "2026-03-02 10:26:00+00|Ben|3|1|90",
            "2026-03-02 10:25:00+00|Ben|3|1|90",
        ],
    ),
    (
        3,
        &[
            "Press|Minutes|Ada|30|150",
            "Press|Minutes|Ben|30|90",
            "Elsewhere|Recipes|Dora|20|140",
        ],
    ),
    (
        4,
        &["Ben|2|70|890|30|2026-03-02 10:00:00+00|2026-03-03 14:39:00+00"],
    ),
    (5, &["2026-03-02|2|2|100", "2026-03-03|1|1|40"]),
    (
        6,
        &[
            "2026-03-02 09:00:00+00|60|1|1",
            "2026-03-03 14:00:00+00|40|1|1",
            "2026-03-02 10:00:00+00|30|1|1",
        ],
    ),
    (7, &["Budget|800|40", "Minutes|360|90", "Draft|20|10"]),
    (8, &["Minutes|90|2026-03-02 10:29:00+00"]),
    (
        9,
        &[
            "Ada|browser|2026-03-02 08:55:00+00|2026-03-02 18:00:00+00",
            "Ben|browser|2026-03-02 09:55:00+00|2026-03-03 20:00:00+00",
            "Ben|token|2026-03-01 09:00:00+00|",
            "Dora|browser|2026-03-02 09:20:00+00|2026-03-16 09:50:00+00",
        ],
    ),
    (10, &["Ben|token|40"]),
    (
        11,
        &[
            "Ada|edit|{owner,\"owner of the document\"}",
            "Ben|edit|{grant}",
            "Cleo|view|{grant}",
        ],
    ),
    (12, &["Ada|owner|edit", "Ben|member|edit"]),
    (
        13,
        &[
            "Finance|Accounting|edit",
            "Minutes|Ben|edit",
            "Minutes|Cleo|view",
        ],
    ),
    (
        14,
        &[
            "2026-03-02 12:00:00+00|member_added|Ada|Cleo||{\"role\": \"guest\"}",
            "2026-03-02 12:05:00+00|grant_added|Ada|Cleo|Minutes|{\"role\": \"view\"}",
            "2026-03-03 10:00:00+00|share_link_added|Ada||Budget|{\"role\": \"view\", \"link_id\": \"10000000-0000-0000-0000-000000000001\"}",
            "2026-03-03 11:00:00+00|share_link_opened|Eve|Eve|Budget|{\"link_id\": \"10000000-0000-0000-0000-000000000001\"}",
            "2026-03-03 18:00:00+00|share_link_revoked|Ada||Budget|{\"role\": \"view\", \"link_id\": \"10000000-0000-0000-0000-000000000001\"}",
            "2026-03-04 09:00:00+00|document_deleted|Ada||Draft|{}",
            "2026-03-04 12:00:00+00|grant_removed|Ada|Cleo|Minutes|{\"former_role\": \"view\"}",
            "2026-03-04 12:00:00+00|member_removed|Ada|Cleo||{\"former_role\": \"guest\"}",
        ],
    ),
    (15, &["Ada|owner", "Ben|member", "Cleo|guest"]),
    (
        16,
        &[
            "Minutes|90|8100|700|41|2",
            "Budget|40|3600||40|1",
            "Draft|10|900|||1",
        ],
    ),
    (
        17,
        &[
            "Budget|[Budget]\nRent, paper and a [budget]",
            "Minutes|March\nThe [budget] was approved.",
        ],
    ),
    (
        18,
        &["Minutes|Minutes of March\nThe budget was approved.|t|2026-03-03 15:00:00+00"],
    ),
    (20, &[]),
];

/// What the README asks, in order.
fn questions() -> Vec<&'static str> {
    let blocks = README.split("```sql\n").skip(1);
    let questions: Vec<_> = blocks.filter_map(|b| b.split("```").next()).collect();
    assert_eq!(questions.len(), 20, "twenty questions");
    questions
}

/// What a question answers, a row a string.
async fn ask(client: &Client, question: &str) -> Vec<String> {
    let messages = client.simple_query(question).await;
    let messages = messages.unwrap_or_else(|e| panic!("{question}: {e:?}"));
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            let columns = (0..row.len()).map(|i| row.get(i).unwrap_or_default());
            Some(columns.collect::<Vec<_>>().join("|"))
        }
        _ => None,
    });
    rows.collect()
}

#[tokio::test]
async fn every_question_answers_what_is_known() {
    for version in Version::ALL {
        let database = Database::of(version).await;
        let client = known(&database).await;
        client.batch_execute("set timezone = 'UTC'").await.unwrap();
        become_role(&client, "quire_operator").await;
        let questions = questions();
        for (place, expected) in ANSWERS {
            let answer = ask(&client, questions[place - 1]).await;
            assert_eq!(answer, expected, "{version:?}, question {place}");
        }
        ask(&client, questions[18]).await;
        client.batch_execute("reset role").await.expect("reset");
    }
    figures::note("all", "questions", ANSWERS.len() + 1);
}

/// A standby writes nothing, and answers the same to the same roles.
#[tokio::test(flavor = "multi_thread")]
async fn a_standby_answers_the_same() {
    let primary = Cluster::start(Version::usual(), &[]);
    let database = primary.database().await;
    let client = known(&database).await;
    let reader = role(&client, "quire_reader").await;
    let grant =
        format!("insert into quire.reader (role_name, org_id) values ('{reader}', '{PRESS}')");
    client.batch_execute(&grant).await.expect("granted");
    let folder = primary.postgres().socket();
    let conninfo = format!("host={} port=5432", folder.display());
    let standby = Standby::of(&primary, &conninfo).await;
    let name = database.url.rsplit('/').next().expect("a name");
    let copy = connect(&standby.cluster.url(name)).await;
    copy.batch_execute("set timezone = 'UTC'").await.unwrap();
    become_role(&copy, "quire_operator").await;
    let questions = questions();
    for (place, expected) in ANSWERS {
        let answer = ask(&copy, questions[place - 1]).await;
        assert_eq!(answer, expected, "question {place}");
    }
    ask(&copy, questions[18]).await;
    ask(&copy, "select * from quire.feed_state").await;
    copy.batch_execute("reset role").await.expect("reset");
    become_role(&copy, &reader).await;
    let seen = number(&copy, "select count(*) from quire.edit_log").await;
    assert_eq!(seen, 140, "of one organisation");
}

#[tokio::test]
async fn integrity_names_what_does_not_fit() {
    let client = known(&Database::new().await).await;
    let break_it = format!(
        "insert into quire.edit (org_id, document_id, account_id, peer_id, counter_start, counter_end, inserted, deleted, update)
         values ('{PRESS}', gen_random_uuid(), gen_random_uuid(), 9, 0, 1, 1, 0, 'x');
         insert into quire.document (org_id, document_id, title, created_by)
         select org_id, gen_random_uuid(), 'Empty', created_by from quire.document limit 1;
         update quire.peer set next_counter = next_counter + 1 where peer_id = 1;
         update quire.snapshot set bytes = 1;
         insert into quire.snapshot (org_id, document_id, seen, system_identifier, bytes, snapshot)
         select '{PRESS}', gen_random_uuid(), '900000000:900000000:', c.system_identifier, 1, 'x' from pg_control_system() c;
         update quire.document_text set seen = '900000000:900000000:' where text like 'Soup%'"
    );
    client.batch_execute(&break_it).await.expect("broken");
    let found = "select finding from quire.integrity() order by finding";
    let expected = [
        "document without edits",
        "edits are not what their peer has written",
        "edits of an unknown author",
        "edits without document",
        "snapshot claims edits of the future",
        "snapshot is not as long as it says",
        "snapshot without document",
        "text claims edits of the future",
    ];
    assert_eq!(ask(&client, found).await, expected);
}

/// `QUIRE_TRANSCRIPT=write` writes it instead.
#[tokio::test]
async fn the_transcript_is_what_psql_prints() {
    // A cluster of its own: it shows the slots of all databases.
    let cluster = Cluster::start(Version::usual(), &[]);
    let database = cluster.database().await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/sql-transcript.mjs");
    let mut command = Command::new("node");
    command.arg(script).env("DATABASE_URL", &database.url);
    if std::env::var("QUIRE_TRANSCRIPT").as_deref() != Ok("write") {
        command.arg("--check");
    }
    let run = tokio::task::spawn_blocking(move || command.output());
    let output = run.await.unwrap().expect("node and psql are there");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    println!("{}", String::from_utf8_lossy(&output.stdout));
}

/// A million edits, or QUIRE_EDITS.
#[tokio::test]
async fn no_question_but_the_last_reads_every_edit() {
    let edits = std::env::var("QUIRE_EDITS").unwrap_or_else(|_| "1000000".to_owned());
    let database = Database::new().await;
    let client = known(&database).await;
    let many = MANY.replace("$edits", &edits);
    client.batch_execute(&many).await.expect("they are made");
    let summarise = "analyze; select brin_summarize_new_values(indexrelid) from pg_stat_user_indexes where indexrelname like 'edit%created_at_idx'";
    client.batch_execute(summarise).await.expect("analyzed");
    let written = number(&client, "select count(*) from quire.edit").await;
    assert!(written > edits.parse::<i64>().expect("a number"));
    let reader = role(&client, "quire_reader").await;
    let grant =
        format!("insert into quire.reader (role_name, org_id) values ('{reader}', '{PRESS}')");
    client.batch_execute(&grant).await.expect("granted");
    let questions = questions();
    for who in ["quire_operator", &reader, "quire"] {
        become_role(&client, who).await;
        for (place, question) in questions[..19].iter().enumerate() {
            if place == 18 && who == reader {
                // Slots are for operators.
                continue;
            }
            let plan = ask(&client, &format!("explain (costs off) {question}")).await;
            let whole = plan.iter().any(|line| line.contains("Seq Scan on edit"));
            assert!(!whole, "{who}, question {}: {plan:#?}", place + 1);
        }
        let plan = ask(&client, &format!("explain (costs off) {}", questions[19])).await;
        assert!(
            plan.iter().any(|line| line.contains("Seq Scan on edit")),
            "what is looked for is recognised"
        );
        client.batch_execute("reset role").await.expect("reset");
    }
    println!("{written} edits");
}
