//! Who may talk to this server at all: known hosts (against DNS rebinding), known origins (against
//! other sites that use a visitor's cookie), and the proof that a change was asked for by a page
//! of Quire (against forged requests).

use super::call::bearer;
use super::context::Context;
use hyper::header::{COOKIE, HOST, HeaderMap, HeaderName, ORIGIN};
use hyper::http::request::Parts;
use std::net::IpAddr;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const X_QUIRE: HeaderName = HeaderName::from_static("x-quire");

/// Whether the request names a host that is Quire's: a public address of a server, this machine,
/// or a bare IP address. Another site's name that was made to point here is none of these.
pub fn host_is_known(context: &Context, head: &Parts) -> bool {
    let Some(host) = host(head) else {
        return false;
    };
    let name = host_name(&host);
    name == "localhost"
        || name.ends_with(".localhost")
        || address(name).is_some()
        || context
            .origins()
            .iter()
            .any(|origin| authority(origin) == host)
}

/// Whether the request names a host by one word, as machines in one network do: nobody outside can make
/// such a name point here. Enough for figures, which Prometheus reads under names like `first:4400`.
pub fn is_neighbour(head: &Parts) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    host(head).is_some_and(|host| {
        let name = host_name(&host);
        !name.is_empty() && name.chars().all(is_letter)
    })
}

/// Whether the browser reached Quire by https, so that its cookie can be bound to this very host.
pub fn is_https(context: &Context, head: &Parts) -> bool {
    host(head).is_some_and(|host| {
        context
            .origins()
            .iter()
            .any(|origin| origin.strip_prefix("https://") == Some(&host))
    })
}

/// Whether the request's origin, if it names one, is Quire's own. Programs name none; browsers
/// always do when they open a WebSocket or change something.
pub fn origin_is_known(context: &Context, head: &Parts) -> bool {
    match single(&head.headers, &ORIGIN) {
        Header::Absent => true,
        Header::Twice => false,
        Header::Once(origin) => is_ours(context, head, &origin.to_ascii_lowercase()),
    }
}

/// The origin of a page of another of Quire's servers, when the request comes from one.
pub fn sister_origin(context: &Context, head: &Parts) -> Option<String> {
    let Header::Once(origin) = single(&head.headers, &ORIGIN) else {
        return None;
    };
    let origin = origin.to_ascii_lowercase();
    let is_same = host(head).is_some_and(|host| authority(&origin) == host);
    (!is_same && is_ours(context, head, &origin)).then_some(origin)
}

/// The address under which the caller reaches Quire: that of the page it is on, else this
/// server's public one.
pub fn page_origin(context: &Context, head: &Parts) -> String {
    if let Header::Once(origin) = single(&head.headers, &ORIGIN)
        && is_ours(context, head, &origin.to_ascii_lowercase())
    {
        return origin.to_ascii_lowercase();
    }
    context.own_origin()
}

/// The same for mail, which somebody else may have asked for: only what was set counts, not what
/// the request calls this server.
pub fn mail_origin(context: &Context, head: &Parts) -> String {
    match single(&head.headers, &ORIGIN) {
        Header::Once(origin) if context.origins().iter().any(|known| known == origin) => {
            origin.to_owned()
        }
        _ => context.own_origin(),
    }
}

/// Why a change is refused that no page of Quire asked for; `None`: it may go on.
pub fn forgery(context: &Context, head: &Parts) -> Option<&'static str> {
    // A cookie is sent along whoever asks; an API token only by whoever knows it.
    if bearer(head).is_some() && !head.headers.contains_key(COOKIE) {
        return None;
    }
    // A header of one's own cannot be sent by a form, and by a script of another site only after
    // a preflight, which is refused.
    if !matches!(single(&head.headers, &X_QUIRE), Header::Once("1")) {
        return Some("changes need the header X-Quire: 1");
    }
    if !origin_is_known(context, head) {
        return Some("this origin may not make changes here");
    }
    let names_origin = head.headers.contains_key(ORIGIN);
    match single(&head.headers, &SEC_FETCH_SITE) {
        Header::Absent | Header::Once("same-origin") => None,
        // From the page of another server, which has just been recognised by its origin.
        Header::Once(_) if names_origin => None,
        _ => Some("another site may not make changes here"),
    }
}

fn is_ours(context: &Context, head: &Parts, origin: &str) -> bool {
    if host(head).is_some_and(|host| is_web(origin) && authority(origin) == host) {
        return true;
    }
    context
        .origins()
        .iter()
        .any(|known| known == origin || is_same_on_loopback(known, origin))
}

/// `http://localhost:4001` and `http://127.0.0.1:4001` are the same server.
fn is_same_on_loopback(known: &str, origin: &str) -> bool {
    let (Some(known), Some(origin)) = (
        known.strip_prefix("http://"),
        origin.strip_prefix("http://"),
    ) else {
        return false;
    };
    is_loopback(host_name(known)) && is_loopback(host_name(origin)) && port(known) == port(origin)
}

fn is_loopback(name: &str) -> bool {
    name == "localhost" || address(name).is_some_and(|address| address.is_loopback())
}

fn is_web(origin: &str) -> bool {
    origin.starts_with("http://") || origin.starts_with("https://")
}

/// `host:port` of the request, lower case; absent or doubtful: `None`.
fn host(head: &Parts) -> Option<String> {
    // A request line with an absolute address overrules the header (RFC 9112, 3.2.2).
    let host = match head.uri.authority() {
        Some(authority) => authority.as_str(),
        None => match single(&head.headers, &HOST) {
            Header::Once(host) => host,
            _ => return None,
        },
    };
    Some(host.to_ascii_lowercase())
}

fn authority(origin: &str) -> &str {
    origin.split_once("://").map_or(origin, |(_, rest)| rest)
}

/// The host of `host:port`; an IPv6 address keeps its brackets.
fn host_name(authority: &str) -> &str {
    let end = authority.rfind(']').map_or(0, |at| at + 1);
    match authority[end..].find(':') {
        Some(colon) => &authority[..end + colon],
        None => authority,
    }
}

fn port(authority: &str) -> &str {
    &authority[host_name(authority).len()..]
}

fn address(name: &str) -> Option<IpAddr> {
    let bare = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(name);
    bare.parse().ok()
}

enum Header<'a> {
    Absent,
    Once(&'a str),
    Twice,
}

/// A header that must not come twice; one that is not plain ASCII counts as doubtful, too.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Header<'a> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Header::Absent,
        (Some(value), None) => value.to_str().map_or(Header::Twice, Header::Once),
        _ => Header::Twice,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_come_apart_from_ports() {
        for (authority, name) in [
            ("localhost", "localhost"),
            ("localhost:4001", "localhost"),
            ("[::1]:4001", "[::1]"),
            ("[::1]", "[::1]"),
            ("127.0.0.1:80", "127.0.0.1"),
        ] {
            assert_eq!(host_name(authority), name);
        }
    }

    #[test]
    fn loopback_names_are_one_server_only_on_one_port() {
        let known = "http://127.0.0.1:4001";
        assert!(is_same_on_loopback(known, "http://localhost:4001"));
        assert!(is_same_on_loopback(known, "http://[::1]:4001"));
        assert!(!is_same_on_loopback(known, "http://localhost:4002"));
        assert!(!is_same_on_loopback(
            known,
            "http://localhost.evil.example:4001"
        ));
        assert!(!is_same_on_loopback(known, "https://localhost:4001"));
    }
}
