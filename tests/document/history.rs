//! Random honest histories of rich-text documents: several peers, now together, now apart.

use loro::{ExportMode, LoroDoc, LoroText, VersionVector};
use quire::document::model;

use crate::kit::random::Random;

/// A document's rows, and honest updates that could come next, each on its own.
pub struct History {
    pub rows: Vec<Vec<u8>>,
    pub snapshot: Vec<u8>,
    /// Updates of single peers on top of what those peers had seen.
    pub candidates: Vec<Vec<u8>>,
    /// An update of yet another peer, concurrent to all candidates.
    pub bystander: Vec<u8>,
}

const PEERS: u64 = 4;

impl History {
    pub fn random(random: &mut Random, with_exotic_containers: bool) -> Self {
        let mut rows = vec![model::seed(1)];
        let peers: Vec<LoroDoc> = (0..=PEERS).map(|i| document(10 + i, &rows)).collect();
        let mut sent: Vec<VersionVector> = peers.iter().map(LoroDoc::oplog_vv).collect();
        for _ in 0..20 + random.below(60) {
            let author = random.below(PEERS as usize);
            for _ in 0..1 + random.below(4) {
                edit(&peers[author], random, with_exotic_containers);
            }
            rows.extend(export(&peers[author], &mut sent[author]));
            if random.below(3) == 0 {
                let reader = random.below(PEERS as usize + 1);
                catch_up(&peers[reader], &rows, &mut sent[reader]);
            }
        }
        for (peer, sent) in peers.iter().zip(&mut sent) {
            if random.below(2) == 0 {
                catch_up(peer, &rows, sent);
            }
        }
        let snapshot = document(2, &rows)
            .export(ExportMode::Snapshot)
            .expect("export");
        let candidates = peers[..PEERS as usize]
            .iter()
            .zip(&mut sent)
            .flat_map(|(peer, sent)| {
                let most = if random.below(3) == 0 { 30 } else { 2 };
                for _ in 0..1 + random.below(most) {
                    edit(peer, random, with_exotic_containers);
                }
                export(peer, sent)
            })
            .collect();
        let last = PEERS as usize;
        while peers[last].oplog_vv() == sent[last] {
            edit(&peers[last], random, with_exotic_containers);
            peers[last].commit();
        }
        let bystander = export(&peers[last], &mut sent[last]).expect("something was written");
        Self {
            rows,
            snapshot,
            candidates,
            bystander,
        }
    }
}

/// A document of `peer` with `rows` in it.
pub fn document(peer: u64, rows: &[Vec<u8>]) -> LoroDoc {
    let doc = LoroDoc::new();
    model::configure_text_styles(&doc);
    doc.set_peer_id(peer).expect("a valid peer");
    for row in rows {
        doc.import(row).expect("import row");
    }
    doc
}

fn catch_up(doc: &LoroDoc, rows: &[Vec<u8>], sent: &mut VersionVector) {
    for row in rows {
        doc.import(row).expect("import row");
    }
    *sent = doc.oplog_vv();
}

/// What `doc` wrote itself since `sent`.
fn export(doc: &LoroDoc, sent: &mut VersionVector) -> Option<Vec<u8>> {
    doc.commit();
    let now = doc.oplog_vv();
    if now == *sent {
        return None;
    }
    let update = doc.export(ExportMode::updates(sent)).expect("export");
    *sent = now;
    Some(update)
}

/// One edit as an editor or another Loro client would make it.
pub fn edit(doc: &LoroDoc, random: &mut Random, with_exotic_containers: bool) {
    if with_exotic_containers && random.below(6) == 0 {
        return edit_exotic(doc, random);
    }
    let text = model::body(doc);
    let len = text.len_unicode();
    match random.below(12) {
        0..=3 => text
            .insert(random.below(len + 1), &words(random))
            .expect("insert"),
        4 => text.insert(random.below(len + 1), "\n").expect("split"),
        5 | 6 if len > 0 => {
            let at = random.below(len);
            text.delete(at, 1 + random.below((len - at).min(5)))
                .expect("delete");
        }
        7 | 8 if len > 1 => {
            let at = random.below(len - 1);
            let end = at + 1 + random.below(len - at - 1);
            match random.below(4) {
                0 => text.mark(at..end, "bold", true).expect("bold"),
                1 => text
                    .mark(at..end, "link", "https://example.org")
                    .expect("link"),
                2 => text.mark(at..end, "code", true).expect("code"),
                _ => text.unmark(at..end, "bold").expect("unmark"),
            }
        }
        9 | 10 if len > 0 => set_block(&text, random),
        _ => text.insert(len, "é").expect("type"),
    }
    if random.below(2) == 0 {
        doc.commit();
    }
}

/// Makes something else of a block, or of several.
fn set_block(text: &LoroText, random: &mut Random) {
    let ends: Vec<usize> = (0..text.len_unicode())
        .filter(|at| text.char_at(*at).is_ok_and(|c| c == '\n'))
        .collect();
    if ends.is_empty() {
        return;
    }
    let first = random.below(ends.len());
    let last = first + random.below((ends.len() - first).min(3));
    let place = ends[first]..ends[last] + 1;
    let marked = match random.below(5) {
        0 => text.mark(place, "level", random.below(6) as i64),
        1 => text.mark(place, "type", *random.pick(&["heading", "code", "callout"])),
        2 => text.mark(place, "list", *random.pick(&["bullet", "ordered", "task"])),
        3 => text.mark(place, "indent", random.below(4) as i64),
        _ => text.unmark(place, ["type", "list"][random.below(2)]),
    };
    marked.expect("set");
}

fn edit_exotic(doc: &LoroDoc, random: &mut Random) {
    let tree = doc.get_tree("tree");
    let list = doc.get_movable_list("movable");
    let nodes = tree.get_nodes(false);
    match random.below(6) {
        0 | 1 => {
            let node = tree.create(None).expect("create");
            tree.get_meta(node)
                .expect("meta")
                .insert("x", 1)
                .expect("x");
        }
        2 if nodes.len() > 1 => {
            // A move below itself is refused; then nothing was written.
            let _ = tree.mov(random.pick(&nodes).id, Some(random.pick(&nodes).id));
        }
        3 if !nodes.is_empty() => tree.delete(random.pick(&nodes).id).expect("delete"),
        4 if list.len() > 1 => {
            list.mov(random.below(list.len()), random.below(list.len()))
                .expect("move");
            list.set(random.below(list.len()), "set").expect("set");
        }
        5 if list.len() > 1 => list.delete(random.below(list.len()), 1).expect("delete"),
        _ => list
            .insert(random.below(list.len() + 1), words(random))
            .expect("insert"),
    }
}

fn words(random: &mut Random) -> String {
    const WORDS: [&str; 6] = ["a", "x", "quill ", "ünï", "語", "👩‍👩‍👧 "];
    (0..1 + random.below(4))
        .map(|_| *random.pick(&WORDS))
        .collect()
}

/// A document that is leaked when it panicked: dropping it while unwinding aborts the process.
pub struct Guarded(Option<LoroDoc>);

impl Guarded {
    pub fn new(doc: LoroDoc) -> Self {
        Self(Some(doc))
    }
}

impl std::ops::Deref for Guarded {
    type Target = LoroDoc;

    fn deref(&self) -> &LoroDoc {
        self.0.as_ref().expect("only drop takes it")
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let doc = self.0.take();
        if std::thread::panicking() {
            std::mem::forget(doc);
        } else if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(doc))).is_err() {
            // The rest of it is leaked.
        }
    }
}
