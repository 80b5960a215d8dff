select quire.note(
    'token_made', null, $1, null, null,
    jsonb_build_object('session_id', $2::uuid, 'name', $3::text, 'scopes', $4::text[])
)
