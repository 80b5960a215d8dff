//! Requests to caches.

use bytes::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Request, StatusCode};
use serde_json::json;

use crate::config::{Hook, Purge};
use crate::error::{Error, Kind, Result};
use crate::fetch::Fetch;

/// Where the path of the page goes.
const PATH: &str = "{path}";

/// Tells caches.
pub(super) struct Hooks {
    hooks: Vec<Hook>,
    authorization: Option<HeaderValue>,
    /// Under which addresses pages are read: `https://quire.example`.
    origins: Vec<String>,
    fetch: Fetch,
}

impl Hooks {
    /// # Errors
    /// `Setting` when an address is https and the machine has no certificate authorities.
    pub fn new(settings: &Purge, origins: &[String]) -> Result<Self> {
        let is_https = |hook: &Hook| hook.url.starts_with("https:");
        let has_https = settings.hooks.iter().any(is_https);
        let authorization = settings.authorization.as_deref().map(|value| {
            let mut value = HeaderValue::from_str(value).map_err(failed)?;
            value.set_sensitive(true);
            Ok(value)
        });
        Ok(Self {
            hooks: settings.hooks.clone(),
            authorization: authorization.transpose()?,
            origins: origins.to_vec(),
            fetch: Fetch::new(has_https.then_some("--purge-url is an https address"))?,
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
        let mut request = Request::builder().method(&hook.method).uri(url);
        if let Some(host) = host {
            request = request.header(HOST, host);
        }
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let request = request.body(body).map_err(failed)?;
        // What it says besides its status is of no use.
        let status = self.fetch.send(request).await.map_err(failed)?.status();
        // A cache that did not keep the page says that it is not there.
        let is_not_kept = status == StatusCode::NOT_FOUND && hook.url.contains(PATH);
        if status.is_success() || is_not_kept {
            return Ok(());
        }
        let context = format!("tell a cache: it answers {status}");
        Err(Error::new(Kind::Unavailable, context))
    }
}

fn failed<E: std::error::Error + Send + Sync + 'static>(error: E) -> Error {
    Error::caused(Kind::Unavailable, "tell a cache", error)
}
