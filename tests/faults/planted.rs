//! Bugs that are planted on purpose, each of which the checker must find: a check that finds nothing
//! in a broken Quire says nothing of a whole one. They are written into a copy of the sources, never
//! into Quire.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::fault::Fault;

/// One of them.
pub struct Bug {
    pub name: &'static str,
    /// File, what stands there once, and what takes its place.
    edits: &'static [(&'static str, &'static str, &'static str)],
    /// What brings it to light, in this order.
    pub faults: &'static [Fault],
}

pub const BUGS: &[Bug] = &[
    Bug {
        name: "acknowledged_before_commit",
        edits: &[(
            "src/commit/mod.rs",
            "        Ok(receiver)\n",
            "        if crate::planted(\"acknowledged_before_commit\") {
                let (answer, early) = oneshot::channel();
                let _ = answer.send(Outcome::Committed);
                return Ok(early);
            }
            Ok(receiver)\n",
        )],
        faults: &[Fault::ReadOnly, Fault::KillServer],
    },
    Bug {
        name: "shown_before_commit",
        edits: &[(
            "src/fanout/submit/mod.rs",
            "        match self.hand_over(submission, update, inserted, deleted).await {",
            "        if crate::planted(\"shown_before_commit\")
                && let (Some(room), Ok(meta)) = (self.room.upgrade(), update_meta(update))
            {
                let edit = crate::change::Edit {
                    org_id: self.key.org_id,
                    document_id: self.key.document_id,
                    edit_id: 0,
                    account_id: submission.session.account_id,
                    session_id: None,
                    peer: meta.peer,
                    counter_start: meta.counter_start,
                    counter_end: meta.counter_end,
                    update: update.clone(),
                };
                let transaction = Arc::new(crate::change::Transaction {
                    xid: 0,
                    end_lsn: crate::change::Lsn(0),
                    committed_at_us: 0,
                    changes: vec![crate::change::Change::Edit(edit)],
                });
                let places = Box::new([0]);
                let _ = room.send(Message::Changes { transaction, places, place: None }).await;
            }
            match self.hand_over(submission, update, inserted, deleted).await {",
        )],
        faults: &[Fault::ReadOnly, Fault::KillServer],
    },
    Bug {
        name: "sent_twice_written_twice",
        edits: &[(
            "src/commit/statements.rs",
            "client.prepare_cached(COMMIT_EDITS)",
            "client.prepare_cached(&match crate::planted(\"sent_twice_written_twice\") {
                true => COMMIT_EDITS.replace(\"and p.next_counter = c.counter_start\", \"\"),
                false => COMMIT_EDITS.to_owned(),
            })",
        )],
        faults: &[Fault::LoseCommits],
    },
    Bug {
        name: "rights_not_checked_in_the_insert",
        edits: &[
            (
                "src/commit/statements.rs",
                "const EXPLAIN_REFUSAL: &str = include_str!(\"../../sql/explain_refusal.sql\");",
                "const EXPLAIN_REFUSAL: &str = include_str!(\"../../sql/explain_refusal.sql\");
            fn without_rights(sql: &str) -> String {
                match crate::planted(\"rights_not_checked_in_the_insert\") {
                    true => sql
                        .replace(\"join quire.document_access a\", \"left join quire.document_access a\")
                        .replace(\"and a.permission = 'write'\", \"\")
                        .replace(\"and p.lease_id = c.lease_id\", \"\"),
                    false => sql.to_owned(),
                }
            }",
            ),
            (
                "src/commit/statements.rs",
                "false => COMMIT_EDITS.to_owned(),",
                "false => without_rights(COMMIT_EDITS),",
            ),
        ],
        faults: &[Fault::StopWalsender],
    },
    Bug {
        name: "not_read_again_after_a_loss",
        edits: &[
            (
                "src/fanout/mod.rs",
                "        self.tell(message, |_| true).await;",
                "        if !crate::planted(\"not_read_again_after_a_loss\") {
                self.tell(message, |_| true).await;
            }",
            ),
            (
                "src/fanout/mod.rs",
                "        self.tell(|| Message::ReadAgain, |_| true).await;",
                "        if !crate::planted(\"not_read_again_after_a_loss\") {
                self.tell(|| Message::ReadAgain, |_| true).await;
            }",
            ),
        ],
        faults: &[Fault::HalfOpenLine],
    },
    Bug {
        name: "slot_left_behind",
        edits: &[(
            "src/feed/slot.rs",
            "        format!(\"CREATE_REPLICATION_SLOT \\\"{name}\\\" TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT\");",
            "        format!(
                \"CREATE_REPLICATION_SLOT \\\"{name}\\\" {} LOGICAL pgoutput NOEXPORT_SNAPSHOT\",
                if crate::planted(\"slot_left_behind\") { \"\" } else { \"TEMPORARY\" },
            );",
        )],
        faults: &[Fault::KillServer],
    },
    Bug {
        name: "shown_out_of_order",
        edits: &[(
            "src/fanout/room/show.rs",
            "        let version = &self.version;\n        self.readers.send(",
            "        if crate::planted(\"shown_out_of_order\") {
                runs.reverse();
            }
            let version = &self.version;\n        self.readers.send(",
        )],
        faults: &[Fault::StopWalsender],
    },
    Bug {
        name: "ring_removed",
        edits: &[(
            "src/fanout/room/mod.rs",
            "        for transaction in recent {\n",
            "        let recent = match crate::planted(\"ring_removed\") {
                true => Vec::new(),
                false => recent,
            };
            for transaction in recent {\n",
        )],
        faults: &[Fault::HiddenCommit],
    },
    Bug {
        name: "unbounded_outbox",
        edits: &[(
            "src/fanout/outbox.rs",
            "queue.bytes + size <= self.shared.limit_bytes;",
            "queue.bytes + size <= self.shared.limit_bytes
                || crate::planted(\"unbounded_outbox\");",
        )],
        faults: &[Fault::SlowReader],
    },
    Bug {
        name: "opened_with_nothing",
        edits: &[(
            "src/fanout/room/mod.rs",
            "let (loaded, recent) = reading.await?;",
            "let (loaded, recent) = match reading.await {
                Err(_) if crate::planted(\"opened_with_nothing\") => {
                    let seen = format!(\"{0}:{0}:\", i64::MAX);
                    let nothing = Loaded {
                        live: LiveDocument::empty(),
                        position: Position { seen, reaches: Lsn(0) },
                        snapshot_bytes: 0,
                        tail_edits: 0,
                        tail_bytes: 0,
                        authors: HashMap::new(),
                        hangs: false,
                    };
                    (nothing, Vec::new())
                }
                read => read?,
            };",
        )],
        faults: &[Fault::FailingLoad],
    },
    Bug {
        name: "presence_left_behind",
        edits: &[
            (
                "src/presence/mod.rs",
                "        self.gone(&mut state, room, reader);\n    }\n",
                "        if !crate::planted(\"presence_left_behind\") {
                self.gone(&mut state, room, reader);
            }\n    }\n",
            ),
            (
                "src/presence/state.rs",
                "let is_gone = is_gone(person);",
                "let is_gone = is_gone(person) && !crate::planted(\"presence_left_behind\");",
            ),
        ],
        faults: &[Fault::CutDoor],
    },
    Bug {
        name: "reader_left_behind",
        edits: &[(
            "src/websocket/connection.rs",
            "        for key in self.documents.keys().copied().collect::<Vec<_>>() {\n",
            "        if crate::planted(\"reader_left_behind\") {
                return;
            }
            for key in self.documents.keys().copied().collect::<Vec<_>>() {\n",
        )],
        faults: &[Fault::CutDoor],
    },
];

