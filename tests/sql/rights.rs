//! Who could do what at a time, found again from what is and what quire.audit says came later.

use super::{PRESS, known, number};
use crate::kit::postgres::Database;
use crate::kit::random::{Random, seed};

#[tokio::test]
async fn who_could_read_at_a_time_is_who_can_when_the_time_is_now() {
    let database = Database::new().await;
    let client = known(&database).await;
    let different = "
        select count(*)
        from quire.document d
        cross join lateral (
            select array_agg(a.account_id || a.role order by a.account_id) as known
            from quire.document_access a
            where a.org_id = d.org_id and a.document_id = d.document_id and a.permission <> 'none'
        ) now
        cross join lateral (
            select array_agg(r.account_id || r.role order by r.account_id) as known
            from quire.readers_at(d.org_id, d.document_id, now()) r
        ) past
        where now.known is distinct from past.known";
    assert_eq!(number(&client, different).await, 0);
    // Rights of every kind change; then they are asked for as of before.
    let before = "create temp table before as
        select d.org_id, d.document_id, r.* from quire.document d
        cross join lateral quire.readers_at(d.org_id, d.document_id, now()) r";
    client.batch_execute(before).await.expect("noted");
    let at: String = client
        .query_one("select clock_timestamp()::text", &[])
        .await
        .expect("a time")
        .get(0);
    let changes = format!(
        "update quire.member set role = 'guest' where account_id = 'b0000000-0000-0000-0000-000000000002';
         delete from quire.access_grant where everyone;
         update quire.access_grant set role = 'view' where document_id is not null;
         delete from quire.org_group_member;
         update quire.document set folder_id = null;
         update quire.document set owner_id = 'b0000000-0000-0000-0000-000000000002' where org_id = '{PRESS}';
         update quire.document set deleted_at = now() where title = 'Recipes';
         update quire.document set deleted_at = null where title = 'Draft';
         insert into quire.member (org_id, account_id, role) values ('{PRESS}', 'b0000000-0000-0000-0000-000000000004', 'admin')"
    );
    client.batch_execute(&changes).await.expect("changed");
    assert_eq!(number(&client, different).await, 0, "after the changes");
    let differs = format!(
        "with later as (
            select d.org_id, d.document_id, r.* from quire.document d
            cross join lateral quire.readers_at(d.org_id, d.document_id, '{at}') r
        )
        select count(*) from ((table before except table later) union all (table later except table before)) x"
    );
    assert_eq!(number(&client, &differs).await, 0, "as of before");
}

