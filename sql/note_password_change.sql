select quire.note('password_changed', null, $1, null, null, '{}')
