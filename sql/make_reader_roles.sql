select quire.make_reader_roles() as are_there
