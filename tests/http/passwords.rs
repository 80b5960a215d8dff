use super::site::{Answer, Site, Visitor};
use crate::kit::members::count;
use argon2::password_hash::PasswordHasher;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, Version};
use quire::auth::{start_login, verify_login, welcome_link};
use quire::error::Kind;
use serde_json::{Value, json};

const EMAIL: &str = "ada@example.org";
const PASSWORD: &str = " correct horse ";

/// The owner, with mail address and password, in the browser that set them.
async fn owner(site: &Site) -> Visitor {
    let (owner, _) = site.owner().await;
    let body = json!({"email": EMAIL, "password": PASSWORD});
    let answer = owner.change("PUT", "/api/v1/me/password", body).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    owner.after(&answer)
}

async fn sign_in(visitor: &Visitor, email: &str, password: &str) -> Answer {
    let body = json!({"email": email, "password": password});
    visitor.post("/api/v1/session", body).await
}

async fn is_signed_in(visitor: &Visitor) -> bool {
    visitor.get("/api/v1/me").await.status == 200
}

async fn run(site: &Site, statement: &str) {
    let client = site.pool.get().await.unwrap();
    client.batch_execute(statement).await.unwrap();
}

#[tokio::test]
async fn the_right_password_signs_in() {
    let site = Site::start().await;
    let owner = owner(&site).await;
    let answer = sign_in(&site.stranger(), " ADA@Example.org ", PASSWORD).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let me = answer.json();
    assert_eq!(me["account"]["account_id"], owner.account_id.to_string());
    assert_eq!(me["account"]["email"], EMAIL);
    assert_eq!(me["organisations"][0]["role"], "owner");
    let me = owner.after(&answer).get("/api/v1/me").await;
    assert_eq!(me.json()["account"]["name"], "Ada");
    // A password is taken as it is.
    let answer = sign_in(&site.stranger(), EMAIL, PASSWORD.trim()).await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn an_unknown_address_is_answered_like_a_wrong_password() {
    let site = Site::start().await;
    let owner = owner(&site).await;
    let mut answers = Vec::new();
    for (email, password) in [
        (EMAIL, "something else"),
        ("bob@example.org", PASSWORD),
        ("no address", PASSWORD),
    ] {
        let answer = sign_in(&site.stranger(), email, password).await;
        assert_eq!(answer.status, 401, "{email}");
        assert_eq!(answer.header("set-cookie"), None);
        answers.push(answer.body);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
    let client = site.pool.get().await.unwrap();
    let refused = client
        .query(
            "select account_id, a::text from quire.audit a
             where action = 'sign_in_refused' and address = '127.0.0.1' order by audit_id",
            &[],
        )
        .await
        .unwrap();
    let accounts = [Some(owner.account_id), None, None];
    assert_eq!(refused.len(), 3);
    for (row, account_id) in refused.iter().zip(accounts) {
        assert_eq!(row.get::<_, Option<uuid::Uuid>>(0), account_id);
        let text: &str = row.get(1);
        assert!(!text.contains('@') && !text.contains("horse"), "{text}");
    }
}

#[tokio::test]
async fn two_servers_count_the_guesses_together() {
    let site = Site::start().await;
    let sister = site.sister().await;
    owner(&site).await;
    let (here, there) = (site.stranger(), sister.stranger());
    for _ in 0..5 {
        for visitor in [&here, &there] {
            let answer = sign_in(visitor, EMAIL, "something else").await;
            assert_eq!(answer.status, 401);
        }
    }
    for visitor in [&here, &there] {
        let answer = sign_in(visitor, EMAIL, PASSWORD).await;
        assert_eq!(answer.status, 429);
        let wait_s: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=900).contains(&wait_s), "{wait_s}");
    }
    // Others are not held up by it.
    let answer = sign_in(&here, "bob@example.org", PASSWORD).await;
    assert_eq!(answer.status, 401);
    let later = "update quire.attempt set started_at = started_at - interval '15 minutes'";
    run(&site, later).await;
    assert_eq!(sign_in(&there, EMAIL, PASSWORD).await.status, 200);
    let client = site.pool.get().await.unwrap();
    let others = "select count(*) from quire.attempt where subject like 'email:%'";
    assert_eq!(count(&client, others).await, 1, "only Bob's are counted");
}

