//! Whatever reads bytes from outside, as functions of bytes: each is a target of `fuzz/`, and the
//! tests run everything kept in `fuzz/corpus` through it. A function panics when something that
//! must hold does not; what Loro panics of is contained here as it is in the product.

mod feed;
mod frames;
mod page;
mod presence;
mod request;
mod sql;
mod update;

pub use feed::feed;
pub use frames::frames;
pub use page::{edits, markdown};
pub use presence::presence;
pub use request::request;
pub use sql::sql;
pub use update::{base_rows, base_snapshot, trial, update};

/// Takes in bytes from outside.
pub type Target = fn(&[u8]);

/// Every target by its name, which is also that of its folder in `fuzz/corpus`.
pub const TARGETS: [(&str, Target); 9] = [
    ("frames", frames),
    ("feed", feed),
    ("update", update),
    ("trial", trial),
    ("presence", presence),
    ("request", request),
    ("edits", edits),
    ("markdown", markdown),
    ("sql", sql),
];
