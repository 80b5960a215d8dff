//! Where private databases lie: temporary ones, and copies of programs for them.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::PathBuf;

use super::process::io;
use crate::error::{Error, Kind, Result};

/// Open for the ordinary user to pass through, and for nobody to look around in.
const PASSABLE: u32 = 0o711;

/// A new folder for a database that will not be kept.
pub fn temporary() -> Result<PathBuf> {
    let mut random = [0; 8];
    getrandom::fill(&mut random)
        .map_err(|e| Error::caused(Kind::Internal, "take random bytes", e))?;
    let folder = std::env::temp_dir().join(format!("quire-{:016x}", u64::from_ne_bytes(random)));
    fs::DirBuilder::new()
        .mode(PASSABLE)
        .create(&folder)
        .map_err(|e| io("make", &folder, e))?;
    Ok(folder)
}

/// The folder for copies of the npm package's programs that temporary databases share.
/// Errors: [`Kind::Setting`] when somebody else has made it.
pub fn copies() -> Result<PathBuf> {
    let uid = rustix::process::geteuid().as_raw();
    let folder = std::env::temp_dir().join(format!("quire-programs-{uid}"));
    let made = fs::DirBuilder::new().mode(PASSABLE).create(&folder);
    let owner = fs::symlink_metadata(&folder);
    match (made, owner) {
        (Ok(()), _) => Ok(folder),
        (Err(_), Ok(owner)) if owner.uid() == uid && owner.is_dir() => Ok(folder),
        (Err(e), _) => Err(io("make", &folder, e)),
    }
}