#[tokio::test]
async fn one_network_address_may_guess_a_hundred_times() {
    let site = Site::start().await;
    owner(&site).await;
    let guesses = "insert into quire.attempt values ('address:127.0.0.1', 99, now())";
    run(&site, guesses).await;
    let visitor = site.stranger();
    let answer = sign_in(&visitor, "one@example.org", PASSWORD).await;
    assert_eq!(answer.status, 401);
    for email in ["two@example.org", EMAIL] {
        let answer = sign_in(&visitor, email, PASSWORD).await;
        assert_eq!(answer.status, 429, "{email}");
        assert!(answer.detail().contains("too many"));
    }
}

#[tokio::test]
async fn signing_in_replaces_the_session_of_the_browser() {
    let site = Site::start().await;
    let before = owner(&site).await;
    let answer = sign_in(&before, EMAIL, PASSWORD).await;
    let after = before.after(&answer);
    assert_ne!(before.token, after.token);
    assert!(!is_signed_in(&before).await, "the former one is dead");
    assert!(is_signed_in(&after).await);
    // One that somebody made up is not taken over.
    let mut planted = site.stranger();
    planted.token = Some("A".repeat(43));
    let answer = sign_in(&planted, EMAIL, PASSWORD).await;
    assert_ne!(answer.cookie("quire_session"), planted.token.as_deref());
    assert!(!is_signed_in(&planted).await);
}

#[tokio::test]
async fn another_password_signs_out_everywhere_else() {
    let site = Site::start().await;
    let here = owner(&site).await;
    let elsewhere = here.after(&sign_in(&site.stranger(), EMAIL, PASSWORD).await);
    let body = json!({"current_password": PASSWORD, "password": "battery staple"});
    let answer = here.change("PUT", "/api/v1/me/password", body).await;
    assert_eq!(answer.status, 204);
    assert!(is_signed_in(&here.after(&answer)).await);
    assert!(!is_signed_in(&here).await, "this browser has a new session");
    assert!(!is_signed_in(&elsewhere).await);
    let visitor = site.stranger();
    assert_eq!(sign_in(&visitor, EMAIL, PASSWORD).await.status, 401);
    let answer = sign_in(&visitor, EMAIL, "battery staple").await;
    assert_eq!(answer.status, 200);
    let client = site.pool.get().await.unwrap();
    let noted = "select count(*) from quire.audit where action = 'password_changed'
                 and actor_id = account_id and session_id is not null and address = '127.0.0.1'";
    assert_eq!(count(&client, noted).await, 2);
}

#[tokio::test]
async fn what_is_wrong_with_a_password_is_said() {
    let site = Site::start().await;
    let (fresh, _) = site.owner().await;
    let put = async |visitor: &Visitor, body: Value| {
        let answer = visitor.change("PUT", "/api/v1/me/password", body).await;
        (answer.status, answer.detail())
    };
    for (body, says) in [
        (json!({"password": PASSWORD}), "email: is missing"),
        (json!({"email": "ada", "password": PASSWORD}), "email: this"),
        (json!({"email": EMAIL, "password": "short"}), "password: 8"),
        (json!({"email": EMAIL}), "password: is missing"),
    ] {
        let (status, detail) = put(&fresh, body).await;
        assert_eq!(status, 400);
        assert!(detail.starts_with(says), "{detail}");
    }
    let bob = site.somebody(Some(fresh.org_id), "member").await;
    let body = json!({"email": EMAIL, "password": PASSWORD});
    let answer = bob.change("PUT", "/api/v1/me/password", body.clone()).await;
    assert_eq!(answer.status, 204);
    let (status, detail) = put(&fresh, body).await;
    assert_eq!(status, 409);
    assert!(detail.starts_with("email:"), "{detail}");

    let bob = bob.after(&answer);
    let body = json!({"password": "battery staple"});
    let (status, detail) = put(&bob, body).await;
    assert_eq!(
        (status, detail.as_str()),
        (400, "current_password: is missing")
    );
    let body = json!({"current_password": "guess guess", "password": "battery staple"});
    for _ in 0..10 {
        let (status, detail) = put(&bob, body.clone()).await;
        assert_eq!(status, 403);
        assert!(detail.starts_with("current_password:"), "{detail}");
    }
    assert_eq!(put(&bob, body).await.0, 429);
    assert!(is_signed_in(&bob).await);
}

