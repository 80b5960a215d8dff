//! The trial in its real child process.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use quire::document::trial::{DocKey, Refusal, Settings, Trial, Verdict};
use quire::document::update::update_meta;
use uuid::Uuid;

use super::harmless::harmless;
use super::history::{History, document};
use super::malformed::malformed;
use crate::kit::random::Random;

fn trial() -> Trial {
    trial_with(Settings::default())
}

fn trial_with(settings: Settings) -> Trial {
    Trial::start(PathBuf::from(env!("CARGO_BIN_EXE_quire")), settings).expect("start the trial")
}

fn doc(n: u128) -> DocKey {
    DocKey {
        org_id: Uuid::from_u128(1),
        document_id: Uuid::from_u128(n),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_update_passes_and_is_counted() {
    let trial = trial();
    let mut random = Random::new(1);
    for n in 0..20 {
        let history = History::random(&mut random, false);
        for update in &history.candidates {
            let update = Bytes::from(update.clone());
            assert_eq!(
                trial.submit(doc(n), update.clone()).await.expect("answer"),
                Verdict::NeedsDocument
            );
            trial
                .seed(doc(n), history.snapshot.clone().into())
                .await
                .expect("seed");
            let meta = update_meta(&update).expect("meta");
            let verdict = trial.submit(doc(n), update.clone()).await.expect("answer");
            let Verdict::Good(good) = verdict else {
                panic!("seed 1, document {n}: {verdict:?}");
            };
            assert_eq!(
                (good.peer, good.counter_start, good.counter_end),
                (meta.peer, meta.counter_start, meta.counter_end)
            );
            assert_eq!(
                trial.submit(doc(n), update.clone()).await.expect("answer"),
                Verdict::Known { durable: false }
            );
            trial.committed(doc(n), update.clone());
            assert_eq!(
                trial.submit(doc(n), update).await.expect("answer"),
                Verdict::Known { durable: true }
            );
            trial.forget(doc(n));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_is_killed_comes_back_and_nobody_is_blamed() {
    let trial = trial_with(Settings {
        timeout: Duration::from_secs(20),
        ..Settings::default()
    });
    let history = History::random(&mut Random::new(2), false);
    for _ in 0..3 {
        let update = Bytes::from(history.candidates[0].clone());
        trial
            .seed(doc(1), history.snapshot.clone().into())
            .await
            .expect("seed");
        assert!(matches!(
            trial.submit(doc(1), update.clone()).await.expect("answer"),
            Verdict::Good(_)
        ));
        // Garbage is refused in the child and does not end it.
        assert_eq!(
            trial
                .submit(doc(1), Bytes::from_static(b"garbage"))
                .await
                .expect("answer"),
            Verdict::Refused(Refusal::Malformed)
        );
        assert_eq!(
            trial.submit(doc(1), update).await.expect("answer"),
            Verdict::Known { durable: false }
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_range_with_other_bytes_is_not_known() {
    let trial = trial();
    let rows = [quire::document::model::seed(1)];
    let snapshot = document(2, &rows)
        .export(loro::ExportMode::Snapshot)
        .expect("export");
    trial.seed(doc(1), snapshot.into()).await.expect("seed");
    let written = |words: &str| {
        let author = document(7, &rows);
        let before = author.oplog_vv();
        author.get_text("body").insert(0, words).expect("insert");
        author.commit();
        let update = author.export(loro::ExportMode::updates(&before));
        Bytes::from(update.expect("export"))
    };
    let submit = |update: Bytes| trial.submit(doc(1), update);
    let (first, forged) = (written("first"), written("other"));
    assert!(matches!(
        submit(first.clone()).await.expect("answer"),
        Verdict::Good(_)
    ));
    assert_eq!(
        submit(forged.clone()).await.expect("answer"),
        Verdict::Refused(Refusal::Overlap)
    );
    assert_eq!(
        submit(first.clone()).await.expect("answer"),
        Verdict::Known { durable: false }
    );
    trial.committed(doc(1), first);
    // Durable: the peer's row refuses whatever it is.
    assert_eq!(
        submit(forged).await.expect("answer"),
        Verdict::Known { durable: true }
    );
}

/// A trial that holds a new document, and the document's seed.
async fn seeded() -> (Trial, Vec<u8>) {
    let trial = trial();
    let seed = quire::document::model::seed(1);
    let snapshot = document(2, std::slice::from_ref(&seed))
        .export(loro::ExportMode::Snapshot)
        .expect("export");
    trial.seed(doc(1), snapshot.into()).await.expect("seed");
    (trial, seed)
}

/// A hostile update that builds on what another peer has in the pipe would hang in the air if the
/// commit refused that.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_builds_on_what_another_has_not_committed() {
    let (trial, seed) = seeded().await;
    let export = |doc: &loro::LoroDoc, from: &loro::VersionVector| {
        doc.commit();
        Bytes::from(doc.export(loro::ExportMode::updates(from)).expect("export"))
    };
    let first = document(7, std::slice::from_ref(&seed));
    let before = first.oplog_vv();
    first.get_text("body").insert(0, "one").expect("insert");
    let one = export(&first, &before);
    let second = document(8, &[seed, one.to_vec()]);
    let before = second.oplog_vv();
    second.get_text("body").insert(3, "two").expect("insert");
    let two = export(&second, &before);
    assert!(matches!(
        trial.submit(doc(1), one.clone()).await.expect("answer"),
        Verdict::Good(_)
    ));
    assert_eq!(
        trial.submit(doc(1), two.clone()).await.expect("answer"),
        Verdict::MissingDependencies
    );
    trial.committed(doc(1), one);
    let Verdict::Good(good) = trial.submit(doc(1), two).await.expect("answer") else {
        panic!("what others have committed may be built on");
    };
    assert_eq!((good.inserted, good.deleted), (3, 0));
}

/// The feed was away when the first of two edits was committed, and told only of the second.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_was_told_of_an_edit_out_of_order_is_asked_for_anew() {
    let (trial, seed) = seeded().await;
    let author = document(7, std::slice::from_ref(&seed));
    let mut updates = Vec::new();
    for text in ["missed", "heard", "mine"] {
        let before = author.oplog_vv();
        author.get_text("body").insert(0, text).expect("insert");
        author.commit();
        let update = author.export(loro::ExportMode::updates(&before));
        updates.push(Bytes::from(update.expect("export")));
    }
    trial.committed(doc(1), updates[1].clone());
    trial.committed(doc(1), updates[0].clone());
    let verdict = trial.submit(doc(1), updates[2].clone()).await;
    assert_eq!(verdict.expect("answer"), Verdict::NeedsDocument);
}

/// Tries one update on the document of `history`.
async fn verdict(trial: &Trial, doc: DocKey, history: &History, update: &Bytes) -> Verdict {
    for _ in 0..3 {
        match trial.submit(doc, update.clone()).await.expect("answer") {
            Verdict::NeedsDocument => trial
                .seed(doc, history.snapshot.clone().into())
                .await
                .expect("seed"),
            verdict => return verdict,
        }
    }
    Verdict::NeedsDocument
}

/// Issue 2, point 8. `QUIRE_MALFORMED` sets another number, `QUIRE_SEED` another start.
#[tokio::test(flavor = "multi_thread")]
async fn no_malformed_update_passes_unless_it_is_harmless() {
    const PER_HISTORY: u64 = 25;
    let number = |name: &str, default: u64| {
        std::env::var(name).map_or(default, |n| n.parse().expect("a number"))
    };
    let first = number("QUIRE_SEED", 0);
    let histories = number("QUIRE_MALFORMED", 10_000) / PER_HISTORY;
    let trial = trial();
    let (mut passed, mut refused, mut bad) = (0, 0, Vec::new());
    for seed in first..first + histories {
        let history = History::random(&mut Random::new(seed), false);
        if history.candidates.is_empty() {
            continue;
        }
        for i in 0..PER_HISTORY {
            let mut random = Random::new(seed * 1000 + i);
            let update = Bytes::from(malformed(&history, &mut random));
            match verdict(&trial, doc(1), &history, &update).await {
                Verdict::Good(_) => {
                    passed += 1;
                    trial.forget(doc(1));
                    if let Err(why) = harmless(&history, &update) {
                        bad.push(format!("seed {seed}, mutation {i}: {why:.150}"));
                    }
                }
                _ => refused += 1,
            }
        }
        trial.forget(doc(1));
        for honest in &history.candidates {
            let update = Bytes::from(honest.clone());
            let verdict = verdict(&trial, doc(1), &history, &update).await;
            if !matches!(verdict, Verdict::Good(_)) {
                bad.push(format!("seed {seed}: honest, but {verdict:?}"));
            }
            trial.forget(doc(1));
        }
    }
    println!("from seed {first}: {passed} passed, {refused} refused");
    assert!(bad.is_empty(), "{} of them:\n{}", bad.len(), bad.join("\n"));
}
