//! A client's task: connects, moves bytes both ways, and tries the next server when one is gone.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::Shared;
use super::address::{Address, pause};
use crate::error::{Error, Kind, Result};
use crate::protocol::{MAX_MESSAGE_BYTES, PING, PONG};

/// How long a server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a server may take to answer a goodbye.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the client asks whether the server lives, and shows itself again.
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// How often the client looks whether its copy can still become what the server has.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// How long the server may be silent before it counts as gone.
const SILENCE_LIMIT: Duration = Duration::from_secs(20);

type Socket = WebSocketStream<TcpStream>;

/// Runs until the client is closed or cannot go on.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut server = 0;
    let mut attempt = 0;
    loop {
        let address = {
            let state = shared.lock();
            state.options.addresses[server % state.options.addresses.len()].clone()
        };
        let mut was_joined = false;
        let result = connection(&shared, &address, &mut was_joined).await;
        let Some(kind) = ended(&shared, result) else {
            return;
        };
        server += 1;
        if std::mem::take(&mut shared.lock().begins_anew) {
            server = 0;
        }
        attempt = if was_joined { 0 } else { attempt + 1 };
        // The first try goes to the next server at once, unless the former one is busy.
        let waits = attempt + u32::from(kind == Kind::Limited) + shared.lock().refusals;
        sleep(pause(waits, random())).await;
        if shared.lock().closing {
            return;
        }
    }
}

/// Notes how a connection ended. Returns why, if the client goes on.
fn ended(shared: &Shared, result: Result<()>) -> Option<Kind> {
    let error = result.err()?;
    let mut state = shared.lock();
    if error.is_transient() {
        state.lost(&error.to_string());
    } else {
        state.fail(&error);
    }
    drop(state);
    shared.changed.notify_waiters();
    error.is_transient().then_some(error.kind())
}

/// From connecting to the end of one connection. `Ok` when the client was closed.
async fn connection(shared: &Shared, address: &Address, was_joined: &mut bool) -> Result<()> {
    let socket = timeout(CONNECT_TIMEOUT, connect(address))
        .await
        .map_err(|_| Error::new(Kind::Unavailable, format!("connect to {address}: time-out")))??;
    shared.lock().connected()?;
    let (mut sink, mut stream) = socket.split();
    let origin = address.origin();
    let result = tokio::select! {
        result = read(shared, &mut stream, &origin, was_joined) => result,
        result = write(shared, &mut sink) => result,
    };
    if result.is_ok() {
        // Waits for the answer to the close frame, so that the server saw it; not for one that hangs.
        let answered = async { while let Some(Ok(_)) = stream.next().await {} };
        let _ = timeout(CLOSE_TIMEOUT, answered).await;
    }
    result
}

async fn connect(address: &Address) -> Result<Socket> {
    let lost =
        |error: WsError| Error::caused(Kind::Unavailable, format!("connect to {address}"), error);
    let stream = TcpStream::connect(address.authority())
        .await
        .and_then(|stream| stream.set_nodelay(true).map(|()| stream))
        .map_err(|error| lost(error.into()))?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES));
    let (socket, _) = client_async_with_config(address.sync_url(), stream, Some(config))
        .await
        .map_err(lost)?;
    Ok(socket)
}

async fn read(
    shared: &Shared,
    stream: &mut SplitStream<Socket>,
    address: &str,
    was_joined: &mut bool,
) -> Result<()> {
    loop {
        let message = timeout(SILENCE_LIMIT, stream.next())
            .await
            .map_err(|_| Error::new(Kind::Unavailable, "the server is silent"))?;
        match message {
            Some(Ok(Message::Binary(message))) => {
                let mut state = shared.lock();
                state.receive(message, address)?;
                state.write_again();
                *was_joined |= state.is_joined();
                // Answers to send, or updates that only now may be sent.
                let wakes = state.wants_to_send();
                drop(state);
                if wakes {
                    shared.wake.notify_one();
                }
                shared.changed.notify_waiters();
            }
            Some(Ok(Message::Text(text))) if text.as_str() == PING => {
                shared.lock().pong_due = true;
                shared.wake.notify_one();
            }
            Some(Ok(Message::Close(frame))) => return Err(closed(frame)),
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                return Err(Error::caused(
                    Kind::Unavailable,
                    "read from the server",
                    error,
                ));
            }
            None => return Err(Error::new(Kind::Unavailable, "the server hung up")),
        }
        // What is buffered comes without waiting: let the writer have its turn.
        tokio::task::consume_budget().await;
    }
}

async fn write(shared: &Shared, sink: &mut SplitSink<Socket, Message>) -> Result<()> {
    let lost = |error: WsError| Error::caused(Kind::Unavailable, "write to the server", error);
    let mut ping = interval(PING_INTERVAL);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ping.reset_at(Instant::now() + PING_INTERVAL);
    let mut look = interval(LOOK_INTERVAL);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let (frames, pong_due, closing) = {
            let mut state = shared.lock();
            let pong_due = std::mem::take(&mut state.pong_due);
            (state.outgoing()?, pong_due, state.closing)
        };
        for frame in frames {
            sink.feed(Message::Binary(frame)).await.map_err(lost)?;
        }
        if pong_due {
            sink.feed(Message::text(PONG)).await.map_err(lost)?;
        }
        if closing {
            let leave = shared.lock().leave()?;
            sink.feed(Message::Binary(leave)).await.map_err(lost)?;
            sink.feed(Message::Close(None)).await.map_err(lost)?;
            return sink.flush().await.map_err(lost);
        }
        sink.flush().await.map_err(lost)?;
        tokio::select! {
            biased;
            () = shared.wake.notified() => {}
            _ = look.tick() => shared.lock().start_over_if_due()?,
            _ = ping.tick() => {
                shared.lock().refresh_presence();
                sink.feed(Message::text(PING)).await.map_err(lost)?;
            }
        }
    }
}

/// What a close code of the server asks for; they stand in PROTOCOL.md.
fn closed(frame: Option<CloseFrame>) -> Error {
    let Some(frame) = frame else {
        return Error::new(Kind::Unavailable, "the server closed the connection");
    };
    let code = u16::from(frame.code);
    let kind = match code {
        4400 => Kind::Invalid,
        4401 => Kind::SignedOut,
        4403 => Kind::Forbidden,
        4413 => Kind::TooLarge,
        4429 => Kind::Limited,
        _ => Kind::Unavailable,
    };
    Error::new(
        kind,
        format!("closed by the server: {code} {}", frame.reason),
    )
}

fn random() -> u32 {
    // Without randomness all clients pause alike: slower, not wrong.
    getrandom::u32().unwrap_or(0)
}
