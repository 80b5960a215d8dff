//! Requests to the provider: never without TLS but on this machine.

use std::net::IpAddr;
use std::pin::Pin;

use bytes::Bytes;
use hyper::{Request, Uri};
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};

use crate::error::{Error, Kind, Result};
use crate::fetch::Fetch;

/// Asks the provider.
pub(super) struct Ask(pub Fetch);

impl Ask {
    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse> {
        let uri = request.uri();
        let is_safe = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => uri.host().is_some_and(is_this_machine),
            _ => false,
        };
        if !is_safe {
            return Err(unusable(uri));
        }
        let (head, body) = request.into_parts();
        let request = Request::from_parts(head, Bytes::from(body));
        let (head, body) = self.0.send(request).await?.into_parts();
        Ok(HttpResponse::from_parts(head, body?.to_vec()))
    }
}

impl<'a> AsyncHttpClient<'a> for Ask {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse>> + Send + 'a>>;

    fn call(&'a self, request: HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}

fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|host| host.is_loopback())
}

fn unusable(uri: &Uri) -> Error {
    let host = uri.host().unwrap_or("");
    let context = format!("the provider names an address at {host:?} that is not https");
    Error::new(Kind::Unavailable, context)
}
