with server as (
    select value::uuid as account_id
    from quire.setting
    where name = 'server_account'
),
document as (
    insert into quire.document (org_id, document_id, title, created_by, folder_id)
    values ($1, $2, $3, $4, $9)
),
peer as (
    insert into quire.peer (org_id, document_id, peer_id, account_id, next_counter)
    select $1, $2, $5, coalesce($10, server.account_id), $7
    from server
)
insert into quire.edit (
    org_id, document_id, account_id, peer_id, counter_start, counter_end, inserted, deleted, update
)
select $1, $2, coalesce($10, server.account_id), $5, $6, $7, $11, 0, $8
from server
