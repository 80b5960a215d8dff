//! What every server looks at in the database every few seconds. What ends by itself is ended there,
//! in the log, so that all servers act on it; which of them was first does not matter.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::auth;
use crate::convergence;
use crate::error::Result;
use crate::http;
use crate::postgres::{Pool, failed};
use crate::rounds::Rounds;
use crate::websocket;

/// How late something may end.
const EVERY: Duration = Duration::from_secs(5);

/// Keeps things up until `stop`.
pub async fn run(pool: Pool, websockets: Arc<websocket::State>, stop: CancellationToken) {
    let mut rounds = Rounds::new(EVERY, Duration::ZERO, stop);
    while rounds.next().await {
        rounds.play("upkeep", round(&pool, &websockets)).await;
    }
}

async fn round(pool: &Pool, websockets: &websocket::State) -> Result<()> {
    let client = pool.get().await.map_err(failed("connect for upkeep"))?;
    // First: whoever has a document open uses the session, though it asks for nothing.
    let done = [
        auth::note_use(&client, &websockets.sessions()).await,
        auth::end_expired(&client).await.map(|_| ()),
        auth::drop_old_attempts(&client).await,
        auth::drop_old_resets(&client).await,
        http::drop_old_keys(&client).await,
        auth::drop_old_journeys(&client).await,
        convergence::drop_old_divergences(&client).await,
    ];
    // What fails keeps nothing else from being done.
    done.into_iter().collect()
}
