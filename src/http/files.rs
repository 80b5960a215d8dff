//! The page: files that were compiled in, with validators, compressed once when first asked for.

use super::answer::{Answer, empty, with};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http_body_util::Full;
use hyper::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderName,
    HeaderValue, IF_NONE_MATCH, VARY,
};
use hyper::{Response, StatusCode};
use include_dir::{Dir, include_dir};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::io::Write;
use std::sync::{LazyLock, OnceLock};

static PAGE: Dir<'_> = include_dir!("$QUIRE_PAGE");

static FILES: LazyLock<HashMap<String, File>> = LazyLock::new(|| {
    let mut files = HashMap::new();
    gather(&PAGE, &mut files);
    files
});

struct File {
    content: &'static [u8],
    content_type: &'static str,
    cache_control: &'static str,
    /// Compressed; `None` when that would save nothing.
    gzip: OnceLock<Option<Bytes>>,
    /// SHA-256 of the content, hexadecimal, its first half.
    digest: String,
}

/// The file at a path such as `/assets/index-4f3a.js`.
pub fn file(path: &str, headers: &HeaderMap) -> Option<Answer> {
    Some(FILES.get(path)?.answer(headers))
}

/// The page itself, for every address at which the editor stands.
pub fn page(headers: &HeaderMap) -> Option<Answer> {
    file("/index.html", headers)
}

impl File {
    fn answer(&self, headers: &HeaderMap) -> Answer {
        let gzip = accepts_gzip(headers).then(|| self.gzip()).flatten();
        // The two forms are different bytes, so a strong validator must tell them apart.
        let etag = match gzip {
            Some(_) => format!("\"{}-gzip\"", self.digest),
            None => format!("\"{}\"", self.digest),
        };
        let mut answer = if is_known(headers, &etag) {
            let mut answer = empty(StatusCode::NOT_MODIFIED);
            answer.headers_mut().remove(CACHE_CONTROL);
            answer
        } else {
            let body = gzip.unwrap_or(Bytes::from_static(self.content));
            let mut answer = Response::new(Full::new(body.clone()));
            answer
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
            if body.len() != self.content.len() {
                answer
                    .headers_mut()
                    .insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
            answer
        };
        let headers = answer.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(self.cache_control));
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        with(answer, ETAG, &etag)
    }

    fn gzip(&self) -> Option<Bytes> {
        self.gzip
            .get_or_init(|| {
                if !is_compressible(self.content_type) {
                    return None;
                }
                let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(self.content).ok()?;
                let compressed = encoder.finish().ok()?;
                (compressed.len() < self.content.len()).then(|| compressed.into())
            })
            .clone()
    }
}

fn gather(folder: &'static Dir<'static>, files: &mut HashMap<String, File>) {
    for file in folder.files() {
        let Some(path) = file.path().to_str() else {
            continue;
        };
        let path = format!("/{}", path.replace('\\', "/"));
        let digest = Sha256::digest(file.contents());
        let digest = digest[..16].iter().map(|b| format!("{b:02x}")).collect();
        let described = File {
            content: file.contents(),
            content_type: content_type(&path),
            cache_control: cache_control(&path),
            gzip: OnceLock::new(),
            digest,
        };
        files.insert(path, described);
    }
    for inner in folder.dirs() {
        gather(inner, files);
    }
}

/// What stands in /assets carries a hash of its content in its name.
fn cache_control(path: &str) -> &'static str {
    if path.starts_with("/assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn is_compressible(content_type: &str) -> bool {
    content_type.starts_with("text/")
        || content_type.starts_with("application/json")
        || matches!(
            content_type,
            "application/wasm" | "application/manifest+json" | "image/svg+xml"
        )
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    listed(headers, &ACCEPT_ENCODING).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000");
        matches!(name.trim(), "gzip" | "*") && !refused
    })
}

/// Whether the client holds these very bytes (RFC 9110, 13.1.2).
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    listed(headers, &IF_NONE_MATCH)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == etag)
}

fn listed<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hashed_names_are_kept_for_ever() {
        assert!(cache_control("/assets/index-a1b2.js").contains("immutable"));
        for path in ["/index.html", "/sw.js", "/icon.svg"] {
            assert_eq!(cache_control(path), "no-cache");
        }
    }

    #[test]
    fn gzip_is_sent_only_to_those_who_ask() {
        let asks = |value| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(value));
            accepts_gzip(&headers)
        };
        assert!(asks("br, gzip;q=0.8"));
        assert!(!asks("br"));
        assert!(!asks("gzip;q=0, br"));
    }

    #[test]
    fn webassembly_has_its_type() {
        assert_eq!(content_type("/assets/loro-1.wasm"), "application/wasm");
    }
}
