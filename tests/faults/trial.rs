//! The process that tries updates, and memory that runs out.

use std::fs;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use super::stage::Seat;

/// The server's child that tries updates. Any of its threads may have started it.
pub fn process(seat: &Seat) -> Pid {
    let threads = fs::read_dir(format!("/proc/{}/task", seat.pid())).expect("the server runs");
    let children = threads.filter_map(|thread| {
        let path = thread.ok()?.path().join("children");
        fs::read_to_string(path).ok()
    });
    let all = children.collect::<Vec<_>>().join(" ");
    let child = all.split_whitespace().find_map(|pid| pid.parse().ok());
    child.and_then(Pid::from_raw).expect("a trial")
}

/// From here on it gets no more memory than it has.
pub fn starve(process: Pid) {
    let path = format!("/proc/{}/statm", process.as_raw_nonzero());
    // One that has ended meanwhile needs none.
    let Ok(text) = fs::read_to_string(path) else {
        return;
    };
    let pages: u64 = text
        .split(' ')
        .next()
        .and_then(|pages| pages.parse().ok())
        .expect("its size");
    let limit = Rlimit {
        current: Some(pages * rustix::param::page_size() as u64),
        maximum: getrlimit(Resource::As).maximum,
    };
    let _ = prlimit(Some(process), Resource::As, limit);
}
