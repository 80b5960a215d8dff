//! Published pages at one server: who may publish, what anybody reads, and what a cache may keep.

use super::site::{Answer, Options, Site, Visitor};
use serde_json::json;
use uuid::Uuid;

async fn publish(owner: &Visitor, document_id: Uuid, is_indexed: bool) -> String {
    let path = owner.document(document_id, "/publication");
    let body = json!({"is_indexed": is_indexed});
    let answer = owner.change("PUT", &path, body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let publication = &answer.json()["publication"];
    assert_eq!(publication["is_indexed"], is_indexed);
    publication["path"].as_str().unwrap().to_owned()
}

async fn with_tag(visitor: &Visitor, path: &str, tag: &str) -> Answer {
    visitor
        .send("GET", path, &[("if-none-match", tag)], "")
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anybody_reads_what_is_published_and_nothing_else() {
    let site = Site::start().await;
    let (owner, _) = site.owner().await;
    let content = json!({"title": "A <plan>", "markdown": "# One\n\nTwo & three"});
    let made = owner.post(&owner.organisation("/documents"), content).await;
    let document_id = super::site::id(&made.json()["document_id"]);
    let stranger = site.stranger();
    let nothing = stranger.get(&format!("/p/{document_id}")).await;
    assert_eq!(nothing.status, 404, "the document's own id leads nowhere");
    assert_eq!(nothing.header("cache-control"), Some("no-store"));

    let path = publish(&owner, document_id, false).await;
    let page = stranger.get(&path).await;
    assert_eq!(page.status, 200);
    let html = String::from_utf8(page.body.clone()).unwrap();
    assert!(html.contains("<title>A &lt;plan&gt;</title>"), "{html}");
    assert!(html.contains("<h1>One</h1>") && html.contains("Two &amp; three"));
    assert!(html.contains("content=\"noindex\""));
    assert_eq!(page.header("x-robots-tag"), Some("noindex"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("sandbox") && policy.contains("default-src 'none'"));
    assert!(!policy.contains("unsafe") && !policy.contains("script-src"));
    assert_eq!(page.header("set-cookie"), None);
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));

    assert_eq!(
        publish(&owner, document_id, true).await,
        path,
        "one address"
    );
    let page = stranger.get(&path).await;
    assert_eq!(page.header("x-robots-tag"), None);
    assert!(!String::from_utf8_lossy(&page.body).contains("noindex"));

    let withdrawn = owner.document(document_id, "/publication");
    let answer = owner.change("DELETE", &withdrawn, json!({})).await;
    assert_eq!(answer.status, 204);
    let gone = stranger.get(&path).await;
    assert_eq!(gone.status, 410, "at once");
    assert_eq!(gone.header("cache-control"), Some("no-store"));
    assert!(!String::from_utf8_lossy(&gone.body).contains("plan"));
    let shown = owner.get(&withdrawn).await;
    assert_eq!(shown.json(), json!({"publication": null}));
    assert_eq!(publish(&owner, document_id, false).await, path);
    assert_eq!(stranger.get(&path).await.status, 200);
    owner
        .change("DELETE", &owner.document(document_id, ""), json!({}))
        .await;
    assert_eq!(stranger.get(&path).await.status, 410, "in the bin");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_share_a_document_cannot_publish_it() {
    let site = Site::start().await;
    let (owner, document_id) = site.owner().await;
    let guest = site.somebody(Some(owner.org_id), "guest").await;
    let path = owner.document(document_id, "/publication");
    assert_eq!(guest.change("PUT", &path, json!({})).await.status, 404);
    let grant = json!({"account_id": guest.account_id, "role": "edit"});
    owner
        .post(&owner.document(document_id, "/grants"), grant)
        .await;
    for method in ["PUT", "DELETE"] {
        let refused = guest.change(method, &path, json!({})).await;
        assert_eq!(refused.status, 403, "{method}");
    }
    assert_eq!(guest.get(&path).await.json(), json!({"publication": null}));
    assert_eq!(site.stranger().get(&path).await.status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_did_not_change_is_not_sent_nor_read_again() {
    let site = Site::start().await;
    let (owner, document_id) = site.owner().await;
    let path = publish(&owner, document_id, false).await;
    let stranger = site.stranger();
    let page = stranger.get(&path).await;
    assert_eq!(page.header("cache-control"), Some("public, no-cache"));
    let tag = page.header("etag").unwrap().to_owned();
    // The rows cannot be read any more: what is answered is answered without them.
    let client = site.pool.get().await.unwrap();
    let hidden = "alter table quire.edit rename column update to hidden";
    client.batch_execute(hidden).await.unwrap();
    let again = with_tag(&stranger, &path, &tag).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(again.header("etag"), Some(&*tag));
    assert_eq!(again.header("cache-control"), Some("public, no-cache"));
    assert_eq!(stranger.get(&path).await.body, page.body);
    let shown = "alter table quire.edit rename column hidden to update";
    client.batch_execute(shown).await.unwrap();

    let other = site.sister().await;
    let elsewhere = with_tag(&other.stranger(), &path, &tag).await;
    assert_eq!(elsewhere.status, 304, "one version has one tag everywhere");
    let title = json!({"title": "Another title"});
    let document = owner.document(document_id, "");
    owner.change("PATCH", &document, title).await;
    for site in [&site, &other] {
        let renamed = with_tag(&site.stranger(), &path, &tag).await;
        assert_eq!(renamed.status, 200);
        assert!(String::from_utf8_lossy(&renamed.body).contains("Another title"));
    }
}

/// Only where caches are told of every change may they show a page without asking.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_caches_may_keep_depends_on_whether_they_are_told() {
    let site = Site::with_options(Options {
        purges: true,
        ..Options::default()
    })
    .await;
    let (owner, document_id) = site.owner().await;
    let path = publish(&owner, document_id, false).await;
    let page = site.stranger().get(&path).await;
    let policy = "public, max-age=0, s-maxage=60, must-revalidate";
    assert_eq!(page.header("cache-control"), Some(policy));
}

/// Every address with every way to ask it, signed in and not: only published pages may be kept by others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_private_is_kept_by_nobody() {
    let site = Site::start().await;
    let (owner, document_id) = site.owner().await;
    let page = publish(&owner, document_id, false).await;
    for pattern in quire::http::patterns() {
        let path = pattern
            .replace("{org_id}", &owner.org_id.to_string())
            .replace("{document_id}", &document_id.to_string())
            .replace("/p/{publication_id}", &page);
        let path = path.split('/').map(|part| match part.starts_with('{') {
            true => Uuid::new_v4().to_string(),
            false => part.to_owned(),
        });
        let path = path.collect::<Vec<_>>().join("/");
        for visitor in [&owner, &site.stranger()] {
            for method in ["GET", "HEAD", "OPTIONS", "PUT"] {
                // Without what a change must carry: nothing is done.
                let answer = visitor.send(method, &path, &[], "").await;
                let policy = answer.header("cache-control");
                let is_page = path == page && matches!(method, "GET" | "HEAD");
                let expected = if is_page {
                    "public, no-cache"
                } else {
                    "no-store"
                };
                assert_eq!(policy, Some(expected), "{method} {path}: {answer:?}");
            }
        }
    }
}
