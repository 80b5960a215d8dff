insert into quire.document_text (org_id, document_id, text, words, version, seen, system_identifier)
select d.org_id, d.document_id, $3::text, quire.text_words($7::text), $4::bytea, $5::text::pg_snapshot, $6::bigint
from quire.document d
where d.org_id = $1::uuid
and d.document_id = $2::uuid
and d.deleted_at is null
-- Whoever moves it to the bin waits for this row and then removes the text, or this waits and finds it there.
for share of d
on conflict (org_id, document_id) do update
set text = excluded.text,
    words = excluded.words,
    version = excluded.version,
    seen = excluded.seen,
    system_identifier = excluded.system_identifier,
    written_at = excluded.written_at
-- Of two readings the later one has no smaller numbers, and no more transactions that were open.
where document_text.system_identifier <> excluded.system_identifier
or (
    pg_snapshot_xmax(document_text.seen),
    pg_snapshot_xmin(document_text.seen),
    -(select count(*) from pg_snapshot_xip(document_text.seen))
) <= (
    pg_snapshot_xmax(excluded.seen),
    pg_snapshot_xmin(excluded.seen),
    -(select count(*) from pg_snapshot_xip(excluded.seen))
)
