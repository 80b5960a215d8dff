//! The codec: as published, bounded, and indifferent to hostile bytes.

mod hostile;
mod published;
mod reassembly;
mod updates;
