//! The OpenID Connect provider that is set: where it sends people, and who it says that they are.
//! Which account that is, is left to `auth`.

mod ask;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreIdToken, CoreIdTokenClaims, CoreIdTokenVerifier,
    CoreJwsSigningAlgorithm, CoreProviderMetadata,
};
use openidconnect::url::form_urlencoded;
use openidconnect::{
    AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken, IssuerUrl,
    Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
    SignatureVerificationError, TokenResponse,
};

use self::ask::Ask;
use crate::config::Oidc;
use crate::error::{Error, Kind, Result};
use crate::fetch::Fetch;

/// How long what the provider says about itself is believed. An unknown key makes it be read again
/// at once.
const KNOWN_FOR: Duration = Duration::from_secs(3600);
/// Longest identifier that a provider gives somebody, in bytes (OpenID Connect Core, 2).
const SUBJECT_BYTES: usize = 255;

/// Signatures that are believed: those whose keys the provider publishes. `none` is not among them,
/// nor is anything that is signed with a shared secret.
const SIGNATURES: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// A provider. It is asked when somebody needs it; while it is away, Quire goes on.
pub struct Provider {
    /// What the sign-in button calls it.
    pub name: String,
    issuer: IssuerUrl,
    client_id: ClientId,
    client_secret: Option<ClientSecret>,
    ask: Ask,
    known: Mutex<Option<Arc<Known>>>,
}

/// What the provider says about itself, with its keys.
struct Known {
    metadata: CoreProviderMetadata,
    read_at: Instant,
}

/// What binds the steps of one sign-in to each other and to one browser.
pub struct Secrets {
    /// Comes back from the provider by way of the browser.
    pub state: String,
    /// Comes back in the ID token.
    pub nonce: String,
    /// Shown only when the code is exchanged (RFC 7636).
    pub verifier: String,
}

/// Who somebody is, as the provider says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider.
    pub issuer: String,
    /// Its identifier of the person, never given to another one.
    pub subject: String,
    /// What the person is called.
    pub name: Option<String>,
    /// The mail address, only when the provider has verified it.
    pub email: Option<String>,
}

/// What a browser brings back from the provider.
pub struct Return {
    /// The state that it was sent with; empty: none.
    pub state: String,
    /// The code to exchange.
    pub code: Option<String>,
    /// What went wrong at the provider (RFC 6749, 4.1.2.1).
    pub error: Option<String>,
}

impl Return {
    /// Reads the query of the address that it comes to.
    pub fn of(query: &str) -> Self {
        let named = |name: &str| {
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            let found = pairs.find(|(key, _)| key == name);
            found.map(|(_, value)| value.into_owned())
        };
        Self {
            state: named("state").unwrap_or_default(),
            code: named("code"),
            error: named("error"),
        }
    }
}

impl Provider {
    /// The provider of the settings; `None` when none is set. It is not asked yet.
    ///
    /// # Errors
    /// `Setting` when the secret cannot be read or an address is none.
    pub fn new(settings: &Oidc) -> Result<Option<Self>> {
        let (Some(issuer), Some(client_id)) = (&settings.issuer, &settings.client_id) else {
            return Ok(None);
        };
        let issuer = IssuerUrl::new(issuer.clone()).map_err(|e| {
            let context = "read --oidc-issuer (QUIRE_OIDC_ISSUER)";
            Error::caused(Kind::Setting, context, e)
        })?;
        let is_https = issuer.url().scheme() == "https";
        let needs_tls = is_https.then_some("--oidc-issuer is an https address");
        Ok(Some(Self {
            name: settings.name.clone(),
            ask: Ask(Fetch::new(needs_tls)?),
            issuer,
            client_id: ClientId::new(client_id.clone()),
            client_secret: settings.secret()?.map(ClientSecret::new),
            known: Mutex::new(None),
        }))
    }

