insert into quire.share_link as l (
    org_id, document_id, folder_id, token_hash, password_hash, role, created_by, expires_at
)
values ($1, $2, $3, $4, $5, $6, $7, now() + make_interval(days => $8))
returning
    link_id,
    quire.instant(created_at) as created_at,
    quire.instant(expires_at) as expires_at
