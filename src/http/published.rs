//! Published pages: a document for anybody, without signing in, for caches to keep. Whether a page is
//! still what it was is asked of the tables, which costs one statement; only when it is not, the document
//! is read.

use super::answer::{Answer, empty, text, with};
use super::call::Call;
use super::etag;
use crate::document::load::load;
use crate::document::tree::{Child, Node, Run, html::html_with};
use crate::document::trial::DocKey;
use crate::error::{Error, Kind, Result};
use crate::postgres::failed;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue,
};
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use tokio::sync::Semaphore;
use uuid::Uuid;

const FIND_PUBLICATION: &str = include_str!("../../sql/find_publication.sql");

/// Where caches are told of every change, one that is shared may show a page for a minute without asking:
/// longer is of no use, for a busy page is asked for once a minute then, and so long is old what a cache
/// shows that could not be told. Browsers are told of nothing: they ask each time, and the cache answers.
const WITH_HOOK: &str = "public, max-age=0, s-maxage=60, must-revalidate";
/// Else everybody keeps it and asks each time whether it is still so.
const WITHOUT_HOOK: &str = "public, no-cache";
/// Memory for pages, in bytes.
const KEPT_BYTES: usize = 32 * 1024 * 1024;
/// Documents that are made into pages at the same time.
const MAKING: usize = 2;
/// How a page looks: the letters of the reader's own machine, lines of a length that can be read.
const STYLE: &str = "html{color-scheme:light dark}body{max-width:42rem;margin:2rem auto;padding:0 1rem;\
    font:1.0625rem/1.6 system-ui,sans-serif;overflow-wrap:break-word}pre{overflow-x:auto}\
    blockquote{margin-left:0;padding-left:1rem;border-left:3px solid}";

/// Nothing runs, nothing is loaded, nothing is sent; the one style is named by its digest.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let digest = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'")
});

/// The pages that were read last.
pub struct Pages {
    kept: Mutex<Kept>,
    making: Semaphore,
}

#[derive(Default)]
struct Kept {
    pages: HashMap<Uuid, (u64, Arc<Page>)>,
    bytes: usize,
    /// Counts the readings: the page with the lowest number was read longest ago.
    reading: u64,
}

/// A page as it was made once, and what of the tables it was made of.
struct Page {
    title: String,
    is_indexed: bool,
    seen: String,
    system_identifier: i64,
    /// Which log the tables followed.
    era: u64,
    tag: String,
    body: Bytes,
}

impl Default for Pages {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            making: Semaphore::new(MAKING),
        }
    }
}

impl Pages {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept
            .lock()
            .expect("no code panics while it holds the pages")
    }
}

impl Kept {
    fn get(&mut self, publication_id: Uuid) -> Option<Arc<Page>> {
        self.reading += 1;
        let (read, page) = self.pages.get_mut(&publication_id)?;
        *read = self.reading;
        Some(page.clone())
    }

    fn put(&mut self, publication_id: Uuid, page: Arc<Page>) {
        self.remove(publication_id);
        self.reading += 1;
        self.bytes += page.body.len();
        self.pages.insert(publication_id, (self.reading, page));
        while self.bytes > KEPT_BYTES {
            let oldest = self.pages.iter().min_by_key(|(_, (read, _))| *read);
            let Some(oldest) = oldest.map(|(id, _)| *id) else {
                return;
            };
            self.remove(oldest);
        }
    }

    fn remove(&mut self, publication_id: Uuid) {
        if let Some((_, page)) = self.pages.remove(&publication_id) {
            self.bytes -= page.body.len();
        }
    }
}

/// What the tables say of a publication.
struct Found {
    document: DocKey,
    title: String,
    is_indexed: bool,
    system_identifier: i64,
}

/// What there is at an address.
enum Stand {
    Nothing,
    Gone,
    /// The page that is kept is what the document says now.
    Same(Arc<Page>),
    Changed(Found),
}

/// `GET /p/{publication_id}`.
pub async fn show(call: &Call<'_>, publication_id: Uuid) -> Result<Answer> {
    let pages = &call.context.pages;
    let page = match stand(call, publication_id).await? {
        Stand::Nothing => return Ok(absent(StatusCode::NOT_FOUND)),
        Stand::Gone => {
            pages.kept().remove(publication_id);
            return Ok(absent(StatusCode::GONE));
        }
        Stand::Same(page) => page,
        // Of many who come at once for a new version one makes the page, and the others look again.
        Stand::Changed(_) => {
            let permit = pages.making.acquire().await;
            let _permit = permit.map_err(|e| Error::caused(Kind::Internal, "make a page", e))?;
            match stand(call, publication_id).await? {
                Stand::Nothing => return Ok(absent(StatusCode::NOT_FOUND)),
                Stand::Gone => return Ok(absent(StatusCode::GONE)),
                Stand::Same(page) => page,
                Stand::Changed(found) => {
                    let page = Arc::new(make(call, found).await?);
                    pages.kept().put(publication_id, page.clone());
                    page
                }
            }
        }
    };
    Ok(answer(call, &page))
}

