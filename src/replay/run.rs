//! A replay from start to report.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::time::Instant;

use super::Options;
use super::bare::{Bare, BareCommits, wal_position};
use super::check::{Rebuilt, rebuild, texts};
use super::cluster::Cluster;
use super::figures::Figures;
use super::journal::Journal;
use super::report::Report;
use super::trace::Trace;
use super::writer::{Pace, Writer, counter_of};
use crate::client::{self, Api, Client, Event, SignedIn};
use crate::document::model::is_seeded;
use crate::error::{Error, Kind, Result};
use crate::postgres::{Pool, failed, pool};

/// Bytes of a one-character update, for the bare rows.
const USUAL_UPDATE_BYTES: usize = 91;

/// Replays a history and prints what was found. `program` is Quire's own binary.
///
/// # Errors
/// When it cannot be carried through; `Conflict` when a text is not as it should be.
pub async fn run(options: &Options, program: &Path) -> Result<()> {
    let trace = options.history()?;
    let mut cluster = Cluster::start(options, program).await?;
    let outcome = replay(options, &trace, &mut cluster).await;
    let stopped = cluster.stop().await;
    let report = outcome?;
    stopped?;
    if options.json {
        let line = serde_json::to_string(&report)
            .map_err(|error| Error::caused(Kind::Internal, "write the report", error))?;
        println!("{line}");
    } else {
        print!("{report}");
    }
    if report.is_right() {
        Ok(())
    } else {
        Err(Error::new(Kind::Conflict, "a text is not as it should be"))
    }
}

/// What clients tell, added up.
#[derive(Default)]
struct Observed {
    /// Set when all have joined, before the first edit.
    journal: OnceLock<Journal>,
    acks: Mutex<Figures>,
    deliveries: Mutex<Figures>,
    lost: AtomicUsize,
}

impl Observed {
    fn observe(&self, event: &Event<'_>) {
        // Nothing of what comes before the first edit counts.
        let Some(journal) = self.journal.get() else {
            return;
        };
        match *event {
            Event::Acknowledged { made_at, at, .. } => {
                lock(&self.acks).add(at.saturating_duration_since(made_at));
            }
            Event::Imported { operations, at } => {
                journal.received(operations, at, &mut lock(&self.deliveries));
            }
            Event::Lost { reason } => {
                tracing::warn!(reason, "a client lost its connection");
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
            Event::Refused(status) => tracing::warn!(?status, "a batch was refused"),
            Event::StartedOver { .. } => tracing::warn!("a client started over"),
            Event::Joined { .. } => {}
        }
    }

    fn journal(&self) -> &Journal {
        self.journal.get().expect("set before the first edit")
    }
}

fn lock(figures: &Mutex<Figures>) -> std::sync::MutexGuard<'_, Figures> {
    figures.lock().expect("nothing panics with it")
}

async fn replay(options: &Options, trace: &Trace, cluster: &mut Cluster) -> Result<Report> {
    let database = match &cluster.database_url {
        Some(url) => Some(pool(url, 2)?),
        None => None,
    };
    let sessions = sign_in(trace, cluster).await?;
    let (org_id, token) = (&sessions[0].org_id, &sessions[0].token);
    let api = Api::with_session(cluster.addresses[0].clone(), token);
    let document_id = api.create_document(org_id, "Replay").await?;
    let room = format!("{org_id}/{document_id}");

    let observed = Arc::new(Observed::default());
    let (writers, readers) = join(options, trace, cluster, &sessions, &room, &observed).await?;

    let bare = match &database {
        Some(database) if !options.no_bare_commits => {
            Some(BareCommits::create(database, USUAL_UPDATE_BYTES).await?)
        }
        _ => None,
    };
    let wal_before = match &database {
        Some(database) => Some(position(database).await?),
        None => None,
    };
    let used_before = cluster.used();
    let pause = options.rate.map(|rate| Duration::from_secs(1) / rate);
    let pace = Pace {
        start: Instant::now(),
        pause,
    };
    // At a given rate, the bare commits go on beside it.
    let beside = async {
        match (&bare, pause) {
            (Some(bare), Some(pause)) => bare.run(Some((trace.edits.len(), pause))).await,
            _ => Ok(Bare::default()),
        }
    };
    let writing = write(trace, &observed, &writers, pace);
    let (finished, mut beside) = tokio::try_join!(writing, beside)?;
    for reader in writers.iter().chain(&readers) {
        let wanted: Vec<_> = observed.journal().last_counters().collect();
        let has_all = |doc: &loro::LoroDoc| {
            wanted
                .iter()
                .all(|(peer, counter)| counter_of(doc, *peer) >= *counter)
        };
        reader.document_is(has_all).await?;
    }
    let used = cluster.used().zip(used_before);
    let wal_after = match &database {
        Some(database) => Some(position(database).await?),
        None => None,
    };
    let alone = match &bare {
        Some(bare) => bare.run(None).await?,
        None => Bare::default(),
    };
    // What the bare commits beside it wrote is not Quire's.
    let bare_row_bytes = alone.wal_bytes as f64 / alone.commits.len().max(1) as f64;
    let wal_bytes_per_edit = wal_before.zip(wal_after).map(|(before, after)| {
        let own = (after - before) as f64 - bare_row_bytes * beside.commits.len() as f64;
        own / trace.edits.len() as f64
    });
    if let Some(bare) = bare {
        bare.remove().await?;
    }
    let reading = readers.len();
    for client in writers.into_iter().chain(readers) {
        client.close().await;
    }

    let matches = |texts: &[String]| texts.iter().all(|text| *text == trace.end_content);
    let at_servers = texts(&cluster.addresses, token, &room).await?;
    let rebuilt = match &database {
        Some(database) => Some(rebuild(database, org_id, &document_id).await?),
        None => None,
    };
    let restart_matches = match cluster.restart().await? {
        true => Some(matches(&texts(&cluster.addresses, token, &room).await?)),
        false => None,
    };
    let mut bare = if beside.commits.is_empty() {
        alone
    } else {
        std::mem::take(&mut beside)
    };
    let seconds = (finished - pace.start).as_secs_f64();
    let edits = trace.edits.len();
    let mut deliveries = lock(&observed.deliveries);
    let update_bytes = |rebuilt: &Rebuilt| rebuilt.update_bytes as f64 / rebuilt.rows as f64;
    Ok(Report {
        edits,
        matches: matches(&at_servers),
        rebuilt_matches: rebuilt
            .as_ref()
            .map(|rebuilt| rebuilt.text == trace.end_content),
        restart_matches,
        rows: rebuilt.as_ref().map(|rebuilt| rebuilt.rows),
        servers: cluster.addresses.len(),
        standbys: options.standbys,
        writers: trace.authors,
        readers: reading,
        rate: options.rate,
        seconds,
        acked_per_s: edits as f64 / seconds,
        ack_ms: lock(&observed.acks).percentiles(),
        deliveries: deliveries.len(),
        delivery_ms: deliveries.percentiles(),
        commit_ms: bare.commits.percentiles(),
        wal_bytes_per_edit,
        update_bytes_per_edit: rebuilt.as_ref().map(update_bytes),
        used: used.map(|(after, before)| after.since(&before)),
        lost_connections: observed.lost.load(Ordering::Relaxed),
    })
}

