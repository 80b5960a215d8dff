//! `quire dev`: Quire on its own private Postgres, for trying it and for its tests.

mod binaries;
mod dba;
mod embedded;
mod folder;
mod options;
mod process;
mod reserved;
mod run;
mod server_process;
mod standby;
mod user;

pub use binaries::{Binaries, usable};
pub use embedded::{EmbeddedPostgres, Stop};
pub use folder::{copies, temporary};
pub use options::Options;
pub(crate) use process::blocking;
pub use process::children;
pub use reserved::Reserved;
pub use run::run;
pub use server_process::{LOG, ServerProcess};
pub use standby::{start_standby, start_standbys, url_of_all};
pub use user::User;
