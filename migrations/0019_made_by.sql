-- What somebody made to let others in falls with the right to make it, in the same transaction, whoever takes
-- the right away: else he would come back in by it.
create or replace function quire.member_fell() returns trigger language plpgsql as $$
declare
    is_out boolean := tg_op = 'DELETE' or new.role = 'guest';
begin
    update quire.share_link
    set revoked_at = now()
    where org_id = old.org_id
    and created_by = old.account_id
    and revoked_at is null
    and is_out;
    delete from quire.invitation
    where org_id = old.org_id
    and created_by = old.account_id
    and used_at is null
    and (is_out or role = 'admin' and new.role = 'member');
    return null;
end
$$;
comment on function quire.member_fell is 'Trigger: who leaves an organisation, or may do less there, takes share links and unused invitations along that could not be made any more.';
create or replace trigger member_fell after update of role on quire.member
for each row when (old.role is distinct from new.role) execute function quire.member_fell();
create or replace trigger member_left after delete on quire.member
for each row execute function quire.member_fell();
