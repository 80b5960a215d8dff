//! All addresses, and what each means.

use super::{Route, uuid};
use crate::http::grants::Object;
use matchit::{Params, Router};
use std::sync::LazyLock;
use uuid::Uuid;

type Read = fn(&Params<'_, '_>) -> Option<Route>;

/// What stands at an address: its place in `patterns`, and what it means.
type Address = (usize, Read);

/// All addresses.
struct Routes {
    router: Router<Address>,
    patterns: Vec<String>,
}

static ROUTES: LazyLock<Routes> = LazyLock::new(|| {
    const ORGANISATION: &str = "/api/v1/organisations/{org_id}";
    let mut router: Router<Address> = Router::new();
    let mut patterns = Vec::new();
    let mut add = |path: &str, read: Read| {
        let address = (patterns.len(), read);
        router.insert(path, address).expect("routes do not overlap");
        patterns.push(path.to_owned());
    };
    add("/api/v1/welcome", |_| Some(Route::Welcome));
    add("/api/v1/welcome/preview", |_| Some(Route::WelcomePreview));
    add("/api/v1/password-resets", |_| Some(Route::PasswordResets));
    add("/api/v1/sign-up", |_| Some(Route::SignUp));
    add("/api/v1/me", |_| Some(Route::Me));
    add("/api/v1/me/password", |_| Some(Route::MyPassword));
    add("/api/v1/me/sessions", |_| Some(Route::MySessions));
    add("/api/v1/me/sessions/{session_id}", |p| {
        Some(Route::MySession(id(p, "session_id")?))
    });
    add("/api/v1/me/tokens", |_| Some(Route::MyTokens));
    add("/api/v1/me/tokens/{session_id}", |p| {
        Some(Route::MyToken(id(p, "session_id")?))
    });
    add("/api/v1/me/identities", |_| Some(Route::MyIdentities));
    add("/api/v1/me/identities/{identity_id}", |p| {
        Some(Route::MyIdentity(id(p, "identity_id")?))
    });
    add("/api/v1/oidc", |_| Some(Route::Oidc));
    add("/api/v1/oidc/callback", |_| Some(Route::OidcCallback));
    add("/api/v1/session", |_| Some(Route::Session));
    add("/api/v1/servers", |_| Some(Route::Servers));
    add("/api/v1/admin/overview", |_| Some(Route::AdminOverview));
    add("/api/v1/openapi.json", |_| Some(Route::OpenApi));
    add(&format!("{ORGANISATION}/documents"), |p| {
        Some(Route::Documents(id(p, "org_id")?))
    });
    add(&format!("{ORGANISATION}/documents/{{document_id}}"), |p| {
        Some(Route::Document(id(p, "org_id")?, id(p, "document_id")?))
    });
    add(
        &format!("{ORGANISATION}/documents/{{document_id}}/restore"),
        |p| Some(Route::Restore(id(p, "org_id")?, id(p, "document_id")?)),
    );
    add(
        &format!("{ORGANISATION}/documents/{{document_id}}/text"),
        |p| Some(Route::Text(id(p, "org_id")?, id(p, "document_id")?)),
    );
    add(
        &format!("{ORGANISATION}/documents/{{document_id}}/export"),
        |p| Some(Route::Export(id(p, "org_id")?, id(p, "document_id")?)),
    );
    add(
        &format!("{ORGANISATION}/documents/{{document_id}}/publication"),
        |p| Some(Route::Publication(id(p, "org_id")?, id(p, "document_id")?)),
    );
    add("/p/{publication_id}", |p| {
        Some(Route::Published(id(p, "publication_id")?))
    });
    add(
        &format!("{ORGANISATION}/documents/{{document_id}}/edits"),
        |p| Some(Route::Edits(id(p, "org_id")?, id(p, "document_id")?)),
    );
    add(
        &format!("{ORGANISATION}/documents/{{document_id}}/history"),
        |p| Some(Route::History(id(p, "org_id")?, id(p, "document_id")?)),
    );
    add(
        &format!("{ORGANISATION}/documents/{{document_id}}/history/comparison"),
        |p| Some(Route::Comparison(id(p, "org_id")?, id(p, "document_id")?)),
    );
    add(
        &format!("{ORGANISATION}/documents/{{document_id}}/history/differences"),
        |p| Some(Route::Differences(id(p, "org_id")?, id(p, "document_id")?)),
    );
    add(
        &format!("{ORGANISATION}/documents/{{document_id}}/history/blame"),
        |p| Some(Route::Blame(id(p, "org_id")?, id(p, "document_id")?)),
    );
    add(
        &format!("{ORGANISATION}/documents/{{document_id}}/history/restore"),
        |p| {
            Some(Route::RestoreMoment(
                id(p, "org_id")?,
                id(p, "document_id")?,
            ))
        },
    );
    add(
        &format!("{ORGANISATION}/documents/{{document_id}}/history/undo"),
        |p| Some(Route::Undo(id(p, "org_id")?, id(p, "document_id")?)),
    );
    add(
        &format!("{ORGANISATION}/documents/{{document_id}}/versions"),
        |p| Some(Route::Versions(id(p, "org_id")?, id(p, "document_id")?)),
    );
    add(
        &format!("{ORGANISATION}/documents/{{document_id}}/versions/{{version_id}}"),
        |p| {
            let (org_id, document_id) = (id(p, "org_id")?, id(p, "document_id")?);
            Some(Route::Version(org_id, document_id, id(p, "version_id")?))
        },
    );
    add(
        &format!("{ORGANISATION}/documents/{{document_id}}/access-requests"),
        |p| {
            Some(Route::AccessRequests(
                id(p, "org_id")?,
                id(p, "document_id")?,
            ))
        },
    );
    add(
        &format!("{ORGANISATION}/documents/{{document_id}}/access-requests/{{account_id}}"),
        |p| {
            let (org_id, document_id) = (id(p, "org_id")?, id(p, "document_id")?);
            Some(Route::AccessRequest(
                org_id,
                document_id,
                id(p, "account_id")?,
            ))
        },
    );
    add(
        &format!("{ORGANISATION}/documents/{{document_id}}/comments"),
        |p| Some(Route::Comments(id(p, "org_id")?, id(p, "document_id")?)),
    );
    add(
        &format!("{ORGANISATION}/documents/{{document_id}}/comments/{{thread_id}}"),
        |p| {
            let (org_id, document_id) = (id(p, "org_id")?, id(p, "document_id")?);
            Some(Route::Thread(org_id, document_id, id(p, "thread_id")?))
        },
    );
    add(
        &format!("{ORGANISATION}/documents/{{document_id}}/comments/{{thread_id}}/replies"),
        |p| {
            let (org_id, document_id) = (id(p, "org_id")?, id(p, "document_id")?);
            Some(Route::Replies(org_id, document_id, id(p, "thread_id")?))
        },
    );
    add(
        &format!(
            "{ORGANISATION}/documents/{{document_id}}/comments/{{thread_id}}/replies/{{comment_id}}"
        ),
        |p| {
            let (org_id, document_id) = (id(p, "org_id")?, id(p, "document_id")?);
            let thread_id = id(p, "thread_id")?;
            Some(Route::Reply(
                org_id,
                document_id,
                thread_id,
                id(p, "comment_id")?,
            ))
        },
    );
    add(&format!("{ORGANISATION}/invitations"), |p| {
        Some(Route::Invitations(id(p, "org_id")?))
    });
    add(ORGANISATION, |p| {
        Some(Route::Organisation(id(p, "org_id")?))
    });
    add(&format!("{ORGANISATION}/members"), |p| {
        Some(Route::Members(id(p, "org_id")?))
    });
    add(&format!("{ORGANISATION}/members/{{account_id}}"), |p| {
        Some(Route::Member(id(p, "org_id")?, id(p, "account_id")?))
    });
    add(&format!("{ORGANISATION}/groups"), |p| {
        Some(Route::Groups(id(p, "org_id")?))
    });
    add(&format!("{ORGANISATION}/groups/{{group_id}}"), |p| {
        Some(Route::Group(id(p, "org_id")?, id(p, "group_id")?))
    });
    add(
        &format!("{ORGANISATION}/groups/{{group_id}}/members/{{account_id}}"),
        |p| {
            let (org_id, group_id) = (id(p, "org_id")?, id(p, "group_id")?);
            Some(Route::GroupMember(org_id, group_id, id(p, "account_id")?))
        },
    );
    add(&format!("{ORGANISATION}/folders"), |p| {
        Some(Route::Folders(id(p, "org_id")?))
    });
    add(&format!("{ORGANISATION}/folders/{{folder_id}}"), |p| {
        Some(Route::Folder(id(p, "org_id")?, id(p, "folder_id")?))
    });
    for object in ["documents/{document_id}", "folders/{folder_id}"] {
        add(&format!("{ORGANISATION}/{object}/links"), |p| {
            Some(Route::ShareLinks(id(p, "org_id")?, shared(p)?))
        });
        add(&format!("{ORGANISATION}/{object}/links/{{link_id}}"), |p| {
            let org_id = id(p, "org_id")?;
            Some(Route::ShareLink(org_id, shared(p)?, id(p, "link_id")?))
        });
        add(&format!("{ORGANISATION}/{object}/grants"), |p| {
            Some(Route::Grants(id(p, "org_id")?, shared(p)?))
        });
        add(
            &format!("{ORGANISATION}/{object}/grants/{{grant_id}}"),
            |p| {
                let org_id = id(p, "org_id")?;
                Some(Route::Grant(org_id, shared(p)?, id(p, "grant_id")?))
            },
        );
    }
    add(&format!("{ORGANISATION}/audit"), |p| {
        Some(Route::Audit(id(p, "org_id")?))
    });
    add("/api/v1/share-links/preview", |_| Some(Route::SharePreview));
    add("/api/v1/share-links/open", |_| Some(Route::ShareOpen));
    add("/sync/v1", |_| Some(Route::Sync));
    add("/healthz", |_| Some(Route::Health));
    add("/readyz", |_| Some(Route::Ready));
    add("/metrics", |_| Some(Route::Metrics));
    Routes { router, patterns }
});

/// The pattern of every address, parameters in braces: for tests that must not miss one.
pub fn patterns() -> &'static [String] {
    &ROUTES.patterns
}

/// The pattern of the address that a path is, if it is one.
pub fn pattern(path: &str) -> Option<&'static str> {
    let (place, _) = ROUTES.router.at(path).ok()?.value;
    Some(&ROUTES.patterns[*place])
}

impl Route {
    /// The route of a path; `None`: it is a file of the page, or nothing.
    pub fn of(path: &str) -> Option<Self> {
        let found = ROUTES.router.at(path).ok()?;
        let (_, read) = found.value;
        read(&found.params)
    }
}

/// The document or the folder that a path names.
fn shared(params: &Params<'_, '_>) -> Option<Object> {
    match params.get("document_id") {
        Some(document_id) => Some(Object::Document(uuid(document_id)?)),
        None => Some(Object::Folder(id(params, "folder_id")?)),
    }
}

fn id(params: &Params<'_, '_>, name: &str) -> Option<Uuid> {
    uuid(params.get(name)?)
}
