//! The content of a document for programs, from its rows: everything that is committed, whether or
//! not this server has the document open.

use super::answer::{Answer, text, with};
use super::call::{Call, parameter};
use super::documents::{in_bin, no_document};
use super::etag;
use super::history;
use crate::auth::{Permission, access};
use crate::document::blocks::plain_text;
use crate::document::live::LiveDocument;
use crate::document::load::load;
use crate::document::tree::{Node, html::html, markdown};
use crate::document::trial::DocKey;
use crate::error::{Error, Kind, Result};
use crate::postgres::{PoolClient, failed};
use hyper::StatusCode;
use hyper::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use serde_json::json;
use std::collections::BTreeSet;
use uuid::Uuid;

/// What an exported file may do where a browser shows it all the same.
const EXPORT_POLICY: &str = "sandbox; default-src 'none'";
/// Longest file name, in characters, without what follows its last point.
const FILE_NAME: usize = 100;

/// `GET …/documents/{document_id}/text?at=`: now, or at a moment.
pub async fn show(call: &Call<'_>, org_id: Uuid, document_id: Uuid) -> Result<Answer> {
    let (_, live) = open(call, org_id, document_id).await?;
    // A long document takes milliseconds: others on this thread go elsewhere meanwhile.
    let (body, version) =
        tokio::task::block_in_place(|| live.read(|doc| (plain_text(doc), etag::of(doc))))?;
    let answer = text(StatusCode::OK, body);
    Ok(etag::answer(call.head, answer, &version))
}

/// `GET …/documents/{document_id}/export?format=markdown|html|text|json&at=`: a file.
pub async fn export(call: &Call<'_>, org_id: Uuid, document_id: Uuid) -> Result<Answer> {
    let format = parameter(call.head, "format").unwrap_or_default();
    let (kind, ending) = match format {
        "markdown" => ("text/markdown; charset=utf-8", "md"),
        "html" => ("text/html; charset=utf-8", "html"),
        "text" => ("text/plain; charset=utf-8", "txt"),
        "json" => ("application/json", "json"),
        _ => {
            let context = "format: must be one of markdown, html, text, json";
            return Err(Error::new(Kind::Invalid, context));
        }
    };
    let (title, live) = open(call, org_id, document_id).await?;
    let (body, version) = tokio::task::block_in_place(|| {
        live.read(|doc| {
            let body = match format {
                "markdown" => markdown::write(&Node::of(doc)),
                "html" => html(&title, &Node::of(doc)),
                "json" => json!({"title": title, "content": Node::of(doc)}).to_string(),
                _ => plain_text(doc),
            };
            (body, etag::of(doc))
        })
    })?;
    let mut answer = text(StatusCode::OK, body);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(EXPORT_POLICY),
    );
    let answer = with(answer, CONTENT_DISPOSITION, &disposition(&title, ending));
    Ok(etag::answer(
        call.head,
        answer,
        &etag::with_title(&version, &title),
    ))
}

/// The title and the content of a document that the caller may read, now or at the moment `at`.
async fn open(call: &Call<'_>, org_id: Uuid, document_id: Uuid) -> Result<(String, LiveDocument)> {
    if let Some(at) = history::Wanted::of(call.head, "at")? {
        let past = history::open(call, org_id, document_id, &[at]).await?;
        let live = tokio::task::block_in_place(|| {
            past.history.document_at(&past.moments[0], &past.budget)
        })?;
        return Ok((past.title, live));
    }
    let client = call.client().await?;
    let session = call.session(&client).await?;
    let access = access(&client, session.account_id, org_id, document_id)
        .await?
        .ok_or_else(no_document)?;
    if access.permission == Permission::None {
        return Err(in_bin());
    }
    let title = client
        .query_opt(
            include_str!("../../sql/document_title.sql"),
            &[&org_id, &document_id],
        )
        .await
        .map_err(failed("read title"))?
        .ok_or_else(no_document)?
        .get("title");
    let document = DocKey {
        org_id,
        document_id,
    };
    Ok((title, content(call, client, document).await?))
}

/// The content of a document as its rows say it. Takes the connection, for loading takes one itself.
pub async fn content(
    call: &Call<'_>,
    client: PoolClient,
    document: DocKey,
) -> Result<LiveDocument> {
    let system_identifier: i64 = client
        .query_one(include_str!("../../sql/system_identifier.sql"), &[])
        .await
        .map_err(failed("read system identifier"))?
        .get("system_identifier");
    drop(client);
    let loaded = load(
        &call.context.pool,
        document,
        // Postgres shows the 64 bits as a signed number.
        system_identifier as u64,
        &mut BTreeSet::new(),
    )
    .await?;
    Ok(loaded.live)
}

/// A file's name made of a title (RFC 6266): plain for old readers, and as it is for the others.
fn disposition(title: &str, ending: &str) -> String {
    let name = file_name(title);
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii() { c } else { '_' })
        .collect();
    let escaped: String = format!("{name}.{ending}")
        .bytes()
        .map(|b| match b {
            b'-' | b'_' | b'.' => char::from(b).to_string(),
            b if b.is_ascii_alphanumeric() => char::from(b).to_string(),
            b => format!("%{b:02X}"),
        })
        .collect();
    format!("attachment; filename=\"{plain}.{ending}\"; filename*=UTF-8''{escaped}")
}

/// A title without what means something to a file system, or hides what a name ends with.
fn file_name(title: &str) -> String {
    let is_unsafe = |c: char| {
        c.is_control()
            || "\"*/:<>?\\|%;'".contains(c)
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let name: String = title
        .chars()
        .map(|c| if is_unsafe(c) { '_' } else { c })
        .take(FILE_NAME)
        .collect();
    let name = name.trim_matches(|c: char| c == '.' || c.is_whitespace());
    let stem = name.split('.').next().unwrap_or_default();
    let stem = stem.trim_end().to_ascii_uppercase();
    // Names of devices, whatever follows them.
    let is_device = matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL")
        || (stem.len() == 4
            && (stem.starts_with("COM") || stem.starts_with("LPT"))
            && stem.ends_with(|c: char| c.is_ascii_digit()));
    match name {
        "" => "document".to_owned(),
        name if is_device => format!("_{name}"),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{disposition, file_name};

    #[test]
    fn a_file_name_is_no_path_and_no_device() {
        for (title, name) in [
            ("Minutes", "Minutes"),
            ("../../etc/passwd", "_.._etc_passwd"),
            ("a\"; filename=\"b.exe", "a__ filename=_b.exe"),
            ("CON", "_CON"),
            ("com1.txt", "_com1.txt"),
            ("...", "document"),
            ("tx\u{202e}exe", "tx_exe"),
            ("  Prüfung ", "Prüfung"),
        ] {
            assert_eq!(file_name(title), name, "{title}");
        }
        assert_eq!(
            disposition("Prüfung 1", "md"),
            "attachment; filename=\"Pr_fung 1.md\"; filename*=UTF-8''Pr%C3%BCfung%201.md"
        );
    }
}
