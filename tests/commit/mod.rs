//! The commit path against real Postgres: what is committed, what is refused, and by whom.

use bytes::Bytes;
use quire::commit::lease::{self, Lease, Request, Wish};
use quire::commit::{Commit, Committers, Edit, Outcome, Refusal};
use quire::error::Kind;
use quire::postgres::{Pool, pool};

use crate::kit::members;
use crate::kit::people::{Office, Person};
use crate::kit::postgres::{Cluster, Database, Version};

struct Desk {
    pool: Pool,
    commit: Commit,
    /// Dropped, they would stop.
    _committers: Committers,
    office: Office,
}

impl Desk {
    async fn open(database: &Database) -> Self {
        let pool = pool(&database.url, 8).expect("a pool");
        let (commit, committers) = Commit::start(pool.clone(), 2);
        let office = Office::open(&pool).await;
        Self {
            pool,
            commit,
            _committers: committers,
            office,
        }
    }

    async fn lease(&self, person: &Person, wish: Wish) -> quire::error::Result<Lease> {
        lease::take(
            &self.pool,
            &Request {
                org_id: self.office.org_id,
                document_id: self.office.document_id,
                session: &person.session,
                device: "laptop",
                wish,
            },
        )
        .await
    }

    fn edit(&self, person: &Person, lease: &Lease, counters: std::ops::Range<i32>) -> Edit {
        Edit {
            org_id: self.office.org_id,
            document_id: self.office.document_id,
            peer: lease.peer,
            session_id: person.session.session_id,
            lease_id: lease.lease_id,
            era: 0,
            counter_start: counters.start,
            counter_end: counters.end,
            inserted: counters.len() as i32,
            deleted: 0,
            update: Bytes::from_static(b"an update"),
            way: None,
        }
    }

    /// All handed over before any is answered, so that they meet in batches.
    async fn commit(&self, edits: Vec<Edit>) -> Vec<Outcome> {
        let mut waiting = Vec::new();
        for edit in edits {
            waiting.push(self.commit.submit(edit).await.expect("it is taken"));
        }
        let mut outcomes = Vec::new();
        for outcome in waiting {
            outcomes.push(outcome.await.expect("it is answered"));
        }
        outcomes
    }

    async fn rows(&self, peer: u64) -> Vec<(i32, i32)> {
        let client = self.pool.get().await.expect("a connection");
        client
            .query(
                "select counter_start, counter_end from quire.edit where peer_id = $1 order by edit_id",
                &[&(peer as i64)],
            )
            .await
            .expect("rows")
            .iter()
            .map(|row| (row.get(0), row.get(1)))
            .collect()
    }
}

#[tokio::test]
async fn each_edit_of_a_batch_gets_its_own_answer() {
    for version in Version::ALL {
        let desk = Desk::open(&Database::of(version).await).await;
        let ada = &desk.office.owner;
        let one = desk.lease(ada, Wish::Any).await.expect("a lease");
        let two = desk.lease(ada, Wish::Any).await.expect("another lease");
        assert_ne!(one.peer, two.peer, "the first is in use");
        let outcomes = desk
            .commit(vec![
                desk.edit(ada, &one, 0..3),
                desk.edit(ada, &two, 5..6),
                desk.edit(ada, &one, 3..4),
                desk.edit(ada, &one, 0..3),
                desk.edit(ada, &two, 0..1),
                desk.edit(ada, &one, 4..9),
            ])
            .await;
        let gap = Outcome::Refused(Refusal::OutOfOrder { next_counter: 0 });
        use Outcome::{AlreadyThere, Committed};
        assert_eq!(
            outcomes,
            [
                Committed,
                gap,
                Committed,
                AlreadyThere,
                Committed,
                Committed
            ]
        );
        assert_eq!(desk.rows(one.peer).await, [(0, 3), (3, 4), (4, 9)]);
        assert_eq!(desk.rows(two.peer).await, [(0, 1)]);
    }
}

#[tokio::test]
async fn a_run_of_which_a_part_is_there_is_completed() {
    let desk = Desk::open(&Database::new().await).await;
    let ada = &desk.office.owner;
    let lease = desk.lease(ada, Wish::Any).await.expect("a lease");
    desk.commit(vec![desk.edit(ada, &lease, 0..2)]).await;
    let again = (0..4).map(|n| desk.edit(ada, &lease, 2 * n..2 * n + 2));
    let outcomes = desk.commit(again.collect()).await;
    use Outcome::{AlreadyThere, Committed};
    assert_eq!(outcomes, [AlreadyThere, Committed, Committed, Committed]);
    assert_eq!(desk.rows(lease.peer).await.len(), 4);
}

