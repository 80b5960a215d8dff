//! Traces: what a collector is sent of edits and requests, what never, and that nobody waits for it.

use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use quire::client::{Address, Client, Options};
use quire::dev::Reserved;
use quire::postgres::{Pool, pool};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::http::site::Visitor;
use crate::kit::collector::{Collector, Received, Span};
use crate::kit::people::{Office, Person};
use crate::kit::postgres::{Cluster, Database, Version};
use crate::kit::server::{metric, program, ready, shows};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// A server in a process of its own: traces belong to the process. Killed when dropped.
struct Process {
    child: Child,
    address: String,
    log: Arc<Mutex<String>>,
    reading: JoinHandle<()>,
}

impl Process {
    async fn start(url: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(program());
        let other = std::env::vars_os().filter(|(name, _)| {
            let name = name.to_string_lossy();
            !name.starts_with("OTEL_") && !name.starts_with("QUIRE_")
        });
        let mut child = command
            .args(["serve", "--until-stdin-closes", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .env_clear()
            .envs(other)
            .env("DATABASE_URL", url)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("quire runs");
        let mut output = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut errors = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let log = Arc::new(Mutex::new(String::new()));
        let kept = log.clone();
        let reading = tokio::spawn(async move {
            while let Ok(Some(line)) = errors.next_line().await {
                *kept.lock().expect("held") += &(line + "\n");
            }
        });
        let address = loop {
            let line = output.next_line().await.expect("it is read");
            let line = line.unwrap_or_else(|| panic!("it ended: {}", log.lock().expect("held")));
            if let Some(address) = line.strip_prefix("listening on ") {
                break address.to_owned();
            }
        };
        Self {
            child,
            address,
            log,
            reading,
        }
    }

    /// Traced in full, to this collector.
    async fn traced(url: &str, collector: &Collector) -> Self {
        let arguments = ["--traces-to", &*collector.address, "--traces-share", "1"];
        Self::start(url, &arguments, &[]).await
    }

    /// Stops it in order; answers with what it logged.
    async fn stop(mut self) -> (ExitStatus, String) {
        drop(self.child.stdin.take());
        let status = self.child.wait().await.expect("it ends");
        self.reading.await.expect("its log is read");
        (status, self.log.lock().expect("held").clone())
    }

    async fn client(&self, office: &Office, person: &Person, device: &str) -> Client {
        let address = Address::parse(&self.address).expect("an address");
        let token = person.token.reveal();
        let client = Client::start(Options::new(vec![address], &token, &office.room(), device));
        client.joined().await.expect("joined");
        client
    }

    fn visitor(&self, office: &Office) -> Visitor {
        let address = self.address.trim_start_matches("http://");
        Visitor {
            address: address.parse().expect("an address"),
            token: Some(office.owner.token.reveal()),
            org_id: office.org_id,
            account_id: office.owner.session.account_id,
        }
    }

    async fn metric(&self, name: &str) -> i64 {
        metric(&self.address, name).await.expect("it answers")
    }
}

async fn office(database: &Database) -> (Pool, Office) {
    let pool = pool(&database.url, 2).expect("a pool");
    let office = Office::open(&pool).await;
    (pool, office)
}

/// Types a word in one edit.
async fn type_word(client: &Client, word: &str) {
    let typed = client.edit(|editor| editor.insert(0, word));
    typed.expect("typed");
    client.settled().await.expect("acknowledged");
}

/// The only span of this name below `parent`.
fn below<'a>(spans: &'a [Span], parent: &Span, name: &str) -> Option<&'a Span> {
    let mut found = spans.iter().filter(|span| {
        span.sent.name == name
            && span.sent.trace_id == parent.sent.trace_id
            && span.sent.parent_span_id == parent.sent.span_id
    });
    let first = found.next()?;
    assert!(found.next().is_none(), "several {name}");
    Some(first)
}

