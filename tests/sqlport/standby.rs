//! Sessions on a standby: with all that was committed before they began, and on the primary while the
//! standby lacks some of it.

use std::time::Instant;

use quire::client::{Address, Client, Options};
use quire::config::Serve;
use quire::server::Server;
use tokio_postgres::NoTls;
use tokio_postgres::error::SqlState;

use super::failover;
use crate::kit::postgres::connect;
use crate::kit::server::program;
use crate::kit::standby::Standby;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_on_a_standby_lack_nothing_that_was_committed_before() {
    let (primary, office, name) = failover::primary().await;
    let folder =
        |cluster: &crate::kit::postgres::Cluster| cluster.postgres().socket().display().to_string();
    let conninfo = format!("host={} port=5432", folder(&primary));
    let standby = Standby::of(&primary, &conninfo).await;
    let hosts = [folder(&primary), folder(&standby.cluster)].join(",");
    let mut settings =
        Serve::with_defaults(&format!("host={hosts} port=5432 user=quire dbname={name}"));
    settings.sql_listen = Some("127.0.0.1:0".parse().expect("an address"));
    settings.sql_from_standbys = true;
    let server = Server::start(&settings, program()).await.expect("started");
    let port = server.sql_address().expect("it listens");
    let sql = format!("postgres://dba:pass%20word%27s@{port}/{name}");
    let address = Address::parse(&format!("http://{}", server.address())).expect("an address");
    let token = office.owner.token.reveal();
    let options = Options::new(vec![address], &token, &office.room(), "device");
    let writer = Client::start(options);
    writer.joined().await.expect("joined");

    let question = "select quire.text($1), pg_is_in_recovery()";
    let asked = async |is_standby: bool, word: &str| {
        writer
            .edit(|editor| editor.insert(0, word))
            .expect("written");
        writer.settled().await.expect("acknowledged");
        // On a busy machine the standby may be too late for a session, which the primary then has.
        let until = Instant::now() + failover::PATIENCE;
        loop {
            let session = failover::connect(&sql).await;
            let row = session.query_one(question, &[&office.document_id]).await;
            let row = row.expect("read");
            let text: String = row.get(0);
            assert!(text.starts_with(word), "{text}");
            if row.get::<_, bool>(1) == is_standby {
                return session;
            }
            assert!(is_standby, "a paused standby lacks the word");
            assert!(Instant::now() < until, "no session is on the standby");
        }
    };
    let session = asked(true, "one ").await;
    let refused = session.batch_execute("create table public.t ()").await;
    let code = refused.expect_err("it only reads").code().cloned();
    assert_eq!(code, Some(SqlState::READ_ONLY_SQL_TRANSACTION));

    // A request to cancel finds the standby.
    let cancel = session.cancel_token();
    let sleeping = session.batch_execute("select pg_sleep(3600)");
    let cancelling = async {
        let sql =
            "select exists (select from pg_stat_activity where query like 'select pg_sleep(%')";
        standby.cluster.wait_until(sql, failover::PATIENCE).await;
        cancel.cancel_query(NoTls).await.expect("asked");
    };
    let (slept, ()) = tokio::join!(sleeping, cancelling);
    let code = slept.expect_err("cancelled").code().cloned();
    assert_eq!(code, Some(SqlState::QUERY_CANCELED));

    let standing = connect(&standby.cluster.url(&name)).await;
    let pause = "select pg_wal_replay_pause()";
    standing.execute(pause, &[]).await.expect("paused");
    asked(false, "two ").await;
    writer.close().await;
    server.stop().await;
}
