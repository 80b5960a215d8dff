//! The threads of the port. Each has an event loop of its own, so that a message wakes the one thread that
//! passes it on: on the server's threads, which share their work, it wakes others to look for more of it,
//! and that costs more than to pass a message on.

use std::thread;

use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle};
use tokio_util::task::TaskTracker;

use crate::error::{Error, Kind, Result};

/// Threads that end when this is dropped and all that they were given is done.
pub(super) struct Threads {
    threads: Vec<Handle>,
    next: usize,
    running: TaskTracker,
}

impl Threads {
    /// One for each core.
    ///
    /// # Errors
    /// `Internal` when the system has no more threads or files.
    pub fn start() -> Result<Self> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        // Closed when it is dropped, also if not all of them start.
        let mut threads = Self {
            threads: Vec::new(),
            next: 0,
            running: TaskTracker::new(),
        };
        for _ in 0..cores {
            threads.threads.push(start(threads.running.clone())?);
        }
        Ok(threads)
    }

    /// Serves a connection on the thread whose turn it is; sockets that are opened there belong to it.
    pub fn serve<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        stream: std::net::TcpStream,
        serve: impl FnOnce(TcpStream) -> F + Send + 'static,
    ) {
        self.next = (self.next + 1) % self.threads.len();
        let job = async {
            match TcpStream::from_std(stream) {
                Ok(stream) => serve(stream).await,
                Err(error) => tracing::error!(%error, "watch a connection to the SQL port"),
            }
        };
        self.running.spawn_on(job, &self.threads[self.next]);
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.running.close();
    }
}

fn start(running: TaskTracker) -> Result<Handle> {
    let context = "start a thread of the SQL port";
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Error::caused(Kind::Internal, context, e))?;
    let handle = runtime.handle().clone();
    let spawned = thread::Builder::new()
        .name("sqlport".to_owned())
        .spawn(move || runtime.block_on(running.wait()));
    spawned.map_err(|e| Error::caused(Kind::Internal, context, e))?;
    Ok(handle)
}
