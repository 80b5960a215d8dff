//! The HTTP API and the page, on hyper and without a framework. What goes over a WebSocket is left
//! to `Context::on_upgrade`.

mod access_requests;
mod account;
mod account_sessions;
mod account_tokens;
mod act;
mod answer;
mod audit;
pub(crate) mod call;
mod comments;
mod connection;
mod context;
mod cookie;
mod create_document;
mod dispatch;
mod documents;
pub(crate) mod edits;
pub(crate) mod etag;
mod files;
mod folders;
mod grants;
mod groups;
pub(crate) mod guard;
mod history;
mod idempotency;
mod identities;
mod invitations;
mod oidc;
mod organisations;
mod page;
mod password_resets;
mod protection;
pub(crate) mod proxy;
pub(crate) mod route;
mod share_links;
mod sign_in;
mod sign_up;
mod status;
mod text;
mod upgrade;

pub use connection::serve_connection;
pub use context::{Context, OnEdit, OnUpgrade, Readiness, Timeouts};
pub use create_document::create_document;
pub use idempotency::drop_old_keys;
pub use password_resets::{RESETS, ResetRequest, send_resets};
pub use route::patterns;
