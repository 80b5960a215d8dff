//! The threads of the port. Each has an event loop of its own, so that a message wakes the one thread that
//! passes it on: on the server's threads, which share their work, it wakes others to look for more of it,
//! and that costs more than to pass a message on.

use std::future::Future;
use std::pin::Pin;
use std::thread;

use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::error::{Error, Kind, Result};

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Threads that end when this is dropped and all that they were given is done.
pub(super) struct Threads {
    threads: Vec<mpsc::UnboundedSender<Job>>,
    next: usize,
}

impl Threads {
    /// One for each core.
    ///
    /// # Errors
    /// `Internal` when the system has no more threads or files.
    pub fn start() -> Result<Self> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let threads = (0..cores).map(|_| start()).collect::<Result<_>>()?;
        Ok(Self { threads, next: 0 })
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
        // A thread ends after this only.
        let _ = self.threads[self.next].send(Box::pin(job));
    }
}

fn start() -> Result<mpsc::UnboundedSender<Job>> {
    let context = "start a thread of the SQL port";
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Error::caused(Kind::Internal, context, e))?;
    let (sender, mut jobs) = mpsc::unbounded_channel();
    let work = move || {
        runtime.block_on(async {
            let running = TaskTracker::new();
            while let Some(job) = jobs.recv().await {
                running.spawn(job);
            }
            running.close();
            running.wait().await;
        });
    };
    let spawned = thread::Builder::new()
        .name("sqlport".to_owned())
        .spawn(work);
    spawned.map_err(|e| Error::caused(Kind::Internal, context, e))?;
    Ok(sender)
}