#[tokio::test]
async fn a_peer_belongs_to_its_account_and_to_one_connection() {
    let desk = Desk::open(&Database::new().await).await;
    let ada = &desk.office.owner;
    let bob = desk.office.member(&desk.pool, "Bob").await;
    let lease = desk.lease(ada, Wish::Any).await.expect("a lease");

    let forged = Edit {
        session_id: bob.session.session_id,
        ..desk.edit(ada, &lease, 0..1)
    };
    let outcome = desk.commit(vec![forged]).await;
    assert_eq!(outcome, [Outcome::Refused(Refusal::NotOwner)]);
    let stolen = desk.lease(&bob, Wish::Exactly(lease.peer)).await;
    assert_eq!(stolen.expect_err("not his").kind(), Kind::Forbidden);
    let other = desk.lease(&bob, Wish::Preferably(lease.peer)).await;
    assert_ne!(other.expect("one of his own").peer, lease.peer);

    let taken = desk
        .lease(ada, Wish::Preferably(lease.peer))
        .await
        .expect("her own");
    assert_eq!(taken.peer, lease.peer);
    let outcomes = desk
        .commit(vec![
            desk.edit(ada, &lease, 0..1),
            desk.edit(ada, &taken, 0..1),
        ])
        .await;
    let lost = Outcome::Refused(Refusal::LeaseLost);
    assert_eq!(outcomes, [lost, Outcome::Committed]);

    lease::release(&desk.pool, &taken).await.expect("released");
    let next = desk.lease(ada, Wish::Any).await.expect("a lease");
    assert_eq!(
        (next.peer, next.next_counter),
        (lease.peer, 1),
        "used again"
    );
}

#[tokio::test]
async fn what_a_person_may_no_longer_do_is_refused_by_the_statement_that_writes() {
    for (revocation, refusal) in [
        (
            "update quire.session set ended_at = now()",
            Refusal::SignedOut,
        ),
        (
            "delete from quire.member where role = 'member'",
            Refusal::Forbidden,
        ),
        (
            "update quire.document set deleted_at = now()",
            Refusal::DocumentDeleted,
        ),
    ] {
        let desk = Desk::open(&Database::new().await).await;
        let bob = desk.office.member(&desk.pool, "Bob").await;
        let lease = desk.lease(&bob, Wish::Any).await.expect("a lease");
        let client = desk.pool.get().await.expect("a connection");
        client.batch_execute(revocation).await.expect("revoked");
        let outcome = desk.commit(vec![desk.edit(&bob, &lease, 0..1)]).await;
        assert_eq!(outcome, [Outcome::Refused(refusal)], "{revocation}");
        assert!(desk.lease(&bob, Wish::Any).await.is_err(), "{revocation}");
        assert!(desk.rows(lease.peer).await.is_empty());
    }
}

#[tokio::test]
async fn an_edit_that_waited_for_a_revocation_stands_nowhere() {
    // Its own cluster: an open transaction holds up the slots of every database.
    let cluster = Cluster::start(Version::usual(), &[]);
    let desk = Desk::open(&cluster.database().await).await;
    let ada = &desk.office.owner;
    let lease = desk.lease(ada, Wish::Any).await.expect("a lease");
    let mut revoker = desk.pool.get().await.expect("a connection");
    let revocation = revoker.transaction().await.expect("a transaction");
    let end = "update quire.session set ended_at = now() where session_id = $1";
    revocation
        .execute(end, &[&ada.session.session_id])
        .await
        .expect("ended, not committed");
    let edit = desk.edit(ada, &lease, 0..1);
    let waiting = desk.commit.submit(edit).await.expect("it is taken");
    wait_for_a_blocked_statement(&desk.pool).await;
    revocation.commit().await.expect("committed");
    let outcome = waiting.await.expect("answered");
    assert_eq!(outcome, Outcome::Refused(Refusal::SignedOut));
    assert!(desk.rows(lease.peer).await.is_empty());
}

#[tokio::test]
async fn a_lease_and_a_revocation_wait_for_each_other() {
    let cluster = Cluster::start(Version::usual(), &[]);
    let desk = Desk::open(&cluster.database().await).await;
    let bob = desk.office.member(&desk.pool, "Bob").await;
    let mut revoker = desk.pool.get().await.expect("a connection");
    let revocation = revoker.transaction().await.expect("a transaction");
    revocation
        .execute(
            "delete from quire.member where account_id = $1",
            &[&bob.session.account_id],
        )
        .await
        .expect("removed, not committed");
    let leased = desk.lease(&bob, Wish::Any);
    let revoked = async {
        wait_for_a_blocked_statement(&desk.pool).await;
        revocation.commit().await.expect("committed");
    };
    let (leased, ()) = tokio::join!(leased, revoked);
    assert!(leased.is_err(), "the lease waited and saw the removal");
}

