//! Hours of ordinary work: people type in several documents, documents come and go, and nothing goes
//! wrong. What the servers and the database hold must not grow with the time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use super::campaign::report;
use super::check::{Rows, Verdict};
use super::crowd::Person;
use super::leaks;
use super::round::{Typing, assemble, settle};
use super::stage::Stage;
use crate::kit::postgres::Version;
use crate::kit::random::{self, Random};
use crate::kit::server::{metric, program};

/// Documents that are open at a time.
const DOCUMENTS: usize = 10;
/// People who write in each; one more reads.
const WRITERS: usize = 3;
/// The longest pause between two words of one person.
const PAUSE_MS: usize = 1_500;
/// How often the oldest document is left for a new one.
const RENEW: Duration = Duration::from_secs(60);
/// How often everything is measured.
const MEASURE: Duration = Duration::from_secs(15);
/// Until documents that were left are unloaded and everything has found its size.
const WARM_UP: Duration = Duration::from_secs(20 * 60);

/// What the servers and the database hold at one moment.
#[derive(Debug, Clone, Serialize)]
struct Sample {
    at_s: u64,
    /// Of both servers' processes together, with their children.
    memory_kib: u64,
    files: usize,
    threads: usize,
    connections: i64,
    slots: i64,
    documents: i64,
    outbox_bytes: i64,
}

/// The figures of a soak.
#[derive(Debug, Serialize)]
struct Figures {
    minutes: u64,
    seed: u64,
    documents: usize,
    edits: i64,
    #[serde(flatten)]
    verdict: Verdict,
    /// After the warm-up, by least squares.
    memory_slope_kib_per_hour: i64,
    first: Sample,
    last: Sample,
    most: Sample,
}

/// A document with whoever is at it.
struct Table {
    document_id: Uuid,
    room: String,
    reader: Person,
    writers: Vec<Typing>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes as long as it is told to: make soak runs it"]
async fn nothing_grows_while_people_work_for_hours() {
    let minutes = std::env::var("QUIRE_SOAK_MINUTES").map_or(120, |minutes| {
        minutes.parse().expect("QUIRE_SOAK_MINUTES is a number")
    });
    let seed = random::seed();
    let mut random = Random::new(seed);
    let mut stage = Stage::set(Version::usual(), program()).await;
    let mut tables = VecDeque::new();
    for _ in 0..DOCUMENTS {
        tables.push_back(Table::lay(&stage, &mut random).await);
    }
    let mut verdict = Verdict::default();
    let mut samples: Vec<Sample> = Vec::new();
    let mut documents = DOCUMENTS;
    let begun = Instant::now();
    let mut measure = interval(MEASURE);
    measure.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut renewed = begun;
    while begun.elapsed() < Duration::from_secs(minutes * 60) {
        measure.tick().await;
        let sample = Sample::take(&stage, begun.elapsed()).await;
        println!("{}", serde_json::to_string(&sample).expect("figures"));
        samples.push(sample);
        if renewed.elapsed() >= RENEW {
            renewed = Instant::now();
            let oldest = tables.pop_front().expect("there are tables");
            oldest.clear(&stage, &mut verdict).await;
            tables.push_back(Table::lay(&stage, &mut random).await);
            documents += 1;
        }
    }
    for table in tables {
        table.clear(&stage, &mut verdict).await;
    }
    leaks::check(&mut stage, &mut verdict).await;
    let settled: Vec<&Sample> = samples
        .iter()
        .filter(|sample| sample.at_s >= WARM_UP.as_secs().min(minutes * 60 / 4))
        .collect();
    let most = samples.iter().max_by_key(|sample| sample.memory_kib);
    let client = stage.pool.get().await.expect("a connection");
    let edits = "select count(*) from quire.edit";
    let figures = Figures {
        minutes,
        seed,
        documents,
        edits: client.query_one(edits, &[]).await.expect("counted").get(0),
        verdict,
        memory_slope_kib_per_hour: slope_per_hour(&settled),
        first: settled[0].clone(),
        last: settled[settled.len() - 1].clone(),
        most: most.expect("measured").clone(),
    };
    report("soak", &figures);
    let verdict = &figures.verdict;
    assert!(verdict.is_right(), "{:#?}", verdict.complaints);
    assert!(figures.last.files <= figures.first.files + 10, "files");
    assert!(
        figures.last.threads <= figures.first.threads + 4,
        "threads: {figures:?}"
    );
    assert_eq!(figures.last.slots, figures.first.slots);
}

impl Table {
    /// A new document, with people who type in it.
    async fn lay(stage: &Stage, random: &mut Random) -> Self {
        let document_id = stage.document("Round").await;
        let room = format!("{}/{document_id}", stage.office.org_id);
        let token = stage.office.owner.token.reveal();
        let mut people: Vec<Person> = (0..=WRITERS)
            .map(|name| {
                let random = Random::new(random.bits());
                Person::arrive(name, stage.addresses(name), &token, &room, random)
            })
            .collect();
        let reader = people.pop().expect("there are people");
        assemble(&reader, &people).await;
        let writers = people.into_iter();
        Self {
            document_id,
            room,
            reader,
            writers: writers
                .map(|person| Typing::start(person, PAUSE_MS))
                .collect(),
        }
    }

