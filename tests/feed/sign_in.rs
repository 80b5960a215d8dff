//! Signing in: passwords of every kind, TLS, and several hosts.

use std::fs;
use std::process::Command;

use quire::dev::Reserved;
use quire::feed::{Feed, Settings, State};
use uuid::Uuid;

use super::{connected, insert, settings, status, transaction};
use crate::kit::postgres::{Cluster, Version};

fn url(cluster: &Cluster, user: &str, name: &str) -> String {
    format!("postgres://{user}@127.0.0.1:{}/{name}", cluster.port())
}

fn name(url: &str) -> &str {
    url.rsplit('/').next().expect("a database's name")
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_given_the_way_that_the_database_asks() {
    for version in Version::ALL {
        let mut cluster = Cluster::start_with_tcp(version, &[]);
        let database = cluster.database().await;
        let name = name(&database.url);
        cluster
            .execute(
                "create role scram login replication password 'söcret'; set password_encryption = md5; \
                 create role md5 login replication password 'secret'; \
                 create role plain login replication password 'secret'; \
                 create role weak login password 'secret'",
            )
            .await;
        let hba = "local all all trust\nhost all scram all scram-sha-256\nhost all md5 all md5\n\
                   host all plain all password\nhost all weak all md5\n";
        fs::write(cluster.postgres().data().join("pg_hba.conf"), hba).unwrap();
        cluster.restart();
        for user in ["scram:s%C3%B6cret", "md5:secret", "plain:secret"] {
            let (mut feed, _) = Feed::start(Settings::new(&url(&cluster, user, name)).unwrap());
            connected(&mut feed).await;
            feed.stop().await;
        }
        for (user, says) in [
            ("scram:wrong", "password authentication failed"),
            ("scram", "password"),
            ("weak:secret", "REPLICATION"),
        ] {
            let (_feed, handle) = Feed::start(Settings::new(&url(&cluster, user, name)).unwrap());
            let refused = status(&handle, "refused", |status| {
                matches!(status.state, State::Lost { .. })
            });
            let state = refused.await.state;
            let State::Lost { reason, .. } = state else {
                panic!("{state:?}");
            };
            assert!(reason.contains(says), "{user}: {reason}");
            assert!(!reason.contains("secret"), "{reason}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_host_that_is_a_primary_is_taken() {
    let cluster = Cluster::start_with_tcp(Version::usual(), &[]);
    let database = cluster.database().await;
    let nobody = Reserved::several(1).unwrap().remove(0);
    let refused = nobody.address().port();
    let url = format!(
        "postgres://quire@127.0.0.1:{refused},127.0.0.1:{}/{}",
        cluster.port(),
        name(&database.url)
    );
    let (mut feed, _) = Feed::start(Settings::new(&url).unwrap());
    connected(&mut feed).await;
    feed.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_over_tls_works_and_only_where_it_is_wanted() {
    let mut cluster = Cluster::start_with_tcp(Version::V15, &[]);
    let database = cluster.database().await;
    let data = cluster.postgres().data();
    let made = Command::new("openssl")
        .args([
            "req",
            "-new",
            "-x509",
            "-days",
            "2",
            "-nodes",
            "-subj",
            "/CN=localhost",
        ])
        .arg("-keyout")
        .arg(data.join("server.key"))
        .arg("-out")
        .arg(data.join("server.crt"))
        .output();
    assert!(
        made.is_ok_and(|made| made.status.success()),
        "openssl makes a certificate"
    );
    for file in ["server.key", "server.crt"] {
        let owner = fs::metadata(&data).unwrap();
        let (uid, gid) = (
            std::os::unix::fs::MetadataExt::uid(&owner),
            std::os::unix::fs::MetadataExt::gid(&owner),
        );
        std::os::unix::fs::chown(data.join(file), Some(uid), Some(gid)).unwrap();
    }
    let refuses = |url: String| async move {
        let (_feed, handle) = Feed::start(Settings::new(&url).unwrap());
        let refused = status(&handle, "refused", |status| {
            matches!(status.state, State::Lost { .. })
        });
        format!("{:?}", refused.await.state)
    };
    let plain = url(&cluster, "quire", name(&database.url));
    let says = refuses(format!("{plain}?sslmode=require")).await;
    assert!(says.contains("ssl = on"), "{says}");

    cluster.set("ssl", "on");
    cluster.restart();
    let (mut feed, _) = Feed::start(Settings::new(&plain).unwrap());
    connected(&mut feed).await;
    let client = database.connect().await;
    insert(&client, Uuid::new_v4(), 1, 0, &vec![1; 1 << 20]).await;
    assert_eq!(transaction(&mut feed).await.changes.len(), 1);
    let encrypted =
        "select count(*) from pg_stat_ssl join pg_stat_replication using (pid) where ssl";
    let row = client.query_one(encrypted, &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 1, "prefer is the default");
    feed.stop().await;

    let says = refuses(format!("{plain}?sslmode=require")).await;
    assert!(
        says.contains("TLS"),
        "nobody vouches for that certificate: {says}"
    );
    let (mut feed, _) = Feed::start(Settings::new(&format!("{plain}?sslmode=disable")).unwrap());
    connected(&mut feed).await;
    feed.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_feeds_stream_beside_each_other() {
    let database = crate::kit::postgres::Database::new().await;
    let (mut one, _) = Feed::start(settings(&database));
    let (mut two, _) = Feed::start(settings(&database));
    connected(&mut one).await;
    connected(&mut two).await;
    let client = database.connect().await;
    insert(&client, Uuid::new_v4(), 1, 0, b"u").await;
    assert_eq!(transaction(&mut one).await, transaction(&mut two).await);
    one.stop().await;
    two.stop().await;
}
