//! Signing in by an OpenID provider that really runs, and everything for which it is refused.

use super::site::{Answer, Options, Site, Visitor, exchange};
use crate::kit::members::count;
use crate::kit::provider::{Key, Provider, Twist};
use quire::auth::{drop_old_journeys, invite, welcome_link};
use serde_json::{Value, json};

const CALLBACK: &str = "/api/v1/oidc/callback";

async fn site(provider: &Provider, open_sign_up: bool) -> Site {
    Site::with_options(Options {
        oidc: provider.settings(),
        open_sign_up,
        ..Options::default()
    })
    .await
}

/// A browser on its way: the secret in its cookie and the address at which it comes back.
struct Way {
    cookie: String,
    back: String,
}

/// Sets out and says yes at the provider.
async fn set_out(visitor: &Visitor, provider: &Provider, body: Value) -> Way {
    let origin = format!("http://{}", visitor.address);
    let headers = [("x-quire", "1"), ("origin", origin.as_str())];
    let answer = visitor
        .send("POST", "/api/v1/oidc", &headers, &body.to_string())
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let cookie = answer.cookie("quire_oidc").expect("a cookie").to_owned();
    let url = answer.json()["url"].as_str().expect("a URL").to_owned();
    let path = url.strip_prefix(&provider.issuer).expect("the provider's");
    let host = provider.issuer.strip_prefix("http://").expect("http");
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    let answer = exchange(host.parse().expect("an address"), &request).await;
    let back = answer.header("location").expect("it leads back");
    let back = back.strip_prefix(&origin).expect("to where it began");
    assert!(back.starts_with(CALLBACK), "{back}");
    Way {
        cookie,
        back: back.to_owned(),
    }
}

