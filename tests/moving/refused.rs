//! What cannot move is refused before anything is copied, with the reason.

use quire::error::Kind;
use quire::moving::{self, Settings};
use quire::postgres::Pool;
use uuid::Uuid;

use crate::kit::people::Office;
use crate::kit::postgres::{Cluster, Database, Version};

pub async fn refusal(settings: &Settings) -> (Kind, String) {
    let told = |step| panic!("{step:?}");
    let error = moving::run(settings, told)
        .await
        .expect_err("it is refused");
    (error.kind(), error.to_string())
}

/// Two databases without servers, and an organisation in the first.
pub struct Sides {
    pub from: Database,
    pub to: Database,
    source: Pool,
    target: Pool,
    office: Office,
}

impl Sides {
    pub async fn found() -> Self {
        let (from, to) = (
            Database::of(Version::V15).await,
            Database::of(Version::V18).await,
        );
        let (source, target) = (from.pool(), to.pool());
        let office = Office::open(&source).await;
        Self {
            from,
            to,
            source,
            target,
            office,
        }
    }

    pub fn settings(&self) -> Settings {
        Settings {
            from: self.from.url.clone(),
            to: self.to.url.clone(),
            org_id: self.office.org_id,
            addresses: vec!["http://new.example".to_owned()],
        }
    }

    /// Nothing was noted and nothing copied.
    pub async fn are_as_before(&self) {
        for (pool, orgs) in [(&self.source, 1), (&self.target, 0)] {
            let client = pool.get().await.expect("a connection");
            let sql =
                "select count(*), (select count(*) from quire.placement) from quire.organisation";
            let row = client.query_one(sql, &[]).await.expect("counted");
            assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (orgs, 0));
        }
    }
}

#[tokio::test]
async fn what_cannot_move_is_refused_before_anything_is_copied() {
    let sides = Sides::found().await;
    let settings = sides.settings();
    let unknown = Settings {
        org_id: Uuid::max(),
        ..settings.clone()
    };
    let (kind, says) = refusal(&unknown).await;
    assert_eq!(kind, Kind::NotFound, "{says}");
    let to_itself = Settings {
        to: settings.from.clone(),
        ..settings.clone()
    };
    let (kind, says) = refusal(&to_itself).await;
    assert!(says.contains("same database"), "{kind:?} {says}");
    let nowhere = Settings {
        addresses: Vec::new(),
        ..settings.clone()
    };
    assert_eq!(refusal(&nowhere).await.0, Kind::Setting);
    let empty = Cluster::shared(Version::V18).empty_database().await;
    let unmigrated = Settings {
        to: empty.url,
        ..settings.clone()
    };
    let (kind, says) = refusal(&unmigrated).await;
    assert!(
        kind == Kind::Setting && says.contains("quire migrate"),
        "{says}"
    );
    let client = sides.target.get().await.expect("a connection");
    let newer = "insert into quire.migration (name, checksum) values ('9999_later', 'x')";
    client.batch_execute(newer).await.expect("it is newer");
    let (kind, says) = refusal(&settings).await;
    assert!(
        kind == Kind::Setting && says.contains("9999_later"),
        "{says}"
    );
    let older = "delete from quire.migration where name = '9999_later'";
    client.batch_execute(older).await.expect("it is the same");
    sides.are_as_before().await;
}

#[tokio::test]
async fn accounts_that_are_in_each_others_way_are_named() {
    let sides = Sides::found().await;
    let owner = sides.office.owner.session.account_id;
    for (pool, account_id) in [(&sides.source, owner), (&sides.target, Uuid::max())] {
        let client = pool.get().await.expect("a connection");
        let account = "insert into quire.account (account_id, name, color) values ($1, 'A', '#aaaaaa') on conflict do nothing";
        client
            .execute(account, &[&account_id])
            .await
            .expect("an account");
        let login = "insert into quire.login (account_id, email, password_hash) values ($1, 'ada@example.com', 'x')";
        client
            .execute(login, &[&account_id])
            .await
            .expect("a login");
    }
    let (kind, says) = refusal(&sides.settings()).await;
    assert_eq!(kind, Kind::Conflict);
    assert!(says.contains("ada@example.com"), "{says}");
    sides.are_as_before().await;
}

#[tokio::test]
async fn a_role_that_may_not_copy_rows_as_they_are_is_told_what_it_lacks() {
    let sides = Sides::found().await;
    let cluster = Cluster::shared(Version::V18);
    let name = format!("mover_{}", std::process::id());
    cluster.execute(&format!("create role {name} login")).await;
    let client = sides.to.connect().await;
    let grants = format!(
        "grant usage on schema quire to {name}; grant all on all tables in schema quire to {name}; grant usage, update on all sequences in schema quire to {name}"
    );
    client.batch_execute(&grants).await.expect("granted");
    let settings = Settings {
        to: sides.to.url.replacen("//quire@", &format!("//{name}@"), 1),
        ..sides.settings()
    };
    let (kind, says) = refusal(&settings).await;
    assert!(
        kind == Kind::Setting && says.contains("grant set on parameter"),
        "{says}"
    );
    sides.are_as_before().await;
}

#[tokio::test]
async fn an_organisation_of_the_same_id_is_not_written_over() {
    let sides = Sides::found().await;
    let client = sides.target.get().await.expect("a connection");
    let theirs = "insert into quire.organisation (org_id, name) values ($1, 'Theirs')";
    client
        .execute(theirs, &[&sides.office.org_id])
        .await
        .expect("it is there");
    let (kind, says) = refusal(&sides.settings()).await;
    assert!(kind == Kind::Conflict && says.contains("already"), "{says}");
    let row = client
        .query_one("select name from quire.organisation", &[])
        .await;
    assert_eq!(row.expect("it is there").get::<_, String>(0), "Theirs");
}
