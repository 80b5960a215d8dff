//! `quire top`: the overview in the terminal. Servers are heard by a feed of its own, whose slot is
//! temporary; what SQL says is shown meanwhile, so nothing waits for open transactions.

mod draw;
mod listener;

use std::io::{IsTerminal, Write};
use std::time::Duration;

use clap::Args;

use self::draw::draw;
use self::listener::Listener;
use crate::activity::Activity;
use crate::error::{Error, Kind, Result};
use crate::overview::{Overview, Sample};

/// How often it looks.
const EVERY: Duration = Duration::from_secs(2);
/// The longest that `--once` waits for servers to be heard.
const PATIENCE: Duration = Duration::from_millis(3_500);
/// Back to the upper left, and nothing below.
const CLEAR: &str = "\x1b[H\x1b[2J\x1b[3J";

/// How it is shown.
#[derive(Args, Debug, Clone)]
pub struct Options {
    /// Show it once and end. Waits some 1.5 s until servers have been heard, 4 s at most.
    #[arg(long)]
    once: bool,
    /// Print one JSON object a line: what GET /api/v1/admin/overview answers.
    #[arg(long)]
    json: bool,
}

/// Shows the overview of the database at `database_url` until `stop` completes.
///
/// # Errors
/// `Setting` when the address cannot be read; `Internal` when nothing can be printed.
pub async fn run(
    database_url: &str,
    options: &Options,
    stop: impl Future<Output = ()>,
) -> Result<()> {
    let activity = Activity::default();
    let listener = Listener::start(database_url, activity.clone())?;
    let overview = Overview::new(database_url, activity, listener.servers())?;
    let looking = async {
        if options.once {
            // Looked at twice: the doctor is asked while servers are waited for.
            tokio::join!(listener.heard(PATIENCE), overview.sample());
            return show(&*overview.sample().await, options);
        }
        let mut tick = tokio::time::interval(EVERY);
        loop {
            tick.tick().await;
            show(&*overview.sample().await, options)?;
        }
    };
    let shown = tokio::select! {
        shown = looking => shown,
        () = stop => Ok(()),
    };
    listener.stop().await;
    shown
}

fn show(sample: &Sample, options: &Options) -> Result<()> {
    let mut out = std::io::stdout();
    let is_screen = out.is_terminal();
    let text = if options.json {
        let text = serde_json::to_string(sample);
        text.map_err(|e| Error::caused(Kind::Internal, "write JSON", e))? + "\n"
    } else {
        let clear = if is_screen && !options.once {
            CLEAR
        } else {
            ""
        };
        format!("{clear}{}", draw(sample, is_screen))
    };
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|e| Error::caused(Kind::Internal, "print", e))
}
