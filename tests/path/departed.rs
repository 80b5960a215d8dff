//! Who is gone without a word: those who were at a server that was killed.

use std::time::{Duration, Instant};

use loro::LoroValue;
use quire::client::{Address, Client, Options};
use quire::dev::ServerProcess;

use crate::kit::server::{World, program};

/// How long a server's silence is borne, and what a busy machine may add to it.
const LEASE: Duration = Duration::from_secs(16 + 6);

fn here() -> LoroValue {
    loro::loro_value!({"anchor": null, "focus": null})
}

fn keys(shown: &[(String, LoroValue)], key: &str) -> bool {
    shown.iter().any(|(name, _)| name == key)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_at_a_killed_server_is_gone_everywhere_within_its_lease() {
    let world = World::with_servers(1).await;
    let room = world.office.room();
    let doomed = ServerProcess::spawn(&program(), &world.database.url, &[]).await;
    let doomed = doomed.expect("a server");
    let address = Address::parse(doomed.address()).expect("an address");
    let token = world.office.owner.token.reveal();
    let mut options = Options::new(vec![address], &token, &room, "ghost");
    options.presence = true;
    let ghost = Client::start(options);
    ghost.joined().await.expect("joined");
    let bob = world.client(0, &world.office.owner, "bob").await;
    let key = ghost.peer().expect("a lease").to_string();
    ghost.show(here());
    bob.shown_is(|shown| keys(shown, &key))
        .await
        .expect("shown");
    // Dropping it kills it: nothing is said any more.
    let killed = Instant::now();
    drop(doomed);
    let gone = bob.shown_is(|shown| !keys(shown, &key));
    tokio::time::timeout(LEASE, gone)
        .await
        .unwrap_or_else(|_| panic!("a ghost after {:?}", killed.elapsed()))
        .expect("gone");
    world.stop().await;
}
