//! The settings of `quire replay`.

use std::path::PathBuf;

use clap::Args;

use crate::error::{Error, Kind, Result};

/// How many edits a made-up history has unless `--edits` says otherwise.
const SYNTHETIC_EDITS: usize = 10_000;

/// `quire replay --help` shows these texts.
#[derive(Args, Debug, Clone)]
#[command(group(clap::ArgGroup::new("history").required(true).args(["trace", "synthetic"])))]
pub struct Options {
    /// A recorded history: gzipped JSON of the public collection josephg/editing-traces, sequential
    /// or concurrent.
    pub trace: Option<PathBuf>,

    /// A made-up history instead: bursts, corrections, jumps and pastes, the same for the same seed.
    #[arg(long, value_name = "SEED")]
    pub synthetic: Option<u64>,

    /// How many people write the made-up history, in turns.
    #[arg(long, default_value_t = 1, requires = "synthetic", value_parser = clap::value_parser!(u16).range(1..=100), value_name = "NUMBER")]
    pub writers: u16,

    /// How many people only read, each with a device and an account of the writers'. At a server that no writer
    /// is at there is one anyway.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=5_000), value_name = "NUMBER")]
    pub readers: u16,

    /// Edits at most. Default: all of a recorded history, 10,000 of a made-up one.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..), value_name = "NUMBER")]
    pub edits: Option<u32>,

    /// Edits a second, of all writers together. Default: as fast as they are acknowledged.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000), value_name = "NUMBER")]
    pub rate: Option<u32>,

    /// Edits of one writer that may wait for their ack at a time.
    #[arg(long, default_value_t = crate::client::DEFAULT_WINDOW, value_name = "NUMBER")]
    pub window: usize,

    /// How many servers to start, on a private Postgres. Writers and readers are spread over them.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=16), conflicts_with = "address", value_name = "NUMBER")]
    pub servers: u16,

    /// How many standbys to give the private Postgres (PostgreSQL 16). All servers read from them then and
    /// have their log from them.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=8), conflicts_with = "address", value_name = "NUMBER")]
    pub standbys: u16,

    /// The address of a running server, http://host:port; once for each. Then none is started.
    #[arg(long, requires = "link", value_name = "URL")]
    pub address: Vec<String>,

    /// A one-time link of the running servers, for the account that writes. It must be allowed to
    /// invite if there is more than one writer.
    // What a link ends with may begin with a hyphen, and be all that is given.
    #[arg(
        long,
        allow_hyphen_values = true,
        env = "QUIRE_LINK",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub link: Option<String>,

    /// The database of the running servers: with it, what reached it is checked and measured.
    #[arg(
        long,
        env = "DATABASE_URL",
        hide_env_values = true,
        value_name = "ADDRESS"
    )]
    pub database_url: Option<String>,

    /// The folder of Postgres's programs for the private Postgres. Default: the newest on this
    /// machine, else the npm package in node_modules.
    #[arg(long, env = "QUIRE_POSTGRES_BIN", value_name = "FOLDER")]
    pub postgres_bin: Option<PathBuf>,

    /// Measure no bare commits, which at a given rate go on beside the edits and cost the database as much.
    #[arg(long)]
    pub no_bare_commits: bool,

    /// Print the figures as one line of JSON, last.
    #[arg(long)]
    pub json: bool,
}

impl Options {
    /// The history that is asked for.
    ///
    /// # Errors
    /// `Invalid` when the file is none.
    pub(super) fn history(&self) -> Result<super::trace::Trace> {
        let edits = self.edits.map(|edits| edits as usize);
        match (&self.trace, self.synthetic) {
            (Some(path), _) => {
                let mut trace = super::trace::Trace::read(path)?;
                if let Some(edits) = edits.filter(|edits| *edits < trace.edits.len()) {
                    trace.truncate(edits);
                    trace.end_content = super::offline::end_content(&trace)?;
                }
                Ok(trace)
            }
            (None, Some(seed)) => Ok(super::synthetic::trace(
                seed,
                usize::from(self.writers),
                edits.unwrap_or(SYNTHETIC_EDITS),
            )),
            (None, None) => Err(Error::new(Kind::Setting, "name a trace or --synthetic")),
        }
    }
}
