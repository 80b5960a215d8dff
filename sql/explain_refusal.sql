select
    p.account_id is not null as peer_exists,
    coalesce(p.account_id = s.account_id, false) as is_owner,
    coalesce(p.lease_id = $5::uuid and p.session_id = $4::uuid, false) as is_leased,
    coalesce(p.next_counter, 0) as next_counter,
    coalesce(s.ended_at is null and s.expires_at > now(), false) as is_signed_in,
    coalesce(d.org_id is not null and d.deleted_at is null, false) as document_exists,
    coalesce(a.permission = 'write' and (s.scopes is null or 'write' = any (s.scopes)), false) as may_edit
from (select 1) as one
left join quire.peer p on p.org_id = $1::uuid and p.document_id = $2::uuid and p.peer_id = $3::bigint
left join quire.session s on s.session_id = $4::uuid
left join quire.document d on d.org_id = $1::uuid and d.document_id = $2::uuid
left join quire.document_access a
    on a.org_id = $1::uuid and a.document_id = $2::uuid and a.account_id = s.account_id