#[tokio::test]
async fn one_held_peer_does_not_hold_up_the_batch() {
    let cluster = Cluster::start(Version::usual(), &[]);
    let desk = Desk::open(&cluster.database().await).await;
    let ada = &desk.office.owner;
    let held = desk.lease(ada, Wish::Any).await.expect("a lease");
    let free = desk.lease(ada, Wish::Any).await.expect("a lease");
    let mut holder = desk.pool.get().await.expect("a connection");
    let transaction = holder.transaction().await.expect("a transaction");
    transaction
        .execute(
            "select 1 from quire.peer where peer_id = $1 for update",
            &[&(held.peer as i64)],
        )
        .await
        .expect("held");
    let outcomes = desk
        .commit(vec![
            desk.edit(ada, &held, 0..1),
            desk.edit(ada, &free, 0..1),
        ])
        .await;
    assert_eq!(
        outcomes,
        [Outcome::Refused(Refusal::Busy), Outcome::Committed]
    );
    transaction.rollback().await.expect("let go");
    let outcome = desk.commit(vec![desk.edit(ada, &held, 0..1)]).await;
    assert_eq!(outcome, [Outcome::Committed]);
}

#[tokio::test]
async fn edits_that_wait_while_postgres_is_away_are_committed_once_when_it_is_back() {
    let mut cluster = Cluster::start(Version::usual(), &[]);
    let desk = Desk::open(&cluster.database().await).await;
    let ada = &desk.office.owner;
    let lease = desk.lease(ada, Wish::Any).await.expect("a lease");
    desk.commit(vec![desk.edit(ada, &lease, 0..1)]).await;
    cluster.kill9();
    let edit = desk.edit(ada, &lease, 1..2);
    let waiting = desk.commit.submit(edit).await.expect("it is taken");
    cluster.start_again();
    assert_eq!(waiting.await.expect("answered"), Outcome::Committed);
    assert_eq!(desk.rows(lease.peer).await, [(0, 1), (1, 2)]);
}

#[tokio::test]
async fn an_organisation_with_much_to_commit_does_not_hold_up_another() {
    let mut cluster = Cluster::start(Version::usual(), &[]);
    let database = cluster.database().await;
    let desk = Desk::open(&database).await;
    let (commit, committers) = Commit::start(desk.pool.clone(), 1);
    let busy = desk.lease(&desk.office.owner, Wish::Any).await;
    let busy = busy.expect("a lease");
    let quiet = elsewhere(&desk.pool).await;
    // What waits while the database is away is in the lane, all of it, before the first batch ends.
    cluster.kill9();
    let mut answers = Vec::new();
    for counter in 0..4_000 {
        let edit = desk.edit(&desk.office.owner, &busy, counter..counter + 1);
        answers.push(commit.submit(edit).await.expect("it is taken"));
    }
    answers.push(commit.submit(quiet).await.expect("it is taken"));
    cluster.start_again();
    for answer in answers {
        assert_eq!(answer.await.expect("answered"), Outcome::Committed);
    }
    drop(commit);
    committers.finish().await;
    let client = desk.pool.get().await.expect("a connection");
    let before = "select count(*) from quire.edit where org_id = $1 and edit_id < \
                  (select max(edit_id) from quire.edit where org_id <> $1)";
    let row = client.query_one(before, &[&desk.office.org_id]).await;
    let before: i64 = row.expect("counted").get(0);
    // One batch was on its way; in the next one the two take turns.
    assert!(before <= 1_100, "it came after {before} edits of the other");
}

/// An edit of somebody of another organisation.
async fn elsewhere(pool: &Pool) -> Edit {
    let client = pool.get().await.expect("a connection");
    let org_id = members::organisation(&client, "Elsewhere").await;
    let (session, _) = members::member(&client, org_id, "Eve", "owner").await;
    let document_id = members::document(&client, org_id, session.account_id).await;
    let request = Request {
        org_id,
        document_id,
        session: &session,
        device: "",
        wish: Wish::Any,
    };
    let lease = lease::take(pool, &request).await.expect("a lease");
    Edit {
        org_id,
        document_id,
        peer: lease.peer,
        session_id: session.session_id,
        lease_id: lease.lease_id,
        era: 0,
        counter_start: 0,
        counter_end: 1,
        inserted: 1,
        deleted: 0,
        update: Bytes::from_static(b"an update"),
        way: None,
    }
}

#[tokio::test]
async fn every_statement_fits_the_migrated_schema() {
    let database = Database::new().await;
    let pool = pool(&database.url, 1).expect("a pool");
    let client = pool.get().await.expect("a connection");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/sql");
    let mut count = 0;
    for file in std::fs::read_dir(folder).expect("the folder of statements") {
        let path = file.expect("an entry").path();
        if path.extension().is_none_or(|e| e != "sql") {
            continue;
        }
        let statement = std::fs::read_to_string(&path).expect("it can be read");
        if let Err(error) = client.prepare(&statement).await {
            panic!("{}: {error:?}", path.display());
        }
        count += 1;
    }
    assert!(count > 10, "statements were found");
}

/// Returns when some statement waits for a lock.
async fn wait_for_a_blocked_statement(pool: &Pool) {
    let client = pool.get().await.expect("a connection");
    loop {
        let row = client
            .query_one("select count(*) from pg_locks where not granted", &[])
            .await
            .expect("locks");
        if row.get::<_, i64>(0) > 0 {
            return;
        }
        crate::kit::pause().await;
    }
}
