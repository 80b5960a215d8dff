//! Ids of another organisation, in every address, body and room: what comes back must be, byte for
//! byte, what comes back for ids that do not exist.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use deadpool_postgres::GenericClient;
use quire::auth::Token;
use quire::protocol::{Message, RoomKind};
use serde_json::json;
use tokio_postgres::Client;
use uuid::Uuid;

use super::addresses::{PROBES, WITHOUT_IDS, slots};
use super::report;
use crate::http::site::Visitor;
use crate::kit::members::{document, member, organisation};
use crate::kit::server::World;
use crate::kit::socket::Socket;

/// One id of each kind, by the name of the parameter that takes it.
type Ids = BTreeMap<&'static str, Uuid>;

/// Fills an organisation with one of everything.
async fn furnish(client: &impl GenericClient, org_id: Uuid, owner: Uuid) -> Ids {
    let (session, _) = member(client, org_id, "Member", "member").await;
    let document_id = document(client, org_id, owner).await;
    let [folder_id, parent_id, group_id, grant_id, link_id] = [(); 5].map(|()| Uuid::new_v4());
    let [thread_id, comment_id, identity_id, version_id] = [(); 4].map(|()| Uuid::new_v4());
    let account_id = session.account_id;
    let sql = format!(
        "insert into quire.folder (org_id, folder_id, name, created_by)
         values ('{org_id}', '{folder_id}', 'Folder', '{owner}'), ('{org_id}', '{parent_id}', 'Another', '{owner}');
         insert into quire.org_group (org_id, group_id, name) values ('{org_id}', '{group_id}', 'Group');
         insert into quire.org_group_member (org_id, group_id, account_id)
         values ('{org_id}', '{group_id}', '{account_id}');
         insert into quire.access_grant (org_id, grant_id, document_id, account_id, role)
         values ('{org_id}', '{grant_id}', '{document_id}', '{account_id}', 'edit');
         insert into quire.share_link (org_id, link_id, document_id, token_hash, role, created_by)
         values ('{org_id}', '{link_id}', '{document_id}', '{link_id}', 'edit', '{owner}');
         insert into quire.comment_thread (org_id, document_id, thread_id, created_by)
         values ('{org_id}', '{document_id}', '{thread_id}', '{account_id}');
         insert into quire.comment (org_id, document_id, thread_id, comment_id, account_id, body)
         values ('{org_id}', '{document_id}', '{thread_id}', '{thread_id}', '{account_id}', 'A'),
             ('{org_id}', '{document_id}', '{thread_id}', '{comment_id}', '{account_id}', 'B');
         insert into quire.version (org_id, document_id, version_id, name, created_by, written_at, operations)
         values ('{org_id}', '{document_id}', '{version_id}', 'Version', '{account_id}', now(), '\\x00');
         insert into quire.identity (identity_id, account_id, issuer, subject)
         values ('{identity_id}', '{account_id}', 'https://id.example', '{account_id}')"
    );
    client.batch_execute(&sql).await.expect("furnished");
    BTreeMap::from([
        ("org_id", org_id),
        ("account_id", account_id),
        ("session_id", session.session_id),
        ("document_id", document_id),
        ("folder_id", folder_id),
        ("parent_id", parent_id),
        ("group_id", group_id),
        ("grant_id", grant_id),
        ("link_id", link_id),
        ("thread_id", thread_id),
        ("comment_id", comment_id),
        ("identity_id", identity_id),
        ("version_id", version_id),
    ])
}

/// Asks, and writes the ids out of the answer again.
async fn ask(visitor: &Visitor, probe: (&str, &str, &str), ids: &Ids) -> (u16, String) {
    let (path, method, body) = probe;
    let (mut path, mut body) = (format!("/api/v1{path}"), body.to_owned());
    for (name, id) in ids {
        path = path.replace(&format!("{{{name}}}"), &id.to_string());
        body = body.replace(&format!("${name}"), &id.to_string());
    }
    let headers: &[(&str, &str)] = match method {
        "GET" => &[],
        _ => &[("x-quire", "1"), ("if-match", "*")],
    };
    let answer = visitor.send(method, &path, headers, &body).await;
    let mut text = String::from_utf8_lossy(&answer.body).into_owned();
    for (name, id) in ids {
        text = text.replace(&id.to_string(), name);
    }
    (answer.status, text)
}

/// Puts foreign ids into every set of places of every address. Answers the number of cases and what
/// tells a foreign id from one that does not exist.
async fn probe_addresses(visitor: &Visitor, own: &Ids, real: &Ids) -> (usize, Vec<String>) {
    let unreal: Ids = real.keys().map(|name| (*name, Uuid::new_v4())).collect();
    let (mut cases, mut leaks) = (0, Vec::new());
    for (path, method, bodies) in PROBES {
        for body in *bodies {
            let slots = slots(path, body);
            for foreign in 1..1_usize << slots.len() {
                let with = |others: &Ids| {
                    let mut ids = own.clone();
                    for (at, name) in slots.iter().enumerate() {
                        if foreign >> at & 1 == 1 {
                            ids.insert(name, others[name]);
                        }
                    }
                    ids
                };
                let told = ask(visitor, (path, method, body), &with(real)).await;
                let expected = ask(visitor, (path, method, body), &with(&unreal)).await;
                cases += 1;
                if told != expected {
                    leaks.push(format!(
                        "{method} {path} {body}, places {foreign:b}: {told:?}, for nothing {expected:?}"
                    ));
                }
            }
        }
    }
    (cases, leaks)
}

