//! Every role, grant and share link against every operation, on two servers, as `expected.txt` says.

use loro::{ExportMode, LoroDoc};
use quire::auth::{Token, start_session};
use quire::http::create_document;
use quire::postgres::PoolClient;
use quire::protocol::{AckStatus, Message, Permission, RoomKind};
use serde_json::{Value, json};
use uuid::Uuid;

use super::expected::{Expected, Way};
use super::report;
use crate::http::site::Visitor;
use crate::kit::members::{member, organisation};
use crate::kit::random::{self, Random};
use crate::kit::server::World;
use crate::kit::socket::Socket;

/// The organisation that all cases are in.
struct Stage {
    world: World,
    org_id: Uuid,
    keeper: Uuid,
    /// A member to whom documents are shared.
    friend: Uuid,
}

/// Somebody and a document.
struct Case<'a> {
    stage: &'a Stage,
    token: Token,
    is_api_token: bool,
    account_id: Uuid,
    document_id: Uuid,
}

impl Stage {
    async fn set() -> Self {
        let world = World::with_servers(2).await;
        let client = world.pool.get().await.expect("a connection");
        let org_id = organisation(&client, "Matrix").await;
        client
            .execute(
                "update quire.organisation set default_role = 'none' where org_id = $1",
                &[&org_id],
            )
            .await
            .expect("members are given nothing");
        let (keeper, _) = member(&client, org_id, "Keeper", "owner").await;
        let (friend, _) = member(&client, org_id, "Friend", "guest").await;
        drop(client);
        Self {
            world,
            org_id,
            keeper: keeper.account_id,
            friend: friend.account_id,
        }
    }

    async fn client(&self) -> PoolClient {
        self.world.pool.get().await.expect("a connection")
    }

    async fn case(&self, role: &str, granted: &str, link: &str, way: Way) -> Case<'_> {
        let client = self.client().await;
        let (org, keeper) = (self.org_id, self.keeper);
        let [person, folder, above, group, link_id] = [(); 5].map(|()| Uuid::new_v4());
        let document = create_document(&client, org, None, keeper, "Case", None).await;
        let document = document.expect("a document");
        let object = |on_folder: bool| match on_folder {
            true => format!("null, '{above}'"),
            false => format!("'{document}', null"),
        };
        let mut sql = format!(
            "insert into quire.account (account_id, name, color) values ('{person}', 'P', '#123456');
             insert into quire.folder (org_id, folder_id, name, created_by)
             values ('{org}', '{above}', 'Above', '{keeper}');
             insert into quire.folder (org_id, folder_id, parent_id, name, created_by)
             values ('{org}', '{folder}', '{above}', 'Folder', '{keeper}');
             update quire.document set folder_id = '{folder}' where org_id = '{org}' and document_id = '{document}';"
        );
        if role != "stranger" {
            sql += &format!(
                "insert into quire.member (org_id, account_id, role) values ('{org}', '{person}', '{role}');"
            );
        }
        let (on, level) = (
            object(way.grant_on_folder),
            granted.trim_start_matches("all-"),
        );
        let to = match (granted.starts_with("all-"), way.grant_to_group) {
            (true, _) => "null, null, true".to_owned(),
            (false, true) => format!("null, '{group}', false"),
            (false, false) => format!("'{person}', null, false"),
        };
        if way.grant_to_group {
            sql += &format!(
                "insert into quire.org_group (org_id, group_id, name) values ('{org}', '{group}', '{group}');"
            );
            // A stranger is in no group.
            if role != "stranger" {
                sql += &format!(
                    "insert into quire.org_group_member (org_id, group_id, account_id)
                     values ('{org}', '{group}', '{person}');"
                );
            }
        }
        if granted != "-" {
            sql += &format!(
                "insert into quire.access_grant (org_id, document_id, folder_id, account_id, group_id, everyone, role)
                 values ('{org}', {on}, {to}, '{level}');"
            );
        }
        if link != "-" {
            let (on, level) = (object(way.link_on_folder), link.replace("dead", "edit"));
            let end = if link == "dead" { "now()" } else { "null" };
            sql += &format!(
                "insert into quire.share_link (org_id, link_id, document_id, folder_id, token_hash, role, created_by, revoked_at)
                 values ('{org}', '{link_id}', {on}, '{link_id}', '{level}', '{keeper}', {end});
                 insert into quire.share_link_visit (org_id, link_id, account_id)
                 values ('{org}', '{link_id}', '{person}');"
            );
        }
        client.batch_execute(&sql).await.expect("the case is set");
        let session = start_session(&client, person, "test").await;
        Case {
            stage: self,
            token: session.expect("a session").1,
            is_api_token: false,
            account_id: person,
            document_id: document,
        }
    }
}

