//! Colours of people's cursors: always the same for an account, readable under white text.

use uuid::Uuid;

const PALETTE: [&str; 12] = [
    "#c2410c", "#b45309", "#4d7c0f", "#15803d", "#0f766e", "#0e7490", "#1d4ed8", "#4338ca",
    "#7e22ce", "#a21caf", "#be185d", "#b91c1c",
];

/// The colour of an account, `#rrggbb`.
pub fn color_of(account_id: Uuid) -> &'static str {
    // The last bytes of every version of uuid are the random ones.
    let bytes = account_id.as_bytes();
    let number = usize::from(u16::from_be_bytes([bytes[14], bytes[15]]));
    PALETTE[number % PALETTE.len()]
}
