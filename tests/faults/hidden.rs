//! An edit that the stream has and the tables do not show yet: its transaction waits for a standby
//! that is not there. Whoever opens its document then must get it all the same.

use std::time::Duration;

use loro::{ExportMode, LoroDoc};
use quire::client::{Client, Options};
use quire::commit::lease::{self, Request, Wish};
use quire::commit::{Commit, Edit};
use quire::document::blocks::plain_text;
use quire::document::live::update_meta;
use quire::document::model::body;
use quire::postgres::pool;
use tokio_postgres::Client as Admin;
use uuid::Uuid;

use super::check::{PATIENCE, Verdict};
use super::stage::{SERVERS, Stage};
use crate::kit::socket::Socket;

/// What is hidden.
const WORDS: &str = "not visible yet";
/// How long it may take to get it.
const SOON: Duration = Duration::from_secs(15);

/// Somebody opens a document at `server` while its newest edit is hidden.
pub async fn open(stage: &Stage, server: usize, verdict: &mut Verdict) {
    let owner = &stage.office.owner;
    let org_id = stage.office.org_id;
    let admin = crate::kit::postgres::connect(&stage.url).await;
    let document_id = stage.document("Hidden").await;
    let room = format!("{org_id}/{document_id}");
    // At the other server, so that this one has not opened it yet.
    let elsewhere = stage.addresses((server + 1) % SERVERS)[..1].to_vec();
    let writer = Client::start(Options::new(elsewhere, &owner.token.reveal(), &room, "w"));
    writer.joined().await.expect("joined");
    writer.settled().await.expect("acknowledged");
    let doc = LoroDoc::new();
    let whole = writer.read(|doc| doc.export(ExportMode::all_updates()).expect("exported"));
    doc.import(&whole).expect("imported");
    writer.close().await;

    let request = Request {
        org_id,
        document_id,
        session: &owner.session,
        device: "",
        wish: Wish::Any,
    };
    let lease = lease::take(&stage.pool, &request).await.expect("a lease");
    doc.set_peer_id(lease.peer).expect("a peer");
    let before = doc.oplog_vv();
    let text = body(&doc);
    text.insert(0, WORDS).expect("written");
    doc.commit();
    let update = doc.export(ExportMode::updates(&before)).expect("exported");
    let meta = update_meta(&update).expect("an update");

    // Everybody else commits without the standby.
    let settings = [
        ("synchronous_commit", "local"),
        ("synchronous_standby_names", "missing"),
    ];
    for (name, value) in settings {
        stage.alter(name, value, &admin).await;
    }
    let separator = if stage.url.contains('?') { '&' } else { '?' };
    let url = format!(
        "{}{separator}options=-c%20synchronous_commit%3Don&application_name=hidden",
        stage.url
    );
    let (commit, _committers) = Commit::start(pool(&url, 1).expect("a pool"), 1);
    let waiting = commit
        .submit(Edit {
            org_id,
            document_id,
            peer: lease.peer,
            session_id: owner.session.session_id,
            lease_id: lease.lease_id,
            era: 0,
            counter_start: meta.counter_start,
            counter_end: meta.counter_end,
            inserted: WORDS.len() as i32,
            deleted: 0,
            update: update.into(),
            way: None,
        })
        .await
        .expect("taken");
    let waits = "select count(*) = 1 from pg_stat_activity where wait_event = 'SyncRep'";
    until(&admin, waits).await;
    let place: String = admin
        .query_one("select pg_current_wal_flush_lsn()::text", &[])
        .await
        .expect("a place")
        .get(0);
    let given = "select count(*) filter (where flush_lsn < ";
    let given = format!("{given}'{place}') = 0 from pg_stat_replication");
    until(&admin, &given).await;
    assert!(is_hidden(&admin, document_id, lease.peer).await, "hidden");

    let address = &stage.addresses(server)[0];
    let copy = LoroDoc::new();
    let reading = async {
        let mut reader = Socket::join(address, &owner.token, &room).await;
        let has_it = |doc: &LoroDoc| plain_text(doc) == WORDS;
        reader.try_read_into(&copy, has_it).await
    };
    if tokio::time::timeout(SOON, reading).await != Ok(true) {
        verdict.divergent += 1;
        verdict.complain(format!("server {server} does not show what is hidden"));
    }
    for (name, _) in settings.iter().rev() {
        stage.alter_back(name).await;
    }
    waiting.await.expect("answered");
}

async fn is_hidden(admin: &Admin, document_id: Uuid, peer: u64) -> bool {
    let sql = "select count(*) = 0 from quire.edit where document_id = $1 and peer_id = $2";
    let row = admin.query_one(sql, &[&document_id, &(peer as i64)]).await;
    row.expect("counted").get(0)
}

async fn until(admin: &Admin, question: &str) {
    let asked = async {
        while !admin
            .query_one(question, &[])
            .await
            .expect("asked")
            .get::<_, bool>(0)
        {
            crate::kit::pause().await;
        }
    };
    tokio::time::timeout(PATIENCE, asked)
        .await
        .unwrap_or_else(|_| panic!("still not: {question}"));
}
