select
    set_config('quire.account_id', $1, true),
    set_config('quire.session_id', $2, true),
    set_config('quire.address', $3, true)
