select quire.note('sign_in_refused', null, null, null, null, jsonb_build_object('provider', $1::text, 'reason', $2::text))
