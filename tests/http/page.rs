use super::site::Site;
use uuid::Uuid;

#[tokio::test]
async fn every_answer_protects_the_page() {
    let site = Site::start().await;
    site.live(vec!["http://127.0.0.1:4999".into()]);
    for path in ["/", "/nowhere", "/api/v1/me", "/api/v1/nowhere", "/healthz"] {
        let answer = site.stranger().get(path).await;
        let policy = answer.header("content-security-policy").unwrap();
        let own = site.address;
        for part in [
            "default-src 'none'".to_owned(),
            "script-src 'self' 'wasm-unsafe-eval'".to_owned(),
            "style-src 'self'".to_owned(),
            "frame-ancestors 'none'".to_owned(),
            "base-uri 'none'".to_owned(),
            format!(
                "connect-src 'self' http://{own} ws://{own} \
                 http://127.0.0.1:4999 ws://127.0.0.1:4999"
            ),
        ] {
            assert!(policy.split("; ").any(|have| have == part), "{policy}");
        }
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"));
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
    }
}

#[tokio::test]
async fn the_page_stands_at_each_of_its_addresses_and_is_asked_for_anew() {
    let site = Site::start().await;
    let visitor = site.stranger();
    let document = format!("/{}/{}", Uuid::new_v4(), Uuid::new_v4());
    for path in ["/", "/welcome", document.as_str()] {
        let answer = visitor.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(
            answer.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        assert!(answer.body.starts_with(b"<!doctype html>"));
        let etag = answer.header("etag").unwrap();
        assert!(etag.starts_with('"'), "a strong one: {etag}");
        let known = [("if-none-match", etag)];
        let again = visitor.send("GET", path, &known, "").await;
        assert_eq!(again.status, 304);
        assert_eq!(again.header("etag"), Some(etag));
        assert_eq!(again.header("cache-control"), Some("no-cache"));
        assert!(again.body.is_empty());
    }
}

#[tokio::test]
async fn compressed_and_plain_are_told_apart() {
    let site = Site::start().await;
    let visitor = site.stranger();
    let plain = visitor.get("/").await;
    let gzip = [("accept-encoding", "gzip, br")];
    let packed = visitor.send("GET", "/", &gzip, "").await;
    assert_eq!(plain.header("vary"), Some("accept-encoding"));
    assert_eq!(packed.header("vary"), Some("accept-encoding"));
    if packed.header("content-encoding").is_some() {
        let mut unpacked = Vec::new();
        let mut decoder = flate2::read::GzDecoder::new(packed.body.as_slice());
        std::io::Read::read_to_end(&mut decoder, &mut unpacked).unwrap();
        assert_eq!(unpacked, plain.body);
        assert_ne!(packed.header("etag"), plain.header("etag"));
    } else {
        assert_eq!(packed.body, plain.body);
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_there() {
    let site = Site::start().await;
    for path in [
        "/nowhere",
        "/assets/nowhere.js",
        "/assets/../index.html",
        "/api/v1/nowhere",
        "/api/v1/me/",
        "//",
        "/%2e%2e/etc/passwd",
    ] {
        let answer = site.stranger().get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        answer.detail();
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[tokio::test]
async fn a_head_request_gets_the_head_alone() {
    let site = Site::start().await;
    let (owner, _) = site.owner().await;
    for path in ["/", "/api/v1/me", "/healthz"] {
        let get = owner.get(path).await;
        let head = owner.send("HEAD", path, &[], "").await;
        assert_eq!(head.status, get.status);
        assert!(head.body.is_empty());
        for name in ["content-type", "content-length", "cache-control", "etag"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
    }
}

#[tokio::test]
async fn a_method_that_an_address_does_not_know_is_refused_with_those_it_does() {
    let site = Site::start().await;
    let (owner, document_id) = site.owner().await;
    for (method, path, allow) in [
        (
            "PUT",
            owner.document(document_id, ""),
            "GET, PATCH, DELETE, HEAD",
        ),
        ("GET", "/api/v1/welcome".into(), "POST"),
        ("HEAD", "/api/v1/welcome".into(), "POST"),
        ("GET", "/api/v1/session".into(), "POST, DELETE"),
        ("POST", "/api/v1/me".into(), "GET, PATCH, HEAD"),
        ("POST", "/sync/v1".into(), "GET, HEAD"),
        ("DELETE", "/".into(), "GET, HEAD"),
        ("POST", "/healthz".into(), "GET, HEAD"),
        ("BREW", owner.organisation("/documents"), "GET, POST, HEAD"),
    ] {
        let answer = owner.send(method, &path, &[("x-quire", "1")], "").await;
        assert_eq!(answer.status, 405, "{method} {path}");
        assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
    }
    let options = owner.send("OPTIONS", "/api/v1/me", &[], "").await;
    assert_eq!(options.status, 204);
    assert_eq!(options.header("allow"), Some("GET, PATCH, HEAD"));
}

/// Without a built page there is nothing to look at; `make test` builds it first.
#[tokio::test]
async fn every_file_of_the_page_has_its_type_and_is_kept_as_long_as_its_name_lasts() {
    let site = Site::start().await;
    let visitor = site.stranger();
    let list = visitor.get("/precache.json").await;
    if list.status == 404 {
        return;
    }
    let list = String::from_utf8(list.body).unwrap();
    let paths: Vec<&str> = list
        .split('"')
        .filter(|part| part.starts_with('/'))
        .collect();
    assert!(paths.iter().any(|path| path.ends_with(".wasm")), "{list}");
    for path in paths.into_iter().filter(|path| path.contains('.')) {
        let plain = visitor.get(path).await;
        assert_eq!(plain.status, 200, "{path}");
        let kept = plain.header("cache-control").unwrap();
        assert_eq!(kept.contains("immutable"), path.starts_with("/assets/"));
        let expected = match path.rsplit_once('.').unwrap().1 {
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "wasm" => "application/wasm",
            "svg" => "image/svg+xml",
            "html" => "text/html; charset=utf-8",
            "json" => "application/json",
            ending => panic!("which type has {ending}?"),
        };
        assert_eq!(plain.header("content-type"), Some(expected), "{path}");
        let gzip = [("accept-encoding", "gzip")];
        let packed = visitor.send("GET", path, &gzip, "").await;
        if packed.header("content-encoding").is_some() {
            assert!(packed.body.len() < plain.body.len());
            let mut unpacked = Vec::new();
            let mut decoder = flate2::read::GzDecoder::new(packed.body.as_slice());
            std::io::Read::read_to_end(&mut decoder, &mut unpacked).unwrap();
            assert!(unpacked == plain.body, "{path}");
        }
    }
}
