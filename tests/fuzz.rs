//! Everything that fuzzing has kept, through the functions that are fuzzed: `fuzz/corpus/<target>/`
//! holds seeds made of real frames, rows and updates, and inputs that once went wrong (`found-…`).

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use loro::awareness::EphemeralStore;
use loro::{ExportMode, LoroValue};
use quire::fuzz::{TARGETS, base_rows};
use quire::protocol::{BatchId, Frame, Message, RoomKind, encode};

use crate::document::history;
use crate::feed::recorded;
use crate::kit::postgres::Version;
use crate::kit::random::Random;
use crate::protocol::published::samples;

/// Seeds and findings together; what fuzzing grows from them is not kept.
const MOST_BYTES: u64 = 1 << 20;

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target)
}

fn files(target: &str) -> Vec<PathBuf> {
    let folder = fs::read_dir(corpus(target)).expect("a corpus of the target");
    let mut files: Vec<_> = folder.map(|file| file.expect("a file").path()).collect();
    files.sort();
    files
}

#[test]
fn nothing_that_fuzzing_has_kept_goes_wrong() {
    let mut bytes = 0;
    for (name, target) in TARGETS {
        let files = files(name);
        assert!(!files.is_empty(), "{name} has seeds");
        for file in files {
            // Shown when the test fails.
            println!("{}", file.display());
            let input = fs::read(file).expect("a file of the corpus");
            bytes += input.len() as u64;
            target(&input);
        }
    }
    assert!(bytes < MOST_BYTES, "{bytes} bytes are kept");
}

#[test]
fn every_target_can_be_fuzzed() {
    let manifest = fs::read_to_string(corpus("../Cargo.toml")).expect("fuzz/Cargo.toml");
    for (name, _) in TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
    }
}

#[test]
#[ignore = "writes fuzz/corpus anew, findings excepted"]
fn write_the_seeds() {
    write(
        "frames",
        samples().iter().map(|message| prefixed(&[message])),
    );
    write("frames-fragments", [fragments()]);
    let recordings =
        [Version::V15, Version::V18].map(|version| stream(&recorded::messages(version)));
    write("feed", recordings);
    let refusal = b"E\0\0\0\x2aSERROR\0C55000\0Mneeds \"wal_level\" >= \"logical\"\0\0";
    write("feed-refusal", [refusal]);
    let updates = updates();
    write("update", &updates);
    write("trial", &updates);
    write("presence", presence());
    write("request", REQUESTS);
    write("edits", EDITS);
    write("markdown", MARKDOWN);
    write("sql", SQL);
}

fn write(name: &str, seeds: impl IntoIterator<Item = impl AsRef<[u8]>>) {
    let folder = corpus(name.split('-').next().expect("a target"));
    fs::create_dir_all(&folder).expect("a folder");
    for (number, seed) in seeds.into_iter().enumerate() {
        fs::write(folder.join(format!("seed-{name}-{number:02}")), seed).expect("a seed");
    }
}

/// Messages as the target takes them.
fn prefixed(messages: &[&Bytes]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for message in messages {
        bytes.extend(
            u16::try_from(message.len())
                .unwrap_or(u16::MAX)
                .to_be_bytes(),
        );
        bytes.extend(message.iter().take(usize::from(u16::MAX)));
    }
    bytes
}

fn fragments() -> Vec<u8> {
    let batch = BatchId::from(7);
    let parts = [&b"one"[..], b"two", b"three"];
    let frame = |message| Frame {
        kind: RoomKind::Document,
        room: "room".into(),
        message,
    };
    let mut messages = vec![Message::FragmentHeader {
        batch,
        count: 3,
        total_bytes: 11,
    }];
    for (index, bytes) in (0..).zip(parts) {
        messages.push(Message::Fragment {
            batch,
            index,
            bytes: Bytes::from_static(bytes),
        });
    }
    messages.push(Message::Leave);
    let messages: Vec<Bytes> = messages
        .into_iter()
        .map(|message| encode(&frame(message)).expect("an honest message"))
        .collect();
    prefixed(&messages.iter().collect::<Vec<_>>())
}

/// A recording as it came over the connection.
fn stream(messages: &[Bytes]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for message in messages {
        bytes.push(b'd');
        bytes.extend((4 + 25 + message.len() as u32).to_be_bytes());
        bytes.push(b'w');
        bytes.extend([0; 24]);
        bytes.extend(message);
    }
    bytes
}

/// Honest updates on the document of the targets, of peers that are in it and of new ones.
fn updates() -> Vec<Vec<u8>> {
    let mut random = Random::new(4);
    let rows = base_rows();
    let mut updates = Vec::new();
    for (number, peer) in (0..40).zip([11, 12, 13, 77].into_iter().cycle()) {
        // Some have not seen everything.
        let seen = if peer == 77 {
            rows.len() - number % 3
        } else {
            rows.len()
        };
        let doc = history::document(peer, &rows[..seen]);
        let before = doc.oplog_vv();
        for _ in 0..1 + number % 4 {
            history::edit(&doc, &mut random, false);
        }
        doc.commit();
        if doc.oplog_vv() != before {
            updates.push(doc.export(ExportMode::updates(&before)).expect("exported"));
        }
    }
    updates
}

