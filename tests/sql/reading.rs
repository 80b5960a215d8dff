//! The roles of readers: no secret, no row of another organisation, and nothing is written.

use std::collections::BTreeSet;

use quire::postgres::{Limits, examine, migrate, pool};
use tokio_postgres::Client;

use super::{ELSEWHERE, PRESS, become_role, known, number, role};
use crate::kit::postgres::{Cluster, Database, Version};

/// Relation by relation: what quire_reader reads, and behind | what quire_operator reads besides.
const READABLE: &str = include_str!("readable.txt");

/// Functions that answer rows of organisations, with the column that says whose they are.
const FUNCTIONS: [(&str, &str); 8] = [
    ("quire.activity()", "org_id"),
    ("quire.hours('-infinity')", "org_id"),
    ("quire.members_at('2026-03-03')", "org_id"),
    ("quire.groups_at('2026-03-03')", "org_id"),
    ("quire.grants_at('2026-03-03')", "org_id"),
    ("quire.search('budget')", "org_id"),
    ("quire.integrity()", "org_id"),
    ("quire.sessions_at('2026-03-02 09:40Z')", "session_id"),
];

/// What each of the two roles may read, as `role relation.column`.
fn promised() -> BTreeSet<String> {
    let mut promised = BTreeSet::new();
    for line in READABLE.lines() {
        let (relation, columns) = line.split_once(':').expect("relation: columns");
        let (both, operators) = columns.split_once('|').unwrap_or((columns, ""));
        for column in both.split_whitespace() {
            promised.insert(format!("quire_reader {relation}.{column}"));
            promised.insert(format!("quire_operator {relation}.{column}"));
        }
        for column in operators.split_whitespace() {
            promised.insert(format!("quire_operator {relation}.{column}"));
        }
    }
    promised
}

#[tokio::test]
async fn readers_see_the_listed_columns_and_no_other() {
    for version in Version::ALL {
        let client = Database::of(version).await.connect().await;
        let query = "
            select r.role || ' ' || c.table_name || '.' || c.column_name
            from information_schema.columns c
            cross join unnest(array['quire_reader', 'quire_operator']) r (role)
            where c.table_schema = 'quire'
            and has_column_privilege(r.role, format('quire.%I', c.table_name)::regclass, c.column_name, 'select')";
        let rows = client.query(query, &[]).await.expect("the catalogue");
        let open: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
        // What a newer migration makes is listed before it is there.
        let there =
            "select c.relname::text from pg_class c where c.relnamespace = 'quire'::regnamespace";
        let there = client.query(there, &[]).await.expect("the catalogue");
        let there: BTreeSet<String> = there.iter().map(|row| row.get(0)).collect();
        let mut promised = promised();
        promised.retain(|line| there.iter().any(|name| line.contains(&format!(" {name}."))));
        let more: Vec<_> = open.difference(&promised).collect();
        let less: Vec<_> = promised.difference(&open).collect();
        assert!(
            more.is_empty() && less.is_empty(),
            "{version:?}: also {more:?}; not {less:?}"
        );
    }
}

#[tokio::test]
async fn secrets_are_refused_by_postgres_itself() {
    let client = Database::new().await.connect().await;
    for role in ["quire_reader", "quire_operator"] {
        become_role(&client, role).await;
        for query in [
            "select token_hash from quire.session",
            "select * from quire.session",
            "select email from quire.login",
            "select password_hash from quire.login",
            "select token_hash from quire.password_reset",
            "select token_hash from quire.invitation",
            "select password_hash from quire.share_link",
            "select token_hash from quire.share_link",
            "select subject from quire.identity",
            "select email from quire.identity",
            "select token_hash from quire.oidc_sign_in",
            "select update from quire.idempotency_key",
            "select subject from quire.attempt",
            "select lease_id from quire.peer",
            "select update from quire.edit_0",
        ] {
            let error = client.query(query, &[]).await.expect_err(query);
            assert_eq!(error.code().unwrap().code(), "42501", "{role}: {query}");
        }
        client.batch_execute("reset role").await.expect("reset");
    }
}

/// Tables and views with a column org_id that the current role may count rows of.
async fn relations(client: &Client) -> Vec<String> {
    let query = "
        select c.relname::text
        from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id' and not a.attisdropped
        where c.relnamespace = 'quire'::regnamespace
        and c.relkind in ('r', 'p', 'v')
        and not c.relispartition
        and has_column_privilege(current_user, c.oid, a.attnum, 'select')";
    let rows = client.query(query, &[]).await.expect("the catalogue");
    rows.iter().map(|row| row.get(0)).collect()
}

