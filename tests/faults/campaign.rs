//! Many rounds, on both versions of Postgres at a time, and what they found.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;
use serde_json::json;
use tokio::task::JoinSet;

use super::check::Verdict;
use super::fault::Fault;
use super::leaks;
use super::planted;
use super::round::Round;
use super::stage::Stage;
use crate::kit::postgres::Version;
use crate::kit::random;
use crate::kit::server::program;

/// What to play.
#[derive(Clone)]
struct Plan {
    rounds: usize,
    faults: Vec<Fault>,
    seed: u64,
    /// The first round; one that failed is played again alone.
    first: usize,
}

/// The figures of a campaign.
#[derive(Debug, Default, Serialize)]
struct Figures {
    rounds: usize,
    seed: u64,
    by_fault: BTreeMap<String, usize>,
    #[serde(flatten)]
    verdict: Verdict,
}

/// One of each, or what the environment asks for: QUIRE_FAULT_ROUNDS in all, of QUIRE_FAULTS in turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_goes_wrong_nothing_acknowledged_is_lost() {
    let plan = Plan {
        rounds: number("QUIRE_FAULT_ROUNDS").unwrap_or(Fault::ALL.len()),
        faults: faults(),
        seed: random::seed(),
        first: number("QUIRE_FAULT_FIRST").unwrap_or(0),
    };
    let figures = play(plan).await;
    report("rounds", &figures);
    assert!(
        figures.verdict.is_right(),
        "{:#?}",
        figures.verdict.complaints
    );
    let typed = figures.verdict.acked;
    assert!(typed >= 20 * figures.rounds, "they did type");
}

/// How many rounds a planted bug has to show itself in.
const CHANCES: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "builds Quire once more: make faults runs it"]
async fn every_planted_bug_is_caught() {
    let seed = random::seed();
    let binary = tokio::task::spawn_blocking(planted::build)
        .await
        .expect("built");
    let mut caught = BTreeMap::new();
    let wanted = std::env::var("QUIRE_BUGS").unwrap_or_default();
    let is_wanted =
        |bug: &&planted::Bug| wanted.is_empty() || wanted.split(',').any(|name| name == bug.name);
    for bug in planted::BUGS.iter().filter(is_wanted) {
        let mut stage = Stage::set(Version::usual(), planted::awake(&binary, bug)).await;
        let mut found = None;
        for number in 0..CHANCES {
            let verdict = Round::severe(number, seed, bug.faults)
                .play(&mut stage)
                .await;
            if !verdict.is_right() {
                found = verdict.complaints.first().cloned();
                break;
            }
        }
        if found.is_none() {
            let mut last = Verdict::default();
            leaks::check_last(&stage, &mut last).await;
            found = last.complaints.first().cloned();
        }
        println!("{}: {}", bug.name, found.as_deref().unwrap_or("NOT CAUGHT"));
        caught.insert(bug.name, found.is_some());
    }
    let count = caught.values().filter(|caught| **caught).count();
    report(
        "planted_bugs",
        &json!({ "caught": count, "of": caught.len() }),
    );
    assert_eq!(count, caught.len(), "{caught:?}");
}

/// Leaves figures where `make faults` asks for them.
pub(super) fn report(name: &str, figures: &impl Serialize) {
    let text = serde_json::to_string(figures).expect("figures");
    println!("{text}");
    if let Some(folder) = std::env::var_os("QUIRE_FAULT_FIGURES") {
        let path = PathBuf::from(folder).join(format!("{name}.json"));
        std::fs::write(path, text).expect("the figures are written");
    }
}

/// Plays rounds on QUIRE_FAULT_LANES stages of each version at a time; one unless it says more.
async fn play(plan: Plan) -> Figures {
    let next = Arc::new(AtomicUsize::new(plan.first));
    let mut lanes = JoinSet::new();
    let wanted = number("QUIRE_FAULT_LANES").unwrap_or(1);
    for version in std::iter::repeat_n(Version::ALL, wanted).flatten() {
        lanes.spawn(lane(version, plan.clone(), next.clone()));
    }
    let mut figures = Figures {
        seed: plan.seed,
        ..Figures::default()
    };
    for (played, last) in lanes.join_all().await {
        for (faults, verdict) in played {
            figures.rounds += 1;
            for fault in faults {
                *figures.by_fault.entry(fault.name()).or_default() += 1;
            }
            figures.verdict.add(verdict);
        }
        figures.verdict.add(last);
    }
    figures
}

/// The rounds of one lane, and what was left when all were played.
async fn lane(
    version: Version,
    plan: Plan,
    next: Arc<AtomicUsize>,
) -> (Vec<(Vec<Fault>, Verdict)>, Verdict) {
    let (mut usual, mut apart) = (None, None);
    let mut played = Vec::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= plan.first + plan.rounds || plan.faults.is_empty() {
            break;
        }
        let fault = plan.faults[number % plan.faults.len()];
        // Every third goes wrong twice.
        let round = Round::new(number, plan.seed, fault, number % 3 == 2);
        let (title, faults) = (round.title(), round.faults.clone());
        // Each stage is set when it is first needed.
        let stage = if faults.iter().any(|fault| fault.is_apart()) {
            if apart.is_none() {
                apart = Some(Stage::set_apart(version, program()).await);
            }
            &mut apart
        } else {
            if usual.is_none() {
                usual = Some(Stage::set(version, program()).await);
            }
            &mut usual
        };
        let stage = stage.as_mut().expect("set just above");
        let begun = std::time::Instant::now();
        let mut verdict = round.play(stage).await;
        println!(
            "{title} on {version:?}: {} acknowledged, {:.1} s{}",
            verdict.acked,
            begun.elapsed().as_secs_f64(),
            if verdict.is_right() { "" } else { ", WRONG" },
        );
        for complaint in &mut verdict.complaints {
            *complaint = format!("{title}: {complaint}");
            say_now(complaint);
        }
        played.push((faults, verdict));
    }
    let mut last = Verdict::default();
    for stage in [&usual, &apart].into_iter().flatten() {
        leaks::check_last(stage, &mut last).await;
    }
    for complaint in &last.complaints {
        say_now(&format!("in the end on {version:?}: {complaint}"));
    }
    (played, last)
}

/// Past what the test runner holds back: who ends a long run early still reads what went wrong.
fn say_now(complaint: &str) {
    let _ = writeln!(std::io::stderr(), "WRONG: {complaint}");
}

fn number(variable: &str) -> Option<usize> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is a number")),
    )
}

/// Those that QUIRE_FAULTS names, or all, as far as they can happen here.
fn faults() -> Vec<Fault> {
    let wanted = match std::env::var("QUIRE_FAULTS") {
        Ok(names) if !names.is_empty() => names.split(',').map(Fault::parse).collect(),
        _ => Fault::ALL.to_vec(),
    };
    let possible = Fault::possible();
    let (played, skipped): (Vec<_>, Vec<_>) = wanted
        .into_iter()
        .partition(|fault| possible.contains(fault));
    for fault in skipped {
        println!(
            "{} is skipped: it needs root, and to mount a disk",
            fault.name()
        );
    }
    played
}
