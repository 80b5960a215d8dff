//! Who is behind a proxy: what the proxies of one's own say of where a request came from.

use hyper::header::{HeaderMap, HeaderName};
use ipnet::IpNet;
use std::net::IpAddr;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client's address. Each proxy appends whom it heard; read from the end, the first that is not
/// trusted is the client, and what stands before it is only the client's word.
pub fn client_address(trusted: &[IpNet], peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer;
    let lists = headers.get_all(X_FORWARDED_FOR).iter();
    let lists: Vec<&str> = lists.map(|value| value.to_str().unwrap_or("")).collect();
    for said in lists.iter().rev().flat_map(|list| list.rsplit(',')) {
        if !is_trusted(&client) {
            break;
        }
        // What no proxy would write ends the chain at whoever passed it on.
        match address(said.trim()) {
            Some(address) => client = address.to_canonical(),
            None => break,
        }
    }
    client
}

/// An address, perhaps with a port, as some proxies write it.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    bare.parse()
        .or_else(|_| {
            text.parse()
                .map(|address: std::net::SocketAddr| address.ip())
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn client(trusted: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let trusted: Vec<IpNet> = trusted.iter().map(|n| n.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for list in forwarded {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_str(list).unwrap());
        }
        client_address(&trusted, peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        assert_eq!(client(&[], "192.0.2.1", &["203.0.113.9"]), "192.0.2.1");
        let trusted = ["10.0.0.0/8"];
        assert_eq!(client(&trusted, "192.0.2.1", &["203.0.113.9"]), "192.0.2.1");
        assert_eq!(
            client(&trusted, "10.1.1.1", &["203.0.113.9"]),
            "203.0.113.9"
        );
        assert_eq!(client(&trusted, "10.1.1.1", &[]), "10.1.1.1");
    }

    #[test]
    fn what_the_client_claims_itself_is_not_believed() {
        let trusted = ["10.0.0.0/8"];
        let chain = ["1.2.3.4, 203.0.113.9, 10.2.2.2"];
        assert_eq!(client(&trusted, "10.1.1.1", &chain), "203.0.113.9");
        let lines = ["1.2.3.4", "203.0.113.9"];
        assert_eq!(client(&trusted, "10.1.1.1", &lines), "203.0.113.9");
        assert_eq!(
            client(&trusted, "10.1.1.1", &["1.2.3.4, nonsense"]),
            "10.1.1.1"
        );
    }

    #[test]
    fn ports_and_brackets_are_understood() {
        let trusted = ["10.0.0.0/8"];
        for (said, client_is) in [
            ("203.0.113.9:4711", "203.0.113.9"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
        ] {
            assert_eq!(client(&trusted, "10.1.1.1", &[said]), client_is);
        }
    }
}
