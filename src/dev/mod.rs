//! `quire dev`: Quire on its own private Postgres, for trying it and for its tests.

mod binaries;
mod embedded;
mod folder;
mod process;
mod user;

pub use binaries::Binaries;
pub use embedded::{EmbeddedPostgres, Stop};
pub use folder::{copies, temporary};
pub use user::User;
