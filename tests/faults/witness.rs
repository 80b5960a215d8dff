//! The log as PostgreSQL's own test_decoding tells it, through a slot of our own: what Quire's feed
//! and readers say is held against it.

use std::collections::HashMap;
use std::time::Instant;

use tokio_postgres::Client;
use uuid::Uuid;

/// A slot that keeps the log from its start on.
pub struct Witness {
    slot: String,
    /// When it was there.
    pub since: Instant,
}

/// What was committed to one document, in its order.
#[derive(Default)]
pub struct Log {
    /// For each Loro peer the rows: counters and the place of their transaction.
    pub rows: HashMap<u64, Vec<Row>>,
    /// Where the accounts lost their right to write.
    pub revoked: HashMap<Uuid, usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    pub counter_start: i32,
    pub counter_end: i32,
    pub place: usize,
    pub account_id: Uuid,
}

impl Witness {
    pub async fn call(client: &Client, name: &str) -> Self {
        let slot = format!("witness_{name}");
        let sql = "select pg_create_logical_replication_slot($1, 'test_decoding')";
        client.query(sql, &[&slot]).await.expect("a slot");
        let since = Instant::now();
        Self { slot, since }
    }

    /// Everything since, of one document; the slot is gone then.
    pub async fn testify(self, client: &Client, document_id: Uuid) -> Log {
        // Where slots are given up, ours may be: then there is nothing to hold against anybody.
        let lost = "select wal_status = 'lost' from pg_replication_slots where slot_name = $1";
        let row = client.query_one(lost, &[&self.slot]).await;
        if row.expect("our slot").get(0) {
            self.go(client).await;
            return Log::default();
        }
        // The contents of messages need not be text.
        let sql = "select data from pg_logical_slot_get_changes($1, null, null) \
             where starts_with(data, 'table quire.e')";
        let lines = client.query(sql, &[&self.slot]).await.expect("the log");
        let mut log = Log::default();
        for (place, line) in lines.iter().enumerate() {
            log.take(place, line.get(0), document_id);
        }
        self.go(client).await;
        log
    }

    async fn go(self, client: &Client) {
        let sql = "select pg_drop_replication_slot($1)";
        client.query(sql, &[&self.slot]).await.expect("dropped");
    }
}

impl Log {
    fn take(&mut self, place: usize, line: &str, document_id: Uuid) {
        let is_edit = line.starts_with("table quire.edit");
        let is_event = line.starts_with("table quire.event");
        if !line.contains(": INSERT:") || !(is_edit || is_event) {
            return;
        }
        let account_id = field(line, "account_id[uuid]:").and_then(|id| id.parse().ok());
        if is_event {
            let kind = field(line, "kind[text]:");
            if let (Some("member_changed"), Some(account_id)) = (kind, account_id) {
                self.revoked.insert(account_id, place);
            }
        } else if field(line, "document_id[uuid]:") == Some(&document_id.to_string()) {
            let number = |name| field(line, name).and_then(|text| text.parse::<i64>().ok());
            let peer = number("peer_id[bigint]:").expect("a peer") as u64;
            self.rows.entry(peer).or_default().push(Row {
                counter_start: number("counter_start[integer]:").expect("a counter") as i32,
                counter_end: number("counter_end[integer]:").expect("a counter") as i32,
                place,
                account_id: account_id.expect("an author"),
            });
        }
    }

    /// Where in the log these operations stand, first and last; none for what is not in it.
    pub fn places(&self, peer: u64, start: i32, end: i32) -> Option<(usize, usize)> {
        let rows = self.rows.get(&peer)?.iter();
        let within = rows.filter(|row| row.counter_start < end && start < row.counter_end);
        let places = within.map(|row| row.place);
        Some((places.clone().min()?, places.max()?))
    }
}

/// The value behind `name`, without its quotes.
fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    // A longer name may end in this one.
    let begin = line.find(&format!(" {name}"))? + 1 + name.len();
    let rest = &line[begin..];
    match rest.strip_prefix('\'') {
        Some(quoted) => quoted.split('\'').next(),
        None => rest.split(' ').next(),
    }
}
