//! Row-level security: behind the wall, statements that forget the organisation find nothing.

use deadpool_postgres::GenericClient;
use quire::auth::act_in;
use uuid::Uuid;

use crate::http::site::{Options, Site};
use crate::kit::members::{document, member, organisation};
use crate::kit::postgres::{Cluster, Database, Version};
use quire::postgres::{Limits, examine, migrate, pool, sqlstate};
use serde_json::json;

/// The tables that say of which organisation their rows are.
async fn tables(client: &impl GenericClient) -> Vec<String> {
    let sql = "select c.relname::text from pg_class c join pg_attribute a on a.attrelid = c.oid
               where c.relnamespace = 'quire'::regnamespace and c.relkind in ('r', 'p')
               and not c.relispartition and a.attname = 'org_id' and not a.attisdropped
               and c.relname <> 'idempotency_key' order by 1";
    let rows = client.query(sql, &[]).await.expect("tables");
    rows.iter().map(|row| row.get(0)).collect()
}

async fn count(client: &impl GenericClient, table: &str, org_id: Uuid) -> i64 {
    let sql = format!("select count(*) from quire.{table} where org_id = $1");
    client
        .query_one(&sql, &[&org_id])
        .await
        .expect("a count")
        .get(0)
}

#[tokio::test]
async fn behind_the_wall_no_row_of_another_organisation_exists() {
    let pool = Database::new().await.pool();
    let mut client = pool.get().await.unwrap();
    let mut orgs = Vec::new();
    for name in ["Press", "Elsewhere"] {
        let org_id = organisation(&client, name).await;
        let (session, _) = member(&client, org_id, "Ada", "owner").await;
        document(&client, org_id, session.account_id).await;
        orgs.push(org_id);
    }
    let [own, other] = orgs[..] else {
        unreachable!()
    };
    let tables = tables(&client).await;
    let mut filled = 0;
    // Who reads with SQL is not asked for there at all.
    for table in tables.iter().filter(|table| *table != "reader") {
        let before = (
            count(&client, table, own).await,
            count(&client, table, other).await,
        );
        let transaction = client.transaction().await.unwrap();
        act_in(&transaction, own).await.unwrap();
        let after = (
            count(&transaction, table, own).await,
            count(&transaction, table, other).await,
        );
        assert_eq!(after, (before.0, 0), "{table}");
        filled += i64::from(before.1 > 0);
        // Nor is it changed or removed.
        let sql = format!("update quire.{table} set org_id = org_id where org_id <> $1");
        let touched = transaction.execute(&sql, &[&own]).await.unwrap();
        let sql = format!("delete from quire.{table} where org_id <> $1");
        let removed = transaction.execute(&sql, &[&own]).await.unwrap();
        assert_eq!((touched, removed), (0, 0), "{table}");
    }
    assert!(filled >= 6, "only {filled} tables have rows");

    let transaction = client.transaction().await.unwrap();
    act_in(&transaction, own).await.unwrap();
    let seen = "select count(distinct org_id) from quire.document_access";
    let seen: i64 = transaction.query_one(seen, &[]).await.unwrap().get(0);
    assert_eq!(seen, 1, "the rule of access asks behind the wall as well");
    let foreign = transaction
        .execute(
            "insert into quire.org_group (org_id, name) values ($1, 'Spies')",
            &[&other],
        )
        .await
        .map_err(quire::postgres::failed("write elsewhere"))
        .expect_err("nothing is written elsewhere");
    assert_eq!(sqlstate(&foreign).unwrap().code(), "42501");
    drop(transaction);

    // Who stands behind it and says no organisation sees none; who does not stand there is not held up.
    let transaction = client.transaction().await.unwrap();
    transaction
        .batch_execute("set local role quire_member")
        .await
        .unwrap();
    assert_eq!(count(&transaction, "document", own).await, 0);
    drop(transaction);
    assert_eq!(count(&client, "document", other).await, 1);
}

#[tokio::test]
async fn secrets_are_not_asked_for_behind_the_wall() {
    let pool = Database::new().await.pool();
    let mut client = pool.get().await.unwrap();
    let org_id = organisation(&client, "Press").await;
    for read in [
        "select token_hash from quire.session",
        "select password_hash from quire.login",
        "select token_hash from quire.password_reset",
        "select subject from quire.identity",
        "select org_id from quire.edit_0",
        "select org_id from quire.reader",
        "insert into quire.reader (role_name) values ('quire_member')",
    ] {
        let transaction = client.transaction().await.unwrap();
        act_in(&transaction, org_id).await.unwrap();
        let error = transaction.query(read, &[]).await.expect_err(read);
        assert_eq!(error.code().unwrap().code(), "42501", "{read}");
    }
}

#[tokio::test]
async fn every_table_of_organisations_stands_behind_the_wall() {
    let pool = Database::new().await.pool();
    let client = pool.get().await.unwrap();
    let walled = "select c.relname::text from pg_policy p join pg_class c on c.oid = p.polrelid
                  where c.relrowsecurity and p.polname = 'wall' order by 1";
    let walled = client.query(walled, &[]).await.unwrap();
    let walled: Vec<String> = walled.iter().map(|row| row.get(0)).collect();
    assert_eq!(walled, tables(&client).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_make_its_role_requests_go_on_and_the_doctor_says_so() {
    for (rights, stands) in [("", false), ("createrole", true)] {
        // Its own cluster: the role belongs to all databases of one.
        let cluster = Cluster::start(Version::usual(), &[]);
        let create = format!("create role app login replication {rights}");
        cluster.execute(&create).await;
        cluster.execute("create database walled owner app").await;
        let url = cluster.url("walled").replacen("//quire@", "//app@", 1);
        let pool = pool(&url, 10).expect("its address is right");
        migrate(&pool).await.expect("it is migrated all the same");
        let site = Site::on(pool, Options::default()).await;
        let (owner, document_id) = site.owner().await;
        let stranger = site.somebody(None, "owner").await;
        let documents = owner.organisation("/documents");
        let made = owner.post(&documents, json!({"title": "Plan"})).await;
        assert_eq!(made.status, 201, "{rights:?}");
        let comments = owner.document(document_id, "/comments");
        let body = json!({"body": "Well?"});
        assert_eq!(
            owner.post(&comments, body.clone()).await.status,
            201,
            "{rights:?}"
        );
        assert_eq!(
            stranger.post(&comments, body).await.status,
            404,
            "{rights:?}"
        );
        let findings = examine(&url, &Limits::default())
            .await
            .expect("it gets through");
        let is_found = findings.iter().any(|finding| finding.check == "wall");
        assert_eq!(is_found, !stands, "{rights:?}: {findings:#?}");
    }
}