/// A transaction of which the servers at these addresses have said all, after so many others.
fn whole(received: &Received, instances: [&str; 2], others: usize) -> Option<[Span; 5]> {
    let spans = &received.spans;
    let mut roots: Vec<&Span> = spans
        .iter()
        .filter(|span| span.sent.name == "transaction")
        .collect();
    roots.sort_by_key(|span| span.sent.start_time_unix_nano);
    for root in roots.into_iter().skip(others) {
        let parts = ["update", "commit"].map(|name| below(spans, root, name));
        let [Some(update), Some(commit)] = parts else {
            continue;
        };
        let delivered = instances.map(|instance| {
            spans.iter().find(|span| {
                span.sent.name == "deliver"
                    && span.sent.trace_id == root.sent.trace_id
                    && span.instance == instance
            })
        });
        if let [Some(near), Some(far)] = delivered
            && below(spans, far, "show").is_some()
            && below(spans, near, "show").is_some()
        {
            return Some([root, update, commit, near, far].map(Clone::clone));
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typed_word_is_one_trace_over_two_servers() {
    let database = Database::new().await;
    let (_pool, office) = office(&database).await;
    let collector = Collector::start().await;
    let first = Process::traced(&database.url, &collector).await;
    let second = Process::traced(&database.url, &collector).await;
    // What is typed before a log streams is read from the tables there.
    for server in [&first, &second] {
        ready(&server.address).await;
    }
    let reader = second.client(&office, &office.owner, "reader").await;
    let writer = first.client(&office, &office.owner, "writer").await;
    // A transaction of its own, before that of the word.
    writer.edit(|editor| editor.insert(0, " ")).expect("typed");
    writer.settled().await.expect("acknowledged");
    let word = writer.edit(|editor| editor.insert(0, "aardvark"));
    word.expect("typed");
    writer.settled().await.expect("acknowledged");
    shows(&reader, "aardvark ").await;

    let instances = [&*first.address, &second.address];
    let what = "the transaction of the word";
    let [root, update, commit, near, far] = collector
        .until(what, |received| whole(received, instances, 1))
        .await;
    let received = collector.received();
    let spans = &received.spans;
    assert!(root.sent.parent_span_id.is_empty());
    for (span, instance) in [
        (&root, instances[0]),
        (&update, instances[0]),
        (&commit, instances[0]),
        (&far, instances[1]),
    ] {
        assert_eq!(span.instance, instance, "{span:?}");
        assert_eq!(span.service, "quire");
    }
    for delivered in [&near, &far] {
        assert_eq!(delivered.sent.parent_span_id, commit.sent.span_id);
        assert_eq!(
            delivered.attribute("quire.xid"),
            commit.attribute("quire.xid")
        );
        assert!(delivered.sent.start_time_unix_nano >= commit.sent.start_time_unix_nano);
    }
    assert_eq!(commit.attribute("quire.edits").as_deref(), Some("1"));
    assert_eq!(update.attribute("quire.updates").as_deref(), Some("1"));
    let shown = below(spans, &far, "show").expect("the reader was shown it");
    assert_eq!(shown.attribute("quire.connections").as_deref(), Some("1"));
    let document = office.document_id.to_string();
    assert_eq!(shown.attribute("quire.document_id"), Some(document.clone()));
    let own = below(spans, &near, "show").expect("its author was not");
    assert_eq!(own.attribute("quire.connections").as_deref(), Some("0"));

    let trial = below(spans, &update, "trial").expect("it was tried");
    let wait = below(spans, &update, "wait").expect("it waited");
    let moments = [
        root.sent.start_time_unix_nano,
        update.sent.start_time_unix_nano,
        trial.sent.start_time_unix_nano,
        trial.sent.end_time_unix_nano,
        wait.sent.start_time_unix_nano,
        wait.sent.end_time_unix_nano,
        commit.sent.start_time_unix_nano,
        commit.sent.end_time_unix_nano,
        update.sent.end_time_unix_nano,
    ];
    assert!(moments.is_sorted(), "{moments:?}");

    // The joins before it are traces of their own, with what was read.
    let join = spans
        .iter()
        .find(|span| span.sent.name == "join" && below(spans, span, "load document").is_some());
    let join = join.expect("somebody had it opened");
    assert_eq!(join.attribute("quire.outcome").as_deref(), Some("joined"));
    assert_eq!(join.attribute("quire.document_id"), Some(document));
    let load = below(spans, join, "load document").expect("just seen");
    assert_eq!(load.attribute("quire.rows").as_deref(), Some("1"));
    assert_eq!(
        load.attribute("quire.read_from").as_deref(),
        Some("primary")
    );
    writer.close().await;
    reader.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_is_traced_although_the_log_does_not_stream_yet() {
    // Its own cluster: no slot comes to be in it while somebody writes.
    let cluster = Cluster::start(Version::usual(), &[]);
    let database = cluster.database().await;
    let (pool, office) = office(&database).await;
    let collector = Collector::start().await;
    let mut writing = pool.get().await.expect("a connection");
    let writing = writing.transaction().await.expect("a transaction");
    let write = "select pg_current_xact_id()";
    writing.batch_execute(write).await.expect("it writes");
    let server = Process::traced(&database.url, &collector).await;
    let writer = server.client(&office, &office.owner, "desk").await;
    type_word(&writer, "jackal").await;
    writing.commit().await.expect("committed");
    let update = |received: &Received| {
        let root = (received.spans.iter()).find(|span| span.sent.name == "transaction")?;
        below(&received.spans, root, "update").cloned()
    };
    collector.until("the edit in its transaction", update).await;
    writer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_part_of_its_callers_trace_and_tells_no_secret() {
    let database = Database::new().await;
    let (_pool, office) = office(&database).await;
    let collector = Collector::start().await;
    let issuer = "http://127.0.0.1:9";
    let arguments = [
        "--traces-to",
        &*collector.address,
        "--traces-share",
        "1",
        "--log-format",
        "json",
        "--oidc-issuer",
        issuer,
        "--oidc-client-id",
        "quire",
    ];
    let server = Process::start(&database.url, &arguments, &[]).await;
    let visitor = server.visitor(&office);
    let caller = |flags: &str| format!("00-{TRACE}-{PARENT}-{flags}");
    let text = visitor.document(office.document_id, "/text");
    // Not followed: the caller does not trace it. It is sent before the others are.
    let quiet = caller("00").replace(TRACE, &"1".repeat(32));
    let headers = [("traceparent", &*quiet)];
    let answer = visitor.send("GET", &text, &headers, "").await;
    let version = answer.header("etag").expect("a version").to_owned();
    let traced = caller("01");
    let headers = [
        ("traceparent", &*traced),
        ("x-quire", "1"),
        ("if-match", &*version),
    ];
    let edit = json!({"operations": [{"operation": "replace_text", "start": 0, "text": "badger"}]});
    let edits = visitor.document(office.document_id, "/edits");
    let answer = visitor
        .send("POST", &edits, &headers, &edit.to_string())
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    // What a request can hold that nobody else may see.
    let token = office.owner.token.reveal();
    let headers = [("traceparent", &*traced), ("x-quire", "1")];
    let sign_in = json!({"email": "civet@example.org", "password": "dormouse"});
    let sign_in = sign_in.to_string();
    visitor
        .send("POST", "/api/v1/session", &headers, &sign_in)
        .await;
    let title = json!({"title": "echidna"}).to_string();
    let document = visitor.document(office.document_id, "");
    let answer = visitor.send("PATCH", &document, &headers, &title).await;
    assert!(answer.status < 300, "{answer:?}");
    let upgrade = format!("/sync/v1?token={token}");
    crate::http::site::exchange(
        visitor.address,
        &format!(
            "FERRET {upgrade} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ntraceparent: {traced}\r\n\r\n",
            visitor.address
        ),
    )
    .await;
    // It cannot be asked, which is logged.
    visitor.send("POST", "/api/v1/oidc", &headers, "{}").await;

    let pattern = "/api/v1/organisations/{org_id}/documents/{document_id}/edits";
    let of = |received: &Received, name: &str| {
        let mut spans = received.spans.iter();
        spans.find(|span| span.sent.name == name).cloned()
    };
    let update = collector
        .until("the edit", |received| of(received, "update"))
        .await;
    collector
        .until("the last request", |received| {
            of(received, "POST /api/v1/oidc")
        })
        .await;
    let received = collector.received();
    let request = of(&received, &format!("POST {pattern}")).expect("the request");
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    assert_eq!(hex(&request.sent.trace_id), TRACE);
    assert_eq!(hex(&request.sent.parent_span_id), PARENT);
    assert_eq!(request.sent.kind, 2, "a server's");
    for (name, value) in [
        ("http.request.method", "POST"),
        ("http.route", pattern),
        ("http.response.status_code", "200"),
    ] {
        assert_eq!(request.attribute(name).as_deref(), Some(value));
    }
    // The edit is in the trace of its transaction, and names the request.
    let link = update.sent.links.first().expect("a link");
    assert_eq!(hex(&link.trace_id), TRACE);
    assert_eq!(link.span_id, request.sent.span_id);
    assert!(of(&received, "_OTHER /sync/v1").is_some());
    let is_quiet = |span: &Span| hex(&span.sent.trace_id) == "1".repeat(32);
    assert!(
        !received.spans.iter().any(is_quiet),
        "it was not to be traced"
    );

    let (status, log) = server.stop().await;
    assert!(status.success());
    let line = log.lines().find(|line| line.contains("cannot be asked"));
    let line: serde_json::Value = serde_json::from_str(line.expect("it was logged")).expect("JSON");
    assert_eq!(line["span"]["trace_id"], TRACE, "{line}");
    let secrets = [
        "badger",
        "civet",
        "dormouse",
        "echidna",
        "FERRET",
        "First draft",
        "/sync/v1?",
        &token,
    ];
    for body in &collector.received().bodies {
        for secret in secrets {
            let holds = body
                .windows(secret.len())
                .any(|part| part == secret.as_bytes());
            assert!(!holds, "{secret} was sent");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_variables_of_opentelemetry_are_enough_and_what_is_left_is_sent_at_the_end() {
    let database = Database::new().await;
    let (_pool, office) = office(&database).await;
    let collector = Collector::start().await;
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.address),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20genet"),
        ("OTEL_TRACES_SAMPLER", "always_on"),
        ("OTEL_SERVICE_NAME", "hoopoe"),
    ];
    let server = Process::start(&database.url, &[], &variables).await;
    let answer = server.visitor(&office).get("/api/v1/me").await;
    assert_eq!(answer.status, 200);
    let (status, log) = server.stop().await;
    assert!(status.success());
    // It has ended: what did not come by now will not.
    let received = collector.received();
    let mut spans = received.spans.iter();
    let span = spans.find(|span| span.sent.name == "GET /api/v1/me");
    assert_eq!(span.expect("it was sent").service, "hoopoe");
    for headers in received.headers {
        assert_eq!(headers["authorization"], "Bearer genet");
    }
    assert!(!log.contains("genet"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_or_hangs_holds_nobody_up() {
    let database = Database::new().await;
    let (_pool, office) = office(&database).await;
    let nobody = Reserved::several(1).expect("a port").remove(0);
    let away = format!("http://{}", nobody.address());
    let collector = Collector::start().await;
    collector.hang(true);
    let arguments = ["--traces-to", &*away, "--traces-share", "1"];
    let without = Process::start(&database.url, &arguments, &[]).await;
    let hanging = Process::traced(&database.url, &collector).await;
    let one = without.client(&office, &office.owner, "one").await;
    let two = hanging.client(&office, &office.owner, "two").await;
    let dropped = "quire_trace_spans_dropped_total";
    // Edits are acknowledged all the time, until each has given spans up more than once.
    let (mut seen, mut times) = ([0; 2], [0; 2]);
    while times.iter().any(|times| *times < 2) {
        type_word(&one, "i").await;
        type_word(&two, "j").await;
        for (place, server) in [&without, &hanging].into_iter().enumerate() {
            let now = server.metric(dropped).await;
            times[place] += i32::from(now > seen[place]);
            seen[place] = now;
        }
    }
    // Back again, it is told what happens from then on.
    collector.hang(false);
    let came = |received: &Received| (!received.spans.is_empty()).then_some(());
    let arrived = collector.until("spans", came);
    tokio::pin!(arrived);
    loop {
        tokio::select! {
            () = &mut arrived => break,
            () = type_word(&two, "k") => {}
        }
    }
    one.close().await;
    two.close().await;
    for server in [without, hanging] {
        let (status, log) = server.stop().await;
        assert!(status.success());
        let says = log.matches("the collector does not take traces").count();
        assert_eq!(says, 1, "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_setting_nothing_is_traced() {
    let database = Database::new().await;
    let (_pool, office) = office(&database).await;
    let server = Process::start(&database.url, &["--traces-share", "1"], &[]).await;
    let writer = server.client(&office, &office.owner, "desk").await;
    type_word(&writer, "ibex").await;
    writer.close().await;
    for name in ["sent", "dropped"] {
        let spans = server
            .metric(&format!("quire_trace_spans_{name}_total"))
            .await;
        assert_eq!(spans, 0, "{name}");
    }
}
