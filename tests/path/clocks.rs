//! Clocks of clients that are wrong by centuries.

use loro::{CommitOptions, ExportMode, LoroDoc};
use quire::document::blocks::plain_text;

use crate::kit::server::{World, shows};
use crate::kit::socket::Socket;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clients_wrong_clock_decides_nothing_and_is_shown_to_nobody() {
    let world = World::with_servers(2).await;
    let owner = &world.office.owner;
    let honest = world.client(0, owner, "honest").await;
    super::type_text(&honest, "middle");
    // What was shown has come out of the log: whoever writes on it at once finds it there.
    let reader = world.client(0, owner, "reader").await;
    shows(&reader, "middle").await;
    let base = honest.read(|doc| doc.export(ExportMode::all_updates()).expect("exported"));
    // Of the year 1, of the year 9999, and jumping between them.
    let clocks: [&[i64]; 3] = [
        &[-62_135_596_800],
        &[253_402_300_799],
        &[4_000_000_000, 0, -5],
    ];
    for (number, clock) in (0..).zip(clocks) {
        let room = world.office.room();
        let mut socket = Socket::join(&world.address(number % 2), &owner.token, &room).await;
        let doc = LoroDoc::new();
        quire::document::model::configure_text_styles(&doc);
        doc.set_peer_id(1000 + number as u64).expect("a peer");
        doc.import(&base).expect("imported");
        for (edit, at_s) in clock.iter().enumerate() {
            let before = doc.oplog_vv();
            let text = quire::document::model::body(&doc);
            text.insert(0, &format!("<{number}{edit}>"))
                .expect("inserted");
            doc.commit_with(CommitOptions::new().timestamp(*at_s));
            let update = doc.export(ExportMode::updates(&before)).expect("exported");
            assert_eq!(socket.write(&update).await, quire::protocol::AckStatus::Ok);
        }
    }
    // Whatever the clocks say, everybody's words stand, and everybody reads the same.
    let words = ["<00>", "<10>", "<20>", "<21>", "<22>", "middle"];
    let has_all = |doc: &LoroDoc| words.iter().all(|word| plain_text(doc).contains(word));
    honest
        .document_is(has_all)
        .await
        .expect("every word is there");
    let late = world.client(1, owner, "late").await;
    shows(&late, &honest.text()).await;
    // The times that are kept are the database's.
    let admin = world.pool.get().await.expect("a connection");
    let wrong = "select count(*) from quire.edit_log where created_at not between now() - interval '1 hour' and now()";
    let wrong: i64 = admin.query_one(wrong, &[]).await.expect("counted").get(0);
    assert_eq!(wrong, 0);
    let kept = "select count(*) from quire.edit_log";
    let kept: i64 = admin.query_one(kept, &[]).await.expect("counted").get(0);
    assert!(kept >= 6, "{kept}");
    world.stop().await;
}
