//! The cookie that a browser's session is carried by.

use super::call::{Call, cookie_name};
use super::guard::is_https;
use crate::auth::{SESSION_DAYS, Token};

/// `Set-Cookie` of a new session. The browser keeps it as long as the session can live at most.
pub fn signed_in(call: &Call<'_>, token: &Token) -> String {
    cookie(call, &token.reveal(), SESSION_DAYS)
}

/// `Set-Cookie` that takes it away.
pub fn signed_out(call: &Call<'_>) -> String {
    cookie(call, "", 0)
}

/// Out of reach for scripts, not sent along by other sites' requests, and with https bound to this
/// very host.
fn cookie(call: &Call<'_>, value: &str, days: u32) -> String {
    let name = cookie_name(call.context, call.head);
    let max_age_s = days * 24 * 3600;
    let secure = if is_https(call.context, call.head) {
        "; Secure"
    } else {
        ""
    };
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_s}{secure}")
}
