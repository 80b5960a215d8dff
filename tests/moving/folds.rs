//! Folds of old edits and moves: nothing is folded while an organisation moves, and a large fold is not copied
//! when nobody can write.

use std::time::Duration;

use quire::document::trial::DocKey;
use quire::moving::{self, Settings, Step};
use quire::retention::{Outcome, fold_document};
use tokio::time::Instant;

use crate::kit::postgres::{Cluster, Database, Version};
use crate::kit::random::{self, Random};
use crate::kit::server::World;

const PATIENCE: Duration = Duration::from_secs(60);

/// Two worlds, and a document in the first that has old edits.
struct Worlds {
    /// Of the source alone: what is open elsewhere would hold up folds.
    _cluster: Cluster,
    from: World,
    to: World,
    document: DocKey,
}

impl Worlds {
    /// With so many edits of so many characters that nobody could make shorter.
    async fn with(edits: usize, characters: usize) -> Self {
        let mut random = Random::new(random::seed());
        let cluster = Cluster::start(Version::V15, &[]);
        let mut from = World::on(cluster.database().await, 1).await;
        let to = World::on(Database::of(Version::V18).await, 1).await;
        let ada = from.client(0, &from.office.owner, "ada").await;
        for _ in 0..edits {
            let letters = (0..characters).map(|_| char::from(33 + random.below(94) as u8));
            let words: String = letters.collect();
            ada.edit(|editor| editor.insert(0, &words)).expect("typed");
            ada.settled().await.expect("acknowledged");
        }
        ada.close().await;
        // It would fold by itself.
        from.servers.remove(0).stop().await;
        let keep = format!(
            "insert into quire.retention values ('{}', '0')",
            from.office.org_id
        );
        let client = from.database.connect().await;
        client.batch_execute(&keep).await.expect("set");
        let document = DocKey {
            org_id: from.office.org_id,
            document_id: from.office.document_id,
        };
        Self {
            _cluster: cluster,
            from,
            to,
            document,
        }
    }

    fn settings(&self) -> Settings {
        Settings {
            from: self.from.database.url.clone(),
            to: self.to.database.url.clone(),
            org_id: self.document.org_id,
            addresses: vec![format!("http://{}", self.to.servers[0].address())],
        }
    }

    async fn number(&self, sql: &str) -> i64 {
        let client = self.from.database.connect().await;
        let row = client.query_one(sql, &[]).await;
        row.unwrap_or_else(|e| panic!("{sql}: {e:?}")).get(0)
    }

    async fn until(&self, sql: &str) {
        let until = Instant::now() + PATIENCE;
        while self.number(sql).await == 0 {
            assert!(Instant::now() < until, "{sql}");
            crate::kit::pause().await;
        }
    }

    async fn is_whole(&self) {
        let settings = self.settings();
        let report = quire::integrity::verify(&settings.to, Some(settings.org_id)).await;
        assert_eq!(report.expect("it is read").findings, []);
    }
}

/// Folds, when what servers have open lets it.
async fn fold(world: &World, document: DocKey) {
    let until = Instant::now() + PATIENCE;
    loop {
        match fold_document(&world.pool, document).await.expect("asked") {
            Outcome::Folded(_) => return,
            Outcome::Refused => panic!("a fold was not the same document"),
            Outcome::Nothing | Outcome::Taken => assert!(Instant::now() < until, "never folded"),
        }
        crate::kit::pause().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fold_that_has_begun_is_waited_for_and_none_begins_while_an_organisation_moves() {
    let worlds = Worlds::with(40, 10).await;
    let document = worlds.document;
    let (pool, settings) = (worlds.from.pool.clone(), worlds.settings());
    // The move comes to the point where it notes that it has begun, and waits there.
    let mut locker = worlds.from.database.connect().await;
    let lock = locker.transaction().await.expect("begun");
    let sql = "lock table quire.placement in share mode";
    lock.batch_execute(sql).await.expect("locked");
    let moving = tokio::spawn({
        let pool = pool.clone();
        async move {
            let runtime = tokio::runtime::Handle::current();
            moving::run(&settings, |step| {
                if step == Step::Compared {
                    let again = fold_document(&pool, document);
                    let again = tokio::task::block_in_place(|| runtime.block_on(again));
                    let again = again.expect("asked");
                    assert!(
                        matches!(again, Outcome::Nothing | Outcome::Taken),
                        "{again:?}"
                    );
                }
            })
            .await
        }
    });
    let waits = "select count(*) from pg_locks where not granted and relation = 'quire.placement'::regclass";
    worlds.until(waits).await;
    // A fold begins. Somebody holds one row, so that its deletion waits there.
    let mut holder = worlds.from.database.connect().await;
    let hold = holder.transaction().await.expect("begun");
    let sql = "select from quire.edit where edit_id = (select min(edit_id) + 20 from quire.edit) for update";
    hold.query(sql, &[]).await.expect("held");
    let folding = tokio::spawn(async move {
        loop {
            match fold_document(&pool, document).await.expect("asked") {
                Outcome::Nothing => crate::kit::pause().await,
                outcome => return outcome,
            }
        }
    });
    let waits = "select count(*) from pg_stat_activity where datname = current_database()
                 and wait_event_type = 'Lock' and query like '%delete from quire.edit%'";
    worlds.until(waits).await;
    lock.rollback().await.expect("let go");
    worlds
        .until("select count(*) from quire.placement where state = 'moving'")
        .await;
    let rows = "select count(*) from quire.edit";
    let before = worlds.number(rows).await;
    hold.rollback().await.expect("let go");
    assert!(matches!(
        folding.await.expect("no panic"),
        Outcome::Folded(_)
    ));
    moving.await.expect("no panic").expect("it moves");
    let left = worlds.number(rows).await;
    assert!(left < before, "{left} of {before}: it had been folded");
    worlds.is_whole().await;
    // Where it is served it is folded on.
    let moved = worlds.to.database.connect().await;
    let same = "select count(*) = $1 from quire.edit where org_id = $2";
    let same = moved.query_one(same, &[&left, &document.org_id]).await;
    assert!(same.expect("counted").get::<_, bool>(0));
    worlds.to.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_fold_is_copied_before_anybody_has_to_wait() {
    let worlds = Worlds::with(80, 50_000).await;
    fold(&worlds.from, worlds.document).await;
    let bytes = worlds
        .number("select octet_length(update)::bigint from quire.fold")
        .await;
    assert!(bytes > 2_000_000, "{bytes}");
    let mut last = None;
    let moved = moving::run(&worlds.settings(), |step| {
        if let Step::Complete { bytes } = step {
            last = Some(bytes);
        }
    })
    .await
    .expect("it moves");
    let last = last.expect("it was complete");
    println!(
        "a fold of {bytes} bytes; {last} copied while closed, for {:?}",
        moved.closed_for
    );
    assert!(last < 100_000, "{last} of {bytes} bytes");
    worlds.is_whole().await;
    let there = worlds.to.database.connect().await;
    let sql = "select octet_length(update)::bigint from quire.fold where org_id = $1";
    let there = there.query_one(sql, &[&worlds.document.org_id]).await;
    assert_eq!(there.expect("asked").get::<_, i64>(0), bytes);
    worlds.to.stop().await;
}
