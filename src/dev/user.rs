//! The ordinary user who runs Postgres. It refuses to run as root, so root borrows the account
//! `postgres` or `nobody`, by number: neither `su` nor a shell is needed.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::error::{Error, Kind, Result};

/// Who runs Postgres: ourselves, or an account that root borrows.
#[derive(Debug, Clone)]
pub struct User {
    borrowed: Option<Account>,
}

#[derive(Debug, Clone)]
struct Account {
    name: &'static str,
    uid: u32,
    gid: u32,
}

impl User {
    /// Ourselves unless we are root. Errors: [`Kind::Setting`] when root finds no account to borrow.
    pub fn ordinary() -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self { borrowed: None });
        }
        let accounts = fs::read_to_string("/etc/passwd")
            .map_err(|e| Error::caused(Kind::Setting, "read /etc/passwd", e))?;
        ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| account(&accounts, name))
            .map(|account| Self {
                borrowed: Some(account),
            })
            .ok_or_else(|| {
                Error::new(
                    Kind::Setting,
                    "Postgres does not run as root, and there is no account postgres or nobody to \
                     run it: run Quire as an ordinary user",
                )
            })
    }

    /// Makes `command` run as this user, from a folder that this user can be in.
    pub fn runs<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        if let Some(account) = &self.borrowed {
            command.uid(account.uid).gid(account.gid).current_dir("/");
        }
        command
    }

    /// Gives `path` to this user.
    pub fn give(&self, path: &Path) -> Result<()> {
        match &self.borrowed {
            None => Ok(()),
            Some(account) => chown(path, Some(account.uid), Some(account.gid)).map_err(|e| {
                Error::caused(
                    Kind::Setting,
                    format!("give {} to the account {}", path.display(), account.name),
                    e,
                )
            }),
        }
    }

    /// Refuses a folder that this user cannot get into, with the mend.
    pub fn check_reaches(&self, folder: &Path) -> Result<()> {
        let Some(account) = &self.borrowed else {
            return Ok(());
        };
        let status = self
            .runs(Command::new("test").arg("-x").arg(folder))
            .status()
            .map_err(|e| Error::caused(Kind::Internal, "run test", e))?;
        if status.success() {
            return Ok(());
        }
        Err(Error::new(
            Kind::Setting,
            format!(
                "--data {} cannot be reached by the account {}, which runs Postgres because root \
                 may not: choose a folder whose parents are open to all, such as /var/lib/quire",
                folder.display(),
                account.name
            ),
        ))
    }
}

fn account(passwd: &str, name: &'static str) -> Option<Account> {
    let line = passwd
        .lines()
        .find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    let uid = fields.next()?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    Some(Account { name, uid, gid })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let passwd = "root:x:0:0::/root:/bin/sh\npostgres2:x:7:7::/:\npostgres:x:101:104::/:\n";
        let found = account(passwd, "postgres").expect("it is there");
        assert_eq!((found.uid, found.gid), (101, 104));
        assert!(account(passwd, "nobody").is_none());
    }
}
