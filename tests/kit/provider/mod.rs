//! A small OpenID Connect provider: discovery, authorisation, tokens and keys over real sockets, with
//! tokens that it really signs. What it does wrong is chosen by a [`Twist`].

mod sign;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use openidconnect::url::form_urlencoded;
use quire::config::{Oidc, Serve};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use uuid::Uuid;

pub use self::sign::Key;

const CLIENT_ID: &str = "quire";
/// With characters that must be escaped on the way.
const CLIENT_SECRET: &str = "a secret: 50 % of it";

/// What the provider does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Twist {
    None,
    WrongNonce,
    NoNonce,
    WrongAudience,
    AnotherAudience,
    WrongIssuer,
    Expired,
    UnknownKey,
    UnknownKeyOfKnownName,
    Unsigned,
    SharedSecret,
    Tampered,
    NoToken,
    NoJson,
    NeverAnswers,
    Huge,
    HugeKeys,
    Fails,
}

/// Who is signed in at the provider, and what it does wrong.
pub struct Mind {
    pub claims: Value,
    pub twist: Twist,
    pub key: Key,
    codes: BTreeMap<String, Grant>,
    /// The codes that were exchanged.
    pub exchanged: usize,
}

#[derive(Clone)]
struct Grant {
    nonce: String,
    challenge: String,
    redirect: String,
}

/// A running provider. It ends when dropped.
pub struct Provider {
    pub issuer: String,
    mind: Arc<Mutex<Mind>>,
    task: JoinHandle<()>,
}

impl Provider {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let mind = Arc::new(Mutex::new(Mind {
            claims: json!({"sub": "ada-1", "name": "Ada", "email": "ada@example.org", "email_verified": true}),
            twist: Twist::None,
            key: Key::elliptic("one"),
            codes: BTreeMap::new(),
            exchanged: 0,
        }));
        let (shared, own) = (mind.clone(), issuer.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (mind, issuer) = (shared.clone(), own.clone());
                tokio::spawn(async move {
                    let answer = service_fn(|request| answer(&mind, &issuer, request));
                    // Quire hangs up when it has heard enough.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), answer)
                        .await;
                });
            }
        });
        Self { issuer, mind, task }
    }

    pub fn mind(&self) -> MutexGuard<'_, Mind> {
        self.mind.lock().expect("no test panics in here")
    }

    /// The settings of a server that uses it.
    pub fn settings(&self) -> Oidc {
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("oidc-client-secret");
        std::fs::write(&file, format!("{CLIENT_SECRET}\n")).expect("the secret is written");
        Oidc {
            issuer: Some(self.issuer.clone()),
            client_id: Some(CLIENT_ID.to_owned()),
            client_secret_file: Some(file),
            name: "Example".to_owned(),
        }
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The settings of a server that has none.
pub fn no_provider() -> Oidc {
    Serve::with_defaults("postgres://localhost/quire").oidc
}

type Reply = Response<Full<Bytes>>;

async fn answer(
    mind: &Mutex<Mind>,
    issuer: &str,
    request: Request<Incoming>,
) -> Result<Reply, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes());
    let body = fields(&body.unwrap_or_default());
    let path = head.uri.path().to_owned();
    let twist = mind.lock().expect("a mind").twist;
    let at_token = path == "/token";
    if at_token && twist == Twist::NeverAnswers {
        std::future::pending::<()>().await;
    }
    let mut mind = mind.lock().expect("a mind");
    Ok(match (&head.method, path.as_str()) {
        (&Method::GET, "/.well-known/openid-configuration") => reply(200, &discovery(issuer)),
        (&Method::GET, "/keys") => {
            let padding = "x".repeat(if twist == Twist::HugeKeys { 1 << 20 } else { 0 });
            reply(
                200,
                &json!({"keys": [mind.key.public()], "padding": padding}),
            )
        }
        (&Method::GET, "/authorize") => authorize(
            &mut mind,
            &fields(head.uri.query().unwrap_or("").as_bytes()),
        ),
        (&Method::POST, "/token") => {
            let shown = head.headers.get(AUTHORIZATION);
            let shown = shown.and_then(|value| value.to_str().ok()).unwrap_or("");
            token(&mut mind, issuer, shown, &body)
        }
        _ => reply(404, &json!({})),
    })
}

fn discovery(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256", "RS256"],
        "scopes_supported": ["openid", "profile", "email"],
        "something_new": {"that": "nobody knows"},
    })
}

