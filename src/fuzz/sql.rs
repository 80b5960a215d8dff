//! What clients and the database send at the SQL port.

/// See `sqlport::hostile`.
pub fn sql(bytes: &[u8]) {
    crate::sqlport::hostile::read(bytes);
}
