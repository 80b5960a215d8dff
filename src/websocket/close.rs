//! Close codes of Quire; PROTOCOL.md says what a client does with each.

pub(super) type Code = u16;

/// The server stops; connect to another after the reason's `retry_after_ms`.
pub(super) const DRAINING: Code = 4001;
/// A message that cannot be read.
pub(super) const PROTOCOL_ERROR: Code = 4400;
/// Nobody is signed in, or the session has ended.
pub(super) const SIGNED_OUT: Code = 4401;
/// Nothing was heard for too long.
pub(super) const SILENT: Code = 4408;
/// A message over the limit.
pub(super) const TOO_LARGE: Code = 4413;
/// Too many connections.
pub(super) const TOO_MANY: Code = 4429;
