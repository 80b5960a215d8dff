//! Recorded histories: reading them, and that Loro merges them to what was recorded.

use loro::{LoroDoc, LoroText};
use quire::error::Kind;
use quire::replay::trace::Trace;

/// Two people insert at one place at once, then one knows both.
const CONCURRENT: &str = r#"{
    "kind": "concurrent", "endContent": "xby", "numAgents": 2, "txns": [
        {"parents": [], "numChildren": 2, "agent": 0, "time": "", "patches": [[0, 0, "a"], [1, 0, "y"]]},
        {"parents": [0], "numChildren": 1, "agent": 1, "time": "", "patches": [[1, 0, "b"]]},
        {"parents": [0], "numChildren": 1, "agent": 0, "time": "", "patches": [[0, 1, "x"]]},
        {"parents": [1, 2], "numChildren": 0, "agent": 1, "time": "", "patches": []}
    ]
}"#;

#[test]
fn each_edit_knows_what_its_parents_knew() {
    let trace = Trace::parse(CONCURRENT.as_bytes()).unwrap();
    let known: Vec<_> = (0..trace.edits.len())
        .map(|edit| trace.known(edit))
        .collect();
    assert_eq!(known, [[0, 0], [1, 0], [2, 0], [2, 0]]);
    let authors: Vec<_> = trace.edits.iter().map(|edit| edit.author).collect();
    assert_eq!(authors, [0, 0, 1, 0]);
}

#[test]
fn a_sequential_history_is_flattened_to_its_patches() {
    let json = r#"{"startContent": "ab", "endContent": "xb", "txns": [
        {"time": "", "patches": [[0, 1, ""], [0, 0, "x"]]}
    ]}"#;
    let trace = Trace::parse(json.as_bytes()).unwrap();
    assert_eq!(trace.edits.len(), 3);
    assert_eq!(trace.edits[0].inserted, "ab");
    assert_eq!(trace.known(2), [2]);
}

#[test]
fn what_is_no_history_is_refused() {
    for json in [
        "",
        "{}",
        r#"{"kind": "concurrent", "endContent": "", "txns": []}"#,
        r#"{"kind": "concurrent", "endContent": "", "numAgents": 1, "txns": [{"agent": 1, "patches": []}]}"#,
        r#"{"kind": "concurrent", "endContent": "", "numAgents": 1, "txns": [{"agent": 0, "parents": [0], "patches": []}]}"#,
    ] {
        assert_eq!(
            Trace::parse(json.as_bytes()).unwrap_err().kind(),
            Kind::Invalid,
            "{json}"
        );
    }
}

/// Positions are those of the parents' merged text, so each author's document holds exactly them.
/// Whose peer id is lower must not matter: the lease gives any.
#[test]
fn loro_merges_to_the_recorded_text_whoever_has_the_lower_peer() {
    let trace = Trace::parse(CONCURRENT.as_bytes()).unwrap();
    for peers in [[1, 2], [2, 1]] {
        let documents = peers.map(|peer| {
            let document = LoroDoc::new();
            document.set_peer_id(peer).unwrap();
            document
        });
        let mut updates: [Vec<Vec<u8>>; 2] = Default::default();
        for (index, edit) in trace.edits.iter().enumerate() {
            let (mine, other) = (edit.author, 1 - edit.author);
            for update in &updates[other][..trace.known(index)[other] as usize] {
                documents[mine].import(update).unwrap();
            }
            updates[mine].push(write(&documents[mine], edit));
        }
        for (document, theirs) in documents.iter().zip([1, 0]) {
            for update in &updates[theirs] {
                document.import(update).unwrap();
            }
            assert_eq!(text(document).to_string(), trace.end_content);
        }
    }
}

fn text(document: &LoroDoc) -> LoroText {
    document.get_text("text")
}

fn write(document: &LoroDoc, edit: &quire::replay::trace::Edit) -> Vec<u8> {
    let before = document.oplog_vv();
    text(document).delete(edit.position, edit.deleted).unwrap();
    text(document)
        .insert(edit.position, &edit.inserted)
        .unwrap();
    document.commit();
    document.export(loro::ExportMode::updates(&before)).unwrap()
}

/// Authors that build on each other's edits are learned together.
#[test]
fn plain_documents_make_the_text_of_any_history() {
    let trace = quire::replay::synthetic::trace(crate::kit::random::seed(), 4, 2_000);
    let content = quire::replay::offline::end_content(&trace).unwrap();
    assert_eq!(content, trace.end_content);
    let concurrent = Trace::parse(CONCURRENT.as_bytes()).unwrap();
    let content = quire::replay::offline::end_content(&concurrent).unwrap();
    assert_eq!(content, concurrent.end_content);
}
