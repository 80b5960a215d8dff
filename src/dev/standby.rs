//! Standbys of a private Postgres, on this machine: a copy of its files that follows it by streaming.
//! Made by hand, because not every installation has pg_basebackup.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::{blocking, io};
use super::{EmbeddedPostgres, temporary};
use crate::error::{Error, Kind, Result};
use crate::postgres::{failed, pool};

/// `count` standbys of `primary` in folders of their own, which go with them.
///
/// # Errors
/// As [`start_standby`].
pub async fn start_standbys(
    primary: &EmbeddedPostgres,
    count: usize,
) -> Result<Vec<EmbeddedPostgres>> {
    let conninfo = format!(
        "host={} port={}",
        primary.socket().display(),
        primary.port()
    );
    let mut standbys = Vec::new();
    for number in 1..=count {
        let name = format!("standby_{number}");
        let standby = start_standby(primary, temporary()?, &name, &conninfo, &[]);
        standbys.push(standby.await?);
    }
    Ok(standbys)
}

/// The address of their database `name`, the primary first.
pub fn url_of_all(primary: &EmbeddedPostgres, standbys: &[EmbeddedPostgres], name: &str) -> String {
    let hosts = std::iter::once(primary).chain(standbys);
    let hosts: Vec<String> = hosts.map(EmbeddedPostgres::host).collect();
    format!("postgres://quire@{}/{name}", hosts.join(","))
}

/// A standby of `primary` in `folder`, as `name`, with `settings`; it reaches the primary by `conninfo`
/// (`host=… port=…`). Answers when it lets readers in.
///
/// # Errors
/// `Unavailable` when the primary cannot be copied or the standby does not come up.
pub async fn start_standby(
    primary: &EmbeddedPostgres,
    folder: PathBuf,
    name: &str,
    conninfo: &str,
    settings: &[(&str, &str)],
) -> Result<EmbeddedPostgres> {
    back_up(primary, &folder).await?;
    let (user, binaries) = (primary.user().clone(), primary.binaries().clone());
    let signal = folder.join("data/standby.signal");
    fs::write(&signal, "").map_err(|e| io("write", &signal, e))?;
    user.give(&signal)?;
    let own = [
        (
            "primary_conninfo",
            format!("{conninfo} user=quire application_name={name}"),
        ),
        ("wal_retrieve_retry_interval", "100ms".to_owned()),
        // Without it a slot on it would end with the primary's first vacuum.
        ("hot_standby_feedback", "on".to_owned()),
    ];
    let settings = settings.iter().map(|(n, v)| (*n, (*v).to_owned()));
    let settings: Vec<(String, String)> = settings
        .chain(own)
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    blocking(move || {
        let settings: Vec<_> = settings.iter().map(|(n, v)| (&**n, &**v)).collect();
        EmbeddedPostgres::start_temporary(&folder, &binaries, &user, &settings)
    })
    .await
}

/// Copies the files of a running Postgres into `folder`, so that one that starts on them has all of it.
///
/// # Errors
/// `Unavailable` when Postgres refuses, `Internal` when its files cannot be copied.
async fn back_up(postgres: &EmbeddedPostgres, folder: &Path) -> Result<()> {
    let doing = "copy the database's files";
    let database = pool(&postgres.url("postgres"), 1)?;
    // Begun and ended in one session.
    let client = database.get().await.map_err(failed(doing))?;
    let sql = "select pg_backup_start('copy', true)::text";
    client.query_one(sql, &[]).await.map_err(failed(doing))?;
    let (from, to) = (postgres.data(), folder.to_owned());
    // What goes while it is copied is complained of, and comes with the log.
    let copied = blocking(move || {
        let copied = Command::new("cp").arg("-a").arg(from).arg(&to).output();
        copied.map_err(|e| io("copy the database's files into", &to, e))
    })
    .await?;
    let complaints = String::from_utf8_lossy(&copied.stderr).into_owned();
    let is_harmless = |line: &str| line.contains("No such file or directory");
    if !complaints.lines().all(is_harmless) {
        let context = format!("{doing}: {complaints}");
        return Err(Error::new(Kind::Internal, context));
    }
    let sql = "select labelfile from pg_backup_stop(false)";
    let row = client.query_one(sql, &[]).await.map_err(failed(doing))?;
    let label: String = row.get("labelfile");
    let data = folder.join("data");
    for own in ["postmaster.pid", "postmaster.opts"] {
        let path = data.join(own);
        fs::remove_file(&path).map_err(|e| io("remove", &path, e))?;
    }
    // Slots are the primary's own.
    let slots = data.join("pg_replslot");
    for slot in fs::read_dir(&slots).map_err(|e| io("read", &slots, e))? {
        let slot = slot.map_err(|e| io("read", &slots, e))?.path();
        fs::remove_dir_all(&slot).map_err(|e| io("remove", &slot, e))?;
    }
    let path = data.join("backup_label");
    fs::write(&path, label).map_err(|e| io("write", &path, e))?;
    postgres.user().give(&path)
}
