//! What operators want to see at a glance: servers, replicas, slots, rates, the busiest, and what is
//! wrong. Looked at only while somebody looks, once a second at most, and never on an edit's way.

mod figures;
mod sample;
mod servers;

use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Mutex;

pub use self::sample::{BusyDocument, BusyOrganisation, Sample};
use crate::activity::Activity;
use crate::error::Result;
use crate::metrics;
use crate::postgres::{Finding, Limits, Topology, examine};
use crate::presence::Standing;

/// For so long a sample is given to whoever asks.
const FRESH: Duration = Duration::from_secs(1);
/// The same for counters that are read by a machine.
const FRESH_FIGURES: Duration = Duration::from_secs(5);
/// How often the doctor is asked: its checks do not change from second to second.
const DOCTOR_EVERY: Duration = Duration::from_secs(15);
/// How long a sample waits for the doctor, who goes on in the background.
const DOCTOR_PATIENCE: Duration = Duration::from_millis(1_500);
/// When nobody has looked for so long, connections are closed.
const REST: Duration = Duration::from_secs(10);
/// Documents and organisations that are named.
const BUSIEST: usize = 10;

/// What the doctor finds and every sample finds anew.
const FOUND_ANEW: [&str; 5] = ["hosts", "standbys", "idle_slot", "slot_lag", "connection"];

/// Says how all servers are.
pub type Servers = Box<dyn Fn() -> Hearing + Send + Sync>;

/// How all servers are, as far as they are heard.
#[derive(Debug, Clone, Default)]
pub struct Hearing {
    pub servers: Vec<Standing>,
    /// Why they are not heard; none: they are.
    pub deaf: Option<String>,
}

/// Takes samples.
pub struct Overview {
    database_url: String,
    topology: Topology,
    activity: Activity,
    servers: Servers,
    last: Mutex<Option<(Instant, Arc<Sample>)>>,
    doctor: Arc<Doctor>,
    looked: StdMutex<Option<Instant>>,
}

/// What the doctor found last.
#[derive(Default)]
struct Doctor {
    findings: StdMutex<Vec<Finding>>,
    asked: StdMutex<Option<Instant>>,
}

impl Overview {
    /// Of the database at `database_url`, by what `activity` counts and `servers` says. Nothing is asked
    /// yet. Errors: `Setting` when the address cannot be read.
    pub fn new(database_url: &str, activity: Activity, servers: Servers) -> Result<Self> {
        metrics::register(figures::METRICS);
        let limits = Limits {
            // A slot that nobody reads is worth a word at once; its reader may be back in a moment.
            idle_slot_bytes: -1,
            ..Limits::default()
        };
        Ok(Self {
            database_url: database_url.to_owned(),
            topology: Topology::new(database_url, limits)?,
            activity,
            servers,
            last: Mutex::default(),
            doctor: Arc::default(),
            looked: StdMutex::default(),
        })
    }

    /// Everything as it is now, or was within the last second. Takes 3 s at most.
    pub async fn sample(&self) -> Arc<Sample> {
        self.sample_within(FRESH, true).await
    }

    /// Brings the metrics up to date that are read out of samples. The doctor is not asked for them: a
    /// machine that reads them looks all the time.
    pub async fn note_figures(&self) {
        self.sample_within(FRESH_FIGURES, false).await;
    }

    /// Lets go of its connections when nobody has looked for a while. To be called now and then.
    pub fn rest(&self) {
        let mut looked = lock(&self.looked);
        if looked.is_some_and(|looked| looked.elapsed() >= REST) {
            *looked = None;
            self.topology.rest();
        }
    }

    async fn sample_within(&self, age: Duration, with_doctor: bool) -> Arc<Sample> {
        // Held while it looks: whoever comes meanwhile gets the same.
        let mut last = self.last.lock().await;
        if let Some((at, sample)) = &*last
            && at.elapsed() < age
        {
            return sample.clone();
        }
        *lock(&self.looked) = Some(Instant::now());
        let sample = Arc::new(self.look(with_doctor).await);
        figures::note(&sample);
        *last = Some((Instant::now(), sample.clone()));
        sample
    }

    async fn look(&self, with_doctor: bool) -> Sample {
        let (view, doctor) = tokio::join!(self.topology.look(), self.doctor(with_doctor));
        let Hearing { servers, deaf } = (self.servers)();
        let now = Instant::now();
        let rates = self.activity.rates();
        let mut findings = [
            view.findings,
            servers::findings(&servers, deaf.as_deref()),
            doctor,
        ]
        .concat();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let documents = self.activity.busiest_documents(BUSIEST, now);
        let organisations = self.activity.busiest_organisations(BUSIEST, now);
        Sample {
            at_ms: since.map_or(0, |since| since.as_millis() as u64),
            edits_per_s: rates.delivered_10s as f64 / 10.0,
            wal_bytes_per_s: rates.wal_bytes_10s as f64 / 10.0,
            findings,
            servers,
            primary: view.primary,
            replicas: view.replicas,
            streams: view.streams,
            slots: view.slots,
            documents: documents.into_iter().map(BusyDocument::from).collect(),
            organisations: organisations
                .into_iter()
                .map(BusyOrganisation::from)
                .collect(),
        }
    }

    /// What the doctor found last; asked again now and then if `is_wanted`, and waited for a moment.
    async fn doctor(&self, is_wanted: bool) -> Vec<Finding> {
        let is_due = is_wanted && {
            let mut asked = lock(&self.doctor.asked);
            let is_due = asked.is_none_or(|asked| asked.elapsed() >= DOCTOR_EVERY);
            if is_due {
                *asked = Some(Instant::now());
            }
            is_due
        };
        if is_due {
            let (doctor, database_url) = (self.doctor.clone(), self.database_url.clone());
            let asking = tokio::spawn(async move {
                // Of a database that does not answer the sample itself says so.
                if let Ok(findings) = examine(&database_url, &Limits::default()).await {
                    *lock(&doctor.findings) = findings;
                }
            });
            // It goes on when it takes longer, and shows in a later sample.
            let _ = tokio::time::timeout(DOCTOR_PATIENCE, asking).await;
        }
        let mut findings = lock(&self.doctor.findings).clone();
        findings.retain(|finding| !FOUND_ANEW.contains(&finding.check));
        findings
    }
}

fn lock<T>(mutex: &StdMutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
