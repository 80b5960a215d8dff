//! The head of an HTTP request, as far as it is read without the server's settings.

use hyper::Request;
use hyper::header::{AUTHORIZATION, COOKIE, IF_MATCH};
use std::net::{IpAddr, Ipv4Addr};

use crate::http::call::{bearer, cookie_of, parameter};
use crate::http::etag;
use crate::http::proxy::client_address;
use crate::http::route::Route;

/// Lines: the address, then headers as they stand in a request, name first.
pub fn request(bytes: &[u8]) {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let mut request = Request::get(lines.next().unwrap_or_default());
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = line.split_at(colon.unwrap_or(line.len()));
        request = request.header(name, value.get(1..).unwrap_or_default());
    }
    let Ok(request) = request.body(()) else {
        return;
    };
    let (head, ()) = request.into_parts();
    let trusted = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().expect("a network"));
    let proxy = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    let client = client_address(&trusted, proxy, &head.headers);
    let stranger = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    assert_eq!(client_address(&trusted, stranger, &head.headers), stranger);
    assert_eq!(client, client.to_canonical());

    let token = cookie_of(&head, "quire_session");
    assert!(token.is_none() || head.headers.contains_key(COOKIE));
    assert!(bearer(&head).is_none() || head.headers.contains_key(AUTHORIZATION));
    let _ = parameter(&head, "token");
    for tag in head.headers.get_all(IF_MATCH) {
        let ends = tag.to_str().ok().and_then(etag::read);
        assert!(ends.is_none_or(|ends| ends.iter().all(|id| id.counter >= 0)));
    }
    if let Some(route) = Route::of(head.uri.path()) {
        assert!(!route.methods().is_empty());
    }
}