async fn count_of(client: &Client, source: &str, org_id: &str) -> i64 {
    let query = format!("select count(*) from {source} where org_id = '{org_id}'");
    number(client, &query).await
}

#[tokio::test]
async fn no_row_of_an_organisation_that_was_not_granted_is_seen_anywhere() {
    for version in Version::ALL {
        let database = Database::of(version).await;
        let client = known(&database).await;
        let (one, all, none) = (
            role(&client, "quire_reader").await,
            role(&client, "quire_reader").await,
            role(&client, "quire_reader").await,
        );
        // Through a role between them.
        let team = role(&client, "quire_reader").await;
        let member = role(&client, &team).await;
        let operator = role(&client, "quire_operator").await;
        let grant = format!(
            "insert into quire.reader (role_name, org_id)
             values ('{one}', '{PRESS}'), ('{team}', '{PRESS}'), ('{all}', null)"
        );
        client.batch_execute(&grant).await.expect("granted");

        become_role(&client, &operator).await;
        let mut sources = relations(&client).await;
        let functions = FUNCTIONS.iter().filter(|(_, column)| *column == "org_id");
        let readers_own = ["divergence".to_owned()];
        sources.retain(|relation| !readers_own.contains(relation));
        let mut sources: Vec<_> = sources.iter().map(|name| format!("quire.{name}")).collect();
        sources.extend(functions.map(|(call, _)| (*call).to_owned()));
        let mut whole = Vec::new();
        for source in &sources {
            let seen = (
                count_of(&client, source, PRESS).await,
                count_of(&client, source, ELSEWHERE).await,
            );
            whole.push(seen);
        }
        let filled = whole.iter().filter(|(press, _)| *press > 0).count();
        assert!(filled > 20, "only {filled} of {sources:?} have rows");
        for (who, press, elsewhere) in [
            (&one, true, false),
            (&member, true, false),
            (&all, true, true),
            (&none, false, false),
        ] {
            client.batch_execute("reset role").await.expect("reset");
            become_role(&client, who).await;
            for (source, there) in sources.iter().zip(&whole) {
                if source == "quire.reader" {
                    continue;
                }
                let seen = (
                    count_of(&client, source, PRESS).await,
                    count_of(&client, source, ELSEWHERE).await,
                );
                let expected = (there.0 * i64::from(press), there.1 * i64::from(elsewhere));
                assert_eq!(seen, expected, "{version:?} {who} {source}");
            }
            let accounts = "select string_agg(name, ' ' order by name) from quire.account";
            let accounts: String = client.query_one(accounts, &[]).await.unwrap().get(0);
            let sessions = "select count(*) from quire.session";
            let sessions_at = "select count(*) from quire.sessions_at('2026-03-02 09:40Z')";
            let strangers = "select count(*) from quire.audit where org_id is null and account_id = 'b0000000-0000-0000-0000-000000000004'";
            let seen = (
                accounts.as_str(),
                number(&client, sessions).await,
                number(&client, sessions_at).await,
                number(&client, strangers).await,
            );
            let expected = match (press, elsewhere) {
                (true, true) => ("Ada Ben Cleo Dora Eve Quire", 4, 3, 0),
                (true, false) => ("Ada Ben Cleo Eve Quire", 3, 2, 0),
                _ => ("Quire", 0, 0, 0),
            };
            assert_eq!(seen, expected, "{version:?} {who}");
        }
        client.batch_execute("reset role").await.expect("reset");
    }
}

