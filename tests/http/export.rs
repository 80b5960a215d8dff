//! Documents as files, and out of Markdown.

use super::site::{Site, Visitor, id};
use serde_json::json;
use uuid::Uuid;

async fn made_of(visitor: &Visitor, title: &str, markdown: &str) -> Uuid {
    let body = json!({"title": title, "markdown": markdown});
    let answer = visitor
        .post(&visitor.organisation("/documents"), body)
        .await;
    assert_eq!(answer.status, 201, "{answer:?}");
    id(&answer.json()["document_id"])
}

async fn exported(visitor: &Visitor, document_id: Uuid, format: &str) -> String {
    let path = visitor.document(document_id, &format!("/export?format={format}"));
    let answer = visitor.get(&path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    String::from_utf8(answer.body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_made_of_markdown_is_exported_in_every_form() {
    let site = Site::start().await;
    let (owner, _) = site.owner().await;
    let markdown = "# Plan\n\nA **bold** [link](https://a.example) and _more_.\n\n\
                    - [x] done\n- [ ] to do\n\n```rust\nlet x = 1 < 2;\n```\n";
    let document_id = made_of(&owner, "Plan", markdown).await;
    assert_eq!(exported(&owner, document_id, "markdown").await, markdown);
    let text = "Plan\nA bold link and more.\ndone\nto do\nlet x = 1 < 2;";
    assert_eq!(exported(&owner, document_id, "text").await, text);
    let html = exported(&owner, document_id, "html").await;
    for part in [
        "<title>Plan</title>",
        "<h1>Plan</h1>",
        "<strong>bold</strong>",
        "<a rel=\"noopener noreferrer nofollow\" href=\"https://a.example\">link</a>",
        "<li><input type=\"checkbox\" disabled checked>",
        "<code class=\"language-rust\">let x = 1 &lt; 2;</code>",
    ] {
        assert!(html.contains(part), "{part} in {html}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&exported(&owner, document_id, "json").await).unwrap();
    assert_eq!(json["title"], "Plan");
    assert_eq!(json["content"]["children"][0]["attributes"]["level"], 1);

    let wrong = owner.document(document_id, "/export?format=pdf");
    let answer = owner.get(&wrong).await;
    assert_eq!(answer.status, 400);
    assert!(answer.detail().starts_with("format: "));
    let client = site.pool.get().await.unwrap();
    let authors = "select distinct account_id from quire.edit where document_id = $1";
    let row = client.query_one(authors, &[&document_id]).await.unwrap();
    assert_eq!(row.get::<_, Uuid>(0), owner.account_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exported_file_runs_nothing() {
    let site = Site::start().await;
    let (owner, _) = site.owner().await;
    let title = "</title><script>alert(1)</script>\"; filename=\"x.exe";
    let markdown = "<script>alert(2)</script>\n\n<img src=x onerror=alert(3)>\n\n\
                    [a](javascript:alert(4)) [b](https://b.example/\"onclick=\"alert(5))\n\n\
                    ```\"><script>\n</code><script>alert(6)</script>\n```\n";
    let document_id = made_of(&owner, title, markdown).await;
    let path = owner.document(document_id, "/export?format=html");
    let answer = owner.get(&path).await;
    let html = String::from_utf8(answer.body.clone()).unwrap();
    assert!(
        !html.contains("<script") && !html.contains("<img"),
        "{html}"
    );
    assert!(!html.contains("href=\"javascript"), "{html}");
    assert!(!html.contains("\"onclick"), "{html}");
    assert!(html.contains("Content-Security-Policy\" content=\"default-src 'none'\""));
    let policy = answer.header("content-security-policy");
    assert_eq!(policy, Some("sandbox; default-src 'none'"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let disposition = answer.header("content-disposition").unwrap();
    let plain =
        "attachment; filename=\"__title__script_alert(1)__script___ filename=_x.exe.html\"; ";
    assert!(disposition.starts_with(plain), "{disposition}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_the_version_is_sent_nothing() {
    let site = Site::start().await;
    let (owner, document_id) = site.owner().await;
    for rest in ["/text", "/export?format=html", "/export?format=json"] {
        let path = owner.document(document_id, rest);
        let tag = owner.get(&path).await.header("etag").unwrap().to_owned();
        for (known, status) in [
            (tag.as_str(), 304),
            (&format!("\"x\", W/{tag}"), 304),
            ("*", 304),
            ("\"x\"", 200),
        ] {
            let headers = [("if-none-match", known)];
            let answer = owner.send("GET", &path, &headers, "").await;
            assert_eq!(answer.status, status, "{rest} {known}");
            assert_eq!(answer.header("etag"), Some(tag.as_str()));
        }
    }
    let path = owner.document(document_id, "/export?format=html");
    let before = owner.get(&path).await;
    let place = owner.document(document_id, "");
    owner
        .change("PATCH", &place, json!({"title": "Other"}))
        .await;
    let after = owner.get(&path).await;
    assert_ne!(before.header("etag"), after.header("etag"));
}

#[tokio::test(flavor = "multi_thread")]
async fn markdown_that_is_nested_too_deeply_makes_no_document() {
    let site = Site::start().await;
    let (owner, _) = site.owner().await;
    let body = json!({"markdown": "> ".repeat(500)});
    let answer = owner.post(&owner.organisation("/documents"), body).await;
    assert_eq!(answer.status, 400);
    assert!(answer.detail().starts_with("markdown: "));
}
