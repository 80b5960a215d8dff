//! The child's side: serves requests from stdin to stdout within its own limits, and ends with its
//! parent.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::staging::Staging;
use super::wire::{Kind, put_answer, read_request};
use super::{DOCUMENT_VARIABLE, MEMORY_VARIABLE, NICE_VARIABLE, Settings, Verdict};

/// Where in the progress file stray output begins; before it stands the sequence number.
pub const STRAY_AT: u64 = 16;
const STRAY_LIMIT: u64 = 64 * 1024;
const READ_BYTES: usize = 256 * 1024;
const ANSWERS_BYTES: usize = 64 * 1024;

/// Serves the trial until stdin ends, then exits.
pub fn run() -> ! {
    let memory_bytes = told(MEMORY_VARIABLE).unwrap_or(Settings::default().memory_bytes);
    let document_bytes = told(DOCUMENT_VARIABLE).unwrap_or(Settings::default().document_bytes);
    limit_memory(memory_bytes);
    let nice = told(NICE_VARIABLE);
    // Others come first where it matters; that it is not so costs time only.
    let _ = rustix::process::nice(nice.unwrap_or_default());
    end_with_parent();
    // A panic is answered, not reported: the update that did it is hostile.
    std::panic::set_hook(Box::new(|_| {}));
    let served = serve(&mut Staging::new(memory_bytes, document_bytes));
    std::process::exit(i32::from(served.is_err()));
}

/// What the parent said in the environment.
fn told<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

fn serve(staging: &mut Staging) -> std::io::Result<()> {
    let progress = Progress::open();
    let (mut stdin, mut stdout) = (std::io::stdin().lock(), std::io::stdout().lock());
    let mut input = Input::default();
    let mut answers = Vec::with_capacity(ANSWERS_BYTES);
    loop {
        while let Some((request, end)) = read_request(input.unread()) {
            let answer = match request.kind {
                Kind::Submit => {
                    progress.mark(request.sequence);
                    Some(staging.submit(request.doc, request.payload))
                }
                Kind::Seed => {
                    progress.mark(request.sequence);
                    Some(staging.seed(request.doc, request.payload))
                }
                Kind::Committed => {
                    staging.committed(request.doc, request.payload);
                    None
                }
                Kind::Forget => {
                    staging.forget(request.doc);
                    None
                }
            };
            if let Some(verdict) = answer {
                put_answer(&mut answers, request.sequence, verdict);
            }
            input.consume(end);
            if staging.has_panicked() || answers.len() >= ANSWERS_BYTES {
                stdout.write_all(&answers)?;
                stdout.flush()?;
                answers.clear();
            }
            if staging.has_panicked() {
                // Loro's memory may be in any state; a new process has a clean one.
                return Ok(());
            }
        }
        if !answers.is_empty() {
            stdout.write_all(&answers)?;
            stdout.flush()?;
            answers.clear();
        }
        progress.tidy();
        if !input.fill(&mut stdin)? {
            return Ok(());
        }
    }
}

/// What was read and not yet served.
#[derive(Default)]
struct Input {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Input {
    fn unread(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    fn consume(&mut self, bytes: usize) {
        self.start += bytes;
    }

    /// Waits for more; false at the end of the stream.
    fn fill(&mut self, from: &mut impl Read) -> std::io::Result<bool> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() - self.end < READ_BYTES {
            self.buffer.resize(self.end + READ_BYTES, 0);
        } else if self.buffer.len() > 8 * READ_BYTES && self.end < READ_BYTES {
            self.buffer.truncate(2 * READ_BYTES);
            self.buffer.shrink_to_fit();
        }
        let read = from.read(&mut self.buffer[self.end..])?;
        self.end += read;
        Ok(read > 0)
    }
}

/// The parent gives a memory file as stderr. In its first bytes stands the request in work, so that
/// after a sudden death the parent knows which one it was; stray output follows.
struct Progress(Option<File>);

impl Progress {
    fn open() -> Self {
        let file = std::io::stderr()
            .as_fd()
            .try_clone_to_owned()
            .ok()
            .map(File::from);
        // By hand, stderr is a terminal; then nobody wants to know.
        Self(file.filter(|file| file.metadata().is_ok_and(|meta| meta.is_file())))
    }

    fn mark(&self, sequence: u64) {
        if let Some(file) = &self.0 {
            // A lost mark costs accuracy after a death, nothing else.
            let _ = file.write_at(&sequence.to_le_bytes(), 0);
        }
    }

    /// Keeps stray output (Loro prints what it cannot decode) from growing.
    fn tidy(&self) {
        let Some(mut file) = self.0.as_ref() else {
            return;
        };
        if file.metadata().is_ok_and(|meta| meta.len() > STRAY_LIMIT) {
            use std::io::Seek;
            let _ = file.set_len(STRAY_AT);
            let _ = file.seek(std::io::SeekFrom::Start(STRAY_AT));
        }
    }
}

/// Bounds the address space at what is mapped now and `memory_bytes` more. Without a limit an
/// allocation bomb would take the machine, so the child does not run without one.
fn limit_memory(memory_bytes: u64) {
    let limit = |resource, value: u64| {
        let maximum = getrlimit(resource).maximum;
        let value = maximum.map_or(value, |maximum| value.min(maximum));
        setrlimit(
            resource,
            Rlimit {
                current: Some(value),
                maximum: Some(value),
            },
        )
    };
    let limited =
        limit(Resource::As, mapped_bytes() + memory_bytes).and_then(|()| limit(Resource::Core, 0));
    if let Err(error) = limited {
        eprintln!("cannot limit memory: {error}");
        std::process::exit(2);
    }
}

fn mapped_bytes() -> u64 {
    // Pages; the first number is the whole address space (proc(5)).
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|statm| statm.split(' ').next()?.parse::<u64>().ok());
    pages.map_or(256 << 20, |pages| pages * rustix::param::page_size() as u64)
}

/// Stdin tells of the parent's end, but not to a child that is stuck in an update.
fn end_with_parent() {
    let parent = std::os::unix::process::parent_id();
    let watch = move || {
        loop {
            std::thread::sleep(Duration::from_secs(1));
            if std::os::unix::process::parent_id() != parent {
                std::process::exit(0);
            }
        }
    };
    if std::thread::Builder::new()
        .stack_size(64 * 1024)
        .spawn(watch)
        .is_err()
    {
        std::process::exit(2);
    }
}

/// A verdict that stands for "seeded".
pub const SEEDED: Verdict = Verdict::Known { durable: true };
