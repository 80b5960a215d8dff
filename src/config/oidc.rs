//! The settings of the OpenID Connect provider.

use std::path::PathBuf;

use clap::Args;
use hyper::Uri;

use crate::error::{Error, Kind, Result};

/// By which OpenID Connect provider people may sign in.
#[derive(Args, Debug, Clone)]
pub struct Oidc {
    /// An OpenID Connect provider by which people may sign in: its issuer address. Register
    /// <public URL>/api/v1/oidc/callback there as the address to come back to.
    #[arg(
        id = "oidc_issuer",
        long = "oidc-issuer",
        env = "QUIRE_OIDC_ISSUER",
        value_name = "URL"
    )]
    pub issuer: Option<String>,

    /// What the provider calls this installation; needed with --oidc-issuer.
    #[arg(
        id = "oidc_client_id",
        long = "oidc-client-id",
        env = "QUIRE_OIDC_CLIENT_ID",
        value_name = "ID"
    )]
    pub client_id: Option<String>,

    /// The file with the secret that the provider gave for it. Without one Quire is a public client,
    /// which proves itself by PKCE alone.
    #[arg(
        id = "oidc_client_secret_file",
        long = "oidc-client-secret-file",
        env = "QUIRE_OIDC_CLIENT_SECRET_FILE",
        value_name = "FILE"
    )]
    pub client_secret_file: Option<PathBuf>,

    /// What the button on the sign-in page calls the provider: "Sign in with ...".
    #[arg(
        id = "oidc_name",
        long = "oidc-name",
        env = "QUIRE_OIDC_NAME",
        default_value = "single sign-on",
        value_name = "NAME"
    )]
    pub name: String,
}

impl Oidc {
    /// The secret in the file; `None` when no file is set.
    /// Errors: [`Kind::Setting`] when it cannot be read or is empty.
    pub fn secret(&self) -> Result<Option<String>> {
        let Some(file) = &self.client_secret_file else {
            return Ok(None);
        };
        let context = "read --oidc-client-secret-file (QUIRE_OIDC_CLIENT_SECRET_FILE)";
        let text =
            std::fs::read_to_string(file).map_err(|e| Error::caused(Kind::Setting, context, e))?;
        match text.trim() {
            "" => Err(Error::new(Kind::Setting, format!("{context}: it is empty"))),
            secret => Ok(Some(secret.to_owned())),
        }
    }

    pub(super) fn validate(&self) -> Result<()> {
        let wrong = |context: &str| Err(Error::new(Kind::Setting, context));
        if self.issuer.is_some() != self.client_id.is_some() {
            return wrong(
                "--oidc-issuer (QUIRE_OIDC_ISSUER) and --oidc-client-id (QUIRE_OIDC_CLIENT_ID) go \
                 together: give both or none",
            );
        }
        if self.client_secret_file.is_some() && self.issuer.is_none() {
            return wrong(
                "--oidc-client-secret-file (QUIRE_OIDC_CLIENT_SECRET_FILE) needs --oidc-issuer",
            );
        }
        let is_safe = |issuer: &str| {
            let issuer = issuer.parse::<Uri>().unwrap_or_default();
            let is_here = |host: &str| host == "localhost" || host == "127.0.0.1";
            match issuer.scheme_str() {
                Some("https") => true,
                Some("http") => issuer.host().is_some_and(is_here),
                _ => false,
            }
        };
        if self
            .issuer
            .as_deref()
            .is_some_and(|issuer| !is_safe(issuer))
        {
            return wrong(
                "--oidc-issuer (QUIRE_OIDC_ISSUER) must begin with https://, or be on this machine",
            );
        }
        Ok(())
    }
}
