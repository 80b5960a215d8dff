//! Prepared statements with calls: what is computed anew each time that one is bound.

use std::sync::Arc;

use super::find::Found;
use super::message::Bind;
use super::rewrite::Rewritten;

/// A prepared statement with calls.
#[derive(Debug)]
pub(super) struct Prepared {
    pub found: Found,
    pub rewritten: Arc<Rewritten>,
    /// The types of its parameters that the client has declared.
    pub types: Vec<u32>,
}

/// The type and the value of a parameter: format, bytes.
pub(super) type Given<'a> = (u32, (u16, Option<&'a [u8]>));

impl Prepared {
    /// What the client gives for a parameter, of which the first is 1.
    pub fn given<'a>(&self, bind: &Bind<'a>, number: u16) -> Given<'a> {
        let index = usize::from(number).saturating_sub(1);
        let oid = self.types.get(index).copied().unwrap_or(0);
        let value = bind.values.get(index).copied().flatten();
        (oid, (bind.format(index), value))
    }
}
