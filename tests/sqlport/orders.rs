//! Messages in orders that no driver sends: the answers are those of Postgres, and nothing is left behind.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_postgres::{Config, NoTls};

use super::stage::Stage;
use crate::kit::pause;

/// What the sessions call themselves.
const NAME: &str = "orders";
const PATIENCE: Duration = Duration::from_secs(30);

/// A bare connection, signed in.
async fn signed_in(stage: &Stage, at: SocketAddr) -> TcpStream {
    let mut config: Config = stage.url(at, "dba").parse().expect("an address");
    config.application_name(NAME);
    let mut socket = TcpStream::connect(at).await.expect("connected");
    let (driver, mut between) = duplex(64 << 10);
    // The driver signs in, and is then left out.
    let passing = async {
        tokio::io::copy_bidirectional(&mut between, &mut socket)
            .await
            .expect("passed on");
    };
    tokio::select! {
        connected = config.connect_raw(driver, NoTls) => {
            let (client, connection) = connected.expect("signed in");
            // Neither says goodbye.
            std::mem::forget((client, connection));
        }
        () = passing => panic!("it ended before"),
    }
    socket
}

fn message(tag: u8, body: &[u8]) -> BytesMut {
    let mut out = BytesMut::new();
    out.put_u8(tag);
    out.put_u32(body.len() as u32 + 4);
    out.put_slice(body);
    out
}

fn query(text: &str) -> BytesMut {
    message(b'Q', format!("{text}\0").as_bytes())
}

fn parse(text: &str) -> BytesMut {
    let mut out = BytesMut::new();
    frontend::parse("", text, [], &mut out).expect("no zeros");
    out
}

fn sync() -> BytesMut {
    message(b'S', b"")
}

/// The tags of what is answered until the session is ready for so many times, or over.
async fn tags(socket: &mut TcpStream, readies: usize) -> String {
    let mut tags = String::new();
    let reading = async {
        while tags.matches('Z').count() < readies {
            let Ok(tag) = socket.read_u8().await else {
                // It was closed, as Postgres does after some mistakes.
                tags.push('!');
                return;
            };
            let rest = socket.read_u32().await.expect("a length") as usize - 4;
            socket.read_exact(&mut vec![0; rest]).await.expect("all");
            tags.push(tag.into());
        }
    };
    let read = timeout(PATIENCE, reading).await;
    assert!(read.is_ok(), "after {tags:?} nothing came");
    tags
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_postgres_would_not_hear_is_not_made_and_nothing_is_left_behind() {
    let stage = Stage::new().await;
    let call = "select * from quire.servers()";
    let copy = "create temp table t (a text); copy t from stdin";
    let orders: [(&str, Vec<BytesMut>, usize); 5] = [
        (
            "after an error",
            vec![parse("selec"), query(call), sync()],
            1,
        ),
        (
            "prepared after an error",
            vec![parse("selec"), parse(call), sync()],
            1,
        ),
        ("in the data of a copy", vec![query(copy), query(call)], 1),
        (
            "in those and after them",
            vec![query(copy), query(call), query("select 1")],
            2,
        ),
        (
            "two of them",
            vec![parse("selec"), query(call), query(call), sync()],
            1,
        ),
    ];
    for (name, order, readies) in &orders {
        let mut answers = Vec::new();
        for at in [stage.direct, stage.port] {
            let mut socket = signed_in(&stage, at).await;
            for message in order {
                socket.write_all(message).await.expect("sent");
            }
            answers.push(tags(&mut socket, *readies).await);
        }
        assert_eq!(answers[1], answers[0], "{name}");
        // Once more, and gone in the middle.
        for end in 1..=order.len() {
            let mut socket = signed_in(&stage, stage.port).await;
            for message in &order[..end] {
                socket.write_all(message).await.expect("sent");
            }
        }
    }
    let admin = stage.world.database.connect().await;
    let left = "select count(*) from pg_stat_activity where application_name = $1";
    let gone = async {
        while admin
            .query_one(left, &[&NAME])
            .await
            .expect("counted")
            .get::<_, i64>(0)
            > 0
        {
            pause().await;
        }
    };
    let all_gone = timeout(PATIENCE, gone).await;
    assert!(all_gone.is_ok(), "backends are left behind");
    stage.world.stop().await;
}
