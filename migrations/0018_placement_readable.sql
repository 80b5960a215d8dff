-- Where organisations are served is for whoever reads with SQL to see. quire migrate lets readers at it when all
-- steps have run. Added to the list as it is, so that it does not matter what other migrations add to it.
do $$
begin
    if exists (select from quire.readable() r where r.relation = 'placement') then
        return;
    end if;
    execute replace(
        pg_get_functiondef('quire.readable()'::regprocedure),
        '        (''version'',',
        '        (''placement'', ''{org_id,state,addresses,since}'', ''{move_id,known_accounts}''),' || chr(10)
            || '        (''version'','
    );
end
$$;
