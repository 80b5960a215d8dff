insert into quire.version (org_id, document_id, version_id, name, created_by, written_at, operations)
select $1, $2, $3, $4, $5, to_timestamp($6::bigint / 1000000) + ($6 % 1000000) * interval '1 microsecond', $7
where (
    select count(*)
    from quire.version v
    where v.org_id = $1
    and v.document_id = $2
) < $8
