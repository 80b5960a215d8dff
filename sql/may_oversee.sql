select exists (
    select
    from quire.setting s
    join quire.member m on m.org_id = s.value::uuid
    where s.name = 'home_organisation'
    and m.account_id = $1
    and m.role = 'owner'
) as may_oversee
