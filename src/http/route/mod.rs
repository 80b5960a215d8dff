//! Which address means what, and which methods it knows.

mod addresses;

pub use self::addresses::{pattern, patterns};
use super::call::{BODY_BYTES, CONTENT_BYTES};
use super::grants::Object;
use crate::auth::Scope;
use hyper::Method;
use uuid::Uuid;

/// What an address means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// Use a one-time link.
    Welcome,
    /// Look at a one-time link.
    WelcomePreview,
    /// Who is signed in.
    Me,
    /// Set the own password.
    MyPassword,
    /// Where the account is signed in.
    MySessions,
    /// One of these.
    MySession(Uuid),
    /// The own API tokens.
    MyTokens,
    /// One of these.
    MyToken(Uuid),
    /// The own identities at the provider.
    MyIdentities,
    /// One of these.
    MyIdentity(Uuid),
    /// Sign in by the provider: whether, and set out.
    Oidc,
    /// Come back from there.
    OidcCallback,
    /// Sign in and out.
    Session,
    /// Ask for a new password, and set it.
    PasswordResets,
    /// Sign up without an invitation.
    SignUp,
    /// The live servers.
    Servers,
    /// What the API is, for programs.
    OpenApi,
    /// The documents of an organisation.
    Documents(Uuid),
    /// One document: organisation and document.
    Document(Uuid, Uuid),
    /// Take it out of the bin.
    Restore(Uuid, Uuid),
    /// Its plain text.
    Text(Uuid, Uuid),
    /// It as a file.
    Export(Uuid, Uuid),
    /// Who worked on it and when.
    History(Uuid, Uuid),
    /// Two moments of it in one page.
    Comparison(Uuid, Uuid),
    /// What two moments differ in.
    Differences(Uuid, Uuid),
    /// Who wrote what stands in it.
    Blame(Uuid, Uuid),
    /// Make it as it was.
    RestoreMoment(Uuid, Uuid),
    /// Take back what was done.
    Undo(Uuid, Uuid),
    /// Its versions with names.
    Versions(Uuid, Uuid),
    /// One of them: organisation, document and version.
    Version(Uuid, Uuid, Uuid),
    /// Whether and where it is published.
    Publication(Uuid, Uuid),
    /// A published page.
    Published(Uuid),
    /// Edit it: organisation and document.
    Edits(Uuid, Uuid),
    /// Comments on it.
    Comments(Uuid, Uuid),
    /// A thread of them: organisation, document and thread.
    Thread(Uuid, Uuid, Uuid),
    /// The answers in a thread.
    Replies(Uuid, Uuid, Uuid),
    /// One comment: organisation, document, thread and comment.
    Reply(Uuid, Uuid, Uuid, Uuid),
    /// Invite somebody into an organisation.
    Invitations(Uuid),
    /// An organisation's own data.
    Organisation(Uuid),
    /// Its members.
    Members(Uuid),
    /// One of them: organisation and account.
    Member(Uuid, Uuid),
    /// Its groups.
    Groups(Uuid),
    /// One group.
    Group(Uuid, Uuid),
    /// A member of a group: organisation, group and account.
    GroupMember(Uuid, Uuid, Uuid),
    /// Its folders.
    Folders(Uuid),
    /// One folder.
    Folder(Uuid, Uuid),
    /// Who may do what with a document or a folder.
    Grants(Uuid, Object),
    /// One grant on it.
    Grant(Uuid, Object, Uuid),
    /// Who asks to be let at a document.
    AccessRequests(Uuid, Uuid),
    /// One of them: organisation, document and account.
    AccessRequest(Uuid, Uuid, Uuid),
    /// Its share links.
    ShareLinks(Uuid, Object),
    /// One of them.
    ShareLink(Uuid, Object, Uuid),
    /// What a share link leads to.
    SharePreview,
    /// Come in by a share link.
    ShareOpen,
    /// Who changed which right.
    Audit(Uuid),
    /// How the installation is.
    AdminOverview,
    /// The WebSocket of the sync protocol.
    Sync,
    /// The process is alive.
    Health,
    /// It should be sent readers.
    Ready,
    /// Counters and gauges.
    Metrics,
}

