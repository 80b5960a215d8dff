-- Sign-in by an OpenID Connect provider: whose account a provider's identity is, and who is on the way there.
-- Servers of the version before go on working: nothing that they use changes.

create table quire.identity (
    identity_id uuid primary key default gen_random_uuid(),
    account_id uuid not null references quire.account,
    issuer text not null,
    subject text not null constraint identity_subject_length check (length(subject) between 1 and 255),
    name text not null default '',
    email text,
    created_at timestamptz not null default now(),
    last_used_at timestamptz,
    constraint identity_once unique (issuer, subject)
);
create index identity_account on quire.identity (account_id);
comment on table quire.identity is 'By which identities of an OpenID Connect provider an account signs in. Only issuer and subject find it: never a name or a mail address.';
comment on column quire.identity.identity_id is 'Identity of the row.';
comment on column quire.identity.account_id is 'The account that it signs in.';
comment on column quire.identity.issuer is 'The provider.';
comment on column quire.identity.subject is 'The provider''s identifier of the person, which it never gives to another one.';
comment on column quire.identity.name is 'What the provider called the person when it was linked; shown to its owner only.';
comment on column quire.identity.email is 'The mail address that the provider had verified when it was linked; shown to its owner only.';
comment on column quire.identity.created_at is 'When it was linked.';
comment on column quire.identity.last_used_at is 'When it last signed the account in.';

create table quire.oidc_sign_in (
    token_hash bytea primary key,
    origin text not null,
    invitation_hash bytea,
    name text,
    session_id uuid references quire.session on delete cascade,
    expires_at timestamptz not null,
    constraint oidc_sign_in_purpose check (num_nonnulls(invitation_hash, session_id) <= 1)
);
create index oidc_sign_in_expiry on quire.oidc_sign_in (expires_at);
comment on table quire.oidc_sign_in is 'Browsers that were sent to the provider and have not come back. Each row is used once, at whichever server the browser comes back to.';
comment on column quire.oidc_sign_in.token_hash is 'SHA-256 of the secret in the browser''s cookie, from which state, nonce and PKCE verifier are derived.';
comment on column quire.oidc_sign_in.origin is 'The address of Quire that the browser was at and comes back to.';
comment on column quire.oidc_sign_in.invitation_hash is 'SHA-256 of the secret in the one-time link that is used with it; null: none.';
comment on column quire.oidc_sign_in.name is 'What a new account is to be called; null: as the provider says.';
comment on column quire.oidc_sign_in.session_id is 'The session whose account the identity is to be linked to; null: it signs in.';
comment on column quire.oidc_sign_in.expires_at is 'Until when the browser may come back.';

create function quire.identity_changed() returns trigger language plpgsql as $$
declare
    i quire.identity := coalesce(new, old);
begin
    perform quire.note(
        case tg_op when 'INSERT' then 'identity_linked' else 'identity_unlinked' end,
        null, i.account_id, null, null, jsonb_build_object('issuer', i.issuer)
    );
    return null;
end
$$;
comment on function quire.identity_changed is 'Trigger: an identity of a provider was linked to an account or unlinked.';
create trigger identity_changed after insert or delete on quire.identity
for each row execute function quire.identity_changed();
