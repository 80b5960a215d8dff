select
    to_regrole('quire_reader') is not null and to_regrole('quire_operator') is not null as are_there,
    to_regrole('quire_member') is not null as stands_wall
