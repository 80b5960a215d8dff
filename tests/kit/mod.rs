//! What tests share: database clusters, servers, clients.

pub mod alloc;
pub mod cache;
pub mod collector;
pub mod idle;
pub mod members;
pub mod people;
pub mod postgres;
pub mod provider;
pub mod random;
pub mod server;
pub mod socket;
pub mod standby;

/// How long a test rests before it looks again at what nobody tells of. Looking all the time takes a processor, and
/// where there are two of them, what is waited for may get none: a process that Postgres had just forked
/// did not run for up to 13 s.
pub const PAUSE: std::time::Duration = std::time::Duration::from_millis(5);

pub async fn pause() {
    tokio::time::sleep(PAUSE).await;
}

/// What servers in this process say (QUIRE_LOG) is printed with a test that fails: with the one on whose
/// threads they run.
pub fn keep_log() {
    static KEPT: std::sync::Once = std::sync::Once::new();
    KEPT.call_once(|| {
        let usual = "warn,loro_internal=off,quire=debug,quire::postgres::migrate=warn";
        let filter = std::env::var("QUIRE_LOG").unwrap_or_else(|_| usual.to_owned());
        let log = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(false)
            .with_test_writer()
            .finish();
        // A test may have set one for itself before.
        let _ = tracing::subscriber::set_global_default(log);
    });
}