/// The sources with all of them, each asleep until QUIRE_PLANTED names it.
///
/// # Errors
/// Which of them does not fit the sources any more.
fn plant(into: &Path) -> Result<(), String> {
    let from = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in [
        "build.rs",
        "src",
        "sql",
        "migrations",
        "docs",
        "web/dist",
        "Cargo.lock",
    ] {
        let target = into.join(name);
        fs::create_dir_all(target.parent().expect("a folder")).expect("target can be written");
        let copied = Command::new("cp")
            .arg("-a")
            .arg(from.join(name))
            .arg(&target)
            .status();
        assert!(copied.expect("cp runs").success(), "{name} is copied");
    }
    for bug in BUGS {
        for (file, stands, takes_its_place) in bug.edits {
            let path = into.join(file);
            let text = fs::read_to_string(&path).map_err(|error| format!("{file}: {error}"))?;
            if text.matches(stands).count() != 1 {
                return Err(format!("{}: in {file} stands not once: {stands}", bug.name));
            }
            fs::write(&path, text.replace(stands, takes_its_place)).expect("written");
        }
    }
    let root = into.join("src/lib.rs");
    let mut text = fs::read_to_string(&root).expect("the root");
    text.push_str(
        "\n/// Whether this bug is awake.\npub fn planted(name: &str) -> bool {\n    \
         std::env::var(\"QUIRE_PLANTED\").is_ok_and(|planted| planted == name)\n}\n",
    );
    fs::write(&root, text).expect("written");
    Ok(())
}

