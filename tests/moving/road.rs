//! Two clusters with two servers each, and people who write in an organisation of the first.

use std::time::{Duration, Instant};

use quire::client::{Address, Client, Options};
use quire::dev::ServerProcess;
use quire::http::create_document;
use quire::moving::{self, Settings};
use quire::postgres::{Pool, pool};
use uuid::Uuid;

use crate::faults::check::{Rows, Verdict, check_log, unborn};
use crate::faults::crowd::{HURRY_MS, Person};
use crate::faults::round::{Typing, assemble, settle};
use crate::faults::witness::Witness;
use crate::kit::people::{self, Office};
use crate::kit::postgres::{Cluster, Database, Version, connect};
use crate::kit::random::Random;
use crate::kit::server::serve;

/// How long something may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A cluster with its servers.
pub struct Town {
    pub cluster: Cluster,
    pub database: Database,
    pub pool: Pool,
    pub servers: Vec<ServerProcess>,
}

impl Town {
    pub async fn found(version: Version) -> Self {
        let cluster = Cluster::start(version, &[]);
        let database = cluster.database().await;
        let pool = pool(&database.url, 4).expect("a pool");
        let mut servers = Vec::new();
        for _ in 0..2 {
            let drain = ["--drain".to_owned(), "1".to_owned()];
            let server = serve(&database.url, &drain).await;
            servers.push(server.expect("the server starts"));
        }
        Self {
            cluster,
            database,
            pool,
            servers,
        }
    }

    pub fn urls(&self) -> Vec<String> {
        let servers = self.servers.iter();
        servers.map(|server| server.address().to_owned()).collect()
    }

    fn addresses(&self, first: usize) -> Vec<Address> {
        let urls = self.urls();
        let parsed = urls
            .iter()
            .map(|url| Address::parse(url).expect("an address"));
        let mut addresses: Vec<Address> = parsed.collect();
        addresses.rotate_left(first % urls.len());
        addresses
    }
}

/// A document, who writes in it and who reads it.
struct Table {
    document_id: Uuid,
    writers: Vec<Typing>,
    reader: Person,
}

pub struct Road {
    pub from: Town,
    pub to: Town,
    pub office: Office,
    people: Vec<people::Person>,
    tables: Vec<Table>,
    witness: Option<Witness>,
    random: Random,
}

impl Road {
    /// From 15 to 18, with people at so many documents.
    pub async fn with(documents: usize, seed: u64) -> Self {
        println!("seed {seed}");
        let (from, to) = (
            Town::found(Version::V15).await,
            Town::found(Version::V18).await,
        );
        let office = Office::open(&from.pool).await;
        let mut people = Vec::new();
        for name in ["Bob", "Cleo"] {
            people.push(office.member(&from.pool, name).await);
        }
        let mut road = Self {
            from,
            to,
            office,
            people,
            tables: Vec::new(),
            witness: None,
            random: Random::new(seed),
        };
        for number in 0..documents {
            road.sit_down(number).await;
        }
        let admin = connect(&road.from.database.url).await;
        road.witness = Some(Witness::call(&admin, "of_the_source").await);
        road
    }

    async fn sit_down(&mut self, number: usize) {
        let (org_id, owner) = (self.office.org_id, self.office.owner.session.account_id);
        let client = self.from.pool.get().await.expect("a connection");
        let title = format!("Document {number}");
        let made = create_document(&client, org_id, None, owner, &title, None).await;
        drop(client);
        let document_id = made.expect("a document");
        let room = format!("{org_id}/{document_id}");
        let mut arrive = |name: usize, who: &people::Person, first: usize| {
            let random = Random::new(self.random.bits());
            let addresses = self.from.addresses(first);
            Person::arrive(name, addresses, &who.token.reveal(), &room, random)
        };
        let name = number * 10;
        let writers: Vec<Person> = (0..)
            .zip(&self.people)
            .map(|(n, who)| arrive(name + n, who, n))
            .collect();
        let reader = arrive(name + 9, &self.office.owner, number);
        assemble(&reader, &writers).await;
        let writers = writers
            .into_iter()
            .map(|writer| Typing::start(writer, HURRY_MS));
        self.tables.push(Table {
            document_id,
            writers: writers.collect(),
            reader,
        });
    }

