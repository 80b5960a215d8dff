insert into quire.share_link_visit (org_id, link_id, account_id)
values ($1, $2, $3)
on conflict do nothing
