//! The program as whoever runs it sees it: exit codes, and messages that name what is wrong.

use std::process::{Command, Output};

use crate::kit::postgres::{Cluster, Database, Version};
use crate::kit::server::program;

/// Runs quire with `arguments` and nothing of our environment but `environment`.
fn quire(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(program())
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .output()
        .expect("quire runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_wrong_setting_stops_the_start_and_is_named() {
    for (arguments, environment, named) in [
        (&["serve"][..], &[][..], "--database-url"),
        (
            &["serve", "--database-url", "mysql://x"],
            &[],
            "--database-url",
        ),
        (
            &["serve", "--database-url", "postgres:///x"],
            &[],
            "--database-url",
        ),
        (
            &["serve"],
            &[("DATABASE_URL", "postgres://h/x"), ("QUIRE_LISTEN", "here")],
            "--listen",
        ),
        (
            &["serve"],
            &[
                ("DATABASE_URL", "postgres://h/x"),
                ("QUIRE_OUTBOX_BYTES", "1MB"),
            ],
            "--outbox-bytes",
        ),
        (
            &["serve"],
            &[
                ("DATABASE_URL", "postgres://h/x"),
                ("QUIRE_OUTBOX_BYTES", "1KiB"),
            ],
            "QUIRE_OUTBOX_BYTES",
        ),
        (
            &["serve"],
            &[
                ("DATABASE_URL", "postgres://h/x"),
                ("QUIRE_COMMITTERS", "30"),
            ],
            "QUIRE_COMMITTERS",
        ),
        (
            &["serve", "--public-url", "quire.example"],
            &[("DATABASE_URL", "postgres://h/x")],
            "--public-url",
        ),
        (
            &["migrate", "--log", "quire=loud"],
            &[("DATABASE_URL", "postgres://h/x")],
            "QUIRE_LOG",
        ),
        (&["dev", "--servers", "0"], &[], "--servers"),
        (&["dev"], &[], "--data"),
    ] {
        // As root `dev` has a folder even without a home.
        if arguments == ["dev"] && rustix::process::geteuid().is_root() {
            continue;
        }
        let output = quire(arguments, environment);
        let complaint = text(&output.stderr);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{arguments:?} {environment:?}: {complaint}"
        );
        assert!(
            complaint.contains(named),
            "{arguments:?} {environment:?}: {complaint}"
        );
    }
}

#[test]
fn the_password_of_the_database_is_never_shown() {
    let secret = [("DATABASE_URL", "postgres://me:hunter2@127.0.0.1:1/x")];
    for arguments in [
        &["serve", "--help"][..],
        &["doctor"],
        &["migrate"],
        &["serve"],
    ] {
        let output = quire(arguments, &secret);
        let shown = text(&output.stdout) + &text(&output.stderr);
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

/// One link in 64 ends with something that begins so.
#[test]
fn what_a_link_ends_with_may_begin_with_a_hyphen() {
    let asks = ["replay", "--synthetic", "1", "--edits", "1"];
    let of_nobody = ["--address", "http://127.0.0.1:1", "--link", "-secret"];
    let output = quire(&[&asks[..], &of_nobody].concat(), &[]);
    assert!(!output.status.success(), "nobody is there");
    let complaint = text(&output.stderr);
    assert!(!complaint.contains("argument"), "{complaint}");
}

#[test]
fn every_command_has_help() {
    for command in ["dev", "serve", "migrate", "welcome", "doctor", "replay"] {
        let output = quire(&[command, "--help"], &[]);
        assert!(output.status.success());
        assert!(text(&output.stdout).contains("Usage: quire"), "{command}");
    }
    assert!(!text(&quire(&["--help"], &[]).stdout).contains("trial"));
}

#[tokio::test]
async fn migrate_doctor_and_welcome_say_what_they_did() {
    let database = Cluster::shared(Version::usual()).empty_database().await;
    let environment = [("DATABASE_URL", database.url.as_str())];
    let doctor = || quire(&["doctor"], &environment);
    let sick = doctor();
    assert_eq!(sick.status.code(), Some(1));
    assert!(
        text(&sick.stdout).contains("mend: Run quire migrate."),
        "{}",
        text(&sick.stdout)
    );
    assert!(text(&quire(&["migrate"], &environment).stdout).starts_with("applied 0001_path"));
    assert!(text(&quire(&["migrate"], &environment).stdout).starts_with("nothing to do"));
    let well = doctor();
    assert_eq!(well.status.code(), Some(0), "{}", text(&well.stdout));
    let link = text(
        &quire(
            &["welcome", "--public-url", "https://quire.example/"],
            &environment,
        )
        .stdout,
    );
    assert!(link.starts_with("https://quire.example/welcome#"), "{link}");
}

#[tokio::test]
async fn the_doctor_speaks_json() {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute("drop publication quire_feed")
        .await
        .expect("it is dropped");
    let output = quire(&["doctor", "--json"], &[("DATABASE_URL", &database.url)]);
    assert_eq!(output.status.code(), Some(1));
    let findings: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    let finding = findings
        .as_array()
        .expect("a list")
        .iter()
        .find(|f| f["check"] == "publication");
    assert_eq!(finding.expect("it is found")["severity"], "error");
}

#[tokio::test]
async fn a_server_refuses_a_database_that_is_not_ready_with_the_mend() {
    let cluster = Cluster::shared(Version::usual());
    let empty = cluster.empty_database().await;
    let output = quire(
        &["serve", "--listen", "127.0.0.1:0"],
        &[("DATABASE_URL", &empty.url)],
    );
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("quire migrate"),
        "{}",
        text(&output.stderr)
    );
    let hasty = cluster.database().await;
    let url = format!("{}?options=-c%20synchronous_commit%3Doff", hasty.url);
    let output = quire(
        &["serve", "--listen", "127.0.0.1:0"],
        &[("DATABASE_URL", &url)],
    );
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("synchronous_commit is off"),
        "{}",
        text(&output.stderr)
    );
}
