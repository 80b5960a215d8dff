//! The database's log, read through Quire's own feed as one more server would, and kept.

use std::collections::HashMap;

use quire::change::Change;
use quire::feed::{Feed, Settings, Step};
use tokio::task::JoinHandle;
use tokio_postgres::Client;
use uuid::Uuid;

/// Reads until [`Reading::end`].
pub struct Reading {
    task: JoinHandle<Log>,
    end: tokio::sync::watch::Sender<Option<u32>>,
}

/// What was committed, in its order.
#[derive(Default)]
pub struct Log {
    place_of: HashMap<u32, usize>,
    /// For each document and author, at which places they have rows.
    rows: HashMap<(Uuid, Uuid), Vec<usize>>,
}

impl Reading {
    /// Returns when everything that commits from now on will be read.
    pub async fn start(url: &str) -> Self {
        let (mut feed, _) = Feed::start(Settings::new(url).expect("the address can be read"));
        while !matches!(feed.next().await, Step::Connected { .. }) {}
        let (end, told) = tokio::sync::watch::channel(None);
        Self {
            task: tokio::spawn(read(feed, told)),
            end,
        }
    }

    /// What was committed until now.
    pub async fn end(self, client: &Client) -> Log {
        let sql =
            "insert into quire.event (kind) values ('end') returning pg_current_xact_id()::text";
        let row = client.query_one(sql, &[]).await.expect("an event");
        self.end.send_replace(Some(xid(row.get(0))));
        self.task.await.expect("the log was read")
    }
}

/// The part of a transaction's number that the log names.
pub fn xid(text: &str) -> u32 {
    text.parse::<u64>().expect("a transaction's number") as u32
}

async fn read(mut feed: Feed, mut end: tokio::sync::watch::Receiver<Option<u32>>) -> Log {
    let mut log = Log::default();
    loop {
        let last = *end.borrow_and_update();
        if last.is_some_and(|last| log.place_of.contains_key(&last)) {
            feed.stop().await;
            return log;
        }
        let step = tokio::select! {
            biased;
            step = feed.next() => step,
            _ = end.changed() => continue,
        };
        match step {
            Step::Transaction(transaction) => {
                log.take(transaction.xid, &transaction.changes);
                feed.applied(transaction.end_lsn);
            }
            Step::Settled { .. } => {}
            other => panic!("the log has a gap: {other:?}"),
        }
    }
}

impl Log {
    fn take(&mut self, xid: u32, changes: &[Change]) {
        let place = self.place_of.len();
        // A message outside of any transaction has no number.
        if xid != 0 {
            self.place_of.entry(xid).or_insert(place);
        }
        for change in changes {
            if let Change::Edit(edit) = change {
                let key = (edit.document_id, edit.account_id);
                self.rows.entry(key).or_default().push(place);
            }
        }
    }

    /// How many rows the author has in the document before and after a transaction.
    pub fn rows(&self, document_id: Uuid, account_id: Uuid, xid: u32) -> (usize, usize) {
        let place = self.place_of[&xid];
        let rows = self.rows.get(&(document_id, account_id));
        let rows = rows.map_or(&[][..], Vec::as_slice);
        let before = rows.iter().filter(|row| **row < place).count();
        (before, rows.len() - before)
    }
}
