//! The settings of caches in front of Quire.

use clap::Args;

use crate::error::{Error, Kind, Result};

/// The caches that are told when a published page changes.
#[derive(Args, Debug, Clone)]
pub struct Purge {
    /// Where caches or a CDN are told that published pages changed, several separated by commas. With {path}
    /// in it the address is asked for each page, by a method that may stand before it, as in
    /// "PURGE http://varnish:6081{path}", with the page's host in the header Host. Without, it gets a POST with
    /// {"urls": [...]}. When it is set, shared caches may show a page for a minute without asking.
    #[arg(id = "purge_url", long = "purge-url", env = "QUIRE_PURGE_URL", value_delimiter = ',', value_parser = hook, value_name = "[METHOD ]URL")]
    pub hooks: Vec<Hook>,

    /// What these requests carry in the header Authorization, such as "Bearer ...".
    #[arg(
        id = "purge_authorization",
        long = "purge-authorization",
        env = "QUIRE_PURGE_AUTHORIZATION",
        hide_env_values = true,
        value_name = "VALUE"
    )]
    pub authorization: Option<String>,
}

/// One address to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// By which method.
    pub method: hyper::Method,
    /// With `{path}` where the page's path goes, or without.
    pub url: String,
}

impl Purge {
    /// Errors: [`Kind::Setting`], naming the setting.
    pub(super) fn validate(&self) -> Result<()> {
        let value = self.authorization.as_deref().unwrap_or_default();
        if hyper::header::HeaderValue::from_str(value).is_err() {
            let context =
                "--purge-authorization (QUIRE_PURGE_AUTHORIZATION) cannot stand in a header";
            return Err(Error::new(Kind::Setting, context));
        }
        Ok(())
    }
}

/// A method, if one is named, and an address.
fn hook(text: &str) -> Result<Hook, String> {
    let (method, url) = match text.trim().split_once(' ') {
        Some((method, url)) => (method, url.trim()),
        None => ("POST", text.trim()),
    };
    let method = method
        .parse()
        .map_err(|_| format!("{method:?} is no method of HTTP"))?;
    let uri: hyper::Uri = url
        .replace("{path}", "/p/x")
        .parse()
        .map_err(|_| "give an address such as https://cdn.example/purge".to_owned())?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() {
        return Err("begin it with http:// or https://".to_owned());
    }
    let url = url.to_owned();
    Ok(Hook { method, url })
}

#[cfg(test)]
mod tests {
    use super::hook;

    #[test]
    fn a_hook_is_an_address_with_or_without_a_method() {
        let plain = hook("https://cdn.example/purge").expect("a hook");
        assert_eq!(
            (plain.method.as_str(), &*plain.url),
            ("POST", "https://cdn.example/purge")
        );
        let varnish = hook("PURGE http://varnish:6081{path}").expect("a hook");
        assert_eq!(
            (varnish.method.as_str(), &*varnish.url),
            ("PURGE", "http://varnish:6081{path}")
        );
        for wrong in [
            "",
            "cdn.example",
            "ftp://cdn.example",
            "P[GE http://a{path}",
            "http://",
        ] {
            assert!(hook(wrong).is_err(), "{wrong}");
        }
    }
}
