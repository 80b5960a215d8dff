//! The HTTP API and the page, over real sockets and on a real database.

mod api_tokens;
mod cookies;
mod devices;
mod documents;
mod guards;
mod invitations;
mod limits;
mod organisations;
mod page;
mod passwords;
mod share_links;
mod sign_in;
pub mod site;
mod status;
mod upgrade;
