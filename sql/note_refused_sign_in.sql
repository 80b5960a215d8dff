select quire.note('sign_in_refused', null, $1, null, null, jsonb_build_object('email_sha256', $2::text))