/// One statement: whether the page is there, and whether the one that is kept is still right.
async fn stand(call: &Call<'_>, publication_id: Uuid) -> Result<Stand> {
    let kept = call.context.pages.kept().get(publication_id);
    let pool = &call.context.pool;
    let (client, era) = (call.client().await?, pool.lineage().era());
    let kept = kept.filter(|page| page.era == era);
    let (seen, identifier) = match &kept {
        Some(page) => (Some(&page.seen), Some(page.system_identifier)),
        None => (None, None),
    };
    let statement = client.prepare_cached(FIND_PUBLICATION).await;
    let statement = statement.map_err(failed("find published page"))?;
    let row = client
        .query_opt(&statement, &[&publication_id, &seen, &identifier])
        .await
        .map_err(failed("find published page"))?;
    let Some(row) = row else {
        return Ok(Stand::Nothing);
    };
    if row.get("is_gone") {
        return Ok(Stand::Gone);
    }
    let (title, is_indexed): (String, bool) = (row.get("title"), row.get("is_indexed"));
    match kept.filter(|_| row.get("is_known")) {
        Some(page) if page.title == title && page.is_indexed == is_indexed => Ok(Stand::Same(page)),
        _ => Ok(Stand::Changed(Found {
            document: DocKey::of(&row),
            title,
            is_indexed,
            system_identifier: row.get("system_identifier"),
        })),
    }
}

async fn make(call: &Call<'_>, found: Found) -> Result<Page> {
    let pool = &call.context.pool;
    let era = pool.lineage().era();
    // Postgres shows the 64 bits as a signed number.
    let identifier = found.system_identifier as u64;
    let loaded = load(pool, found.document, identifier, &mut BTreeSet::new()).await?;
    let robots = match found.is_indexed {
        true => "",
        false => "<meta name=\"robots\" content=\"noindex\">\n",
    };
    let head = format!("{robots}<style>{STYLE}</style>\n");
    // A long document takes milliseconds: others on this thread go elsewhere meanwhile.
    let (body, version) = tokio::task::block_in_place(|| {
        let write = |doc: &_| {
            (
                html_with(&found.title, &Node::of(doc), &POLICY, &head),
                etag::of(doc),
            )
        };
        loaded.live.read(write)
    })?;
    let shown = format!("{}\n{}", found.title, found.is_indexed);
    Ok(Page {
        tag: etag::with_title(&version, &shown),
        title: found.title,
        is_indexed: found.is_indexed,
        seen: loaded.position.seen,
        system_identifier: found.system_identifier,
        era,
        body: body.into(),
    })
}

fn answer(call: &Call<'_>, page: &Page) -> Answer {
    let mut answer = text(StatusCode::OK, page.body.clone());
    let content_type = HeaderValue::from_static("text/html; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    let mut answer = etag::answer(call.head, answer, &page.tag);
    let cached = match call.context.purges {
        true => WITH_HOOK,
        false => WITHOUT_HOOK,
    };
    let cached = HeaderValue::from_static(cached);
    answer.headers_mut().insert(CACHE_CONTROL, cached);
    if !page.is_indexed {
        answer = with(answer, HeaderName::from_static("x-robots-tag"), "noindex");
    }
    protected(answer)
}

/// For people: there is no page, or no more. Nobody keeps that, for it may be published again.
fn absent(status: StatusCode) -> Answer {
    let words = match status {
        StatusCode::GONE => "This page is not published any more.",
        _ => "There is no page at this address.",
    };
    let words = Child::Text(Run {
        text: words.to_owned(),
        ..Run::default()
    });
    let page = Node::page(vec![Child::Node(Node::new("paragraph", vec![words]))]);
    let head = format!("<meta name=\"robots\" content=\"noindex\">\n<style>{STYLE}</style>\n");
    let mut answer = empty(status);
    *answer.body_mut() = Bytes::from(html_with("Quire", &page, &POLICY, &head)).into();
    let content_type = HeaderValue::from_static("text/html; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    protected(answer)
}

/// What stands in a page came from people: it is shut in.
fn protected(answer: Answer) -> Answer {
    let policy = format!(
        "sandbox allow-top-navigation-by-user-activation; {}; frame-ancestors 'none'",
        *POLICY
    );
    with(answer, CONTENT_SECURITY_POLICY, &policy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(bytes: usize) -> Arc<Page> {
        Arc::new(Page {
            title: String::new(),
            is_indexed: false,
            seen: String::new(),
            system_identifier: 0,
            era: 0,
            tag: String::new(),
            body: vec![0; bytes].into(),
        })
    }

    #[test]
    fn pages_stay_within_their_memory_and_the_least_read_go_first() {
        let mut kept = Kept::default();
        for number in 0..40 {
            kept.put(Uuid::from_u128(number), page(1 << 20));
            assert!(
                kept.get(Uuid::nil()).is_some(),
                "{number}: it is read all the time"
            );
            assert!(kept.bytes <= KEPT_BYTES);
        }
        assert_eq!(kept.pages.len(), KEPT_BYTES >> 20);
        assert!(kept.get(Uuid::from_u128(1)).is_none());
        kept.put(Uuid::from_u128(99), page(KEPT_BYTES + 1));
        assert_eq!((kept.pages.len(), kept.bytes), (0, 0));
    }
}
