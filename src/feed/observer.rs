//! An ordinary connection to the same server as the stream: what is visible there by now, whether
//! it is the primary that it should be, and how far its log has come.

use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Row, Statement};

use super::Settings;
use super::address::Address;
use super::connection::secure;
use super::shared::Mark;
use super::snapshot::Snapshot;
use crate::change::Lsn;
use crate::error::{Error, Kind, Result};
use crate::postgres::{Identity, Server, StandbyPosition, failed};

/// How long any question may take.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Observer {
    client: Client,
    driver: JoinHandle<()>,
    /// The question for the publication.
    published: OnceCell<Statement>,
    /// The log that it writes; none: it is a standby.
    pub server: Option<Server>,
    /// Where its log ended when it was asked first.
    pub reached: Lsn,
    /// Whether it can send the log while it is a standby.
    pub decodes_on_standby: bool,
    /// After this long without a word from us the database drops the stream; none: never.
    pub sender_timeout: Option<Duration>,
}

impl Observer {
    /// Connects to `address`. Errors: as for any connection.
    pub async fn connect(address: &Address, settings: &Settings) -> Result<Self> {
        let socket = secure(address, &settings.config, &settings.tls)
            .await?
            .socket;
        let mut config = settings.config.clone();
        config.application_name(&settings.application_name);
        // TLS, where it is wanted, is there already.
        config.ssl_mode(SslMode::Disable);
        let connecting = config.connect_raw(socket, NoTls);
        let (client, connection) = connecting
            .await
            .map_err(failed("connect to the database"))?;
        let driver = tokio::spawn(async move {
            // Its end shows in the next question.
            let _ = connection.await;
        });
        let mut observer = Self {
            client,
            driver,
            published: OnceCell::new(),
            server: None,
            reached: Lsn::default(),
            decodes_on_standby: false,
            sender_timeout: None,
        };
        observer.identify().await?;
        Ok(observer)
    }

    /// Where its log ends now.
    pub async fn log_end(&self) -> Result<Lsn> {
        Ok(Identity::read(&self.identity().await?)?.position)
    }

    async fn identity(&self) -> Result<Row> {
        let sql = include_str!("../../sql/server_identity.sql");
        self.ask("identify the database", sql).await
    }

    async fn identify(&mut self) -> Result<()> {
        let row = self.identity().await?;
        let identity = Identity::read(&row)?;
        (self.server, self.reached) = (identity.server, identity.position);
        self.decodes_on_standby = row.get("decodes_on_standby");
        let timeout_ms: i64 = row.get("wal_sender_timeout_ms");
        self.sender_timeout = u64::try_from(timeout_ms)
            .ok()
            .filter(|timeout_ms| *timeout_ms > 0)
            .map(Duration::from_millis);
        Ok(())
    }

    /// Checks that the publication says all that the feed must hear, and answers its form, which is another
    /// one after every change of it. Errors: kind `Setting`.
    pub async fn publication(&self, publication: &str) -> Result<String> {
        const DOING: &str = "read the publication";
        // Asked every second: to plan it anew would cost five times as much.
        let statement = self.published.get_or_try_init(|| {
            let sql = include_str!("../../sql/published_tables.sql");
            within(DOING, self.client.prepare(sql))
        });
        let values: [&(dyn ToSql + Sync); 1] = [&publication];
        let question = self.client.query_opt(statement.await?, &values);
        let row = within(DOING, question).await?;
        let is_right = |row: &Row| {
            let tables: Vec<String> = row.get("tables");
            let has = |name: &str| tables.iter().any(|table| table == name);
            row.get("has_inserts") && row.get("is_by_root") && has("edit") && has("event")
        };
        row.filter(is_right)
            .map(|row| row.get("form"))
            .ok_or_else(|| {
                Error::new(
                    Kind::Setting,
                    format!(
                        "the publication {publication} is missing or changed: it must publish inserts of \
                         quire.edit and quire.event, all rows and columns, via the partition root; \
                         quire doctor gives the statements that mend it"
                    ),
                )
            })
    }

