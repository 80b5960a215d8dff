//! Requests to caches: bounded in time and size, a connection each, for they are few.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::config::{Hook, Purge};
use crate::error::{Error, Kind, Result};
use crate::postgres::authorities;

/// How long one request may take, from looking the name up to the last byte.
const PATIENCE: Duration = Duration::from_secs(5);
/// Of an answer so many bytes are read; none is looked at.
const ANSWER_BYTES: usize = 64 * 1024;
/// Where the path of the page goes.
const PATH: &str = "{path}";

/// Tells caches.
pub(super) struct Hooks {
    hooks: Vec<Hook>,
    authorization: Option<HeaderValue>,
    /// Under which addresses pages are read: `https://quire.example`.
    origins: Vec<String>,
    tls: Option<TlsConnector>,
}

impl Hooks {
    /// # Errors
    /// `Setting` when an address is https and the machine has no certificate authorities.
    pub fn new(settings: &Purge, origins: &[String]) -> Result<Self> {
        let is_https = |hook: &Hook| hook.url.starts_with("https:");
        let tls = match settings.hooks.iter().any(is_https) {
            true => Some(connector()?),
            false => None,
        };
        let authorization = settings.authorization.as_deref().map(|value| {
            let mut value =
                HeaderValue::from_str(value).map_err(failed("name the authorization"))?;
            value.set_sensitive(true);
            Ok(value)
        });
        Ok(Self {
            hooks: settings.hooks.clone(),
            authorization: authorization.transpose()?,
            origins: origins.to_vec(),
            tls,
        })
    }

    /// Whether there is nobody to tell.
    pub fn is_empty(&self) -> bool {
        self.hooks.is_empty()
    }

    /// Tells all of them that the page at `path` changed.
    ///
    /// # Errors
    /// `Unavailable` when one of them was not told.
    pub async fn tell(&self, path: &str) -> Result<()> {
        for hook in &self.hooks {
            if !hook.url.contains(PATH) {
                let urls: Vec<String> = self.origins.iter().map(|o| format!("{o}{path}")).collect();
                let body = Bytes::from(json!({ "urls": urls }).to_string());
                self.ask(hook, &hook.url, None, body).await?;
                continue;
            }
            let url = hook.url.replace(PATH, path);
            // A cache keeps a page for each host under which it was asked for.
            for origin in &self.origins {
                let host = origin.split("://").nth(1).unwrap_or(origin);
                self.ask(hook, &url, Some(host), Bytes::new()).await?;
            }
        }
        Ok(())
    }

    async fn ask(&self, hook: &Hook, url: &str, host: Option<&str>, body: Bytes) -> Result<()> {
        match tokio::time::timeout(PATIENCE, self.request(hook, url, host, body)).await {
            Ok(Ok(status)) if status.is_success() => Ok(()),
            // A cache that did not keep the page.
            Ok(Ok(StatusCode::NOT_FOUND)) if hook.url.contains(PATH) => Ok(()),
            Ok(Ok(status)) => {
                let context = format!("tell a cache: it answers {status}");
                Err(Error::new(Kind::Unavailable, context))
            }
            Ok(Err(error)) => Err(error),
            Err(_) => {
                let context = "tell a cache: it did not answer in time";
                Err(Error::new(Kind::Unavailable, context))
            }
        }
    }

    async fn request(
        &self,
        hook: &Hook,
        url: &str,
        host: Option<&str>,
        body: Bytes,
    ) -> Result<StatusCode> {
        let uri: Uri = url.parse().map_err(failed("read a cache's address"))?;
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let name = uri.host().unwrap_or_default();
        let name = name
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        let is_https = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = Request::builder()
            .method(&hook.method)
            .uri(path)
            .header(HOST, host.unwrap_or(authority));
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let request = request
            .body(Full::new(body))
            .map_err(failed("make a request to a cache"))?;
        let stream = TcpStream::connect((&*name, port))
            .await
            .map_err(failed("connect to a cache"))?;
        let Some(tls) = self.tls.as_ref().filter(|_| is_https) else {
            return exchange(stream, request).await;
        };
        let name = ServerName::try_from(name).map_err(failed("name a cache"))?;
        let stream = tls.connect(name, stream).await;
        exchange(
            stream.map_err(failed("agree on TLS with a cache"))?,
            request,
        )
        .await
    }
}

/// One request and its answer. The connection ends with it.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    request: Request<Full<Bytes>>,
) -> Result<StatusCode> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(failed("begin a request to a cache"))?;
    let answer = async {
        let answer = sender.send_request(request).await;
        let answer = answer.map_err(failed("ask a cache"))?;
        let status = answer.status();
        // What it says besides is of no use; it is read so that it was said.
        let _ = Limited::new(answer.into_body(), ANSWER_BYTES)
            .collect()
            .await;
        Ok(status)
    };
    tokio::pin!(answer);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        // It ends first when the cache closes it; what came stands.
        _ = connection => answer.await,
    }
}

fn connector() -> Result<TlsConnector> {
    let roots = authorities("--purge-url is an https address")?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::caused(Kind::Internal, "choose the versions of TLS", e))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config).into())
}

fn failed<E: std::error::Error + Send + Sync + 'static>(context: &str) -> impl Fn(E) -> Error {
    move |e| Error::caused(Kind::Unavailable, context, e)
}
