//! A link that can fail: a TCP proxy between clients and a server, or between a server and Postgres.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What a link does with what it is given, in each of its directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    Passes,
    /// Everything arrives so much later.
    Delays(Duration),
    /// So many bytes a second.
    Throttles(u32),
    /// Nothing arrives and nobody is told: the other side is gone without a word.
    Swallows,
}

/// Where a link leads.
#[derive(Debug, Clone)]
pub enum Target {
    Tcp(String),
    Unix(PathBuf),
}

#[derive(Debug, Clone, Copy)]
struct Condition {
    there: Manner,
    back: Manner,
    is_cut: bool,
}

const WELL: Condition = Condition {
    there: Manner::Passes,
    back: Manner::Passes,
    is_cut: false,
};

/// Listens on a loopback port of its own, which stays the same whatever it leads to.
pub struct Link {
    address: String,
    target: Arc<Mutex<Target>>,
    condition: watch::Sender<Condition>,
    task: JoinHandle<()>,
}

impl Link {
    pub async fn to(target: Target) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its number").to_string();
        let target = Arc::new(Mutex::new(target));
        let (condition, told) = watch::channel(WELL);
        let task = tokio::spawn(accept(listener, target.clone(), told));
        Self {
            address,
            target,
            condition,
            task,
        }
    }

    /// `127.0.0.1:4711`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Leads new connections elsewhere.
    pub fn leads_to(&self, target: Target) {
        *self.target.lock().expect("nothing panics with it") = target;
    }

    /// Cuts every connection and takes no new one.
    pub fn cut(&self) {
        self.condition
            .send_modify(|condition| condition.is_cut = true);
    }

    /// What it does to what goes to the target, and to what comes back.
    pub fn behave(&self, there: Manner, back: Manner) {
        self.condition.send_modify(|condition| {
            condition.there = there;
            condition.back = back;
        });
    }

    /// All is well again, except for connections that lost something: those end.
    pub fn mend(&self) {
        self.condition.send_replace(WELL);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    target: Arc<Mutex<Target>>,
    condition: watch::Receiver<Condition>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        if condition.borrow().is_cut {
            continue;
        }
        let target = target.lock().expect("nothing panics with it").clone();
        tokio::spawn(connection(stream, target, condition.clone()));
    }
}

/// Ends with either side, or when the link is cut or gone.
async fn connection(client: TcpStream, target: Target, condition: watch::Receiver<Condition>) {
    let _ = client.set_nodelay(true);
    let (from, to) = client.into_split();
    let carried = async {
        match target {
            Target::Tcp(address) => {
                if let Ok(stream) = TcpStream::connect(address).await {
                    let _ = stream.set_nodelay(true);
                    let (back, there) = stream.into_split();
                    both(from, there, back, to, &condition).await;
                }
            }
            Target::Unix(path) => {
                if let Ok(stream) = UnixStream::connect(path).await {
                    let (back, there) = stream.into_split();
                    both(from, there, back, to, &condition).await;
                }
            }
        }
    };
    let mut cut = condition.clone();
    tokio::select! {
        () = carried => {}
        _ = cut.wait_for(|condition| condition.is_cut) => {}
    }
}

async fn both(
    from: impl AsyncRead + Unpin,
    there: impl AsyncWrite + Unpin,
    back: impl AsyncRead + Unpin,
    to: impl AsyncWrite + Unpin,
    condition: &watch::Receiver<Condition>,
) {
    tokio::select! {
        () = carry(from, there, condition.clone(), |c| c.there) => {}
        () = carry(back, to, condition.clone(), |c| c.back) => {}
    }
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut condition: watch::Receiver<Condition>,
    direction: fn(&Condition) -> Manner,
) {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let Ok(count @ 1..) = from.read(&mut bytes).await else {
            return;
        };
        let manner = direction(&condition.borrow_and_update());
        match manner {
            Manner::Passes => {}
            Manner::Delays(delay) => tokio::time::sleep(delay).await,
            Manner::Throttles(bytes_per_s) => {
                let seconds = count as f64 / f64::from(bytes_per_s);
                tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
            }
            Manner::Swallows => {
                // What was sent while nothing arrives never will: the connection is of no use any more.
                let ended = condition.wait_for(|c| c.is_cut || direction(c) != Manner::Swallows);
                let _ = ended.await;
                return;
            }
        }
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