/// What a room answers to a join and to an update without one.
async fn ask_room(world: &World, token: &Token, kind: RoomKind, room: &str) -> Vec<Message> {
    let mut socket = Socket::connect(&world.address(0), kind, room).await;
    let mut heard = Vec::new();
    for auth in [
        token.reveal(),
        json!({ "token": token.reveal() }).to_string(),
    ] {
        socket.ask_to_join(&auth).await;
        heard.extend(socket.next().await);
        socket.send_update(b"an update").await;
        heard.extend(socket.next().await);
    }
    heard
}

async fn probe_rooms(world: &World, token: &Token, own: &Ids, real: &Ids) -> (usize, Vec<String>) {
    let (mut cases, mut leaks) = (0, Vec::new());
    let nowhere = format!("{}/{}", Uuid::new_v4(), Uuid::new_v4());
    for kind in [
        RoomKind::Document,
        RoomKind::Ephemeral,
        RoomKind::Other(*b"%YJS"),
    ] {
        let expected = ask_room(world, token, kind, &nowhere).await;
        for (org_id, document_id) in [
            (real["org_id"], real["document_id"]),
            (real["org_id"], Uuid::new_v4()),
            (real["org_id"], own["document_id"]),
            (own["org_id"], real["document_id"]),
            (own["org_id"], Uuid::new_v4()),
        ] {
            let told = ask_room(world, token, kind, &format!("{org_id}/{document_id}")).await;
            cases += 1;
            if told != expected {
                leaks.push(format!(
                    "{kind:?} {org_id}/{document_id}: {told:?}, for nothing {expected:?}"
                ));
            }
        }
    }
    (cases, leaks)
}

/// All that is kept of an organisation, but the record of who asked, and texts, which servers write
/// when they come to it.
async fn contents(client: &Client, org_id: Uuid) -> Vec<String> {
    let sql = "select table_name::text from information_schema.columns
               where table_schema = 'quire' and column_name = 'org_id'
               and table_name not in ('audit', 'document_text', 'current_text', 'document_storage')
               order by table_name";
    let mut all = Vec::new();
    for table in client.query(sql, &[]).await.expect("tables") {
        let table: &str = table.get(0);
        let sql = format!("select t::text from quire.{table} t where org_id = $1 order by 1");
        let rows = client.query(&sql, &[&org_id]).await.expect("rows");
        all.extend(
            rows.iter()
                .map(|row| format!("{table}: {}", row.get::<_, &str>(0))),
        );
    }
    all
}

/// Every address is probed with every method that it knows.
async fn every_address_is_probed(stranger: &Visitor) {
    for pattern in quire::http::patterns() {
        // What is published is for everybody, at an id that leads nowhere else.
        if WITHOUT_IDS.contains(&pattern.as_str()) || pattern == "/p/{publication_id}" {
            continue;
        }
        let path = slots(pattern, "")
            .iter()
            .fold(pattern.clone(), |path, name| {
                path.replace(&format!("{{{name}}}"), &Uuid::new_v4().to_string())
            });
        let answer = stranger.send("OPTIONS", &path, &[], "").await;
        let methods = answer.header("allow").expect("the methods it knows");
        for method in methods.split(", ").filter(|method| *method != "HEAD") {
            let is_probed = PROBES.iter().any(|(probed, with, _)| {
                let probed = probed.split('?').next();
                pattern.strip_prefix("/api/v1") == probed && *with == method
            });
            assert!(is_probed, "{method} {pattern} has no probe: add one");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_belongs_to_another_organisation_cannot_be_told_from_nothing() {
    let world = World::with_servers(1).await;
    let address: SocketAddr = world.servers[0].address();
    let client = world.pool.get().await.expect("a connection");
    let ada = world.office.owner.session.account_id;
    let real = furnish(&client, world.office.org_id, ada).await;
    let elsewhere = organisation(&client, "Elsewhere").await;
    let (mallory, mallorys) = member(&client, elsewhere, "Mallory", "owner").await;
    let own = furnish(&client, elsewhere, mallory.account_id).await;
    let (_, guests) = member(&client, elsewhere, "Guest", "guest").await;
    let nobody = organisation(&client, "Another").await;
    let (_, nobodys) = member(&client, nobody, "Nobody", "admin").await;
    drop(client);

    let visitor = |token: Option<&Token>| Visitor {
        address,
        token: token.map(Token::reveal),
        org_id: elsewhere,
        account_id: mallory.account_id,
    };
    every_address_is_probed(&visitor(None)).await;
    let watching = world.database.connect().await;
    let before = contents(&watching, world.office.org_id).await;
    let (mut cases, mut leaks) = (0, Vec::new());
    for token in [Some(&mallorys), Some(&guests), Some(&nobodys), None] {
        let (asked, told) = probe_addresses(&visitor(token), &own, &real).await;
        (cases, leaks) = (cases + asked, [leaks, told].concat());
        if let Some(token) = token {
            let (asked, told) = probe_rooms(&world, token, &own, &real).await;
            (cases, leaks) = (cases + asked, [leaks, told].concat());
        }
    }
    let after = contents(&watching, world.office.org_id).await;
    report("probes", &json!({ "cases": cases, "leaks": leaks.len() }));
    assert!(leaks.is_empty(), "{leaks:#?}");
    assert_eq!(before, after, "nothing was changed");
    world.stop().await;
}