/// Rights change at random; afterwards it is asked who could read at each moment.
#[tokio::test]
async fn rights_of_each_moment_are_found_again_afterwards() {
    let mut random = Random::new(seed());
    let client = known(&Database::new().await).await;
    let prepare = format!(
        "insert into quire.folder (org_id, folder_id, name, created_by)
         select '{PRESS}', ('f0000000-0000-0000-0000-00000000000' || i)::uuid, 'Folder ' || i, 'b0000000-0000-0000-0000-000000000001'
         from generate_series(2, 4) i;
         create temp table past (at timestamptz, document_id uuid, account_id uuid, role text)"
    );
    client.batch_execute(&prepare).await.expect("prepared");
    // What is not changed at random: Ada owns the organisation, and Eve comes by links only.
    for step in 0..150 {
        let account = format!(
            "'b0000000-0000-0000-0000-00000000000{}'",
            2 + random.below(3)
        );
        let document = format!(
            "'d0000000-0000-0000-0000-00000000000{}'",
            1 + random.below(3)
        );
        let folder = format!(
            "'f0000000-0000-0000-0000-00000000000{}'",
            1 + random.below(4)
        );
        let above = format!(
            "'f0000000-0000-0000-0000-00000000000{}'",
            1 + random.below(4)
        );
        let group = "'e0000000-0000-0000-0000-000000000001'";
        let role = random.pick(&["view", "comment", "edit"]);
        let member = random.pick(&["admin", "member", "guest"]);
        let object = if random.below(2) == 0 {
            format!("{document}, null")
        } else {
            format!("null, {folder}")
        };
        let subject = match random.below(4) {
            0 => format!("null, {group}, false"),
            1 => "null, null, true".to_owned(),
            _ => format!("{account}, null, false"),
        };
        let change = match random.below(14) {
            0 => format!("update quire.member set role = '{member}' where org_id = '{PRESS}' and account_id = {account}"),
            1 => format!("insert into quire.member (org_id, account_id, role) values ('{PRESS}', {account}, '{member}') on conflict do nothing"),
            2 => format!("delete from quire.member where org_id = '{PRESS}' and account_id = {account}"),
            3..=5 => format!(
                "insert into quire.access_grant (org_id, document_id, folder_id, account_id, group_id, everyone, role)
                 values ('{PRESS}', {object}, {subject}, '{role}') on conflict do nothing"
            ),
            6 => format!("update quire.access_grant set role = '{role}' where grant_id = (select grant_id from quire.access_grant where org_id = '{PRESS}' order by role, grant_id limit 1)"),
            7 => format!("delete from quire.access_grant where grant_id = (select grant_id from quire.access_grant where org_id = '{PRESS}' order by grant_id limit 1)"),
            8 => format!(
                "insert into quire.org_group_member (org_id, group_id, account_id)
                 select org_id, {group}, account_id from quire.member where org_id = '{PRESS}' and account_id = {account} on conflict do nothing"
            ),
            9 => format!("delete from quire.org_group_member where org_id = '{PRESS}' and account_id = {account}"),
            10 if step % 2 == 0 => format!("update quire.document set folder_id = {folder} where document_id = {document}"),
            10 => format!("update quire.document set folder_id = null, owner_id = {account} where document_id = {document}"),
            11 => format!("update quire.folder set parent_id = {above} where org_id = '{PRESS}' and folder_id = {folder}"),
            12 if step % 2 == 0 => format!("update quire.document set deleted_at = case when deleted_at is null then now() end where document_id = {document}"),
            12 => format!("update quire.share_link set role = '{role}', revoked_at = case '{role}' when 'view' then now() end where revoked_at is null"),
            _ => format!(
                "with link as (
                     insert into quire.share_link (org_id, document_id, folder_id, token_hash, role, created_by)
                     values ('{PRESS}', {object}, 'link {step}', '{role}', 'b0000000-0000-0000-0000-000000000001') returning link_id
                 )
                 select link_id from link"
            ),
        };
        // Folders do not lie in each other.
        if let Err(error) = client.batch_execute(&change).await {
            assert_eq!(error.code().unwrap().code(), "23514", "{change}: {error:?}");
        }
        let visit = "
            insert into quire.share_link_visit (org_id, link_id, account_id)
            select org_id, link_id, 'b0000000-0000-0000-0000-000000000005' from quire.share_link where revoked_at is null
            on conflict do nothing";
        client.batch_execute(visit).await.expect("opened");
        let note = format!(
            "insert into past
             select c.at, d.document_id, a.account_id, a.role
             from (select clock_timestamp() as at) c
             cross join quire.document d
             left join quire.document_access a
                on a.org_id = d.org_id and a.document_id = d.document_id and a.permission <> 'none'
             where d.org_id = '{PRESS}'"
        );
        client.batch_execute(&note).await.expect("noted");
    }
    let differs = format!(
        "with known as (select * from past where account_id is not null),
        found as (
            select t.at, t.document_id, r.account_id, r.role
            from (select distinct at, document_id from past) t
            cross join lateral quire.readers_at('{PRESS}', t.document_id, t.at) r
        )
        select * from (
            (table known except table found) union all (table found except table known)
        ) x order by at limit 5"
    );
    let differs = client.query(&differs, &[]).await.expect("compared");
    assert!(differs.is_empty(), "{differs:?}");
    let known = "select count(distinct (document_id, account_id, role)) from past where account_id is not null";
    assert!(number(&client, known).await > 8, "rights of all kinds");
}
