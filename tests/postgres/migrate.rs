//! Migrations: once, whoever runs them and however often.

use quire::error::Kind;
use quire::postgres::{State, check_migrated, migrate, states};

use crate::kit::postgres::{Cluster, Database, Version};

#[tokio::test]
async fn migrating_twice_does_nothing_the_second_time() {
    for version in Version::ALL {
        let database = Cluster::shared(version).empty_database().await;
        let pool = database.pool();
        assert!(!migrate(&pool).await.expect("migrations run").is_empty());
        assert!(migrate(&pool).await.expect("migrations run").is_empty());
        let states = states(&pool).await.expect("the table is read");
        assert!(
            states.iter().all(|(_, state)| *state == State::Applied),
            "{states:?}"
        );
        check_migrated(&pool).await.expect("it is migrated");
    }
}

#[tokio::test]
async fn servers_that_migrate_at_once_take_turns() {
    let database = Cluster::shared(Version::usual()).empty_database().await;
    let pools = [database.pool(), database.pool(), database.pool()];
    let (one, two, three) =
        tokio::join!(migrate(&pools[0]), migrate(&pools[1]), migrate(&pools[2]));
    let mut applied: Vec<String> = Vec::new();
    for outcome in [one, two, three] {
        applied.extend(outcome.expect("migrations run"));
    }
    let every = states(&pools[0]).await.expect("the table is read").len();
    assert_eq!(
        applied.len(),
        every,
        "each ran once, somewhere: {applied:?}"
    );
}

#[tokio::test]
async fn an_edited_migration_is_refused_by_name() {
    let database = Database::new().await;
    let pool = database.pool();
    let client = database.connect().await;
    let edit = "update quire.migration set checksum = 'other' where name = '0001_path'";
    client.execute(edit, &[]).await.expect("it is edited");
    for refused in [
        migrate(&pool).await.map(|_| ()),
        check_migrated(&pool).await,
    ] {
        let error = refused.expect_err("it is refused");
        assert_eq!(error.kind(), Kind::Setting);
        assert!(error.to_string().contains("0001_path"), "{error}");
    }
}

#[tokio::test]
async fn a_database_of_a_newer_quire_is_accepted() {
    let database = Database::new().await;
    let client = database.connect().await;
    let newer = "insert into quire.migration (name, checksum) values ('9999_later', 'x')";
    client.execute(newer, &[]).await.expect("it is written");
    let pool = database.pool();
    check_migrated(&pool).await.expect("it is accepted");
    migrate(&pool).await.expect("nothing is to be done");
    let states = states(&pool).await.expect("the table is read");
    assert!(
        states.contains(&("9999_later".to_owned(), State::Newer)),
        "{states:?}"
    );
}

#[tokio::test]
async fn a_database_that_was_not_migrated_names_the_command() {
    let database = Cluster::shared(Version::usual()).empty_database().await;
    let error = check_migrated(&database.pool())
        .await
        .expect_err("it is refused");
    assert!(error.to_string().contains("quire migrate"), "{error}");
}

/// Partitions are read through their table, whose columns they share.
#[tokio::test]
async fn every_table_and_column_has_a_comment() {
    let client = Database::new().await.connect().await;
    let query = "
        select c.relname, a.attname
        from pg_class c
        left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relnamespace = 'quire'::regnamespace
        and c.relkind in ('r', 'p', 'v', 'm', 'f')
        and not c.relispartition
        and (obj_description(c.oid, 'pg_class') is null or col_description(c.oid, a.attnum) is null)";
    let bare = client
        .query(query, &[])
        .await
        .expect("the catalogue is read");
    let bare: Vec<String> = bare
        .iter()
        .map(|row| format!("{}.{}", row.get::<_, &str>(0), row.get::<_, &str>(1)))
        .collect();
    assert!(bare.is_empty(), "without comment: {bare:?}");
}

#[tokio::test]
async fn the_edit_log_reads_as_promised() {
    let client = Database::new().await.connect().await;
    let statement = client
        .prepare("select * from quire.edit_log")
        .await
        .expect("the view is there");
    let columns: Vec<&str> = statement
        .columns()
        .iter()
        .map(|column| column.name())
        .collect();
    for promised in [
        "created_at",
        "title",
        "author",
        "inserted",
        "deleted",
        "bytes",
    ] {
        assert!(
            columns.contains(&promised),
            "{promised} is not in {columns:?}"
        );
    }
}
