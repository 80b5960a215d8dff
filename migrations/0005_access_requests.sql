-- Members who ask to be let at a document.
create table quire.access_request (
    org_id uuid not null,
    document_id uuid not null,
    account_id uuid not null references quire.account,
    message text not null default ''
        constraint access_request_message_length check (length(message) <= 500),
    requested_at timestamptz not null default now(),
    primary key (org_id, document_id, account_id),
    foreign key (org_id, document_id) references quire.document
);
create index access_request_account on quire.access_request (org_id, account_id);
comment on table quire.access_request is 'Members who ask to be let at a document that they may not open. The row goes with a grant, or when it is dismissed.';
comment on column quire.access_request.org_id is 'The organisation of the document.';
comment on column quire.access_request.document_id is 'The document.';
comment on column quire.access_request.account_id is 'Who asks.';
comment on column quire.access_request.message is 'What they say to whoever may share the document.';
comment on column quire.access_request.requested_at is 'When they asked last.';

create function quire.access_request_changed() returns trigger language plpgsql as $$
declare
    r quire.access_request := coalesce(new, old);
begin
    perform quire.note(
        case tg_op when 'INSERT' then 'access_requested' else 'access_request_ended' end,
        r.org_id, r.account_id, r.document_id, null, '{}'
    );
    return null;
end
$$;
comment on function quire.access_request_changed is 'Trigger: somebody asked for access to a document, or their request has ended.';
create trigger access_request_changed after insert or delete on quire.access_request
for each row execute function quire.access_request_changed();

create function quire.access_request_granted() returns trigger language plpgsql as $$
begin
    delete from quire.access_request
    where org_id = new.org_id
    and document_id = new.document_id
    and account_id = new.account_id;
    return null;
end
$$;
comment on function quire.access_request_granted is 'Trigger: who is let at a document does not ask for it any more.';
create trigger access_request_granted after insert or update on quire.access_grant
for each row when (new.document_id is not null and new.account_id is not null)
execute function quire.access_request_granted();

create function quire.access_request_left() returns trigger language plpgsql as $$
begin
    delete from quire.access_request where org_id = old.org_id and account_id = old.account_id;
    return null;
end
$$;
comment on function quire.access_request_left is 'Trigger: whoever left the organisation asks for nothing in it any more.';
create trigger access_request_left after delete on quire.member
for each row execute function quire.access_request_left();
