//! The headers that every answer carries, so that the browser protects the page.

use super::answer::Answer;
use super::context::Context;
use super::guard::is_https;
use hyper::header::{
    CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::http::request::Parts;

const FIXED: [(HeaderName, &str); 4] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// Adds them. They are on every answer, also on refusals.
pub fn protect(context: &Context, head: &Parts, answer: &mut Answer) {
    let headers = answer.headers_mut();
    for (name, value) in &FIXED {
        headers.insert(name.clone(), HeaderValue::from_static(value));
    }
    // An address that cannot stand in a header is left out: the policy is then the stricter one.
    let policy = HeaderValue::from_str(&content_security_policy(&context.origins()))
        .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"));
    // A file that is exported brings a stricter one.
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(policy);
    if is_https(context, head) {
        let only_https = HeaderValue::from_static("max-age=31536000");
        headers.insert(STRICT_TRANSPORT_SECURITY, only_https);
    }
}

/// Only what comes from Quire runs, and the page talks only to Quire's servers.
fn content_security_policy(origins: &[String]) -> String {
    let mut connect = String::from("'self'");
    for origin in origins {
        // http becomes ws, and https wss.
        let socket = origin.replacen("http", "ws", 1);
        connect.push_str(&format!(" {origin} {socket}"));
    }
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data: blob:; connect-src {connect}; font-src 'self'; \
         manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'"
    )
}

#[cfg(test)]
mod tests {
    use super::content_security_policy;

    #[test]
    fn the_page_talks_only_to_its_servers() {
        let origins = ["http://127.0.0.1:4001".into(), "https://b.example".into()];
        let policy = content_security_policy(&origins);
        assert!(policy.contains(
            "connect-src 'self' http://127.0.0.1:4001 ws://127.0.0.1:4001 \
             https://b.example wss://b.example;"
        ));
    }
}