#[tokio::test]
async fn readers_write_nothing() {
    let database = Database::new().await;
    let client = known(&database).await;
    let tables = "select c.relname::text from pg_class c where c.relnamespace = 'quire'::regnamespace and c.relkind in ('r', 'p', 'v')";
    let tables = client.query(tables, &[]).await.expect("the catalogue");
    for who in ["quire_reader", "quire_operator"] {
        become_role(&client, who).await;
        for row in &tables {
            let table: &str = row.get(0);
            if (who, table) == ("quire_operator", "reader") {
                continue;
            }
            for write in [
                format!("insert into quire.{table} default values"),
                format!("delete from quire.{table}"),
                format!("truncate quire.{table}"),
            ] {
                let error = client.batch_execute(&write).await.expect_err(&write);
                let code = error.code().unwrap().code();
                // Postgres says of some views that nobody can write into them.
                assert!(
                    ["42501", "42809", "55000"].contains(&code),
                    "{who} {write}: {error:?}"
                );
            }
        }
        for write in [
            "update quire.document set title = 'x'",
            "update quire.edit set inserted = 0",
            "update quire.document_text set text = 'x'",
            "select quire.end_expired()",
            "select quire.raise_wall()",
            "select quire.open_to_readers('session')",
            "select quire.note('x', null, null, null, null, '{}')",
        ] {
            let error = client.batch_execute(write).await.expect_err(write);
            assert_eq!(error.code().unwrap().code(), "42501", "{who} {write}");
        }
        client.batch_execute("reset role").await.expect("reset");
    }
}

#[tokio::test]
async fn an_operator_says_who_reads_what() {
    let database = Database::new().await;
    let client = known(&database).await;
    let (operator, reader) = (
        role(&client, "quire_operator").await,
        role(&client, "quire_reader").await,
    );
    let count = "select count(*) from quire.edit_log";
    for (change, seen) in [
        (
            format!(
                "insert into quire.reader (role_name, org_id) values ('{reader}', '{ELSEWHERE}')"
            ),
            20,
        ),
        (
            format!("insert into quire.reader (role_name, org_id) values ('{reader}', '{PRESS}')"),
            160,
        ),
        (
            format!(
                "delete from quire.reader where role_name = '{reader}' and org_id = '{ELSEWHERE}'"
            ),
            140,
        ),
        (
            format!("delete from quire.reader where role_name = '{reader}'"),
            0,
        ),
    ] {
        become_role(&client, &operator).await;
        client.batch_execute(&change).await.expect("it may");
        client.batch_execute("reset role").await.expect("reset");
        become_role(&client, &reader).await;
        assert_eq!(number(&client, count).await, seen, "{change}");
        client
            .batch_execute(&change)
            .await
            .expect_err("a reader may not");
        client.batch_execute("reset role").await.expect("reset");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_make_roles_migrating_goes_on_and_the_doctor_says_what_to_do() {
    for version in Version::ALL {
        let cluster = Cluster::start(version, &[]);
        cluster.execute("create role app login replication").await;
        cluster.execute("create database quire_app owner app").await;
        let url = cluster.url("quire_app").replacen("//quire@", "//app@", 1);
        let pool = pool(&url, 2).expect("its address is right");
        migrate(&pool).await.expect("it is migrated all the same");
        let is_found = async || {
            let findings = examine(&url, &Limits::default()).await.expect("examined");
            let mut found = findings.into_iter().filter(|f| f.check == "readers");
            found.next().map(|finding| finding.mend)
        };
        let mend = is_found().await.expect("it is said");
        let statements = mend.split_once(": ").expect("statements").1;
        let statements = statements.split_once("; then").expect("statements").0;
        cluster.execute(statements).await;
        migrate(&pool).await.expect("it is migrated again");
        assert_eq!(is_found().await, None, "{version:?}");
        let client = crate::kit::postgres::connect(&cluster.url("quire_app")).await;
        become_role(&client, "quire_reader").await;
        assert_eq!(
            number(&client, "select count(*) from quire.edit_log").await,
            0
        );
    }
}

/// A view with its owner's rights would show every organisation to whoever is let at it.
#[tokio::test]
async fn every_view_asks_with_the_rights_of_whoever_asks_it() {
    let client = Database::new().await.connect().await;
    let query = "
        select count(*)
        from pg_class c
        join information_schema.column_privileges p on p.table_schema = 'quire' and p.table_name = c.relname
        where c.relnamespace = 'quire'::regnamespace
        and c.relkind = 'v'
        and p.grantee in ('quire_reader', 'quire_operator', 'quire_member')
        and not 'security_invoker=true' = any (coalesce(c.reloptions, '{}'))";
    assert_eq!(number(&client, query).await, 0);
}

#[tokio::test]
async fn every_function_has_a_comment() {
    let client = Database::new().await.connect().await;
    let query = "
        select count(*)
        from pg_proc p
        where p.pronamespace = 'quire'::regnamespace
        and obj_description(p.oid, 'pg_proc') is null";
    assert_eq!(number(&client, query).await, 0);
}
