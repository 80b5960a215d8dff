//! Requests to the provider: bounded in time and size, never redirected, and never without TLS but
//! on this machine.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::error::{Error, Kind, Result};
use crate::postgres::authorities;

/// How long one request may take, from looking the name up to the last byte.
const PATIENCE: Duration = Duration::from_secs(5);
/// Largest answer, in bytes; keys of a large provider are some 10 KiB.
const ANSWER_BYTES: usize = 256 * 1024;

/// Makes requests, a connection each: they are few.
pub struct Fetch {
    tls: Option<TlsConnector>,
}

impl Fetch {
    /// With the machine's certificate authorities when there is TLS.
    ///
    /// # Errors
    /// `Setting` when the machine has none.
    pub fn new(with_tls: bool) -> Result<Self> {
        if !with_tls {
            return Ok(Self { tls: None });
        }
        let roots = authorities("--oidc-issuer is an https address")?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| Error::caused(Kind::Internal, "choose the versions of TLS", e))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tls = Some(TlsConnector::from(Arc::new(config)));
        Ok(Self { tls })
    }

    async fn fetch(&self, request: HttpRequest) -> Result<HttpResponse> {
        let uri = request.uri().clone();
        let host = uri.host().ok_or_else(|| unusable(&uri))?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let is_plain = uri.scheme_str() == Some("http") && is_this_machine(bare);
        if !is_plain && uri.scheme_str() != Some("https") {
            return Err(unusable(&uri));
        }
        let port = uri.port_u16().unwrap_or(if is_plain { 80 } else { 443 });
        let stream = TcpStream::connect((bare, port))
            .await
            .map_err(failed("connect"))?;
        if is_plain {
            return exchange(stream, request).await;
        }
        let name = ServerName::try_from(bare.to_owned()).map_err(|_| unusable(&uri))?;
        let tls = self.tls.as_ref().ok_or_else(|| unusable(&uri))?;
        let stream = tls.connect(name, stream).await;
        exchange(stream.map_err(failed("agree on TLS"))?, request).await
    }
}

impl<'a> AsyncHttpClient<'a> for Fetch {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse>> + Send + 'a>>;

    fn call(&'a self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            match tokio::time::timeout(PATIENCE, self.fetch(request)).await {
                Ok(answer) => answer,
                Err(_) => Err(Error::new(
                    Kind::Unavailable,
                    "the provider did not answer in time",
                )),
            }
        })
    }
}

/// One request and its answer. The connection ends with it.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(failed("begin a request"))?;
    let answer = async {
        let answer = sender
            .send_request(in_origin_form(request)?)
            .await
            .map_err(failed("send a request"))?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_BYTES).collect().await;
        let body = body.map_err(|e| Error::caused(Kind::Unavailable, "read an answer", e))?;
        Ok(HttpResponse::from_parts(head, body.to_bytes().to_vec()))
    };
    tokio::pin!(answer);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        // It ends first when the provider closes it; what came stands.
        _ = connection => answer.await,
    }
}

/// With the host in its header, as HTTP/1.1 has it.
fn in_origin_form(request: HttpRequest) -> Result<Request<Full<Bytes>>> {
    let (mut head, body) = request.into_parts();
    let authority = head.uri.authority().ok_or_else(|| unusable(&head.uri))?;
    let host = HeaderValue::from_str(authority.as_str()).map_err(failed("name the host"))?;
    head.headers.insert(HOST, host);
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    head.uri = path.parse().map_err(failed("name the path"))?;
    Ok(Request::from_parts(head, Full::new(Bytes::from(body))))
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|host| host.is_loopback())
}

fn unusable(uri: &Uri) -> Error {
    let host = uri.host().unwrap_or("");
    let context = format!("the provider names an address at {host:?} that is not https");
    Error::new(Kind::Unavailable, context)
}

fn failed<E: std::error::Error + Send + Sync + 'static>(context: &str) -> impl Fn(E) -> Error {
    move |e| Error::caused(Kind::Unavailable, context, e)
}
