//! Small disks under a Postgres, one for its files and one inside of it for its log, which can be
//! filled. The guardian of the cluster's folder unmounts them, however the tests end.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::kit::postgres::Cluster;
use crate::kit::random::Random;

/// Far more than the rounds write; it is taken from the machine's memory when it is used.
const ROOM: &str = "3g";
/// How often it is tried to leave no room.
const TRIES: usize = 100;
/// Segments of the log that may be left over to write into, at most.
const SEGMENTS: usize = 400;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    /// Tables cannot grow; what fits into the pages that there are is still written.
    Files,
    /// The log cannot be written: Postgres panics, and cannot recover until there is space.
    Log,
}

/// Whether this machine lets us mount anything: that needs root, and more inside of a container.
pub fn can_be_had() -> bool {
    static TRIED: OnceLock<bool> = OnceLock::new();
    *TRIED.get_or_init(|| {
        let folder = quire::dev::temporary().expect("a temporary folder");
        let is_mounted = mount(&folder, "64k");
        if is_mounted {
            let unmounted = Command::new("umount").arg(&folder).status();
            assert!(unmounted.expect("umount runs").success(), "unmounted");
        }
        std::fs::remove_dir(&folder).expect("removed");
        is_mounted
    })
}

/// Puts both under the database that will lie in `folder`.
pub fn put_under(folder: &Path) {
    for place in [folder.join("data"), folder.join("data/pg_wal")] {
        std::fs::create_dir(&place).expect("a place for the disk");
        assert!(mount(&place, ROOM), "a disk for {}", place.display());
    }
}

impl Disk {
    pub fn one(random: &mut Random) -> Self {
        *random.pick(&[Self::Files, Self::Log])
    }

    /// Takes every byte that is free. Returns when the log could not be written, where that is meant.
    pub async fn fill(self, cluster: &Cluster) {
        let place = self.place(cluster);
        // Who writes meanwhile may need more than was just measured.
        let is_full = (0..TRIES).any(|_| resize(&place, &used(&place).to_string()));
        assert!(is_full, "no room is left on {}", place.display());
        if self == Self::Files {
            return;
        }
        // What is left of the log's segments is used up.
        let url = cluster.url("postgres");
        for _ in 0..SEGMENTS {
            let Ok((client, connection)) =
                tokio_postgres::connect(&url, tokio_postgres::NoTls).await
            else {
                return;
            };
            tokio::spawn(async move {
                // Its end is what is waited for.
                let _ = connection.await;
            });
            let use_up = "select pg_logical_emit_message(false, 'filler', ''), pg_switch_wal()";
            while client.simple_query(use_up).await.is_ok() {}
        }
        panic!("the log is still written");
    }

    /// There is space again, and Postgres is started where it gave up.
    pub async fn clear(self, cluster: &mut Cluster) {
        let place = self.place(cluster);
        assert!(resize(&place, ROOM), "room on {}", place.display());
        cluster.recover().await;
    }

    fn place(self, cluster: &Cluster) -> PathBuf {
        let data = cluster.postgres().data();
        match self {
            Self::Files => data,
            Self::Log => data.join("pg_wal"),
        }
    }
}

fn mount(place: &Path, size: &str) -> bool {
    let mount = Command::new("mount")
        .args(["-t", "tmpfs", "-o"])
        .arg(format!("size={size}"))
        .arg("tmpfs")
        .arg(place)
        .stderr(std::process::Stdio::null())
        .status();
    mount.is_ok_and(|status| status.success())
}

/// How many bytes are taken.
fn used(place: &Path) -> u64 {
    let disk = rustix::fs::statvfs(place).expect("its size");
    (disk.f_blocks - disk.f_bfree) * disk.f_frsize
}

/// Not possible where more is taken than that.
fn resize(place: &Path, size: &str) -> bool {
    let resized = Command::new("mount")
        .arg("-o")
        .arg(format!("remount,size={size}"))
        .arg(place)
        .stderr(std::process::Stdio::null())
        .status();
    resized.expect("mount runs").success()
}
