select quire.open_to_readers($1::text::name)