/// The person says yes at once.
fn authorize(mind: &mut Mind, asked: &BTreeMap<String, String>) -> Reply {
    for (name, value) in [
        ("client_id", CLIENT_ID),
        ("response_type", "code"),
        ("code_challenge_method", "S256"),
        ("scope", "openid profile email"),
    ] {
        assert_eq!(asked[name], value, "{name}");
    }
    // With characters that must be escaped on the way.
    let code = format!("4/{}+=", Uuid::new_v4());
    let grant = Grant {
        nonce: asked["nonce"].clone(),
        challenge: asked["code_challenge"].clone(),
        redirect: asked["redirect_uri"].clone(),
    };
    let mut query = form_urlencoded::Serializer::new(String::new());
    let query = query
        .append_pair("state", &asked["state"])
        .append_pair("code", &code)
        .finish();
    let location = format!("{}?{query}", grant.redirect);
    mind.codes.insert(code, grant);
    let mut reply = reply(303, &json!({}));
    let location = location.parse().expect("an address");
    reply.headers_mut().insert(LOCATION, location);
    reply
}

/// Client, code, verifier and address must be right; each code works once.
fn token(mind: &mut Mind, issuer: &str, shown: &str, body: &BTreeMap<String, String>) -> Reply {
    match mind.twist {
        Twist::Fails => return reply(500, &json!({"oh": "no"})),
        Twist::NoJson => return reply(200, &json!("no tokens")),
        Twist::Huge => return reply(200, &json!({"padding": "x".repeat(1 << 20)})),
        _ => {}
    }
    let escape = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let client = format!("{}:{}", escape(CLIENT_ID), escape(CLIENT_SECRET));
    if shown != format!("Basic {}", STANDARD.encode(client)) {
        return reply(401, &json!({"error": "invalid_client"}));
    }
    let grant = mind
        .codes
        .remove(body.get("code").map_or("", String::as_str));
    let verifier = body.get("code_verifier").map_or("", String::as_str);
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    let is_good = |grant: &Grant| {
        grant.challenge == challenge && body.get("redirect_uri") == Some(&grant.redirect)
    };
    let Some(grant) = grant.filter(is_good) else {
        return reply(400, &json!({"error": "invalid_grant"}));
    };
    mind.exchanged += 1;
    let mut tokens = json!({"access_token": "never used", "token_type": "Bearer"});
    if mind.twist != Twist::NoToken {
        tokens["id_token"] = id_token(mind, issuer, &grant.nonce).into();
    }
    reply(200, &tokens)
}

fn id_token(mind: &Mind, issuer: &str, nonce: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now_s = now.expect("after 1970").as_secs();
    let mut claims = mind.claims.clone();
    claims["iss"] = issuer.into();
    claims["aud"] = CLIENT_ID.into();
    claims["nonce"] = nonce.into();
    claims["iat"] = now_s.into();
    claims["exp"] = (now_s + 300).into();
    match mind.twist {
        Twist::WrongNonce => claims["nonce"] = "another".into(),
        Twist::NoNonce => claims["nonce"] = Value::Null,
        Twist::WrongAudience => claims["aud"] = "another client".into(),
        Twist::AnotherAudience => claims["aud"] = json!([CLIENT_ID, "another client"]),
        Twist::WrongIssuer => claims["iss"] = "https://another.example".into(),
        Twist::Expired => claims["exp"] = (now_s - 1).into(),
        _ => {}
    }
    match mind.twist {
        Twist::UnknownKey => Key::elliptic("two").sign(&claims),
        Twist::UnknownKeyOfKnownName => Key::elliptic("one").sign(&claims),
        Twist::Unsigned => sign::unsigned(&claims),
        Twist::SharedSecret => sign::with_secret(CLIENT_SECRET, &claims),
        Twist::Tampered => {
            let signed = mind.key.sign(&claims);
            claims["sub"] = "somebody else".into();
            sign::with_other_claims(&signed, &claims)
        }
        _ => mind.key.sign(&claims),
    }
}

fn fields(text: &[u8]) -> BTreeMap<String, String> {
    form_urlencoded::parse(text).into_owned().collect()
}

fn reply(status: u16, body: &Value) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(body.to_string())));
    *reply.status_mut() = StatusCode::from_u16(status).expect("a status");
    let kind = "application/json".parse().expect("a type");
    reply.headers_mut().insert(CONTENT_TYPE, kind);
    reply
}
