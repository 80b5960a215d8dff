//! What the HTTP side of a server is given: the database, the addresses of all servers, whether
//! this one is ready, and whom it hands WebSockets to.

use super::password_resets::ResetRequest;
use super::published::Pages;
use crate::auth::Session;
use crate::commit::lease::Lease;
use crate::directory::Directory;
use crate::document::history::Histories;
use crate::document::trial::DocKey;
use crate::error::Result;
use crate::oidc::Provider;
use crate::overview::Overview;
use crate::postgres::Pool;
use crate::presence::Servers;
use crate::protocol::AckStatus;
use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Takes over an upgraded connection until it is closed. The session is the one of the cookie or
/// of an API token in `?token=`; without one the connection is accepted all the same, because a join may carry
/// the token.
pub type OnUpgrade = Arc<
    dyn Fn(TokioIo<Upgraded>, Option<Session>) -> Pin<Box<dyn Future<Output = ()> + Send>>
        + Send
        + Sync,
>;

/// Takes an edit the way of those that come over WebSockets, and says what became of it.
pub type OnEdit = Arc<
    dyn Fn(DocKey, Session, Lease, Bytes) -> Pin<Box<dyn Future<Output = Result<AckStatus>> + Send>>
        + Send
        + Sync,
>;

/// Whether this server should be sent new readers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It should.
    Ready,
    /// It should not; the reason, for operators.
    NotReady(String),
}

/// How long a client may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// From the first to the last byte of a request's head; also how long an idle connection is
    /// kept.
    pub head: Duration,
    /// For a request's body.
    pub body: Duration,
    /// From the head to the answer.
    pub call: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(30),
            body: Duration::from_secs(15),
            call: Duration::from_secs(30),
        }
    }
}

/// Shared by all HTTP connections of a server.
pub struct Context {
    /// Connections to the database.
    pub pool: Pool,
    /// Organisations that are not served here.
    pub directory: Directory,
    /// Origins under which browsers reach Quire, as set: this server's own first, then perhaps
    /// those of other servers and of a balancer. At least one, such as `http://127.0.0.1:4001`.
    pub public_urls: Vec<String>,
    /// The own addresses of all live servers, as their heartbeats name them.
    pub servers: watch::Receiver<Servers>,
    /// Whether this server should be sent new readers.
    pub readiness: watch::Receiver<Readiness>,
    /// How the installation is.
    pub overview: Arc<Overview>,
    /// Whom WebSockets are handed to.
    pub on_upgrade: OnUpgrade,
    /// Histories of documents that were asked for last.
    pub histories: Histories,
    /// Published pages that were read last.
    pub pages: Pages,
    /// Whether caches in front of Quire are told when a published page changes.
    pub purges: bool,
    /// Whom edits are handed to.
    pub on_edit: OnEdit,
    /// Where requests for a new password go, to whoever sends the mails.
    pub resets: mpsc::Sender<ResetRequest>,
    /// The proxies whose word on where a request came from is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether anybody may sign up.
    pub open_sign_up: bool,
    /// The provider by which people may sign in, if one is set.
    pub oidc: Option<Provider>,
    /// How long clients may take.
    pub timeouts: Timeouts,
}

impl Context {
    /// This server's own address.
    ///
    /// # Panics
    /// When `public_urls` is empty.
    pub(super) fn own_origin(&self) -> String {
        origin_of(self.public_urls.first().expect("a server has an address"))
    }

    /// The addresses of the live servers, this one's first.
    pub(super) fn live_origins(&self) -> Vec<String> {
        let mut origins = vec![self.own_origin()];
        add(&mut origins, &self.servers.borrow().live);
        origins
    }

    /// Every origin that is Quire's own, this server's first: live servers and what was set.
    pub(super) fn origins(&self) -> Vec<String> {
        let mut origins = self.live_origins();
        add(&mut origins, &self.servers.borrow().away);
        add(&mut origins, &self.public_urls);
        origins
    }
}

fn add(origins: &mut Vec<String>, addresses: &[String]) {
    for address in addresses {
        let origin = origin_of(address);
        if !origins.contains(&origin) {
            origins.push(origin);
        }
    }
}

/// An address as browsers write an origin: lower case, no path, no port that goes without saying.
fn origin_of(address: &str) -> String {
    let scheme_end = address.find("://").map_or(0, |at| at + 3);
    let authority_end = address[scheme_end..]
        .find('/')
        .map_or(address.len(), |at| scheme_end + at);
    let origin = address[..authority_end].to_ascii_lowercase();
    let usual_port = if origin.starts_with("https://") {
        ":443"
    } else {
        ":80"
    };
    origin
        .strip_suffix(usual_port)
        .map_or(origin.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::origin_of;

    #[test]
    fn an_origin_is_what_a_browser_calls_it() {
        assert_eq!(origin_of("https://Quire.example/"), "https://quire.example");
        assert_eq!(origin_of("http://127.0.0.1:4001"), "http://127.0.0.1:4001");
        assert_eq!(origin_of("https://b.example:443"), "https://b.example");
        assert_eq!(origin_of("http://b.example:443"), "http://b.example:443");
    }
}