#[tokio::test]
async fn a_link_sets_address_and_password_together() {
    let site = Site::start().await;
    let link = welcome_link(&site.pool).await.unwrap().reveal();
    for (one, says) in [
        (json!({"email": EMAIL}), "password: is missing"),
        (json!({"password": PASSWORD}), "email: is missing"),
        (json!({"email": EMAIL, "password": "short"}), "password: 8"),
    ] {
        let mut body = one.clone();
        body["token"] = link.clone().into();
        body["name"] = "Ada".into();
        let answer = site.stranger().post("/api/v1/welcome", body).await;
        assert_eq!(answer.status, 400, "{one}");
        assert!(answer.detail().starts_with(says), "{one}");
    }
    let body = json!({"token": link, "name": "Ada", "email": EMAIL, "password": PASSWORD});
    let answer = site.stranger().post("/api/v1/welcome", body).await;
    assert_eq!(answer.status, 200);
    let first = site.stranger().after(&answer);
    assert_eq!(sign_in(&site.stranger(), EMAIL, PASSWORD).await.status, 200);

    // Whoever keeps the installation can set it anew.
    let link = welcome_link(&site.pool).await.unwrap().reveal();
    let body = json!({"token": link, "email": EMAIL, "password": "battery staple"});
    let answer = site.stranger().post("/api/v1/welcome", body).await;
    assert_eq!(answer.status, 200);
    assert!(!is_signed_in(&first).await);
    assert!(is_signed_in(&first.after(&answer)).await);
    let answer = sign_in(&site.stranger(), EMAIL, "battery staple").await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_hash_of_other_parameters_is_renewed_at_sign_in() {
    let site = Site::start().await;
    owner(&site).await;
    let weak = Params::new(8, 1, 1, None).unwrap();
    let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, weak);
    let weak: PasswordHash = weak.hash_password(PASSWORD.as_bytes()).unwrap();
    let client = site.pool.get().await.unwrap();
    let weaken = "update quire.login set password_hash = $1";
    client.execute(weaken, &[&weak.to_string()]).await.unwrap();
    let visitor = site.stranger();
    assert_eq!(sign_in(&visitor, EMAIL, "something else").await.status, 401);
    for _ in 0..2 {
        assert_eq!(sign_in(&visitor, EMAIL, PASSWORD).await.status, 200);
        let renewed = "select count(*) from quire.login \
                       where password_hash like '$argon2id$v=19$m=19456,t=2,p=1$%'";
        assert_eq!(count(&client, renewed).await, 1);
    }
}

#[tokio::test]
async fn a_password_that_was_changed_meanwhile_signs_nobody_in() {
    let site = Site::start().await;
    owner(&site).await;
    let address = site.address.ip();
    let login = verify_login(&site.pool, EMAIL, PASSWORD, address)
        .await
        .unwrap();
    let other = "update quire.login set password_hash = '$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAA'";
    run(&site, other).await;
    let mut client = site.pool.get().await.unwrap();
    let transaction = client.transaction().await.unwrap();
    let error = start_login(&transaction, &login, "test").await.unwrap_err();
    assert_eq!(error.kind(), Kind::SignedOut);
}

#[tokio::test]
async fn an_account_changes_its_name() {
    let site = Site::start().await;
    let (owner, _) = site.owner().await;
    let answer = owner
        .change("PATCH", "/api/v1/me", json!({"name": " Ada L. "}))
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["account"]["name"], "Ada L.");
    assert_eq!(answer.json()["account"]["email"], Value::Null);
    let answer = owner
        .change("PATCH", "/api/v1/me", json!({"name": ""}))
        .await;
    assert_eq!(answer.status, 400);
    assert!(answer.detail().starts_with("name: 1 to 100"));
}

/// Each costs a hash, whoever asks for it.
#[tokio::test]
async fn passwords_that_somebody_sets_are_counted_too() {
    let site = Site::start().await;
    let (owner, document_id) = site.owner().await;
    let statement = format!(
        "insert into quire.attempt values ('passwords:{}', 30, now())",
        owner.account_id
    );
    run(&site, &statement).await;
    let body = json!({"email": EMAIL, "password": PASSWORD});
    let answer = owner.change("PUT", "/api/v1/me/password", body).await;
    assert_eq!(answer.status, 429, "{answer:?}");
    let links = owner.document(document_id, "/links");
    let body = json!({"role": "view", "password": PASSWORD});
    assert_eq!(owner.post(&links, body).await.status, 429);
}

#[tokio::test]
async fn an_address_that_is_refused_locks_no_account_out() {
    let site = Site::start().await;
    owner(&site).await;
    let here = "insert into quire.attempt values ('address:127.0.0.1', 100, now())";
    run(&site, here).await;
    for _ in 0..12 {
        let answer = sign_in(&site.stranger(), EMAIL, "something else").await;
        assert_eq!(answer.status, 429);
    }
    run(
        &site,
        "delete from quire.attempt where subject like 'address:%'",
    )
    .await;
    let answer = sign_in(&site.stranger(), EMAIL, PASSWORD).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}