/// One account for each author; the first is the one of the link and invites the others.
async fn sign_in(trace: &Trace, cluster: &Cluster) -> Result<Vec<SignedIn>> {
    let nobody = Api::new(cluster.addresses[0].clone());
    let first = nobody.welcome(&cluster.link, "Writer 1").await?;
    let inviter = Api::with_session(cluster.addresses[0].clone(), &first.token);
    let mut sessions = vec![first];
    for author in 1..trace.authors {
        let link = inviter.invite(&sessions[0].org_id).await?;
        let name = format!("Writer {}", author + 1);
        sessions.push(nobody.welcome(&link, &name).await?);
    }
    Ok(sessions)
}

/// Joins a client for each author, in turn at the servers, and those that only read: as many as are asked
/// for, and one at least at each server that no other client is at. A single author always has a reader.
async fn join(
    options: &Options,
    trace: &Trace,
    cluster: &Cluster,
    sessions: &[SignedIn],
    room: &str,
    observed: &Arc<Observed>,
) -> Result<(Vec<Client>, Vec<Client>)> {
    let start = |server: usize, session: &SignedIn, device: String| {
        let mut addresses = cluster.addresses.clone();
        addresses.rotate_left(server % cluster.addresses.len());
        let observed = observed.clone();
        Client::start(client::Options {
            window: options.window,
            observer: Box::new(move |event| observed.observe(&event)),
            ..client::Options::new(addresses, &session.token, room, &device)
        })
    };
    let writers: Vec<_> = sessions
        .iter()
        .enumerate()
        .map(|(author, session)| start(author, session, format!("writer {author}")))
        .collect();
    let servers = cluster
        .addresses
        .len()
        .max(if trace.authors == 1 { 2 } else { 1 });
    let wanted = writers.len() + usize::from(options.readers);
    let readers: Vec<_> = (writers.len()..servers.max(wanted))
        .map(|reader| start(reader, &sessions[0], format!("reader {reader}")))
        .collect();
    try_join_all(writers.iter().chain(&readers).map(Client::joined)).await?;

    for client in writers.iter().chain(&readers) {
        client.document_is(is_seeded).await?;
    }
    let peers: Vec<_> = writers
        .iter()
        .map(|writer| {
            let peer = writer.peer().expect("it has joined");
            (peer, writer.read(|doc| counter_of(doc, peer)))
        })
        .collect();
    let journal = Journal::new(trace, &peers);
    if observed.journal.set(journal).is_err() {
        return Err(Error::new(
            Kind::Internal,
            "two replays share their figures",
        ));
    }
    Ok((writers, readers))
}

/// Lets all authors write. Returns when the last ack came.
async fn write(
    trace: &Trace,
    observed: &Observed,
    clients: &[Client],
    pace: Pace,
) -> Result<Instant> {
    let authors = clients
        .iter()
        .enumerate()
        .map(|(author, client)| async move {
            let writer = Writer {
                trace,
                journal: observed.journal(),
                client,
                pace,
                author,
            };
            writer.write().await?;
            client.settled().await
        });
    try_join_all(authors).await?;
    Ok(Instant::now())
}

async fn position(database: &Pool) -> Result<i64> {
    let client = database
        .get()
        .await
        .map_err(failed("read the position of the log"))?;
    wal_position(&client).await
}