impl Case<'_> {
    /// Tries an operation on a server; says what came of it in the words of the table.
    async fn attempt(&self, operation: &str, server: usize) -> String {
        let status = |status: u16| status.to_string();
        let friend = json!({"account_id": self.stage.friend, "role": "view"});
        match operation {
            "sql" | "sql-bin" => self.view().await,
            "read" | "read-bin" => status(self.ask(server, "GET", "", Value::Null).await),
            "export" | "export-bin" => {
                let text = status(self.ask(server, "GET", "/text", Value::Null).await);
                let path = "/export?format=html";
                match status(self.ask(server, "GET", path, Value::Null).await) {
                    file if file == text => file,
                    file => format!("{text}, as a file {file}"),
                }
            }
            "rename" => status(self.ask(server, "PATCH", "", json!({"title": "x"})).await),
            "grants" => status(self.ask(server, "GET", "/grants", Value::Null).await),
            "share" => status(self.ask(server, "POST", "/grants", friend).await),
            "link" => status(
                self.ask(server, "POST", "/links", json!({"role": "view"}))
                    .await,
            ),
            "delete" => status(self.ask(server, "DELETE", "", Value::Null).await),
            "restore" => status(self.ask(server, "POST", "/restore", json!({})).await),
            "room" | "room-bin" => self.join(server, RoomKind::Document).await.1,
            "cursors" => self.join(server, RoomKind::Ephemeral).await.1,
            "type" => self.write(server).await,
            "edit" | "edit-bin" => self.edit(server).await,
            "comments" | "comments-bin" => {
                status(self.ask(server, "GET", "/comments", Value::Null).await)
            }
            "comment" | "comment-bin" => status(
                self.ask(server, "POST", "/comments", json!({"body": "x"}))
                    .await,
            ),
            other => panic!("expected.txt: no operation {other:?}"),
        }
    }

    /// From here on an API token with these scopes acts instead of a browser.
    async fn becomes_api_token(&mut self, scopes: &str) {
        let sql = "update quire.session set kind = 'token', scopes = string_to_array($2, ',')
                   where account_id = $1";
        let client = self.stage.client().await;
        let done = client.execute(sql, &[&self.account_id, &scopes]).await;
        assert_eq!(done.expect("it is one"), 1);
        self.is_api_token = true;
    }

    async fn view(&self) -> String {
        let sql =
            "select role || ':' || permission || case when may_manage then ':manage' else '' end
                   from quire.document_access
                   where org_id = $1 and document_id = $2 and account_id = $3";
        let client = self.stage.client().await;
        let row = client
            .query_opt(
                sql,
                &[&self.stage.org_id, &self.document_id, &self.account_id],
            )
            .await
            .expect("the view can be read");
        row.map_or("-".to_owned(), |row| row.get(0))
    }

    async fn ask(&self, server: usize, method: &str, rest: &str, body: Value) -> u16 {
        let visitor = Visitor {
            address: self.stage.world.servers[server].address(),
            token: (!self.is_api_token).then(|| self.token.reveal()),
            org_id: self.stage.org_id,
            account_id: self.account_id,
        };
        let path = visitor.document(self.document_id, rest);
        let bearer = format!("Bearer {}", self.token.reveal());
        let who = match self.is_api_token {
            true => ("authorization", bearer.as_str()),
            false => ("x-quire", "1"),
        };
        let headers = [who, ("if-match", "*")];
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let answer = visitor.send(method, &path, &headers, &body).await;
        answer.status
    }

    async fn join(&self, server: usize, kind: RoomKind) -> (Socket, String) {
        let room = format!("{}/{}", self.stage.org_id, self.document_id);
        let address = self.stage.world.address(server);
        let mut socket = Socket::connect(&address, kind, &room).await;
        socket.ask_to_join(&self.token.reveal()).await;
        let told = match socket.next().await {
            Some(Message::JoinResponseOk { permission, .. }) => match permission {
                Permission::Read => "read",
                Permission::Write => "write",
            },
            Some(Message::JoinError { app_code, .. }) => match app_code.as_deref() {
                Some("document_deleted") => "deleted",
                _ => "refused",
            },
            other => panic!("an answer to the join, not {other:?}"),
        };
        (socket, told.to_owned())
    }

    async fn write(&self, server: usize) -> String {
        let (mut socket, told) = self.join(server, RoomKind::Document).await;
        let doc = LoroDoc::new();
        doc.get_text("body").insert(0, "x").expect("typed");
        doc.commit();
        let update = doc.export(ExportMode::all_updates()).expect("exported");
        let status = socket.write(&update).await;
        let rows = self.rows().await;
        assert_eq!(rows > 0, status == AckStatus::Ok, "{status:?}, {rows} rows");
        match status {
            AckStatus::Ok => "ok".to_owned(),
            AckStatus::PermissionDenied => "denied".to_owned(),
            _ => told,
        }
    }

    async fn edit(&self, server: usize) -> String {
        let before = self.rows().await;
        let insert = json!({"operation": "replace_text", "start": 0, "text": "x"});
        let body = json!({"operations": [insert]});
        let status = self.ask(server, "POST", "/edits", body).await;
        let rows = self.rows().await - before;
        assert_eq!(rows == 1, status == 200, "{status}, {rows} rows");
        status.to_string()
    }

    async fn rows(&self) -> i64 {
        let client = self.stage.client().await;
        let sql = "select count(*) from quire.edit where org_id = $1 and document_id = $2 and account_id = $3";
        let keys = [self.stage.org_id, self.document_id, self.account_id];
        let row = client.query_one(sql, &[&keys[0], &keys[1], &keys[2]]).await;
        row.expect("rows are counted").get(0)
    }

    /// To the bin, whoever the case is about.
    async fn bin(&self) {
        let sql = "update quire.document set deleted_at = now()
                   where org_id = $1 and document_id = $2 and deleted_at is null";
        let client = self.stage.client().await;
        let keys = [self.stage.org_id, self.document_id];
        let done = client.execute(sql, &[&keys[0], &keys[1]]).await;
        done.expect("in the bin");
    }
}