    /// What is visible now, and where the flushed log ends.
    pub async fn snapshot(&self) -> Result<(Snapshot, Lsn)> {
        let sql = include_str!("../../sql/current_snapshot.sql");
        let row = self.ask("read what is visible", sql).await?;
        let flushed: i64 = row.get("flushed");
        Ok((Snapshot::parse(row.get("snapshot"))?, Lsn(flushed as u64)))
    }

    /// The number of a transaction that begins now: all before it have lower ones.
    pub async fn next_number(&self) -> Result<u64> {
        let sql = include_str!("../../sql/next_transaction.sql");
        let row = self.ask("ask for a transaction's number", sql).await?;
        let number: &str = row.get("number");
        number
            .parse()
            .map_err(|e| Error::caused(Kind::Internal, "read a transaction's number", e))
    }

    /// The writer that has been open for longest, in words; none if it ended or may not be seen.
    pub async fn oldest_writer(&self) -> Option<String> {
        let sql = include_str!("../../sql/oldest_writer.sql");
        let question = self.client.query_opt(sql, &[]);
        let row = within("find the oldest transaction", question)
            .await
            .ok()??;
        let (pid, name) = (
            row.get::<_, i32>("pid"),
            row.get::<_, &str>("application_name"),
        );
        let open_s: Option<f64> = row.get("open_s");
        Some(format!(
            "process {pid} ({name:?}), open for {:.0} s",
            open_s.unwrap_or_default()
        ))
    }

    /// Whether an edit is in the tables.
    pub async fn has_edit(&self, mark: &Mark) -> Result<bool> {
        let (start, end) = mark.counters;
        let peer = mark.peer as i64;
        let values: [&(dyn ToSql + Sync); 6] = [
            &mark.org_id,
            &mark.document_id,
            &mark.edit_id,
            &peer,
            &start,
            &end,
        ];
        let sql = include_str!("../../sql/has_edit.sql");
        let row = within("look for an edit", self.client.query_one(sql, &values)).await?;
        Ok(row.get("has_edit"))
    }

    /// Notes that this log begins here, if it is another one than the newest that is noted or `was_set_back`:
    /// from then on devices are not offered peers of the log before. Leases wait for it, by their statement.
    pub async fn note_timeline(&self, server: Server, was_set_back: bool) -> Result<()> {
        // A standby that is to confirm every commit may be away; the note is needed on this node only.
        let local = self.client.execute("set synchronous_commit = local", &[]);
        within("note the timeline", local).await?;
        let system_identifier = server.system_identifier as i64;
        let timeline = server.timeline as i32;
        let values: [&(dyn ToSql + Sync); 3] = [&system_identifier, &timeline, &was_set_back];
        let sql = include_str!("../../sql/note_timeline.sql");
        within("note the timeline", self.client.execute(sql, &values)).await?;
        Ok(())
    }

    /// Where a standby is.
    pub async fn position(&self) -> Result<StandbyPosition> {
        let asking = StandbyPosition::ask(&self.client);
        tokio::time::timeout(PATIENCE, asking).await.map_err(|e| {
            let context = "ask the standby where it is: it does not answer";
            Error::caused(Kind::Unavailable, context, e)
        })?
    }

    /// Makes the primary describe its open transactions in the log: a standby's slot waits for that.
    pub async fn log_standby_snapshot(&self) -> Result<()> {
        let sql = include_str!("../../sql/log_standby_snapshot.sql");
        self.ask("describe the open transactions", sql).await?;
        Ok(())
    }

    async fn ask(&self, doing: &str, sql: &str) -> Result<Row> {
        within(doing, self.client.query_one(sql, &[])).await
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

async fn within<T>(
    doing: &str,
    question: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T> {
    match tokio::time::timeout(PATIENCE, question).await {
        Ok(answer) => answer.map_err(failed(doing)),
        Err(_) => Err(Error::new(
            Kind::Unavailable,
            format!("{doing}: the database did not answer"),
        )),
    }
}
