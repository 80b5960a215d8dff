//! A secret that its holder shows: of a session or of a one-time link. It never prints itself.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use std::fmt;

/// 32 random bytes. In text: base64url without padding, 43 characters.
#[derive(Clone)]
pub struct Token([u8; 32]);

impl Token {
    /// A fresh one.
    ///
    /// # Panics
    /// When the operating system has no random numbers: nothing safe can be done then.
    pub fn random() -> Self {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        Self(bytes)
    }

    /// Reads the text form; `None` when it cannot be a token.
    pub fn parse(text: &str) -> Option<Self> {
        // A longer text is refused before it is decoded.
        if text.len() != 43 {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }

    /// The text form, for the holder's eyes only: a link or a cookie.
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// Another secret that only the holder of this one can know, as text of the same form.
    pub fn derived(&self, purpose: &str) -> String {
        let digest = Sha256::new().chain_update(purpose).chain_update(self.0);
        URL_SAFE_NO_PAD.encode(digest.finalize())
    }

    /// What the database keeps. Look-ups compare hashes, so their timing says nothing about the
    /// secret.
    pub fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.0).to_vec()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::Token;

    #[test]
    fn a_token_reads_its_own_text() {
        let token = Token::random();
        let again = Token::parse(&token.reveal()).expect("its own text");
        assert_eq!(token.hash(), again.hash());
    }

    #[test]
    fn a_token_never_prints_itself() {
        let token = Token::random();
        assert!(!format!("{token:?}").contains(&token.reveal()));
    }

    #[test]
    fn what_is_derived_differs_by_purpose_and_tells_no_more() {
        let token = Token::random();
        let (one, other) = (token.derived("state"), token.derived("nonce"));
        assert_ne!(one, other);
        assert_eq!(one, token.derived("state"));
        let text = Token::parse(&one).expect("of the same form");
        assert_ne!(text.hash(), token.hash());
    }

    #[test]
    fn other_texts_are_no_tokens() {
        let long = "a".repeat(1_000_000);
        let padded = format!("{}=", "a".repeat(42));
        for text in ["", "a", long.as_str(), padded.as_str(), &"é".repeat(21)] {
            assert!(Token::parse(text).is_none());
        }
    }
}
