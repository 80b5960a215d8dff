-- Who may do what, in one place: the API, the join of a room and the commit of an edit read this view.

create view quire.document_access as
select
    d.org_id,
    d.document_id,
    m.account_id,
    m.role as member_role,
    case when m.role = 'guest' then g.role else 'edit' end as role,
    case
        when d.deleted_at is not null then 'none'
        when m.role <> 'guest' or g.role = 'edit' then 'write'
        else 'read'
    end as permission
from quire.document d
join quire.member m on m.org_id = d.org_id
left join quire.document_grant g
    on g.org_id = d.org_id
    and g.document_id = d.document_id
    and g.account_id = m.account_id
where m.role <> 'guest' or g.role is not null;
comment on view quire.document_access is 'One row for every account and document that it may know of. No row: for that account the document does not exist.';
comment on column quire.document_access.org_id is 'The organisation of the document.';
comment on column quire.document_access.document_id is 'The document.';
comment on column quire.document_access.account_id is 'Who may.';
comment on column quire.document_access.member_role is 'The role in the organisation: owner, admin, member or guest.';
comment on column quire.document_access.role is 'view or edit: what the account may do when the document is not in the bin.';
comment on column quire.document_access.permission is 'read or write: what the account may do with the content now; none while the document is in the bin.';