impl Route {
    /// The methods that it knows. GET includes HEAD.
    pub fn methods(&self) -> &'static [Method] {
        match self {
            Route::Welcome
            | Route::WelcomePreview
            | Route::Restore(..)
            | Route::Edits(..)
            | Route::RestoreMoment(..)
            | Route::Undo(..)
            | Route::Replies(..)
            | Route::Invitations(_)
            | Route::ShareLinks(..)
            | Route::SharePreview
            | Route::ShareOpen => &[Method::POST],
            Route::PasswordResets => &[Method::POST, Method::PUT],
            Route::Session => &[Method::POST, Method::DELETE],
            Route::AccessRequest(..)
            | Route::Grant(..)
            | Route::ShareLink(..)
            | Route::MySession(_)
            | Route::MyToken(_)
            | Route::MyIdentity(_) => &[Method::DELETE],
            Route::Documents(_)
            | Route::Groups(_)
            | Route::Folders(_)
            | Route::Grants(..)
            | Route::AccessRequests(..)
            | Route::Comments(..)
            | Route::Versions(..)
            | Route::SignUp
            | Route::MyTokens
            | Route::Oidc => &[Method::GET, Method::POST],
            Route::Document(..) | Route::Folder(..) => {
                &[Method::GET, Method::PATCH, Method::DELETE]
            }
            Route::Organisation(_) | Route::Me => &[Method::GET, Method::PATCH],
            Route::Member(..)
            | Route::Group(..)
            | Route::Thread(..)
            | Route::Reply(..)
            | Route::Version(..) => &[Method::PATCH, Method::DELETE],
            Route::GroupMember(..) => &[Method::PUT, Method::DELETE],
            Route::Publication(..) => &[Method::GET, Method::PUT, Method::DELETE],
            Route::MyPassword => &[Method::PUT],
            Route::MySessions => &[Method::GET, Method::DELETE],
            Route::Members(_)
            | Route::Audit(_)
            | Route::AdminOverview
            | Route::MyIdentities
            | Route::OidcCallback
            | Route::Servers
            | Route::OpenApi
            | Route::Text(..)
            | Route::Export(..)
            | Route::History(..)
            | Route::Comparison(..)
            | Route::Differences(..)
            | Route::Blame(..)
            | Route::Published(_)
            | Route::Sync
            | Route::Health
            | Route::Ready
            | Route::Metrics => &[Method::GET],
        }
    }

    /// What an API token must be allowed to do to use it: what is not named here needs the most.
    pub fn scope(&self, method: &Method) -> Scope {
        match self {
            // More than what its owner may read in documents.
            Route::AdminOverview => Scope::Admin,
            _ if matches!(*method, Method::GET | Method::HEAD) => Scope::Read,
            Route::Documents(_)
            | Route::Document(..)
            | Route::Restore(..)
            | Route::Edits(..)
            | Route::RestoreMoment(..)
            | Route::Undo(..)
            | Route::Versions(..)
            | Route::Version(..)
            | Route::Comments(..)
            | Route::Thread(..)
            | Route::Replies(..)
            | Route::Reply(..) => Scope::Write,
            _ => Scope::Admin,
        }
    }

    /// Largest body that it takes, in bytes.
    pub fn body_bytes(&self) -> usize {
        match self.has_content() {
            true => CONTENT_BYTES,
            false => BODY_BYTES,
        }
    }

    /// Whether a body may have the content of a document.
    pub fn has_content(&self) -> bool {
        matches!(self, Route::Documents(_) | Route::Edits(..))
    }

    /// Whether probes may ask it under any host name: it says nothing that needs protection.
    pub fn is_probe(&self) -> bool {
        matches!(self, Route::Health | Route::Ready)
    }
}

/// The `Allow` header of a list of methods.
pub fn allow(methods: &[Method]) -> String {
    let mut names: Vec<&str> = methods.iter().map(Method::as_str).collect();
    if methods.contains(&Method::GET) {
        names.push("HEAD");
    }
    names.join(", ")
}

/// Whether a page of the editor stands at this path.
pub fn is_page(path: &str) -> bool {
    const PAGES: [&str; 9] = [
        "/",
        "/index.html",
        "/welcome",
        "/sign-in",
        "/sign-up",
        "/reset",
        "/share",
        "/account",
        "/admin",
    ];
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    match parts[..] {
        _ if PAGES.contains(&path) => true,
        ["organisation", id] => uuid(id).is_some(),
        ["organisation", org_id, "folder", folder_id] => {
            uuid(org_id).is_some() && uuid(folder_id).is_some()
        }
        // A document.
        [org_id, document_id] => uuid(org_id).is_some() && uuid(document_id).is_some(),
        _ => false,
    }
}

/// Only the usual spelling: one document has one address.
pub fn uuid(text: &str) -> Option<Uuid> {
    let id = Uuid::try_parse(text).ok()?;
    (id.hyphenated().to_string() == text).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORG: &str = "6e2c1b9e-6d26-4a5d-9d57-0c4a4a2d9a01";
    const DOCUMENT: &str = "0b0d6f6e-3c5c-4f0a-8a3f-1f2e3d4c5b6a";

    #[test]
    fn a_document_has_one_address() {
        let path = format!("/api/v1/organisations/{ORG}/documents/{DOCUMENT}");
        let ids = (ORG.parse().unwrap(), DOCUMENT.parse().unwrap());
        assert_eq!(Route::of(&path), Some(Route::Document(ids.0, ids.1)));
        assert_eq!(Route::of(&path.to_uppercase()), None);
        assert_eq!(Route::of(&path.replace(DOCUMENT, "1")), None);
        assert_eq!(Route::of(&format!("{path}/")), None);
        let undashed = path.replace(DOCUMENT, &DOCUMENT.replace('-', ""));
        assert_eq!(Route::of(&undashed), None);
    }

    #[test]
    fn pages_have_addresses_of_their_own() {
        for path in [
            "/",
            "/welcome",
            "/sign-up",
            &format!("/{ORG}/{DOCUMENT}"),
            &format!("/organisation/{ORG}"),
            &format!("/organisation/{ORG}/folder/{DOCUMENT}"),
        ] {
            assert!(is_page(path), "{path}");
        }
        for path in [
            "/x",
            "//",
            &format!("/{ORG}"),
            &format!("/{ORG}/{DOCUMENT}/x"),
            &format!("/organisation/{ORG}/folder/x"),
            &format!("/organisation/{ORG}/folder"),
        ] {
            assert!(!is_page(path), "{path}");
        }
    }
}