fn presence() -> Vec<Vec<u8>> {
    let store = EphemeralStore::new(i64::MAX / 4);
    let place = |bytes: &[u8]| LoroValue::from(bytes.to_vec());
    let cursor: std::collections::HashMap<String, LoroValue> = [
        ("anchor".to_owned(), place(b"\x01\x02\x03")),
        ("focus".to_owned(), LoroValue::Null),
        (
            "more".to_owned(),
            LoroValue::from(vec![LoroValue::from(1.5), LoroValue::from("é")]),
        ),
    ]
    .into();
    store.set("7", LoroValue::from(cursor));
    let here = [&[1][..], &store.encode("7")].concat();
    store.delete("7");
    let gone = [&[1][..], &store.encode("7")].concat();
    // A server's: format, id, started, its address, one entry.
    let mut server = vec![0, 1];
    server.extend([7; 16]);
    server.extend([1, 0, 0, 0, 8]);
    server.extend(b"http://a\0\0\0\x01");
    server.extend([2; 32]);
    server.extend(b"\0\0\0\0\x0242\0\0\0\x05entry");
    vec![here, gone, server]
}

const SQL: [&[u8]; 14] = [
    b"\0\0\0\0\x22\0\x03\0\0user\0ada\0database\0quire\0\0",
    b"\0\0\0\0\x08\x04\xd2\x16\x2f",
    b"\0\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x01\0\0\0\x02",
    b"\x01select quire.text('d', at => now() - interval '1 day') x from quire.document d",
    b"\x01select * from quire.blame($1) b join quire.account a using (account_id), quire.diff($2, 1, to => $3::text)",
    b"\x01with x as (select 1) delete from t using quire.operations('d', 'a', 'b') where not exists (select quire.html($1))",
    b"\x81select E'\\'', $q$quire.text($q$, \"quire\".\"text\" (/* d */ (select 'd')) -- quire.text",
    b"\x01select \xc3\xbc, (quire.markdown ( U&'d' ))[1] is distinct from quire.text($1); ;",
    b"\x01create or replace view v as select quire.text('d')",
    b"\x02P\0\0\0\x1bs\0select quire.text($1)\0\0\x01\0\0\x0b\x86B\0\0\0\x1a\0s\0\0\x01\0\x01\0\x01\0\0\0\x01x\0\x01\0\x01S\0\0\0\x04",
    b"\x02p\0\0\0\x09word\0Q\0\0\0\x0dselect 1\0",
    b"\x03E\0\0\0\x29SERROR\0C42601\0Msyntax error\0P12\0Rscan\0\0t\0\0\0\x0e\0\x02\0\0\x0b\x86\0\0\0\x72",
    b"\x03R\0\0\0\x2a\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0D\0\0\0\x0f\0\x02\0\0\0\x01x\xff\xff\xff\xff",
    b"\x04\0\x02\x06\x0a\x01\x03\x09\x1f\x80\x82\x86\x8a\x01\x0b\x1f\x0c\x1b\x07\x09\x1f",
];

const REQUESTS: [&str; 4] = [
    "/api/v1/organisations/00000000-0000-0000-0000-00000000000a/documents?limit=3&token=x\nCookie: a=b; quire_session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\nX-Forwarded-For: 1.2.3.4, 203.0.113.9, 10.2.2.2",
    "/sync/v1\nAuthorization: Bearer AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\nX-Forwarded-For: [2001:db8::1]:443\nX-Forwarded-For: fd00::7, 10.0.0.9:80",
    "/d/00000000-0000-0000-0000-00000000000a\nIf-Match: \"AAAAAAAAAAcAAAAB.AAAAAAAAAAAA\"\nCookie: quire_session=\"\"\nCookie: quire_session",
    "/api/v1/shared/00000000-0000-0000-0000-00000000000A\nIf-Match: AAAAAAAAAAcAAAABAAAAAAAAAAgAAAAC\nHost: [::1]:4001",
];

const EDITS: [&str; 4] = [
    r#"{"operations":[{"operation":"replace_text","start":2,"end":4,"text":"words"}]}"#,
    r#"{"operations":[{"operation":"find_and_replace","find":"or","text":""},{"operation":"replace_text","start":0,"text":"é🎈"}]}"#,
    r##"{"operations":[{"operation":"replace_blocks","start":0,"end":2,"markdown":"# New\n\n- [x] done\n- [ ] not"}]}"##,
    r#"{"operations":[{"operation":"replace_blocks","markdown":"> a\n> > b\n\n```rs\nx\n```"},{"operation":"replace_blocks","start":0,"end":9,"markdown":""}]}"#,
];

const MARKDOWN: [&str; 5] = [
    "# Title\n\nA **bold _and_ ~~not~~** word `code` [link](https://a.example \"t\") <b>x</b>\\\nnext\n",
    "1. one\n2. two\n   - [x] done\n   - [ ] open\n\n     more\n\n* * *\n\n> quote\n> > deeper\n",
    "```rust\nfn main() {}\n```\n\n    indented\n\n<div>\n<script>alert(1)</script>\n</div>\n",
    "[a]: javascript:alert(1)\n[a] ![i](https://a.example/i.png) <https://b.example> <mailto:a@b.example>\n\nSetext\n===\n",
    "&nbsp;\n\n&amp; \\* \\_ a*b*c __d__ 1\\. x\n\n- \n-\n\n  para\n",
];