/// Comes back, to whichever server `visitor` talks to.
async fn come_back(visitor: &Visitor, way: &Way) -> Answer {
    let session = visitor.token.as_deref().unwrap_or("none");
    let cookie = format!("quire_session={session}; quire_oidc={}", way.cookie);
    let answer = visitor
        .send("GET", &way.back, &[("cookie", &cookie)], "")
        .await;
    assert_eq!(answer.status, 303, "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer
}

/// That nobody is signed in, and which words the sign-in page has for it.
fn is_refused(answer: &Answer, reason: &str) {
    let page = format!("/sign-in#oidc={reason}");
    assert_eq!(answer.header("location"), Some(page.as_str()));
    assert_eq!(answer.cookie("quire_session"), None);
    assert_eq!(answer.cookie("quire_oidc"), Some(""));
}

async fn refusals(site: &Site, reason: &str) -> i64 {
    let client = site.pool.get().await.unwrap();
    let query = format!(
        "select count(*) from quire.audit where action = 'sign_in_refused' and address is not null
         and detail = '{{\"provider\": \"Example\", \"reason\": \"{reason}\"}}'"
    );
    count(&client, &query).await
}

/// Links the provider's Ada to the owner, who is called Ada as well.
async fn linked_owner(site: &Site, provider: &Provider) -> Visitor {
    let (owner, _) = site.owner().await;
    let way = set_out(&owner, provider, json!({"link": true})).await;
    let answer = come_back(&owner, &way).await;
    assert_eq!(answer.header("location"), Some("/account#oidc=linked"));
    assert_eq!(answer.cookie("quire_session"), None);
    owner
}

#[tokio::test]
async fn the_page_is_told_whether_there_is_a_provider() {
    let provider = Provider::start().await;
    let site = site(&provider, false).await;
    let told = site.stranger().get("/api/v1/oidc").await;
    assert_eq!(told.json(), json!({"name": "Example"}));

    let without = Site::start().await.stranger();
    let told = without.get("/api/v1/oidc").await;
    assert_eq!(told.json(), json!({"name": null}));
    assert_eq!(without.post("/api/v1/oidc", json!({})).await.status, 404);
    assert_eq!(without.get(CALLBACK).await.status, 404);
}

#[tokio::test]
async fn a_browser_that_sets_out_at_one_server_comes_back_to_another() {
    let provider = Provider::start().await;
    let first = site(&provider, false).await;
    let second = first
        .sister_with(Options {
            oidc: provider.settings(),
            ..Options::default()
        })
        .await;
    let owner = linked_owner(&first, &provider).await;
    let way = set_out(&first.stranger(), &provider, json!({})).await;
    let answer = come_back(&second.stranger(), &way).await;
    assert_eq!(answer.header("location"), Some("/sign-in#oidc=done"));
    let ada = second.stranger().after(&answer);
    let me = ada.get("/api/v1/me").await.json();
    assert_eq!(me["account"]["account_id"], owner.account_id.to_string());
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly; SameSite=Lax"), "{cookie}");

    let client = first.pool.get().await.unwrap();
    let started = "select count(*) from quire.audit where action = 'session_started'
                   and account_id is not null and address is not null";
    assert_eq!(count(&client, started).await, 2);
    let attempts = "select coalesce(sum(failures), 0)::bigint from quire.attempt";
    assert_eq!(count(&client, attempts).await, 0, "they are forgiven");
}

#[tokio::test]
async fn signing_in_by_the_provider_replaces_the_session_of_the_browser() {
    let provider = Provider::start().await;
    let site = site(&provider, false).await;
    let owner = linked_owner(&site, &provider).await;
    let way = set_out(&owner, &provider, json!({})).await;
    let answer = come_back(&owner, &way).await;
    assert_eq!(owner.get("/api/v1/me").await.status, 401);
    assert_eq!(owner.after(&answer).get("/api/v1/me").await.status, 200);
}

#[tokio::test]
async fn a_token_that_is_not_as_it_must_be_signs_nobody_in() {
    let provider = Provider::start().await;
    let site = site(&provider, true).await;
    linked_owner(&site, &provider).await;
    let client = site.pool.get().await.unwrap();
    let sessions = "select count(*) from quire.session";
    let before = count(&client, sessions).await;
    let twists = [
        Twist::WrongNonce,
        Twist::NoNonce,
        Twist::WrongAudience,
        Twist::AnotherAudience,
        Twist::WrongIssuer,
        Twist::Expired,
        Twist::UnknownKey,
        Twist::UnknownKeyOfKnownName,
        Twist::Unsigned,
        Twist::SharedSecret,
        Twist::Tampered,
        Twist::NoToken,
    ];
    for (at, twist) in twists.into_iter().enumerate() {
        provider.mind().twist = twist;
        let way = set_out(&site.stranger(), &provider, json!({})).await;
        let answer = come_back(&site.stranger(), &way).await;
        is_refused(&answer, "refused");
        assert_eq!(refusals(&site, "refused").await, at as i64 + 1, "{twist:?}");
    }
    provider.mind().twist = Twist::None;
    provider.mind().claims = json!({"sub": ""});
    let way = set_out(&site.stranger(), &provider, json!({})).await;
    is_refused(&come_back(&site.stranger(), &way).await, "refused");
    assert_eq!(count(&client, sessions).await, before);
}

#[tokio::test]
async fn a_browser_that_comes_back_twice_is_let_in_once() {
    let provider = Provider::start().await;
    let site = site(&provider, false).await;
    linked_owner(&site, &provider).await;
    let way = set_out(&site.stranger(), &provider, json!({})).await;
    let answer = come_back(&site.stranger(), &way).await;
    assert!(answer.cookie("quire_session").is_some());
    is_refused(&come_back(&site.stranger(), &way).await, "late");
    assert_eq!(refusals(&site, "late").await, 1);

    // At the same time, too: the code reaches the provider once.
    let way = set_out(&site.stranger(), &provider, json!({})).await;
    let before = provider.mind().exchanged;
    let visitor = site.stranger();
    let answers = (0..5).map(|_| come_back(&visitor, &way));
    let answers = futures_util::future::join_all(answers).await;
    let let_in = |answer: &&Answer| answer.cookie("quire_session").is_some();
    assert_eq!(answers.iter().filter(let_in).count(), 1);
    assert_eq!(provider.mind().exchanged, before + 1);
}

#[tokio::test]
async fn a_code_that_another_browser_used_is_worth_nothing() {
    let provider = Provider::start().await;
    let site = site(&provider, false).await;
    linked_owner(&site, &provider).await;
    let first = set_out(&site.stranger(), &provider, json!({})).await;
    let second = set_out(&site.stranger(), &provider, json!({})).await;
    let code = |way: &Way| way.back.split("code=").nth(1).unwrap().to_owned();
    let stolen = Way {
        back: second.back.replace(&code(&second), &code(&first)),
        cookie: second.cookie,
    };
    // The verifier of the browser that it was made for is missing.
    is_refused(&come_back(&site.stranger(), &stolen).await, "refused");
}

#[tokio::test]
async fn only_the_browser_that_set_out_comes_back() {
    let provider = Provider::start().await;
    let site = site(&provider, false).await;
    linked_owner(&site, &provider).await;
    let exchanged = provider.mind().exchanged;
    let way = set_out(&site.stranger(), &provider, json!({})).await;
    let other = site.stranger();
    // One that never set out, one that set out by itself, and one that knows no state.
    is_refused(&other.get(&way.back).await, "late");
    let own = set_out(&other, &provider, json!({})).await;
    let lured = Way {
        cookie: own.cookie,
        back: way.back.clone(),
    };
    is_refused(&come_back(&other, &lured).await, "refused");
    for query in ["", "?state=", "?code=x", "?state=x&code=y", "?error=x"] {
        let own = set_out(&other, &provider, json!({})).await;
        let lured = Way {
            cookie: own.cookie,
            back: format!("{CALLBACK}{query}"),
        };
        is_refused(&come_back(&other, &lured).await, "refused");
    }
    assert_eq!(provider.mind().exchanged, exchanged, "no code was shown");
    // It is still on its way itself.
    let answer = come_back(&site.stranger(), &way).await;
    assert!(answer.cookie("quire_session").is_some());
}

#[tokio::test]
async fn another_site_can_neither_send_a_browser_out_nor_link() {
    let provider = Provider::start().await;
    let site = site(&provider, false).await;
    let (owner, _) = site.owner().await;
    for headers in [
        &[][..],
        &[("x-quire", "1"), ("origin", "https://evil.example")][..],
    ] {
        let answer = owner
            .send("POST", "/api/v1/oidc", headers, r#"{"link": true}"#)
            .await;
        assert_eq!(answer.status, 403);
        assert_eq!(answer.cookie("quire_oidc"), None);
    }
}

#[tokio::test]
async fn a_browser_that_stays_too_long_must_set_out_again() {
    let provider = Provider::start().await;
    let site = site(&provider, false).await;
    linked_owner(&site, &provider).await;
    let way = set_out(&site.stranger(), &provider, json!({})).await;
    let client = site.pool.get().await.unwrap();
    let late = "update quire.oidc_sign_in set expires_at = now()";
    client.execute(late, &[]).await.unwrap();
    is_refused(&come_back(&site.stranger(), &way).await, "late");
    drop_old_journeys(&client).await.unwrap();
    let left = "select count(*) from quire.oidc_sign_in";
    assert_eq!(count(&client, left).await, 0);
}

#[tokio::test]
async fn what_the_provider_says_went_wrong_is_said_in_our_words() {
    let provider = Provider::start().await;
    let site = site(&provider, false).await;
    for (error, reason) in [
        ("access_denied", "cancelled"),
        ("temporarily_unavailable", "away"),
        ("%3Cscript%3E", "refused"),
    ] {
        let way = set_out(&site.stranger(), &provider, json!({})).await;
        let state = way.back.split("state=").nth(1).unwrap();
        let state = state.split('&').next().unwrap();
        let back = format!("{CALLBACK}?state={state}&error={error}&error_description=Pay%20us");
        let way = Way { back, ..way };
        is_refused(&come_back(&site.stranger(), &way).await, reason);
        assert_eq!(refusals(&site, reason).await, 1);
    }
}

#[tokio::test]
async fn a_provider_that_is_away_slow_or_endless_is_given_up() {
    let provider = Provider::start().await;
    let first = site(&provider, false).await;
    linked_owner(&first, &provider).await;
    for twist in [
        Twist::Huge,
        Twist::NeverAnswers,
        Twist::NoJson,
        Twist::Fails,
    ] {
        let way = set_out(&first.stranger(), &provider, json!({})).await;
        provider.mind().twist = twist;
        let begun = std::time::Instant::now();
        is_refused(&come_back(&first.stranger(), &way).await, "away");
        assert!(begun.elapsed().as_secs() < 10, "{twist:?}");
        provider.mind().twist = Twist::None;
    }
    // What a server knows of the provider it knows for an hour; another one has to ask.
    provider.mind().twist = Twist::HugeKeys;
    let options = || Options {
        oidc: provider.settings(),
        ..Options::default()
    };
    let second = first.sister_with(options()).await;
    let answer = second.stranger().post("/api/v1/oidc", json!({})).await;
    assert_eq!(answer.status, 503);
    assert!(answer.detail().contains("provider cannot be reached"));
    let third = first.sister_with(options()).await;
    drop(provider);
    let answer = third.stranger().post("/api/v1/oidc", json!({})).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.cookie("quire_oidc"), None);
}

#[tokio::test]
async fn keys_that_the_provider_changes_are_read_again() {
    let provider = Provider::start().await;
    let site = site(&provider, false).await;
    linked_owner(&site, &provider).await;
    for key in [
        Key::elliptic("two"),
        Key::elliptic("two"),
        Key::rsa("three"),
    ] {
        provider.mind().key = key;
        let way = set_out(&site.stranger(), &provider, json!({})).await;
        let answer = come_back(&site.stranger(), &way).await;
        assert!(answer.cookie("quire_session").is_some(), "{answer:?}");
    }
}

#[tokio::test]
async fn a_mail_address_opens_no_account() {
    let provider = Provider::start().await;
    let site = site(&provider, false).await;
    let (owner, _) = site.owner().await;
    let body = json!({"email": "ada@example.org", "password": "correct horse"});
    let set = owner.change("PUT", "/api/v1/me/password", body).await;
    assert_eq!(set.status, 204);
    let way = set_out(&site.stranger(), &provider, json!({})).await;
    is_refused(&come_back(&site.stranger(), &way).await, "unknown");
    assert_eq!(refusals(&site, "unknown").await, 1);
}

#[tokio::test]
async fn an_invitation_is_used_when_the_browser_is_back() {
    let provider = Provider::start().await;
    let site = site(&provider, false).await;
    let link = welcome_link(&site.pool).await.unwrap();
    let body = json!({"token": link.reveal(), "name": "Ada L."});
    let way = set_out(&site.stranger(), &provider, body.clone()).await;
    let answer = come_back(&site.stranger(), &way).await;
    let owner = site.stranger().after(&answer);
    let me = owner.get("/api/v1/me").await.json();
    assert_eq!(me["account"]["name"], "Ada L.");
    assert_eq!(me["organisations"][0]["role"], "owner");
    let page = answer.header("location").unwrap();
    let org_id = me["organisations"][0]["org_id"].as_str().unwrap();
    let document_id = page.strip_prefix(&format!("/{org_id}/")).unwrap();
    assert_eq!(document_id.len(), 36);
    let again = site.stranger().post("/api/v1/oidc", body).await;
    assert_eq!(again.status, 410);

    // Bob, whom the provider names, then twice by the same invitation.
    let client = site.pool.get().await.unwrap();
    let owner_id = super::site::id(&me["account"]["account_id"]);
    let org_id = org_id.parse().unwrap();
    let link = invite(&client, owner_id, org_id, None, "guest")
        .await
        .unwrap();
    provider.mind().claims = json!({"sub": "bob-1", "preferred_username": "bob\u{7}"});
    let body = json!({"token": link.token.reveal()});
    let first = set_out(&site.stranger(), &provider, body.clone()).await;
    let second = set_out(&site.stranger(), &provider, body).await;
    let answer = come_back(&site.stranger(), &first).await;
    assert_eq!(answer.header("location"), Some("/"));
    let bob = site.stranger().after(&answer);
    let me = bob.get("/api/v1/me").await.json();
    assert_eq!(me["account"]["name"], "bob");
    assert_eq!(me["organisations"][0]["role"], "guest");
    is_refused(&come_back(&site.stranger(), &second).await, "used");

    // A link that signs its owner in needs no provider.
    let link = welcome_link(&site.pool).await.unwrap();
    let body = json!({"token": link.reveal()});
    let answer = site.stranger().post("/api/v1/oidc", body).await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn somebody_who_is_known_joins_another_organisation_as_themselves() {
    let provider = Provider::start().await;
    let site = site(&provider, false).await;
    let ada = linked_owner(&site, &provider).await;
    let boss = site.somebody(None, "owner").await;
    let client = site.pool.get().await.unwrap();
    for (role, expected) in [("member", "member"), ("guest", "member")] {
        let link = invite(&client, boss.account_id, boss.org_id, None, role)
            .await
            .unwrap();
        let body = json!({"token": link.token.reveal()});
        let way = set_out(&site.stranger(), &provider, body).await;
        let answer = come_back(&site.stranger(), &way).await;
        let me = site.stranger().after(&answer).get("/api/v1/me").await;
        let me = me.json();
        assert_eq!(me["account"]["account_id"], ada.account_id.to_string());
        assert_eq!(me["organisations"].as_array().unwrap().len(), 2);
        assert_eq!(me["organisations"][1]["role"], expected, "they keep it");
    }
}

#[tokio::test]
async fn where_sign_up_is_open_the_provider_is_enough() {
    let provider = Provider::start().await;
    let site = site(&provider, true).await;
    let mut accounts = Vec::new();
    for _ in 0..2 {
        let way = set_out(&site.stranger(), &provider, json!({})).await;
        let answer = come_back(&site.stranger(), &way).await;
        let ada = site.stranger().after(&answer);
        let me = ada.get("/api/v1/me").await.json();
        assert_eq!(me["account"]["name"], "Ada");
        assert_eq!(me["account"]["email"], Value::Null);
        assert_eq!(me["organisations"][0]["role"], "owner");
        accounts.push(me["account"]["account_id"].clone());
    }
    assert_eq!(accounts[0], accounts[1], "the second time it is known");
}

#[tokio::test]
async fn an_identity_is_linked_by_whoever_knows_the_password_and_to_one_account() {
    let provider = Provider::start().await;
    let site = site(&provider, false).await;
    let ada = linked_owner(&site, &provider).await;
    let bob = site.somebody(Some(ada.org_id), "member").await;
    let way = set_out(&bob, &provider, json!({"link": true})).await;
    is_refused(&come_back(&bob, &way).await, "taken");

    // The browser must still be signed in, and with the same session.
    provider.mind().claims = json!({"sub": "bob-1"});
    let way = set_out(&bob, &provider, json!({"link": true})).await;
    is_refused(&come_back(&site.stranger(), &way).await, "late");
    let way = set_out(&bob, &provider, json!({"link": true})).await;
    is_refused(&come_back(&ada, &way).await, "late");

    let body = json!({"email": "bob@example.org", "password": "correct horse"});
    let set = bob.change("PUT", "/api/v1/me/password", body).await;
    let bob = bob.after(&set);
    for (body, status) in [
        (json!({"link": true}), 400),
        (
            json!({"link": true, "current_password": "wrong horse"}),
            403,
        ),
        (
            json!({"link": true, "token": "x", "current_password": "correct horse"}),
            400,
        ),
    ] {
        let answer = bob.post("/api/v1/oidc", body).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    let stranger = site.stranger();
    let answer = stranger.post("/api/v1/oidc", json!({"link": true})).await;
    assert_eq!(answer.status, 401);
    let body = json!({"link": true, "current_password": "correct horse"});
    for _ in 0..2 {
        let way = set_out(&bob, &provider, body.clone()).await;
        let answer = come_back(&bob, &way).await;
        assert_eq!(answer.header("location"), Some("/account#oidc=linked"));
    }
    let own = bob.get("/api/v1/me/identities").await.json();
    assert_eq!(own["identities"].as_array().unwrap().len(), 1);
    assert_eq!(own["identities"][0]["issuer"], provider.issuer.as_str());
}

#[tokio::test]
async fn the_last_way_to_sign_in_stays() {
    let provider = Provider::start().await;
    let site = site(&provider, true).await;
    let way = set_out(&site.stranger(), &provider, json!({})).await;
    let ada = site
        .stranger()
        .after(&come_back(&site.stranger(), &way).await);
    let own = ada.get("/api/v1/me/identities").await.json();
    let identity = &own["identities"][0];
    assert_eq!(identity["email"], "ada@example.org");
    let path = format!(
        "/api/v1/me/identities/{}",
        identity["identity_id"].as_str().unwrap()
    );
    let answer = ada.change("DELETE", &path, json!({})).await;
    assert_eq!(answer.status, 409);
    assert!(answer.detail().contains("set a password"));
    let bob = site.somebody(None, "member").await;
    assert_eq!(bob.change("DELETE", &path, json!({})).await.status, 404);

    let body = json!({"email": "ada@example.org", "password": "correct horse"});
    let ada = ada.after(&ada.change("PUT", "/api/v1/me/password", body).await);
    assert_eq!(ada.change("DELETE", &path, json!({})).await.status, 204);
    assert_eq!(ada.change("DELETE", &path, json!({})).await.status, 404);
    let client = site.pool.get().await.unwrap();
    for action in ["identity_linked", "identity_unlinked"] {
        let noted = format!(
            "select count(*) from quire.audit where action = '{action}' and account_id is not null"
        );
        assert_eq!(count(&client, &noted).await, 1, "{action}");
    }
}

#[tokio::test]
async fn setting_out_is_limited_like_guessing() {
    let provider = Provider::start().await;
    let site = site(&provider, false).await;
    let client = site.pool.get().await.unwrap();
    let many = "insert into quire.attempt (subject, failures, started_at)
                values ('address:127.0.0.1', 100, now())";
    client.execute(many, &[]).await.unwrap();
    let answer = site.stranger().post("/api/v1/oidc", json!({})).await;
    assert_eq!(answer.status, 429);
    // Who comes without having set out does not fill the audit.
    is_refused(&site.stranger().get(CALLBACK).await, "late");
    assert_eq!(refusals(&site, "late").await, 0);
}

#[tokio::test]
async fn neither_the_database_nor_an_address_of_ours_holds_a_secret() {
    let provider = Provider::start().await;
    let site = site(&provider, false).await;
    let link = welcome_link(&site.pool).await.unwrap();
    let body = json!({"token": link.reveal(), "name": "Ada"});
    let way = set_out(&site.stranger(), &provider, body).await;
    let client = site.pool.get().await.unwrap();
    let row = client
        .query_one("select j::text from quire.oidc_sign_in j", &[])
        .await
        .unwrap();
    let row: String = row.get(0);
    let state = way.back.split("state=").nth(1).unwrap();
    let state = state.split('&').next().unwrap();
    for secret in [way.cookie.as_str(), &link.reveal(), state] {
        assert!(!row.contains(secret));
    }
    let answer = come_back(&site.stranger(), &way).await;
    let page = answer.header("location").unwrap();
    assert!(!page.contains(['?', '#']), "{page}");
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
}
