//! The codec: as published, bounded, and indifferent to hostile bytes.

mod hostile;
pub mod published;
mod reassembly;
mod updates;
