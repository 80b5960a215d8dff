//! Tokens signed with ring, so that what reads them and what writes them are not the same code.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use ring::{hmac, rsa::PublicKeyComponents};
use serde_json::{Value, json};

/// A private key and the name under which its public half is published.
pub struct Key {
    name: String,
    pair: Pair,
}

enum Pair {
    Elliptic(Box<EcdsaKeyPair>),
    Rsa(Box<RsaKeyPair>),
}

impl Key {
    /// A fresh key for ES256.
    pub fn elliptic(name: &str) -> Self {
        let (random, kind) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
        let key = EcdsaKeyPair::generate_pkcs8(kind, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(kind, key.as_ref(), &random).expect("a key pair");
        Self {
            name: name.to_owned(),
            pair: Pair::Elliptic(Box::new(pair)),
        }
    }

    /// The key for RS256; ring makes none.
    pub fn rsa(name: &str) -> Self {
        let lines = include_str!("rsa.key").lines();
        let text: String = lines.filter(|line| !line.starts_with('-')).collect();
        let key = STANDARD.decode(text).expect("base64");
        let pair = RsaKeyPair::from_pkcs8(&key).expect("a key pair");
        Self {
            name: name.to_owned(),
            pair: Pair::Rsa(Box::new(pair)),
        }
    }

    /// The public half (RFC 7517).
    pub fn public(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match &self.pair {
            Pair::Elliptic(pair) => {
                let point = pair.public_key().as_ref();
                json!({
                    "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.name,
                    "x": text(&point[1..33]), "y": text(&point[33..65]),
                })
            }
            Pair::Rsa(pair) => {
                let parts: PublicKeyComponents<Vec<u8>> = pair.public().into();
                json!({
                    "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.name,
                    "n": text(&parts.n), "e": text(&parts.e),
                })
            }
        }
    }

    /// A token with these claims (RFC 7515).
    pub fn sign(&self, claims: &Value) -> String {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Elliptic(pair) => {
                let text = unfinished("ES256", Some(&self.name), claims);
                let signature = pair.sign(&random, text.as_bytes()).expect("it signs");
                finished(&text, signature.as_ref())
            }
            Pair::Rsa(pair) => {
                let text = unfinished("RS256", Some(&self.name), claims);
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature)
                    .expect("it signs");
                finished(&text, &signature)
            }
        }
    }
}

/// A token that says of itself that nobody signed it.
pub fn unsigned(claims: &Value) -> String {
    finished(&unfinished("none", None, claims), &[])
}

/// A token signed with what client and provider both know.
pub fn with_secret(secret: &str, claims: &Value) -> String {
    let text = unfinished("HS256", None, claims);
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    finished(&text, hmac::sign(&key, text.as_bytes()).as_ref())
}

/// The same head and signature around other claims.
pub fn with_other_claims(token: &str, claims: &Value) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
    format!("{}.{claims}.{}", parts[0], parts[2])
}

fn unfinished(algorithm: &str, key: Option<&str>, claims: &Value) -> String {
    let mut head = json!({"alg": algorithm, "typ": "JWT"});
    if let Some(key) = key {
        head["kid"] = key.into();
    }
    let text = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", text(&head), text(claims))
}

fn finished(text: &str, signature: &[u8]) -> String {
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}