    /// The provider's page to which a browser is sent; it comes back to `redirect`.
    ///
    /// # Errors
    /// `Unavailable` when the provider cannot be asked what it is.
    pub async fn address(&self, redirect: &str, secrets: &Secrets) -> Result<String> {
        let known = self.known().await?;
        let verifier = PkceCodeVerifier::new(secrets.verifier.clone());
        let (state, nonce) = (secrets.state.clone(), secrets.nonce.clone());
        let (address, _, _) = self
            .client(&known)
            .set_redirect_uri(redirect_url(redirect)?)
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                move || CsrfToken::new(state),
                move || Nonce::new(nonce),
            )
            .add_scope(Scope::new("profile".to_owned()))
            .add_scope(Scope::new("email".to_owned()))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .url();
        Ok(address.into())
    }

    /// Exchanges the code that a browser brought back, and checks what comes for it.
    ///
    /// # Errors
    /// `Forbidden` when the code or the ID token is not good, `Unavailable` when the provider
    /// cannot be asked or is not understood.
    pub async fn identity(
        &self,
        redirect: &str,
        code: &str,
        secrets: &Secrets,
    ) -> Result<Identity> {
        let known = self.known().await?;
        let answer = self
            .client(&known)
            .set_redirect_uri(redirect_url(redirect)?)
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(away("find the provider's address for codes"))?
            .set_pkce_verifier(PkceCodeVerifier::new(secrets.verifier.clone()))
            .request_async(&self.ask)
            .await
            .map_err(|e| match e {
                RequestTokenError::ServerResponse(_) => refused("exchange the code")(e),
                // Its cause would repeat the tokens.
                RequestTokenError::Parse(..) => Error::new(
                    Kind::Unavailable,
                    "the provider's answer to the code is not understood",
                ),
                _ => away("exchange the code")(e),
            })?;
        let token = answer
            .id_token()
            .ok_or_else(|| Error::new(Kind::Forbidden, "the provider sent no ID token"))?;
        let nonce = Nonce::new(secrets.nonce.clone());
        match self.check(&known, token, &nonce) {
            Ok(claims) => identity(&self.issuer, claims),
            Err(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey
                | SignatureVerificationError::CryptoError(_),
            )) => {
                // The provider may have changed its keys since.
                let known = self.read().await?;
                let claims = self.check(&known, token, &nonce);
                identity(&self.issuer, claims.map_err(refused("check the ID token"))?)
            }
            Err(e) => Err(refused("check the ID token")(e)),
        }
    }

    /// Issuer, audience, signature, expiry and nonce.
    fn check<'a>(
        &self,
        known: &Known,
        token: &'a CoreIdToken,
        nonce: &Nonce,
    ) -> Result<&'a CoreIdTokenClaims, ClaimsVerificationError> {
        let keys = known.metadata.jwks().clone();
        let (client_id, issuer) = (self.client_id.clone(), self.issuer.clone());
        let verifier = CoreIdTokenVerifier::new_public_client(client_id, issuer, keys);
        token.claims(&verifier.set_allowed_algs(SIGNATURES), nonce)
    }

    fn client(
        &self,
        known: &Known,
    ) -> CoreClient<
        openidconnect::EndpointSet,
        openidconnect::EndpointNotSet,
        openidconnect::EndpointNotSet,
        openidconnect::EndpointNotSet,
        openidconnect::EndpointMaybeSet,
        openidconnect::EndpointMaybeSet,
    > {
        CoreClient::from_provider_metadata(
            known.metadata.clone(),
            self.client_id.clone(),
            self.client_secret.clone(),
        )
    }

    /// What was read within the hour, or is read now. No lock is held meanwhile: several may read.
    async fn known(&self) -> Result<Arc<Known>> {
        let known = self.remembered().clone();
        match known.filter(|known| known.read_at.elapsed() < KNOWN_FOR) {
            Some(known) => Ok(known),
            None => self.read().await,
        }
    }

    async fn read(&self) -> Result<Arc<Known>> {
        let metadata = CoreProviderMetadata::discover_async(self.issuer.clone(), &self.ask)
            .await
            .map_err(away("ask the provider what it is"))?;
        let read_at = Instant::now();
        let known = Arc::new(Known { metadata, read_at });
        *self.remembered() = Some(known.clone());
        Ok(known)
    }

    fn remembered(&self) -> MutexGuard<'_, Option<Arc<Known>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn identity(issuer: &IssuerUrl, claims: &CoreIdTokenClaims) -> Result<Identity> {
    let subject = claims.subject().as_str();
    if subject.is_empty() || subject.len() > SUBJECT_BYTES || subject.contains('\0') {
        let context = "the provider's identifier of the person is empty or too long";
        return Err(Error::new(Kind::Forbidden, context));
    }
    let named = claims.name().and_then(|names| names.get(None));
    let named = named.map(|name| name.as_str().to_owned());
    let login = claims.preferred_username().map(|name| name.as_str());
    let email = claims
        .email()
        .filter(|_| claims.email_verified() == Some(true));
    Ok(Identity {
        issuer: issuer.as_str().to_owned(),
        subject: subject.to_owned(),
        name: named.or_else(|| login.map(str::to_owned)),
        email: email.map(|email| email.as_str().to_owned()),
    })
}

fn redirect_url(redirect: &str) -> Result<RedirectUrl> {
    RedirectUrl::new(redirect.to_owned())
        .map_err(|e| Error::caused(Kind::Internal, "name the address to come back to", e))
}

fn away<E: std::error::Error + Send + Sync + 'static>(context: &str) -> impl Fn(E) -> Error {
    move |e| Error::caused(Kind::Unavailable, context, e)
}

fn refused<E: std::error::Error + Send + Sync + 'static>(context: &str) -> impl Fn(E) -> Error {
    move |e| Error::caused(Kind::Forbidden, context, e)
}
