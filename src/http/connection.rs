//! One HTTP connection, from its first request to its end or to its turn into a WebSocket.

use super::context::Context;
use super::dispatch::dispatch;
use super::upgrade::Pending;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncWrite};

/// Most headers of a request.
const HEADERS: usize = 64;
/// Largest head of a request, in bytes; also what is read ahead of a body.
const HEAD_BYTES: usize = 32 * 1024;

/// Serves a connection from `address` until it is closed. After `stop` the answer under way is still sent. When
/// the connection becomes a WebSocket, this runs until the WebSocket's owner returns; `stop` is
/// then the owner's own affair.
pub async fn serve_connection<S>(
    stream: S,
    address: IpAddr,
    context: Arc<Context>,
    stop: impl Future<Output = ()>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // Apart, because what answering takes is not needed while the connection is a WebSocket.
    let answering = Box::pin(answer_requests(stream, address, &context, stop));
    if let Some(pending) = answering.await {
        become_websocket(&context, pending).await;
    }
}

/// Answers requests until the connection ends or is promised to become a WebSocket.
async fn answer_requests<S>(
    stream: S,
    address: IpAddr,
    context: &Arc<Context>,
    stop: impl Future<Output = ()>,
) -> Option<Pending>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let promised: Arc<Mutex<Option<Pending>>> = Arc::default();
    let service = service_fn(|request| {
        let context = context.clone();
        let promised = promised.clone();
        async move {
            let (answer, pending) = dispatch(&context, address, request).await;
            if pending.is_some() {
                *promised.lock().unwrap_or_else(PoisonError::into_inner) = pending;
            }
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(context.timeouts.head)
        .max_headers(HEADERS)
        .max_header_size(HEAD_BYTES)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        biased;
        () = stop => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        ended = connection.as_mut() => ended,
    };
    if let Err(error) = ended {
        // The client went away or sent no HTTP: its affair.
        tracing::debug!(%error, "http connection ended");
        return None;
    }
    promised
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take()
}

async fn become_websocket(context: &Context, pending: Pending) {
    match pending.connection.await {
        Ok(connection) => (context.on_upgrade)(TokioIo::new(connection), pending.session).await,
        Err(error) => tracing::debug!(%error, "upgrade came to nothing"),
    }
}
