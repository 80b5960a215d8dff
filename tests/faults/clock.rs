//! Clocks that can be set, of a Postgres and of each server: libfaketime reads a file at each look.
//! The monotonic clock, which measures how long something takes, is left alone.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use quire::dev::Binaries;

use crate::kit::random::Random;

/// The farthest jump.
const HOURS: usize = 12;

/// A folder with the clocks, and with programs that look at them.
pub struct Clocks {
    folder: PathBuf,
}

/// Whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Postgres,
    Server(usize),
}

impl Clocks {
    /// Puts them into `folder`, which is whoever's runs Postgres to look into.
    pub fn put_into(folder: &Path) -> Self {
        let folder = folder.join("clocks");
        fs::create_dir(&folder).expect("a folder");
        open(&folder);
        Self { folder }
    }

    /// The programs of a Postgres that looks at its clock here.
    pub fn postgres(&self, binaries: &Binaries) -> Binaries {
        self.set(Whose::Postgres, 0);
        let program = self.program(Whose::Postgres, &binaries.bin.join("postgres"));
        let bin = self.folder.join("bin");
        fs::create_dir(&bin).expect("a folder");
        open(&bin);
        fs::rename(program, bin.join("postgres")).expect("moved");
        Binaries {
            bin,
            major: binaries.major,
        }
    }

    /// `program` of a server that looks at its clock here.
    pub fn server(&self, server: usize, program: &Path) -> PathBuf {
        let whose = Whose::Server(server);
        self.set(whose, 0);
        self.program(whose, program)
    }

    /// Sets a clock so many hours ahead, or back.
    pub fn set(&self, whose: Whose, hours: i64) {
        let file = self.file(whose);
        // At once: whoever looks finds the old time or the new one.
        let next = file.with_extension("next");
        fs::write(&next, format!("{hours:+}h")).expect("written");
        fs::rename(next, file).expect("renamed");
    }

    /// Ahead or back, by up to half a day.
    pub fn jump(random: &mut Random) -> i64 {
        let hours = 1 + random.below(HOURS) as i64;
        if random.chance(50) { hours } else { -hours }
    }

    /// Removes what libfaketime keeps for the processes that this one would start.
    pub fn forget(pid: u32) {
        for name in ["faketime_shm_", "sem.faketime_sem_"] {
            // One that was started without it left none.
            let _ = fs::remove_file(format!("/dev/shm/{name}{pid}"));
        }
    }

    fn file(&self, whose: Whose) -> PathBuf {
        let name = match whose {
            Whose::Postgres => "postgres".to_owned(),
            Whose::Server(server) => format!("server-{server}"),
        };
        self.folder.join(name).with_extension("clock")
    }

    fn program(&self, whose: Whose, program: &Path) -> PathBuf {
        let (file, library) = (self.file(whose), library());
        let own = file.with_extension("sh");
        let text = format!(
            "#!/bin/sh\nexport LD_PRELOAD={} FAKETIME_TIMESTAMP_FILE={}\n\
             export FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1\nexec {} \"$@\"\n",
            library.display(),
            file.display(),
            program.display(),
        );
        fs::write(&own, text).expect("written");
        open(&own);
        own
    }
}

/// Everybody may look and run.
fn open(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("opened");
}

/// The one that Debian's package brings.
fn library() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").expect("a system's folder");
    let found = folders
        .filter_map(|folder| Some(folder.ok()?.path().join("faketime/libfaketimeMT.so.1")))
        .find(|library| library.exists());
    found.expect("libfaketime is installed: `make tools` does that")
}
