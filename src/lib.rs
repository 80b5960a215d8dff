//! Quire: a collaborative document editor whose only infrastructure is PostgreSQL.
//!
//! The modules stand in the order of the path, lowest first. A module uses only what stands above
//! it; `tests/modules.rs` fails on an upward path.

/// One error type; its kind says what the caller does next.
pub mod error;

/// Random numbers from a seed.
pub mod random;

/// What one row of the log says: an edit, a change of authority, presence.
pub mod change;

/// Settings: flags and environment, read once.
pub mod config;

/// Counters and gauges, and their text form for Prometheus.
pub mod metrics;

/// How much is logged at most.
pub mod log;

/// Turns and shares, so that no organisation starves the others.
pub mod fair;

/// The Loro Syncing Protocol: frames in and out, without I/O.
pub mod protocol;

/// Connections, the pool, migrations, the doctor.
pub mod postgres;

/// HTTP requests that Quire makes itself.
pub mod fetch;

/// Traces by OpenTelemetry, when they are set.
pub mod traces;

/// Mail, by SMTP or to the log.
pub mod mail;

/// The OpenID Connect provider: who it says that somebody is.
pub mod oidc;

/// Accounts, sessions, passwords, one-time links and who may do what.
pub mod auth;

/// How many connections a door lets in.
pub mod places;

/// Where organisations are served that are not served here.
pub mod directory;

/// The one way in: group commit.
pub mod commit;

/// The one way out: the database's log.
pub mod feed;

/// Live documents: loading, trial, folding.
pub mod document;

/// Whether what is stored fits together: what `quire verify` asks.
pub mod integrity;

/// What the log brings, counted: the busiest documents and organisations, rates.
pub mod activity;

/// From the feed to the rooms, and from the rooms to their readers.
pub mod fanout;

/// Whether all servers hold the same of each document.
pub mod convergence;

/// Who is where: coalesced, through the log, without rows.
pub mod presence;

/// An organisation into another database: `quire org move`.
pub mod moving;

/// Work done again and again: every so often a round, through all documents.
pub mod rounds;

/// The text of each document as a column, written in the background.
pub mod text;

/// Published pages: caches in front of Quire are told what changed.
pub mod purge;

/// How long history is kept: older edits are folded.
pub mod retention;

/// One browser connection.
pub mod websocket;

/// Servers, replicas, slots, rates and what is wrong, at a glance.
pub mod overview;

/// The HTTP API and the page.
pub mod http;

/// The port that speaks Postgres: sessions on the database, in which documents can be read.
pub mod sqlport;

/// What is looked at in the database every few seconds.
pub mod upkeep;

/// A running server: everything above, started and stopped.
pub mod server;

/// A client of the sync protocol, for replays and tests.
pub mod client;

/// Quire on its own private Postgres.
pub mod dev;

/// Recorded and synthetic editing histories, driven through real clients.
pub mod replay;

/// The overview in the terminal.
pub mod top;

/// Whatever reads bytes from outside, as functions of bytes: what is fuzzed.
pub mod fuzz;