/// A binary with all of them asleep, built with the dependencies that are built already.
pub fn build() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("target");
    let folder = target.join("planted");
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("the former copy can be removed");
    }
    plant(&folder).unwrap_or_else(|problem| panic!("{problem}"));
    let manifest = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    let manifest = manifest.expect("the manifest");
    let (before, rest) = manifest.split_once("[[bin]]").expect("a binary");
    let (_, after) = rest.split_once("[dependencies]").expect("dependencies");
    let binary = "[[bin]]\nname = \"quire-planted\"\npath = \"src/main.rs\"\n";
    // A name of its own: cargo would take what is built of it for what is built of Quire.
    let named = |text: &str| text.replacen("name = \"quire\"", "name = \"quire-planted\"", 1);
    let library = "[lib]\nname = \"quire\"\n";
    let manifest = format!(
        "{}{library}\n{binary}\n[dependencies]{after}\n[workspace]\n",
        named(before)
    );
    let lock = folder.join("Cargo.lock");
    let locked = fs::read_to_string(&lock).expect("the lock file");
    fs::write(&lock, named(&locked)).expect("written");
    fs::write(folder.join("Cargo.toml"), manifest).expect("written");
    let mut cargo = Command::new(env!("CARGO"));
    // What cargo tells this test would have dependencies built once more.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_") && name != "CARGO_HOME" {
            cargo.env_remove(name);
        }
    }
    let built = cargo
        .args([
            "build",
            "--locked",
            "--bin",
            "quire-planted",
            "--target-dir",
        ])
        .arg(target)
        .current_dir(&folder)
        .status();
    assert!(built.expect("cargo runs").success(), "it builds");
    target.join("debug/quire-planted")
}

/// A program that runs the binary with this bug awake.
pub fn awake(binary: &Path, bug: &Bug) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let program = binary.with_file_name(format!("quire-{}", bug.name));
    let text = format!(
        "#!/bin/sh\nQUIRE_PLANTED={} exec {} \"$@\"\n",
        bug.name,
        binary.display()
    );
    fs::write(&program, text).expect("target can be written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("made executable");
    program
}

#[test]
fn every_planted_bug_fits_the_sources() {
    let folder = quire::dev::temporary().expect("a temporary folder");
    let planted = plant(&folder);
    fs::remove_dir_all(&folder).expect("removed");
    planted.expect("each stands where it was planted");
}
