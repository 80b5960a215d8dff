-- A large installation around the known one: $edits edits from January to June 2026, a fifth of them in
-- Press, the others in 80 organisations; 20 documents each, two authors each.

insert into quire.organisation (org_id, name)
select ('a1000000-0000-0000-0000-' || lpad(o::text, 12, '0'))::uuid, 'Organisation ' || o
from generate_series(1, 80) o;
insert into quire.account (account_id, name, color)
select ('b1000000-0000-0000-0000-' || lpad(a::text, 12, '0'))::uuid, 'Author ' || a, '#aaaaaa'
from generate_series(0, 161) a;
insert into quire.document (org_id, document_id, title, created_by)
select
    case o when 0 then 'a0000000-0000-0000-0000-000000000001' else ('a1000000-0000-0000-0000-' || lpad(o::text, 12, '0'))::uuid end,
    ('d1000000-0000-0000-' || lpad(o::text, 4, '0') || '-' || lpad(d::text, 12, '0'))::uuid,
    'Document ' || d, ('b1000000-0000-0000-0000-' || lpad((2 * o)::text, 12, '0'))::uuid
from generate_series(0, 80) o, generate_series(1, 20) d;
insert into quire.peer (org_id, document_id, peer_id, account_id)
select d.org_id, d.document_id, 100 + a, ('b1000000-0000-0000-0000-' || lpad((2 * right(left(d.document_id::text, 23), 4)::integer + a)::text, 12, '0'))::uuid
from quire.document d, generate_series(0, 1) a
where d.document_id::text like 'd1%';
insert into quire.edit (org_id, document_id, account_id, peer_id, counter_start, counter_end, inserted, deleted, created_at, update)
select
    case e.o when 0 then 'a0000000-0000-0000-0000-000000000001' else ('a1000000-0000-0000-0000-' || lpad(e.o::text, 12, '0'))::uuid end,
    ('d1000000-0000-0000-' || lpad(e.o::text, 4, '0') || '-' || lpad((1 + e.i / 7 % 20)::text, 12, '0'))::uuid,
    ('b1000000-0000-0000-0000-' || lpad((2 * e.o + e.i % 2)::text, 12, '0'))::uuid,
    100 + e.i % 2, e.i, e.i + 1, 1, 0,
    '2026-01-01'::timestamptz + (e.i * interval '180 days' / $edits), '\x00'
from (
    select i, case i % 5 when 0 then 0 else 1 + i / 11 % 80 end as o
    from generate_series(1, $edits) i
) e;
