//! What the probes ask: every address with every method. An address that is not here fails them.

/// Addresses without an id, and whose bodies name none.
pub const WITHOUT_IDS: &[&str] = &[
    "/api/v1/welcome",
    "/api/v1/welcome/preview",
    "/api/v1/sign-up",
    "/api/v1/password-resets",
    "/api/v1/me",
    "/api/v1/me/password",
    "/api/v1/me/sessions",
    "/api/v1/me/tokens",
    "/api/v1/me/identities",
    "/api/v1/oidc",
    "/api/v1/oidc/callback",
    "/api/v1/session",
    "/api/v1/servers",
    "/api/v1/admin/overview",
    "/api/v1/openapi.json",
    "/api/v1/share-links/preview",
    "/api/v1/share-links/open",
    "/sync/v1",
    "/healthz",
    "/readyz",
    "/metrics",
];

/// What follows `/api/v1`: its methods, and for those that take a body, bodies in which `$name`
/// stands for an id.
pub const PROBES: &[(&str, &str, &[&str])] = &[
    ("/me/sessions/{session_id}", "DELETE", &[""]),
    ("/me/tokens/{session_id}", "DELETE", &[""]),
    ("/me/identities/{identity_id}", "DELETE", &[""]),
    ("/organisations/{org_id}", "GET", &[""]),
    (
        "/organisations/{org_id}",
        "PATCH",
        &[r#"{"name": "x"}"#, r#"{"default_role": "view"}"#],
    ),
    ("/organisations/{org_id}/audit", "GET", &[""]),
    ("/organisations/{org_id}/documents", "GET", &[""]),
    (
        "/organisations/{org_id}/documents",
        "POST",
        &[
            r#"{"title": "x"}"#,
            r#"{"title": "x", "folder_id": "$folder_id"}"#,
        ],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}",
        "GET",
        &[""],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}",
        "PATCH",
        &[
            r#"{"title": "x"}"#,
            r#"{"folder_id": "$folder_id"}"#,
            r#"{"owner_id": "$account_id"}"#,
        ],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}",
        "DELETE",
        &[""],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}/restore",
        "POST",
        &["{}"],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}/text",
        "GET",
        &[""],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}/export?format=markdown",
        "GET",
        &[""],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}/edits",
        "POST",
        &[r#"{"operations": [{"operation": "replace_blocks", "markdown": "x"}]}"#],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}/history",
        "GET",
        &[""],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}/history/comparison?from=now",
        "GET",
        &[""],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}/history/differences?from=now",
        "GET",
        &[""],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}/history/blame",
        "GET",
        &[""],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}/history/restore",
        "POST",
        &[r#"{"at": "now"}"#, r#"{"at": "$version_id"}"#],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}/history/undo",
        "POST",
        &[
            r#"{"from": "now"}"#,
            r#"{"from": "now", "account_id": "$account_id"}"#,
        ],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}/publication",
        "GET",
        &[""],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}/publication",
        "PUT",
        &[r#"{"is_indexed": true}"#],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}/publication",
        "DELETE",
        &[""],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}/versions",
        "GET",
        &[""],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}/versions",
        "POST",
        &[r#"{"name": "x"}"#],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}/versions/{version_id}",
        "PATCH",
        &[r#"{"name": "x"}"#],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}/versions/{version_id}",
        "DELETE",
        &[""],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}/comments",
        "GET",
        &[""],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}/comments",
        "POST",
        &[r#"{"body": "x"}"#],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}/comments/{thread_id}",
        "PATCH",
        &[r#"{"resolved": true}"#],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}/comments/{thread_id}",
        "DELETE",
        &[""],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}/comments/{thread_id}/replies",
        "POST",
        &[r#"{"body": "x"}"#],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}/comments/{thread_id}/replies/{comment_id}",
        "PATCH",
        &[r#"{"body": "x"}"#],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}/comments/{thread_id}/replies/{comment_id}",
        "DELETE",
        &[""],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}/grants",
        "GET",
        &[""],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}/grants",
        "POST",
        GRANTS,
    ),
    (
        "/organisations/{org_id}/documents/{document_id}/grants/{grant_id}",
        "DELETE",
        &[""],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}/access-requests",
        "GET",
        &[""],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}/access-requests",
        "POST",
        &[r#"{"message": "x"}"#],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}/access-requests/{account_id}",
        "DELETE",
        &[""],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}/links",
        "POST",
        &[r#"{"role": "view"}"#],
    ),
    (
        "/organisations/{org_id}/documents/{document_id}/links/{link_id}",
        "DELETE",
        &[""],
    ),
    ("/organisations/{org_id}/folders", "GET", &[""]),
    (
        "/organisations/{org_id}/folders",
        "POST",
        &[
            r#"{"name": "x"}"#,
            r#"{"name": "x", "parent_id": "$parent_id"}"#,
        ],
    ),
    ("/organisations/{org_id}/folders/{folder_id}", "GET", &[""]),
    (
        "/organisations/{org_id}/folders/{folder_id}",
        "PATCH",
        &[r#"{"name": "x"}"#, r#"{"parent_id": "$parent_id"}"#],
    ),
    (
        "/organisations/{org_id}/folders/{folder_id}",
        "DELETE",
        &[""],
    ),
    (
        "/organisations/{org_id}/folders/{folder_id}/grants",
        "GET",
        &[""],
    ),
    (
        "/organisations/{org_id}/folders/{folder_id}/grants",
        "POST",
        GRANTS,
    ),
    (
        "/organisations/{org_id}/folders/{folder_id}/grants/{grant_id}",
        "DELETE",
        &[""],
    ),
    (
        "/organisations/{org_id}/folders/{folder_id}/links",
        "POST",
        &[r#"{"role": "view"}"#],
    ),
    (
        "/organisations/{org_id}/folders/{folder_id}/links/{link_id}",
        "DELETE",
        &[""],
    ),
    ("/organisations/{org_id}/groups", "GET", &[""]),
    (
        "/organisations/{org_id}/groups",
        "POST",
        &[r#"{"name": "x"}"#],
    ),
    (
        "/organisations/{org_id}/groups/{group_id}",
        "PATCH",
        &[r#"{"name": "x"}"#],
    ),
    ("/organisations/{org_id}/groups/{group_id}", "DELETE", &[""]),
    (
        "/organisations/{org_id}/groups/{group_id}/members/{account_id}",
        "PUT",
        &["{}"],
    ),
    (
        "/organisations/{org_id}/groups/{group_id}/members/{account_id}",
        "DELETE",
        &[""],
    ),
    (
        "/organisations/{org_id}/invitations",
        "POST",
        &["{}", r#"{"document_id": "$document_id"}"#],
    ),
    ("/organisations/{org_id}/members", "GET", &[""]),
    (
        "/organisations/{org_id}/members/{account_id}",
        "PATCH",
        &[r#"{"role": "guest"}"#],
    ),
    (
        "/organisations/{org_id}/members/{account_id}",
        "DELETE",
        &[""],
    ),
];

const GRANTS: &[&str] = &[
    r#"{"account_id": "$account_id", "role": "view"}"#,
    r#"{"group_id": "$group_id", "role": "view"}"#,
    r#"{"everyone": true, "role": "view"}"#,
];

/// The names of the ids in a path and a body.
pub fn slots(path: &str, body: &str) -> Vec<&'static str> {
    const NAMES: [&str; 13] = [
        "org_id",
        "account_id",
        "session_id",
        "document_id",
        "folder_id",
        "parent_id",
        "group_id",
        "grant_id",
        "link_id",
        "thread_id",
        "comment_id",
        "identity_id",
        "version_id",
    ];
    let all = [
        NAMES.map(|name| format!("{{{name}}}")),
        NAMES.map(|name| format!("${name}")),
    ];
    let (in_path, in_body) = (&all[0], &all[1]);
    let mut slots = Vec::new();
    for (at, name) in NAMES.into_iter().enumerate() {
        slots.extend(path.contains(&in_path[at]).then_some(name));
        slots.extend((body.contains(&in_body[at]) && !slots.contains(&name)).then_some(name));
    }
    slots
}
