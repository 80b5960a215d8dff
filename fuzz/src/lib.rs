//! What the targets share.

pub mod block;

use std::collections::HashSet;
use std::sync::Mutex;

/// Memory that a target may take: as in the product, whoever asks for more dies of it.
const MEMORY_BYTES: u64 = 3 << 30;

/// A panic that is caught counts as contained: it is said once for each place and goes on. One that
/// is not caught still ends the target, as a finding.
pub fn contain() {
    static PLACES: Mutex<Option<HashSet<String>>> = Mutex::new(None);
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let Ok(mut places) = PLACES.lock() else { return };
        if places.get_or_insert_default().insert(place.clone()) {
            eprintln!("panic at {place}: {panic}");
        }
    }));
    let limit = rustix::process::Rlimit {
        current: Some(MEMORY_BYTES),
        maximum: Some(MEMORY_BYTES),
    };
    rustix::process::setrlimit(rustix::process::Resource::As, limit).expect("memory is limited");
}
