//! TLS on the leg to Postgres as well.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use super::refused::with_certificate;
use super::stage::{HBA, ROLES, Stage, hba, run, said};
use crate::kit::postgres::{Cluster, Database, Version};

const CERTIFICATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/path/tls");

/// A Postgres that speaks TLS over TCP.
async fn cluster() -> Cluster {
    let rules = hba(HBA);
    let settings = [("hba_file", rules.to_str().expect("a name"))];
    let cluster = Cluster::start_with_tcp(Version::usual(), &settings);
    let data = cluster.postgres().data();
    let owner = fs::metadata(&data).expect("there");
    for extension in ["pem", "key"] {
        let from = Path::new(CERTIFICATES)
            .join("two")
            .with_extension(extension);
        let to = data.join("tls").with_extension(extension);
        fs::copy(from, &to).expect("copied");
        fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).expect("private");
        chown(&to, Some(owner.uid()), Some(owner.gid())).expect("Postgres's own");
    }
    for change in [
        "alter system set ssl_cert_file = 'tls.pem'",
        "alter system set ssl_key_file = 'tls.key'",
        "alter system set ssl = on",
        ROLES,
        "select pg_reload_conf()",
    ] {
        cluster.execute(change).await;
    }
    let patience = std::time::Duration::from_secs(20);
    cluster
        .wait_until("select current_setting('ssl') = 'on'", patience)
        .await;
    cluster
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_tls_on_both_legs_the_password_decides_as_ever() {
    let cluster = cluster().await;
    let database = cluster.database().await;
    let (_, name) = database.url.rsplit_once('/').expect("a name");
    let url = format!(
        "postgres://quire@127.0.0.1:{}/{name}?sslmode=prefer",
        cluster.port()
    );
    let stage = Stage::on(&cluster, Database { url }, with_certificate).await;
    let ask = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
    for (tls, binding, password, role, expected) in [
        ("require", "prefer", None, "dba", "t\n"),
        // From this machine: SCRAM, passed on.
        ("disable", "prefer", None, "dba", "t\n"),
        ("require", "prefer", None, "md5", "t\n"),
        ("require", "prefer", None, "clear", "t\n"),
        (
            "require",
            "require",
            None,
            "dba",
            "channel binding required",
        ),
        (
            "require",
            "prefer",
            Some("wrong"),
            "dba",
            "password authentication failed",
        ),
        (
            "disable",
            "prefer",
            Some("wrong"),
            "dba",
            "password authentication failed",
        ),
        ("require", "prefer", Some(""), "dba", "no password supplied"),
        (
            "require",
            "prefer",
            None,
            "nobody",
            "password authentication failed",
        ),
        (
            "require",
            "prefer",
            None,
            "quire",
            "lets nobody in without a password",
        ),
    ] {
        let mut psql = stage.command("psql", stage.port, role);
        psql.env("PGSSLMODE", tls)
            .env("PGCHANNELBINDING", binding)
            .args(["-XAtwc", ask]);
        if let Some(password) = password {
            psql.env("PGPASSWORD", password);
        }
        let output = said(&run(psql).await);
        assert!(
            output.contains(expected),
            "{tls} {binding} {password:?} {role}: {output}"
        );
    }
    stage.world.stop().await;
}