/// In the order in which they are tried.
const OPERATIONS: [&str; 22] = [
    "sql",
    "read",
    "export",
    "rename",
    "grants",
    "share",
    "link",
    "room",
    "type",
    "cursors",
    "edit",
    "comments",
    "comment",
    "delete",
    "sql-bin",
    "read-bin",
    "export-bin",
    "edit-bin",
    "comments-bin",
    "comment-bin",
    "room-bin",
    "restore",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_may_do_what_the_table_says_and_nothing_else() {
    let expected = Expected::read();
    assert_eq!(expected.outcomes.len(), OPERATIONS.len());
    let mut random = Random::new(random::seed());
    // Usually one way for each case of the table, drawn; else all.
    let all_ways = std::env::var_os("QUIRE_ACCESS_FIGURES").is_some();
    let stage = Stage::set().await;
    let (mut cases, mut wrong) = (0, Vec::new());
    for (role, granted, link, right) in &expected.cases {
        let mut ways = Way::all(granted, link);
        if !all_ways {
            ways = vec![*random.pick(&ways)];
        }
        for way in ways {
            let case = stage.case(role, granted, link, way).await;
            for operation in OPERATIONS {
                let server = random.below(2);
                let told = case.attempt(operation, server).await;
                let wanted = expected.outcomes[operation][right];
                cases += 1;
                if told != wanted {
                    wrong.push(format!(
                        "{role}, granted {granted}, link {link}, {way:?}: {operation} on server \
                         {server} is {told}, not {wanted}"
                    ));
                }
                if operation == "delete" {
                    case.bin().await;
                }
            }
        }
    }
    for (operation, scopes, wanted) in &expected.tokens {
        let mut case = stage.case("owner", "-", "-", Way::default()).await;
        case.becomes_api_token(scopes).await;
        if *operation == "restore" {
            case.bin().await;
        }
        let server = random.below(2);
        let told = case.attempt(operation, server).await;
        cases += 1;
        if told != *wanted {
            wrong.push(format!(
                "token for {scopes}: {operation} on server {server} is {told}, not {wanted}"
            ));
        }
    }
    report("matrix", &json!({ "cases": cases, "wrong": wrong.len() }));
    assert!(
        wrong.is_empty(),
        "{} wrong: {:#?}",
        wrong.len(),
        &wrong[..wrong.len().min(40)]
    );
    stage.world.stop().await;
}
