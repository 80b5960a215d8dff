//! Messages that servers write into the log, where the feeds of all of them bring them: writing one,
//! and the parts that they are made of.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use uuid::Uuid;

use crate::error::Result;
use crate::postgres::{PoolClient, failed};

const EMIT_MESSAGE: &str = include_str!("../../sql/emit_message.sql");

/// Writes a message into the log.
///
/// # Errors
/// When the database cannot be written to.
pub async fn emit(client: &PoolClient, message: &[u8]) -> Result<()> {
    let context = "write a message into the log";
    let statement = client
        .prepare_cached(EMIT_MESSAGE)
        .await
        .map_err(failed(context))?;
    client
        .execute(&statement, &[&message])
        .await
        .map_err(failed(context))?;
    Ok(())
}

/// Writes bytes after their number.
pub fn put_bytes(out: &mut BytesMut, bytes: &[u8]) {
    out.put_u32(bytes.len() as u32);
    out.put_slice(bytes);
}

/// What [`put_bytes`] wrote; none when less than that is there.
pub fn take_bytes(bytes: &mut Bytes) -> Option<Bytes> {
    let len = bytes.try_get_u32().ok()? as usize;
    (len <= bytes.len()).then(|| bytes.split_to(len))
}

/// The same as text; none when it is not UTF-8.
pub fn take_text(bytes: &mut Bytes) -> Option<String> {
    String::from_utf8(take_bytes(bytes)?.to_vec()).ok()
}

/// So many bytes as they are.
pub fn take_array<const N: usize>(bytes: &mut Bytes) -> Option<[u8; N]> {
    let mut array = [0; N];
    bytes.try_copy_to_slice(&mut array).ok()?;
    Some(array)
}

/// An id.
pub fn take_uuid(bytes: &mut Bytes) -> Option<Uuid> {
    take_array(bytes).map(Uuid::from_bytes)
}
