use super::mailbox::Mailbox;
use super::site::{Answer, Options, Site, Visitor};
use crate::kit::members::count;
use quire::mail::Mailer;
use serde_json::json;

const EMAIL: &str = "ada@example.org";
const ASK: &str = "/api/v1/password-resets";

/// A site that sends its mail to the box, and its owner, who has forgotten the password.
async fn site() -> (Site, Mailbox, Visitor) {
    let mailbox = Mailbox::open().await;
    let site = Site::with_options(Options {
        mailer: Mailer::new(Some(&mailbox.url), Some("quire@example.org")).unwrap(),
        ..Options::default()
    })
    .await;
    let (owner, _) = site.owner().await;
    let body = json!({"email": EMAIL, "password": "forgotten"});
    let answer = owner.change("PUT", "/api/v1/me/password", body).await;
    let owner = owner.after(&answer);
    (site, mailbox, owner)
}

async fn ask(visitor: &Visitor, email: &str) -> Answer {
    visitor.post(ASK, json!({"email": email})).await
}

/// The secret in the next mail's link.
async fn secret(site: &Site, mailbox: &mut Mailbox) -> String {
    let mail = mailbox.next().await;
    assert!(mail.contains(&format!("RCPT TO:<{EMAIL}>")), "{mail}");
    let link = format!("http://{}/reset#", site.address);
    let (_, rest) = mail.split_once(&link).unwrap_or_else(|| panic!("{mail}"));
    rest[..43].to_owned()
}

async fn set(site: &Site, token: &str, password: &str) -> Answer {
    let body = json!({"token": token, "password": password});
    site.stranger().change("PUT", ASK, body).await
}

#[tokio::test]
async fn a_link_sets_the_password_once_and_signs_out_everywhere_else() {
    let (site, mut mailbox, owner) = site().await;
    let visitor = site.stranger();
    // Unknown addresses are answered alike and get no mail: the next one in the box is Ada's.
    let unknown = ask(&visitor, "nobody@example.org").await;
    let known = ask(&visitor, " ADA@example.org").await;
    assert_eq!((unknown.status, known.status), (202, 202));
    assert_eq!(unknown.body, known.body);
    let token = secret(&site, &mut mailbox).await;

    let refused = set(&site, &token, "short").await;
    assert_eq!(refused.status, 400);
    let answer = set(&site, &token, "battery staple").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["account"]["email"], EMAIL);
    assert_eq!(owner.get("/api/v1/me").await.status, 401);
    let me = owner.after(&answer).get("/api/v1/me").await;
    assert_eq!(me.status, 200);
    for (password, status) in [("forgotten", 401), ("battery staple", 200)] {
        let body = json!({"email": EMAIL, "password": password});
        let answer = visitor.post("/api/v1/session", body).await;
        assert_eq!(answer.status, status, "{password}");
    }
    let again = set(&site, &token, "another one").await;
    assert_eq!(again.status, 410);
    assert!(again.detail().contains("used"));
}

#[tokio::test]
async fn a_link_that_is_too_old_or_not_whole_is_gone() {
    let (site, mut mailbox, _) = site().await;
    ask(&site.stranger(), EMAIL).await;
    let token = secret(&site, &mut mailbox).await;
    let client = site.pool.get().await.unwrap();
    let lives = "select count(*) from quire.password_reset
                 where expires_at between now() + interval '59 minutes' and now() + interval '1 hour'";
    assert_eq!(count(&client, lives).await, 1);
    for broken in [&token[1..], "", &"A".repeat(43)] {
        assert_eq!(set(&site, broken, "battery staple").await.status, 410);
    }
    let expire = "update quire.password_reset set expires_at = now()";
    client.execute(expire, &[]).await.unwrap();
    assert_eq!(set(&site, &token, "battery staple").await.status, 410);
}

#[tokio::test]
async fn another_password_voids_the_links_that_are_on_their_way() {
    let (site, mut mailbox, owner) = site().await;
    for _ in 0..2 {
        ask(&site.stranger(), EMAIL).await;
    }
    let first = secret(&site, &mut mailbox).await;
    let second = secret(&site, &mut mailbox).await;
    let body = json!({"current_password": "forgotten", "password": "remembered"});
    let answer = owner.change("PUT", "/api/v1/me/password", body).await;
    assert_eq!(answer.status, 204);
    for token in [first, second] {
        assert_eq!(set(&site, &token, "battery staple").await.status, 410);
    }
}

#[tokio::test]
async fn nobodys_mailbox_is_filled_by_somebody_else() {
    let (site, mut mailbox, _) = site().await;
    let visitor = site.stranger();
    for _ in 0..5 {
        assert_eq!(ask(&visitor, EMAIL).await.status, 202);
    }
    let body = json!({"email": "bob@example.org", "password": "correct horse"});
    let bob = site.somebody(None, "owner").await;
    let answer = bob.change("PUT", "/api/v1/me/password", body).await;
    assert_eq!(answer.status, 204);
    ask(&visitor, "bob@example.org").await;
    for _ in 0..3 {
        secret(&site, &mut mailbox).await;
    }
    let mail = mailbox.next().await;
    assert!(mail.contains("RCPT TO:<bob@example.org>"), "{mail}");

    let client = site.pool.get().await.unwrap();
    let many = "update quire.attempt set failures = 100 where subject like 'address:%'";
    client.execute(many, &[]).await.unwrap();
    assert_eq!(ask(&visitor, EMAIL).await.status, 429);
    assert_eq!(ask(&visitor, "nobody").await.status, 400);
}

#[tokio::test]
async fn a_link_leads_to_quire_whatever_host_the_request_names() {
    let (site, mut mailbox, _) = site().await;
    let body = json!({"email": EMAIL}).to_string();
    // A bare address is let in as a host, but is none that was set.
    let headers = [
        ("x-quire", "1"),
        ("host", "192.0.2.66"),
        ("origin", "http://192.0.2.66"),
    ];
    let answer = site.stranger().send("POST", ASK, &headers, &body).await;
    assert_eq!(answer.status, 202);
    secret(&site, &mut mailbox).await;
}
