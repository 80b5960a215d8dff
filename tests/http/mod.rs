//! The HTTP API and the page, over real sockets and on a real database.

mod access_requests;
mod api_tokens;
mod comments;
mod cookies;
mod devices;
mod documents;
mod edits;
mod examples;
mod export;
mod guards;
mod history;
mod invitations;
mod limits;
mod mailbox;
mod oidc;
mod openapi;
mod organisations;
mod overview;
mod page;
mod passwords;
mod publication;
mod resets;
mod share_links;
mod sign_in;
mod sign_up;

pub mod site;
mod status;
mod upgrade;
