//! A standby as the source of the stream: nothing is missed however it fails, and the primary serves
//! while none is fit.

use std::time::Duration;

use quire::config::FeedSource;
use quire::feed::{Feed, Handle, Settings};
use tokio_postgres::Client;
use uuid::Uuid;

use super::{connected, edits, insert, slots, transaction, until};
use crate::faults::link::{Link, Target};
use crate::kit::postgres::{Cluster, Version, connect};
use crate::kit::standby::Standby;

/// Only PostgreSQL 16 and newer decode on a standby.
const VERSION: Version = Version::V18;

struct Pair {
    primary: Cluster,
    standby: Standby,
    /// What the standby follows the primary through.
    link: Link,
    /// Both are named in it, the primary first.
    url: String,
    name: String,
    /// To the primary.
    client: Client,
}

impl Pair {
    async fn start() -> Self {
        let primary = Cluster::start_with_tcp(VERSION, &[]);
        let name = primary.database().await.url;
        let name = name.rsplit('/').next().expect("a name").to_owned();
        let link = Link::to(Target::Tcp(format!("127.0.0.1:{}", primary.port()))).await;
        let (host, port) = link.address().split_once(':').expect("host and port");
        let conninfo = format!("host={host} port={port}");
        let standby = Standby::of(&primary, &conninfo).await;
        let (one, two) = (folder(&primary), folder(&standby.cluster));
        let port = primary.port();
        let url = format!("host={one},{two} port={port},5432 user=quire dbname={name}");
        let client = connect(&primary.url(&name)).await;
        Self {
            primary,
            standby,
            link,
            url,
            name,
            client,
        }
    }

    fn feed(&self) -> (Feed, Handle) {
        let mut settings = Settings::new(&self.url).expect("the address can be read");
        settings.source = FeedSource::Standby;
        settings.standby_lag = Duration::from_millis(500);
        Feed::start(settings)
    }

    async fn standby_client(&self) -> Client {
        connect(&self.standby.cluster.url(&self.name)).await
    }
}

fn folder(cluster: &Cluster) -> String {
    cluster.postgres().socket().display().to_string()
}

async fn write(client: &Client, feed: &mut Feed, counter: i32) {
    let document = Uuid::new_v4();
    insert(client, document, 1, counter, b"edit").await;
    let got = transaction(feed).await;
    assert!(edits(&got).all(|edit| edit.document_id == document));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_streams_and_the_primary_has_no_slot() {
    let pair = Pair::start().await;
    let (mut feed, _handle) = pair.feed();
    assert_eq!(connected(&mut feed).await, (1, false));
    assert_eq!(slots(&pair.client).await, 0);
    let standby = pair.standby_client().await;
    assert_eq!(slots(&standby).await, 1);
    for counter in 0..3 {
        write(&pair.client, &mut feed, counter).await;
    }
    feed.stop().await;
    until("the slot is gone", async || slots(&standby).await == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_standby_is_killed_the_primary_streams_on() {
    let mut pair = Pair::start().await;
    let (mut feed, _handle) = pair.feed();
    connected(&mut feed).await;
    pair.standby.cluster.kill9();
    assert_eq!(connected(&mut feed).await, (2, false), "the same log");
    assert_eq!(slots(&pair.client).await, 1);
    write(&pair.client, &mut feed, 0).await;
    feed.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_falls_behind_is_left_and_taken_again() {
    let pair = Pair::start().await;
    let mut settings = Settings::new(&pair.url).expect("the address can be read");
    settings.source = FeedSource::Standby;
    settings.standby_lag = Duration::from_millis(500);
    settings.standby_rest = Duration::from_millis(200);
    let (mut feed, _handle) = Feed::start(settings);
    connected(&mut feed).await;
    let standby = pair.standby_client().await;
    let pause = "select pg_wal_replay_pause()";
    standby.execute(pause, &[]).await.expect("paused");
    insert(&pair.client, Uuid::new_v4(), 1, 0, b"held up").await;
    assert_eq!(connected(&mut feed).await, (2, false));
    assert_eq!(slots(&pair.client).await, 1, "the primary streams");
    write(&pair.client, &mut feed, 1).await;
    let resume = "select pg_wal_replay_resume()";
    standby.execute(resume, &[]).await.expect("resumed");
    assert_eq!(connected(&mut feed).await, (3, false));
    assert_eq!(slots(&pair.client).await, 0, "the standby streams again");
    write(&pair.client, &mut feed, 2).await;
    feed.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_is_promoted_while_it_streams_is_another_log() {
    let mut pair = Pair::start().await;
    let (mut feed, _handle) = pair.feed();
    connected(&mut feed).await;
    write(&pair.client, &mut feed, 0).await;
    pair.link.cut();
    pair.primary.kill9();
    let promoted = pair.standby.promote().await;
    assert_eq!(connected(&mut feed).await, (2, true));
    let client = connect(&promoted.url(&pair.name)).await;
    write(&client, &mut feed, 1).await;
    feed.stop().await;
}