    /// Everybody stops and leaves, and what was told is held against the rows.
    async fn clear(self, stage: &Stage, verdict: &mut Verdict) {
        let mut writers = Vec::new();
        for typing in self.writers {
            writers.push(typing.stop().await);
        }
        for writer in &writers {
            settle(writer, false, verdict).await;
        }
        let rows = Rows::read(stage, self.document_id).await;
        rows.check(verdict);
        rows.check_copy("the reader", &self.reader.client, verdict)
            .await;
        for writer in &writers {
            rows.check_author(writer.name, &writer.memory(), &writer.words, false, verdict);
            let whose = format!("writer {}", writer.name);
            rows.check_copy(&whose, &writer.client, verdict).await;
        }
        rows.check_servers(stage, &self.room, verdict).await;
        for person in writers.into_iter().chain([self.reader]) {
            person.client.close().await;
        }
    }
}

impl Sample {
    async fn take(stage: &Stage, at: Duration) -> Self {
        let client = stage.pool.get().await.expect("a connection");
        let sql =
            "select (select count(*) from pg_stat_activity where application_name like 'quire%'),
            (select count(*) from pg_replication_slots)";
        let counts = client.query_one(sql, &[]).await.expect("counted");
        let mut sample = Self {
            at_s: at.as_secs(),
            memory_kib: 0,
            files: 0,
            threads: 0,
            connections: counts.get(0),
            slots: counts.get(1),
            documents: 0,
            outbox_bytes: 0,
        };
        for seat in &stage.servers {
            let mut processes = quire::dev::children(seat.pid());
            processes.push(seat.pid() as i32);
            for process in processes {
                let status = std::fs::read_to_string(format!("/proc/{process}/status"));
                let status = status.expect("it runs");
                sample.memory_kib += field(&status, "VmRSS:");
                sample.threads += field(&status, "Threads:") as usize;
                let files = std::fs::read_dir(format!("/proc/{process}/fd"));
                sample.files += files.expect("it runs").count();
            }
            let number = async |name| metric(&seat.own_address(), name).await.expect("shown");
            sample.documents += number("quire_documents_open").await;
            sample.outbox_bytes += number("quire_outbox_bytes").await;
        }
        sample
    }
}

fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let value = line.and_then(|line| line.split_whitespace().next());
    value
        .and_then(|value| value.parse().ok())
        .expect("the kernel says so")
}

/// The slope of the line that fits the memory best.
fn slope_per_hour(samples: &[&Sample]) -> i64 {
    let count = samples.len() as f64;
    let mean =
        |value: fn(&Sample) -> f64| samples.iter().map(|sample| value(sample)).sum::<f64>() / count;
    let (at, memory) = (mean(|s| s.at_s as f64), mean(|s| s.memory_kib as f64));
    let (mut above, mut below) = (0.0, 0.0);
    for sample in samples {
        let distance = sample.at_s as f64 - at;
        above += distance * (sample.memory_kib as f64 - memory);
        below += distance * distance;
    }
    (above / below * 3600.0) as i64
}

#[test]
fn a_slope_is_that_of_the_line() {
    let samples: Vec<Sample> = (0..10)
        .map(|number| Sample {
            at_s: number * 60,
            memory_kib: 1_000 + number * 5,
            files: 0,
            threads: 0,
            connections: 0,
            slots: 0,
            documents: 0,
            outbox_bytes: 0,
        })
        .collect();
    assert_eq!(slope_per_hour(&samples.iter().collect::<Vec<_>>()), 300);
}
