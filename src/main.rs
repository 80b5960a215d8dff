//! The command line. Exit codes: 0 well, 1 it failed or something was found, 2 a setting is wrong.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use quire::auth::welcome_link;
use quire::config::{Log, LogFormat, Serve};
use quire::error::{Error, Kind, Result};
use quire::log::Bound;
use quire::postgres::{Limits, Severity, examine, migrate, pool};
use quire::{dev, document, integrity, moving, replay, server, top};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::filter::{EnvFilter, FilterExt};
use tracing_subscriber::prelude::*;
use uuid::Uuid;

/// A collaborative document editor whose only infrastructure is PostgreSQL.
#[derive(Parser)]
#[command(name = "quire", version, about, max_term_width = 100)]
struct Line {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    log: Log,
}

#[derive(Subcommand)]
enum Command {
    /// Try Quire: runs it on a Postgres of its own and prints a link that signs you in.
    Dev(dev::Options),
    /// Run a server on an existing database, which quire migrate has prepared.
    Serve {
        #[command(flatten)]
        settings: Box<Serve>,
        /// Stop when standard input ends, so that a server does not outlive whoever started it.
        #[arg(long, hide = true)]
        until_stdin_closes: bool,
    },
    /// Bring a database's schema up to this version. Servers of the version before go on working.
    Migrate(Database),
    /// Say what in the database or its settings would keep Quire from working, and the mend.
    Doctor {
        #[command(flatten)]
        database: Database,
        /// Print one JSON array instead of text: check, severity, says, mend.
        #[arg(long)]
        json: bool,
    },
    /// Rebuild every document of a database from its edits and compare what is stored of it: after a
    /// restore, a move, or at any time. Only reads; people may write meanwhile.
    Verify {
        #[command(flatten)]
        database: Database,
        /// Only this organisation.
        #[arg(long, value_name = "ID")]
        org: Option<Uuid>,
        /// Print one JSON object: documents, edits, findings (check, org_id, document_id, says, mend).
        #[arg(long)]
        json: bool,
    },
    /// Move an organisation to another database while people write in it.
    #[command(subcommand)]
    Org(Org),
    /// Show servers, replicas, slots, rates and what is wrong, every two seconds. Asks the database
    /// alone, so it works while no server answers.
    Top {
        #[command(flatten)]
        database: Database,
        #[command(flatten)]
        options: top::Options,
    },
    /// Drive Quire with a recorded or made-up editing history, check the text and measure.
    Replay(Box<replay::Options>),
    /// Print a one-time link that signs the owner of an installation in. The first such link makes
    /// the owner; it can be used for a day, later ones for an hour.
    Welcome {
        #[command(flatten)]
        database: Database,
        /// The address under which browsers reach Quire.
        #[arg(
            long,
            env = "QUIRE_PUBLIC_URL",
            value_delimiter = ',',
            default_value = "http://127.0.0.1:4400",
            value_name = "URL"
        )]
        public_url: Vec<String>,
    },
    /// Try updates in this process, with limits; a server starts it for itself.
    #[command(hide = true)]
    Trial,
}

#[derive(Subcommand)]
enum Org {
    /// Copy an organisation to another Quire database, which is migrated and has servers of its own, and
    /// have it served from there. People write meanwhile; they wait in the last second. Run it again when it
    /// was cut off: it goes on, or finds it done.
    Move(Move),
    /// Give up a move that was cut off: the source serves the organisation.
    Undo(Move),
    /// Delete what an organisation that has moved left behind in the source, if the target has all of it.
    Forget(Move),
}

#[derive(Args)]
struct Move {
    #[command(flatten)]
    from: Database,
    /// The database to move to: postgres://user:password@host:port/database.
    #[arg(
        long,
        env = "QUIRE_TO_DATABASE_URL",
        hide_env_values = true,
        value_name = "ADDRESS"
    )]
    to_database_url: String,
    /// The organisation.
    #[arg(long, value_name = "ID")]
    org: Uuid,
    /// Public addresses of the servers there, which clients are told; only a move needs them.
    #[arg(long, env = "QUIRE_TO_URL", value_delimiter = ',', value_name = "URL")]
    to_url: Vec<String>,
}

#[derive(Args)]
struct Database {
    /// The Postgres database: postgres://user:password@host:port/database.
    #[arg(
        long,
        env = "DATABASE_URL",
        hide_env_values = true,
        value_name = "ADDRESS"
    )]
    database_url: String,
}

fn main() -> ExitCode {
    let line = Line::parse();
    if let Command::Trial = line.command {
        document::trial::child_main();
    }
    let outcome = start_log(&line).and_then(|()| {
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|e| Error::caused(Kind::Internal, "start the runtime", e))?
            .block_on(run(line.command))
    });
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("quire: {error}");
            ExitCode::from(if error.kind() == Kind::Setting { 2 } else { 1 })
        }
    }
}

async fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Dev(options) => dev::run(&options, program()?, asked_to_stop(false)?).await?,
        Command::Serve {
            settings,
            until_stdin_closes,
        } => {
            server::run(&settings, program()?, asked_to_stop(until_stdin_closes)?).await?;
        }
        Command::Migrate(database) => {
            let applied = migrate(&pool(&database.database_url, 1)?).await?;
            match applied.as_slice() {
                [] => println!("nothing to do: the schema is up to date"),
                names => println!("applied {}", names.join(", ")),
            }
        }
        Command::Replay(options) => replay::run(&options, &program()?).await?,
        Command::Top { database, options } => {
            top::run(&database.database_url, &options, asked_to_stop(false)?).await?;
        }
        Command::Doctor { database, json } => return doctor(&database.database_url, json).await,
        Command::Verify {
            database,
            org,
            json,
        } => return verify(&database.database_url, org, json).await,
        Command::Org(org) => organisation(org).await?,
        Command::Welcome {
            database,
            public_url,
        } => {
            let token = welcome_link(&pool(&database.database_url, 1)?).await?;
            let address = public_url
                .first()
                .map_or("", |url| url.trim_end_matches('/'));
            println!("{address}/welcome#{}", token.reveal());
        }
        Command::Trial => {}
    }
    Ok(ExitCode::SUCCESS)
}

async fn doctor(database_url: &str, json: bool) -> Result<ExitCode> {
    let findings = examine(database_url, &Limits::default()).await?;
    if json {
        let text = serde_json::to_string(&findings)
            .map_err(|e| Error::caused(Kind::Internal, "write JSON", e))?;
        println!("{text}");
    } else if findings.is_empty() {
        println!("All is well.");
    } else {
        for finding in &findings {
            println!(
                "{} ({}): {}\n    mend: {}",
                finding.severity.name(),
                finding.check,
                finding.says,
                finding.mend
            );
        }
    }
    let well = findings
        .iter()
        .all(|finding| finding.severity < Severity::Error);
    Ok(if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn verify(database_url: &str, org_id: Option<Uuid>, json: bool) -> Result<ExitCode> {
    let report = integrity::verify(database_url, org_id).await?;
    if json {
        let text = serde_json::to_string(&report)
            .map_err(|e| Error::caused(Kind::Internal, "write JSON", e))?;
        println!("{text}");
    } else {
        for finding in &report.findings {
            println!(
                "error ({}) in document {}/{}: {}\n    mend: {}",
                finding.check, finding.org_id, finding.document_id, finding.says, finding.mend
            );
        }
        let (documents, edits) = (report.documents, report.edits);
        match report.findings.len() {
            0 => println!("All is well: {documents} documents rebuilt from {edits} edits."),
            count => println!("{count} findings: {documents} documents, {edits} edits."),
        }
    }
    Ok(if report.findings.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn organisation(org: Org) -> Result<()> {
    let settings = |of: Move| moving::Settings {
        from: of.from.database_url,
        to: of.to_database_url,
        org_id: of.org,
        addresses: of.to_url,
    };
    match org {
        Org::Move(of) => {
            let moved = moving::run(&settings(of), |step| println!("{step}")).await?;
            match moved.closed_for.is_zero() {
                true => println!("it had moved before"),
                false => println!(
                    "moved {} documents with {} edits",
                    moved.documents, moved.edits
                ),
            }
        }
        Org::Undo(of) => {
            moving::undo(&settings(of)).await?;
            println!("given up: the source serves the organisation");
        }
        Org::Forget(of) => {
            moving::forget(&settings(of)).await?;
            println!("forgotten: the source has no rows of the organisation any more");
        }
    }
    Ok(())
}

/// This very binary, for the processes that it starts.
fn program() -> Result<PathBuf> {
    std::env::current_exe().map_err(|e| Error::caused(Kind::Internal, "find Quire's own binary", e))
}

/// Completes at Ctrl-C, at SIGTERM, and when asked at the end of standard input.
fn asked_to_stop(with_stdin: bool) -> Result<impl Future<Output = ()>> {
    let listen =
        |kind| signal(kind).map_err(|e| Error::caused(Kind::Internal, "listen for signals", e));
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = end_of_stdin(), if with_stdin => {}
        }
    })
}

/// Completes when standard input ends. The thread that waits for it does not hold up our exit.
async fn end_of_stdin() {
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        // An input that cannot be read has ended as well.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        // Nobody may be waiting any more, because a signal came first.
        let _ = tell.send(());
    });
    // The sender is never dropped unsent.
    let _ = told.await;
}

fn start_log(line: &Line) -> Result<()> {
    let usual = match line.command {
        Command::Serve { .. } => "info",
        // Without a mail server, mail is read here.
        Command::Dev(_) => dev::LOG,
        // What goes wrong is shown on the screen.
        Command::Top { .. } => "off",
        _ => "warn",
    };
    // Loro describes every block that it writes at level info.
    let filter = format!(
        "loro_internal=warn,{}",
        line.log.log.as_deref().unwrap_or(usual)
    );
    let filter = EnvFilter::try_new(filter)
        .map_err(|e| Error::caused(Kind::Setting, "read --log (QUIRE_LOG)", e))?;
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let layer = match line.log.log_format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(layer.with_filter(filter.and(Bound)))
        .init();
    Ok(())
}
