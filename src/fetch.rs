//! HTTP requests that Quire makes itself: bounded in time and size, never redirected, a connection
//! each, for they are few.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::error::{Error, Kind, Result};
use crate::postgres::authorities;

/// How long one request may take, from looking the name up to the last byte.
const PATIENCE: Duration = Duration::from_secs(5);
/// Largest answer, in bytes; the keys of a large OpenID provider are some 10 KiB.
const ANSWER_BYTES: usize = 256 * 1024;

/// Makes requests.
pub struct Fetch {
    tls: Option<TlsConnector>,
}

impl Fetch {
    /// One that speaks TLS as well, with the machine's certificate authorities, if `needs_tls` says
    /// which setting wants that.
    ///
    /// # Errors
    /// `Setting` when the machine has none.
    pub fn new(needs_tls: Option<&str>) -> Result<Self> {
        let tls = needs_tls.map(connector).transpose()?;
        Ok(Self { tls })
    }

    /// Sends a request to its address, `http` or `https`, and waits for the whole answer. A header Host
    /// that it has is left. What was read of a body that is too long or breaks off is an error of its own:
    /// the status stands.
    ///
    /// # Errors
    /// `Unavailable` when there is no answer within 5 s.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Result<Bytes>>> {
        let sent = tokio::time::timeout(PATIENCE, self.exchange(request)).await;
        sent.unwrap_or_else(|_| {
            let context = "there was no answer in time";
            Err(Error::new(Kind::Unavailable, context))
        })
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Result<Bytes>>> {
        let uri = request.uri();
        let is_https = uri.scheme_str() == Some("https");
        let host = uri.host().ok_or_else(|| unusable(uri))?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        let stream = TcpStream::connect((host, port)).await;
        let stream = stream.map_err(failed("connect"))?;
        if !is_https {
            return exchange(stream, request).await;
        }
        let tls = self.tls.as_ref().ok_or_else(|| unusable(uri))?;
        let name = ServerName::try_from(host.to_owned()).map_err(failed("name the host"))?;
        let stream = tls.connect(name, stream).await;
        exchange(stream.map_err(failed("agree on TLS"))?, request).await
    }
}

/// One request and its answer. The connection ends with it.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    request: Request<Bytes>,
) -> Result<Response<Result<Bytes>>> {
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
        let body = body.map_err(|e| Error::caused(Kind::Unavailable, "read an answer", e));
        Ok(Response::from_parts(head, body.map(|body| body.to_bytes())))
    };
    tokio::pin!(answer);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        // It ends first when the other side closes it; what came stands.
        _ = connection => answer.await,
    }
}

/// With the host in its header, as HTTP/1.1 has it.
fn in_origin_form(request: Request<Bytes>) -> Result<Request<Full<Bytes>>> {
    let (mut head, body) = request.into_parts();
    let authority = head.uri.authority().ok_or_else(|| unusable(&head.uri))?;
    // What stands before an @ is for nobody else.
    let host = authority.as_str().rsplit('@').next().unwrap_or_default();
    let host = HeaderValue::from_str(host).map_err(failed("name the host"))?;
    head.headers.entry(HOST).or_insert(host);
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    head.uri = path.parse().map_err(failed("name the path"))?;
    Ok(Request::from_parts(head, Full::new(body)))
}

fn connector(why: &str) -> Result<TlsConnector> {
    let roots = authorities(why)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::caused(Kind::Internal, "choose the versions of TLS", e))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config).into())
}

fn unusable(uri: &Uri) -> Error {
    let host = uri.host().unwrap_or("");
    let context = format!("an address at {host:?} that cannot be asked");
    Error::new(Kind::Unavailable, context)
}

fn failed<E: std::error::Error + Send + Sync + 'static>(context: &str) -> impl Fn(E) -> Error {
    move |e| Error::caused(Kind::Unavailable, context, e)
}
