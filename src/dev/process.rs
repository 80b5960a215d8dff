//! The processes of a private Postgres and what a crash leaves of them: a guardian that outlives us,
//! a server that nobody owns any more, a pid file whose number belongs to somebody else.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::error::{Error, Kind, Result};

/// How long a leftover server may take to write everything and stop.
const STOP: Duration = Duration::from_secs(60);

/// A shell that waits for our end, however it comes, and then stops the Postgres of `folder`. It
/// looks at that process's folder first, so it never hits another one with the same number. A
/// `temporary` folder is removed, with what is mounted in it.
pub fn guard(folder: &Path, temporary: bool) -> Result<Child> {
    const SCRIPT: &str = r#"
        trap '' INT TERM HUP
        cat > /dev/null
        pid=$(head -n 1 "$1/data/postmaster.pid" 2> /dev/null)
        ours() {
            [ -n "$pid" ] || return 1
            [ -d /proc/self ] || { kill -0 "$pid" 2> /dev/null; return; }
            [ "$(readlink "/proc/$pid/cwd")" = "$1/data" ]
        }
        # Tests put small disks into such a folder, one inside the other.
        mounted() {
            [ -r /proc/mounts ] || return 0
            while read -r _ at _; do
                case "$at" in "$1"/*) echo "$at" ;; esac
            done < /proc/mounts
        }
        if ours "$1"; then
            kill "-$2" "$pid"
            # One that stands still hears it when it goes on.
            kill -CONT "$pid"
        fi
        [ "$2" = QUIT ] || exit 0
        while ours "$1"; do sleep 0.05; done
        mounted "$1" | sort -r | while read -r at; do umount -l "$at"; done
        rm -rf "$1"
    "#;
    let folder = folder.canonicalize().map_err(|e| io("find", folder, e))?;
    Command::new("sh")
        .args(["-c", SCRIPT, "quire-guardian"])
        .arg(folder)
        .arg(if temporary { "QUIT" } else { "INT" })
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| Error::caused(Kind::Setting, "start sh", e))
}

/// Clears what a crash left in `data`: a Postgres that nobody owns any more is stopped; a pid file
/// whose number now belongs to another process is removed, because Postgres would refuse to start.
pub fn stop_leftover(data: &Path) -> Result<()> {
    let pid_file = data.join("postmaster.pid");
    let Ok(text) = fs::read_to_string(&pid_file) else {
        return Ok(());
    };
    let Some(pid) = text
        .lines()
        .next()
        .and_then(|line| line.trim().parse().ok())
        .and_then(Pid::from_raw)
    else {
        return Ok(());
    };
    let home = |pid: Pid| fs::read_link(format!("/proc/{}/cwd", pid.as_raw_nonzero())).ok();
    let data = data.canonicalize().map_err(|e| io("find", data, e))?;
    if home(pid).as_deref() == Some(&data) {
        let _ = kill_process(pid, Signal::INT);
        let until = Instant::now() + STOP;
        while home(pid).as_deref() == Some(&data) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    // One that was stopped has removed it; one that was killed has not.
    if home(pid).as_deref() != Some(&data) && Path::new("/proc/self").exists() {
        match fs::remove_file(&pid_file) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(io("remove", &pid_file, e)),
            _ => {}
        }
    }
    Ok(())
}

/// The child processes of `pid`, of all its threads, where the system tells.
pub fn children(pid: u32) -> Vec<i32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task"));
    let mut children = Vec::new();
    for thread in threads.into_iter().flatten().flatten() {
        let list = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        let pids = list.split_whitespace();
        children.extend(pids.filter_map(|child| child.parse::<i32>().ok()));
    }
    children
}

/// Closes `folder` to everybody but its owner.
pub fn private(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
        .map_err(|e| io("close", folder, e))
}

/// Runs `command` to its end. Errors: [`Kind::Setting`] with what it complained of.
pub fn run(command: &mut Command) -> Result<()> {
    run_with_input(command, "")
}

/// [`run`] with `input` on its standard input.
pub fn run_with_input(command: &mut Command, input: &str) -> Result<()> {
    let name = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let failed = |e| Error::caused(Kind::Setting, format!("run {name}"), e);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).map_err(failed)?;
    }
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(Error::new(
        Kind::Setting,
        format!("{name} failed: {}", complaint.trim()),
    ))
}

/// An error of the file system: "make /var/lib/quire".
pub fn io(verb: &str, path: &Path, e: std::io::Error) -> Error {
    Error::caused(Kind::Setting, format!("{verb} {}", path.display()), e)
}

/// Does what blocks, beside the threads that others wait on.
/// Errors: those of `work`.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|e| Err(Error::caused(Kind::Internal, "run Postgres", e)))
}
