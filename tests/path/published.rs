//! Published pages behind a cache: what readers see there after a commit.

use std::net::SocketAddr;

use quire::config::Serve;
use quire::server::Server;
use serde_json::json;
use tokio::time::{Duration, timeout};

use super::type_text;
use crate::http::site::Visitor;
use crate::kit::cache::Cache;
use crate::kit::postgres::Database;
use crate::kit::server::{World, program};

/// A server that tells `hook`.
async fn server(database: &Database, hook: &str) -> Server {
    let mut settings = Serve::with_defaults(&database.url);
    settings.drain = Duration::from_secs(1);
    let (method, url) = hook.split_once(' ').unwrap_or(("POST", hook));
    settings.purge.hooks.push(quire::config::Hook {
        method: method.parse().expect("a method"),
        url: url.to_owned(),
    });
    Server::start(&settings, program()).await.expect("started")
}

fn owner(world: &World, address: SocketAddr) -> Visitor {
    Visitor {
        address,
        token: Some(world.office.owner.token.reveal()),
        org_id: world.office.org_id,
        account_id: world.office.owner.session.account_id,
    }
}

async fn publish(owner: &Visitor, world: &World) -> String {
    let path = owner.document(world.office.document_id, "/publication");
    let answer = owner.change("PUT", &path, json!({})).await;
    let path = &answer.json()["publication"]["path"];
    path.as_str().expect("published").to_owned()
}

/// Waits until the cache was told so often that a reader of it gets what is wanted.
async fn until(cache: &Cache, path: &str, is_wanted: impl Fn(u16, &str) -> bool) {
    let mut purges = cache.purges();
    let told = async {
        loop {
            purges.borrow_and_update();
            let (status, body) = cache.read(path).await;
            if is_wanted(status, &body) {
                return;
            }
            purges.changed().await.expect("the cache is there");
        }
    };
    let told = timeout(Duration::from_secs(30), told).await;
    told.expect("the cache was told");
}

async fn a_reader_behind_a_cache(form: &str) {
    let mut world = World::with_servers(0).await;
    let cache = Cache::start().await;
    let hook = form.replace("CACHE", &cache.address.to_string());
    for _ in 0..2 {
        world.servers.push(server(&world.database, &hook).await);
    }
    cache.stands_before(world.servers[0].address());
    let owner = owner(&world, world.servers[1].address());
    let ada = world.client(1, &world.office.owner, "ada").await;
    ada.settled().await.expect("acknowledged");
    let path = publish(&owner, &world).await;
    until(&cache, &path, |status, _| status == 200).await;
    for words in ["The first words.", " The second ones."] {
        type_text(&ada, words);
        ada.settled().await.expect("acknowledged");
        until(&cache, &path, |_, body| body.contains(words)).await;
    }
    let withdrawn = owner.document(world.office.document_id, "/publication");
    owner.change("DELETE", &withdrawn, json!({})).await;
    until(&cache, &path, |status, body| {
        status == 410 && !body.contains("words")
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_behind_a_cache_sees_what_was_committed_and_what_was_withdrawn() {
    a_reader_behind_a_cache("http://CACHE/").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cache_is_told_page_by_page_where_it_wants_that() {
    a_reader_behind_a_cache("PURGE http://CACHE{path}").await;
}

/// What the two above would see if nobody told the cache, and how long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cache_that_was_not_told_shows_old_words_until_it_asks() {
    let mut world = World::with_servers(0).await;
    let another = Cache::start().await;
    let hook = format!("http://{}/", another.address);
    world.servers.push(server(&world.database, &hook).await);
    let cache = Cache::start().await;
    cache.stands_before(world.servers[0].address());
    let owner = owner(&world, world.servers[0].address());
    let ada = world.client(0, &world.office.owner, "ada").await;
    ada.settled().await.expect("acknowledged");
    let path = publish(&owner, &world).await;
    assert_eq!(cache.read(&path).await.0, 200);
    type_text(&ada, "New words.");
    ada.settled().await.expect("acknowledged");
    let (status, body) = cache.read(&path).await;
    assert!(status == 200 && !body.contains("New words."), "{body}");
    cache.wait_s(61);
    assert!(cache.read(&path).await.1.contains("New words."));
    cache.wait_s(61);
    assert!(cache.read(&path).await.1.contains("New words."));
    assert_eq!(cache.asked(), [200, 200, 304]);
    world.stop().await;
}

/// All servers were killed before they told the cache: the next one finds it in the tables.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_server_told_is_told_by_the_next_one() {
    let mut world = World::with_servers(1).await;
    let address = world.servers[0].address();
    let path = publish(&owner(&world, address), &world).await;
    world.servers.remove(0).stop().await;
    let cache = Cache::start().await;
    let mut purges = cache.purges();
    let hook = format!("http://{}/", cache.address);
    world.servers.push(server(&world.database, &hook).await);
    let told = timeout(Duration::from_secs(30), purges.wait_for(|count| *count > 0)).await;
    told.expect("told").expect("the cache is there");
    // And it is noted, so that it is not told again.
    let noted = "select count(*) from quire.publication where told is not null";
    let client = world.pool.get().await.expect("a connection");
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while client
        .query_one(noted, &[])
        .await
        .expect("read")
        .get::<_, i64>(0)
        == 0
    {
        assert!(
            tokio::time::Instant::now() < deadline,
            "{path} is not noted"
        );
        crate::kit::pause().await;
    }
    drop(client);
    world.stop().await;
}
