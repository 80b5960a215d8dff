//! Who may see how the installation is.

use super::site::Site;
use serde_json::json;

const OVERVIEW: &str = "/api/v1/admin/overview";

#[tokio::test]
async fn only_owners_of_the_first_organisation_know_that_there_is_an_overview() {
    let site = Site::start().await;
    let (owner, _) = site.owner().await;
    let answer = owner.get(OVERVIEW).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    // This site's overview is of a database that is not there, and says so.
    let checks = answer.json()["findings"].to_string();
    assert!(checks.contains("\"connection\""), "{checks}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let me = owner.get("/api/v1/me").await.json();
    assert_eq!(me["account"]["may_oversee"], true);

    let strangers = [
        site.somebody(Some(owner.org_id), "admin").await,
        site.somebody(Some(owner.org_id), "member").await,
        site.somebody(Some(owner.org_id), "guest").await,
        site.somebody(None, "owner").await,
    ];
    for stranger in strangers {
        assert_eq!(stranger.get(OVERVIEW).await.status, 404);
        let me = stranger.get("/api/v1/me").await.json();
        assert_eq!(me["account"]["may_oversee"], false);
    }
    assert_eq!(site.stranger().get(OVERVIEW).await.status, 401);
    let second = site.somebody(Some(owner.org_id), "owner").await;
    assert_eq!(second.get(OVERVIEW).await.status, 200);
}

#[tokio::test]
async fn a_token_needs_the_scope_admin_to_see_it() {
    let site = Site::start().await;
    let (owner, _) = site.owner().await;
    for (scopes, status) in [
        (json!(["read", "write"]), 403),
        (json!(["read", "admin"]), 200),
    ] {
        let wish = json!({"name": "watch", "scopes": scopes, "days": 1});
        let made = owner.post("/api/v1/me/tokens", wish).await.json();
        let bearer = format!("Bearer {}", made["token"].as_str().unwrap());
        let headers = [("authorization", bearer.as_str())];
        let answer = site.stranger().send("GET", OVERVIEW, &headers, "").await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
}
