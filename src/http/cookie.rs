//! The cookies: of a browser's session, and of its way to the OpenID provider and back.

use super::call::{Call, cookie_name, cookie_of};
use super::guard::is_https;
use crate::auth::{OIDC_MINUTES, SESSION_DAYS, Token};

/// `Set-Cookie` of a new session. The browser keeps it as long as the session can live at most.
pub fn signed_in(call: &Call<'_>, token: &Token) -> String {
    let name = cookie_name(call.context, call.head);
    cookie(call, name, &token.reveal(), SESSION_DAYS * 24 * 3600)
}

/// `Set-Cookie` that takes it away.
pub fn signed_out(call: &Call<'_>) -> String {
    cookie(call, cookie_name(call.context, call.head), "", 0)
}

/// `Set-Cookie` of a browser that goes to the provider.
pub fn set_out(call: &Call<'_>, token: &Token) -> String {
    cookie(call, oidc_name(call), &token.reveal(), OIDC_MINUTES * 60)
}

/// The secret of a browser that is on its way.
pub fn on_the_way(call: &Call<'_>) -> Option<Token> {
    cookie_of(call.head, oidc_name(call))
}

/// `Set-Cookie` that takes it away.
pub fn came_back(call: &Call<'_>) -> String {
    cookie(call, oidc_name(call), "", 0)
}

fn oidc_name(call: &Call<'_>) -> &'static str {
    if is_https(call.context, call.head) {
        "__Host-quire_oidc"
    } else {
        "quire_oidc"
    }
}

/// Out of reach for scripts, not sent along by other sites' requests, and with https bound to this
/// very host.
fn cookie(call: &Call<'_>, name: &str, value: &str, max_age_s: u32) -> String {
    let secure = if is_https(call.context, call.head) {
        "; Secure"
    } else {
        ""
    };
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_s}{secure}")
}
