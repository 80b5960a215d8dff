//! What "harmless" means: whatever way the rows are taken in, every copy is the same, can be read,
//! exported, loaded again and written to.

use std::panic::{AssertUnwindSafe, catch_unwind};

use loro::{ExportMode, LoroDoc, LoroValue};

use super::history::{Guarded, History, document, edit};
use crate::kit::random::Random;

/// Tries `update` as the next row of `history`. The text says which copy fails and how.
pub fn harmless(history: &History, update: &[u8]) -> Result<(), String> {
    let rows = history.rows.len();
    let mut first = history.rows.clone();
    first.push(update.to_vec());
    let mut second = first.clone();
    first.push(history.bystander.clone());
    second.insert(rows, history.bystander.clone());

    let live = guarded("live copy", || {
        import_all(loaded(&history.snapshot)?, &first[rows..])
    })?;
    let value = guarded("read live copy", || Ok(rich_value(&live)))?;
    let check = |what: &str, copy: &dyn Fn() -> Result<Guarded, String>| {
        let copied = guarded(what, || {
            let doc = copy()?;
            Ok((rich_value(&doc), doc.oplog_vv()))
        })?;
        if copied != (value.clone(), live.oplog_vv()) {
            return Err(format!("{what}: another state"));
        }
        Ok(())
    };
    check("other server", &|| {
        import_all(loaded(&history.snapshot)?, &second[rows..])
    })?;
    check("row by row", &|| {
        import_all(Guarded::new(LoroDoc::new()), &first)
    })?;
    check("row by row, other order", &|| {
        import_all(Guarded::new(LoroDoc::new()), &second)
    })?;
    check("replay of everything", &|| {
        let updates = live
            .export(ExportMode::all_updates())
            .map_err(|e| e.to_string())?;
        import_all(Guarded::new(LoroDoc::new()), &[updates])
    })?;
    check("catch-up of a reader", &|| {
        let reader = Guarded::new(document(5, &history.rows));
        let updates = live
            .export(ExportMode::updates(&reader.oplog_vv()))
            .map_err(|e| e.to_string())?;
        import_all(reader, &[updates])
    })?;
    // Quire writes no shallow snapshots; in one, Loro 1.17.1 was seen to lose a mark.
    check("snapshot", &|| {
        let snapshot = live
            .export(ExportMode::Snapshot)
            .map_err(|e| e.to_string())?;
        loaded(&snapshot)
    })?;
    guarded("time travel", || {
        let old = loaded(&history.snapshot)?;
        let doc = Guarded::new(live.fork());
        doc.checkout(&old.oplog_frontiers())
            .map_err(|e| e.to_string())?;
        if rich_value(&doc) != rich_value(&old) {
            return Err("the past is another".into());
        }
        doc.checkout_to_latest();
        if rich_value(&doc) != value {
            return Err("the present is another after the past".into());
        }
        Ok(())
    })?;
    guarded("write on", || {
        let reader = import_all(Guarded::new(LoroDoc::new()), &first)?;
        reader.set_peer_id(77).map_err(|e| e.to_string())?;
        let mut random = Random::new(7);
        for _ in 0..6 {
            edit(&reader, &mut random, false);
        }
        reader.commit();
        let update = reader
            .export(ExportMode::updates(&live.oplog_vv()))
            .map_err(|e| e.to_string())?;
        live.import(&update).map_err(|e| e.to_string())?;
        if rich_value(&live) != rich_value(&reader) {
            return Err("another state".into());
        }
        Ok(())
    })
}

/// The whole state, marks included.
pub fn rich_value(doc: &LoroDoc) -> LoroValue {
    let mut texts: Vec<(String, LoroValue)> = Vec::new();
    let value = doc.get_deep_value_with_id();
    collect_texts(doc, &value, &mut texts);
    let texts: Vec<LoroValue> = texts
        .into_iter()
        .map(|(id, value)| LoroValue::from(vec![LoroValue::from(id), value]))
        .collect();
    LoroValue::from(vec![value, LoroValue::from(texts)])
}

fn collect_texts(doc: &LoroDoc, value: &LoroValue, texts: &mut Vec<(String, LoroValue)>) {
    match value {
        LoroValue::List(values) => values.iter().for_each(|v| collect_texts(doc, v, texts)),
        LoroValue::Map(fields) => {
            if let Some(LoroValue::String(cid)) = fields.get("cid") {
                if cid.ends_with(":Text") {
                    if let Ok(id) = loro::ContainerID::try_from(cid.as_ref()) {
                        let text = doc.get_text(id);
                        texts.push((cid.to_string(), text.get_richtext_value()));
                    }
                }
            }
            let mut keys: Vec<_> = fields.keys().collect();
            keys.sort();
            for key in keys {
                collect_texts(doc, &fields[key], texts);
            }
        }
        _ => {}
    }
}

fn loaded(snapshot: &[u8]) -> Result<Guarded, String> {
    let doc = LoroDoc::from_snapshot(snapshot).map_err(|e| e.to_string())?;
    Ok(Guarded::new(doc))
}

fn import_all(doc: Guarded, rows: &[Vec<u8>]) -> Result<Guarded, String> {
    for (i, row) in rows.iter().enumerate() {
        let status = doc.import(row).map_err(|e| format!("row {i}: {e}"))?;
        if status.pending.is_some() {
            return Err(format!("row {i} waits for others"));
        }
    }
    Ok(doc)
}

fn guarded<T>(what: &str, run: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result.map_err(|e| format!("{what}: {e}")),
        Err(panic) => {
            let why = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("panic");
            Err(format!("{what}: panicked: {why}"))
        }
    }
}
