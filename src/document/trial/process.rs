//! The child process as its parent sees it: pipes, progress, end.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::fs::{MemfdFlags, memfd_create};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::child::STRAY_AT;
use super::{DOCUMENT_VARIABLE, MEMORY_VARIABLE, NICE_VARIABLE, SUBCOMMAND, Settings};
use crate::error::{Error, Kind, Result};

/// Stray output that is worth logging.
const STRAY_BYTES: usize = 1024;

/// A running child. It is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pub stdin: ChildStdin,
    pub stdout: ChildStdout,
    progress: File,
}

impl Process {
    /// # Errors
    /// `Internal` when the binary cannot be executed.
    pub fn start(exe: &Path, settings: &Settings) -> Result<Self> {
        let progress = progress_file().map_err(failed)?;
        let mut child = Command::new(exe)
            .arg(SUBCOMMAND)
            // The child works on hostile input: it is told nothing that it does not need.
            .env_clear()
            .env(MEMORY_VARIABLE, settings.memory_bytes.to_string())
            .env(DOCUMENT_VARIABLE, settings.document_bytes.to_string())
            .env(NICE_VARIABLE, settings.nice.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(progress.try_clone().map_err(failed)?)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        Ok(Self {
            stdin: child.stdin.take().expect("stdin is a pipe"),
            stdout: child.stdout.take().expect("stdout is a pipe"),
            child,
            progress,
        })
    }

    /// The request that the child works on, or worked on last.
    pub fn sequence(&self) -> u64 {
        let mut sequence = [0; 8];
        match self.progress.read_exact_at(&mut sequence, 0) {
            Ok(()) => u64::from_le_bytes(sequence),
            Err(_) => 0,
        }
    }

    /// Processor time that the child took so far.
    pub fn cpu_time(&self) -> Option<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()?)).ok()?;
        // After the name in parentheses; user and system time are the fields 14 and 15 (proc(5)).
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
        let user: u64 = fields.next()?.parse().ok()?;
        let system: u64 = fields.next()?.parse().ok()?;
        let ticks = rustix::param::clock_ticks_per_second();
        Some(Duration::from_millis((user + system) * 1000 / ticks.max(1)))
    }

    /// Kills the child if it still runs, waits for its end and says how it ended.
    pub async fn end(mut self) -> String {
        // It may have ended by itself.
        let _ = self.child.start_kill();
        let status = match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        let mut stray = vec![0; STRAY_BYTES];
        let read = self.progress.read_at(&mut stray, STRAY_AT).unwrap_or(0);
        match String::from_utf8_lossy(&stray[..read]).lines().next_back() {
            Some(line) => format!("{status}: {line}"),
            None => status,
        }
    }
}

fn progress_file() -> std::io::Result<File> {
    let mut file = File::from(memfd_create("quire-trial", MemfdFlags::CLOEXEC)?);
    file.write_all(&[0; STRAY_AT as usize])?;
    Ok(file)
}

fn failed(error: std::io::Error) -> Error {
    Error::caused(Kind::Internal, "start trial", error)
}