    pub fn settings(&self) -> Settings {
        Settings {
            from: self.from.database.url.clone(),
            to: self.to.database.url.clone(),
            org_id: self.office.org_id,
            addresses: self.to.urls(),
        }
    }

    /// Runs the command until it is through, also while an earlier one is still being noticed to be gone.
    pub async fn moved(&self) -> moving::Moved {
        let began = Instant::now();
        loop {
            match moving::run(&self.settings(), |_| {}).await {
                Ok(moved) => return moved,
                Err(error) if began.elapsed() < PATIENCE => {
                    let says = error.to_string();
                    let passes = error.is_transient() || says.contains("another command");
                    assert!(passes, "{says}");
                    crate::kit::pause().await;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Waits until every document has so many more edits in one of the towns.
    pub async fn until_written(&self, town: &Town, more: i64) {
        let client = connect(&town.database.url).await;
        let sql = "select count(*) from quire.edit where org_id = $1 and document_id = $2";
        for table in &self.tables {
            let count = async || -> i64 {
                let row = client
                    .query_one(sql, &[&self.office.org_id, &table.document_id])
                    .await;
                row.expect("counted").get(0)
            };
            let before = count().await;
            let waiting = async {
                while count().await < before + more {
                    crate::kit::pause().await;
                }
            };
            tokio::time::timeout(PATIENCE, waiting)
                .await
                .expect("people go on writing");
        }
    }

    /// The longest time between two edits of a document, as the rows tell it at the end of the road.
    pub async fn longest_pause(&self) -> Duration {
        let client = connect(&self.to.database.url).await;
        let sql = "select max(extract(epoch from pause))::float8 from (
                       select created_at - lag(created_at) over (partition by document_id order by created_at) as pause
                       from quire.edit
                       where org_id = $1 and session_id is not null
                   ) pauses";
        let row = client.query_one(sql, &[&self.office.org_id]).await;
        Duration::from_secs_f64(row.expect("asked").get(0))
    }

    /// Everybody stops; then all that must hold is held against the rows where the organisation is served.
    pub async fn judge(mut self) -> Verdict {
        let mut verdict = Verdict::default();
        let source = connect(&self.from.database.url).await;
        let mut witness = self.witness.take();
        for table in std::mem::take(&mut self.tables) {
            let mut writers = Vec::new();
            for writer in table.writers {
                writers.push(writer.stop().await);
            }
            for writer in &writers {
                settle(writer, false, &mut verdict).await;
            }
            let org_id = self.office.org_id;
            let rows = Rows::of(&self.to.pool, org_id, table.document_id, &[]).await;
            rows.check(&mut verdict);
            for writer in &writers {
                let (name, words) = (writer.name, &writer.words);
                rows.check_author(name, &writer.memory(), words, false, &mut verdict);
                rows.check_copy("a writer", &writer.client, &mut verdict)
                    .await;
            }
            rows.check_copy("the reader", &table.reader.client, &mut verdict)
                .await;
            for url in self.to.urls() {
                let address = Address::parse(&url).expect("an address");
                let token = self.office.owner.token.reveal();
                let room = format!("{org_id}/{}", table.document_id);
                let client = Client::start(Options::new(vec![address], &token, &room, "checker"));
                rows.check_copy("a server", &client, &mut verdict).await;
                client.close().await;
            }
            let people = || writers.iter().chain([&table.reader]);
            let memories: Vec<_> = people().map(Person::memory).collect();
            let memories: Vec<_> = memories.iter().map(|memory| &**memory).collect();
            for problem in unborn(&rows, &memories, &Default::default()) {
                verdict.divergent += 1;
                verdict.complain(problem);
            }
            if let Some(witness) = witness.take() {
                // The log of one document; it is gone with the question.
                let since = witness.since;
                let log = witness.testify(&source, table.document_id).await;
                check_log(&log, since, &memories, &mut verdict);
            }
        }
        let report =
            quire::integrity::verify(&self.to.database.url, Some(self.office.org_id)).await;
        for finding in report.expect("it is read").findings {
            verdict.divergent += 1;
            verdict.complain(format!("verify: {finding:?}"));
        }
        for mut server in self.from.servers.drain(..).chain(self.to.servers.drain(..)) {
            server.stop().await.expect("it stops");
        }
        verdict
    }
}
