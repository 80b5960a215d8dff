//! Traces by OpenTelemetry: what happened to a request or an edit, as spans that go to a collector. While no
//! collector is set, asking for a span or for the time is one load and nothing is made.
//!
//! A span is sent when it is dropped. What it says are names, numbers and ids: never what people
//! wrote, called or entered, and nothing that lets somebody in.

mod export;
mod otlp;
mod place;
mod transaction;
mod way;

use std::borrow::Cow;
use std::sync::OnceLock;
use std::time::Instant;

use tracing::Instrument;

use self::export::Queue;
pub use self::export::{METRICS, Running, start};
pub use self::place::Place;
use self::place::{SpanId, TraceId, random};
pub use self::transaction::Transaction;
pub use self::way::Way;

/// What this process sends, and where; set once, when a collector is.
static TRACER: OnceLock<Tracer> = OnceLock::new();

struct Tracer {
    queue: Queue,
    /// Of 2^63 traces so many are made.
    threshold: u64,
    follows_callers: bool,
}

impl Tracer {
    fn new(queue: Queue, share: f64, follows_callers: bool) -> Self {
        Self {
            queue,
            threshold: (share * (1_u64 << 63) as f64) as u64,
            follows_callers,
        }
    }

    /// Decided by the trace's id alone, as OpenTelemetry's TraceIdRatioBased does it: so all servers decide
    /// the same.
    fn takes(&self, trace: TraceId) -> bool {
        let (_, low) = trace.split_at(8);
        let low = low.iter().fold(0, |low, byte| low << 8 | u64::from(*byte));
        low >> 1 < self.threshold
    }
}

tokio::task_local! {
    /// Where this task is in a trace.
    static CURRENT: Option<Place>;
}

/// Whether there is a collector.
pub fn are_made() -> bool {
    TRACER.get().is_some()
}

/// The time, if anybody wants to know: only while traces are made.
pub fn now() -> Option<Instant> {
    are_made().then(Instant::now)
}

/// Where this task is in a trace, if it is traced.
pub fn current() -> Option<Place> {
    CURRENT.try_with(|place| *place).ok().flatten()
}

/// Runs something as a part of a trace, if there is one: what it begins stands below `place`, and what it logs
/// carries the trace's id.
pub fn within<F: Future>(place: Option<Place>, work: F) -> impl Future<Output = F::Output> {
    let log = match place {
        Some(place) => tracing::info_span!("traced", trace_id = %place.trace_id()),
        None => tracing::Span::none(),
    };
    CURRENT.scope(place, work.instrument(log))
}

/// A trace of its own, unless it is not one of those that are made.
pub fn root(name: &'static str) -> Option<Span> {
    let tracer = TRACER.get()?;
    let trace = random()?;
    let span = tracer.takes(trace).then(|| Span::new(name, trace, None));
    span.flatten()
}

/// A trace of its own, or a part of the caller's, which the header `traceparent` names (W3C Trace Context).
pub fn called(name: &'static str, traceparent: Option<&[u8]>) -> Option<Span> {
    let tracer = TRACER.get()?;
    let Some((caller, is_traced)) = traceparent.and_then(Place::parse) else {
        return root(name);
    };
    let is_taken = match tracer.follows_callers {
        true => is_traced,
        false => tracer.takes(caller.trace),
    };
    is_taken.then(|| Span::below(caller, name)).flatten()
}

/// A part of what this task does, if that is traced.
pub fn part(name: &'static str) -> Option<Span> {
    Span::below(current()?, name)
}

/// Something that took time. It ends, and is sent, when it is dropped.
pub struct Span(Option<Box<Facts>>);

/// What is sent of a span.
struct Facts {
    name: Cow<'static, str>,
    trace: TraceId,
    id: SpanId,
    parent: Option<SpanId>,
    /// Another trace that it has to do with.
    link: Option<Place>,
    /// Whether somebody else asked for it and waits.
    is_served: bool,
    has_failed: bool,
    began: Instant,
    /// If not when it is dropped.
    ended: Option<Instant>,
    attributes: Vec<(&'static str, Value)>,
}

/// What an attribute says.
pub enum Value {
    Text(Cow<'static, str>),
    Number(i64),
}

impl Span {
    fn new(name: &'static str, trace: TraceId, parent: Option<SpanId>) -> Option<Self> {
        Some(Self(Some(Box::new(Facts {
            name: name.into(),
            trace,
            id: random()?,
            parent,
            link: None,
            is_served: false,
            has_failed: false,
            began: Instant::now(),
            ended: None,
            attributes: Vec::new(),
        }))))
    }

    fn facts(&mut self) -> &mut Facts {
        self.0.as_mut().expect("only its end takes them")
    }

    /// A part of what is at `place`.
    pub fn below(place: Place, name: &'static str) -> Option<Self> {
        Self::new(name, place.trace, Some(place.span))
    }

    /// Where its own parts stand.
    pub fn place(&self) -> Place {
        let facts = self.0.as_ref().expect("only its end takes them");
        Place {
            trace: facts.trace,
            span: facts.id,
        }
    }

    /// Says something more. Never what people wrote or called, and no secret.
    pub fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        self.facts().attributes.push((name, value.into()));
    }

    /// It is called more than its kind: a request by its route.
    pub fn rename(&mut self, name: String) {
        self.facts().name = name.into();
    }

    /// Somebody else asked for it and waits.
    pub fn serve(&mut self) {
        self.facts().is_served = true;
    }

    /// It did not do what it was to do.
    pub fn fail(&mut self) {
        self.facts().has_failed = true;
    }

    /// It has to do with what is at `place`, in another trace.
    pub fn link(&mut self, place: Option<Place>) {
        self.facts().link = place;
    }

    /// It took from then to then.
    pub fn took(&mut self, began: Instant, ended: Instant) {
        self.began(began);
        self.facts().ended = Some(ended);
    }

    /// It began then.
    pub fn began(&mut self, began: Instant) {
        self.facts().began = began;
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        let (Some(tracer), Some(mut facts)) = (TRACER.get(), self.0.take()) else {
            return;
        };
        facts.ended.get_or_insert_with(Instant::now);
        tracer.queue.push(*facts);
    }
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<uuid::Uuid> for Value {
    fn from(id: uuid::Uuid) -> Self {
        id.to_string().into()
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(share: f64) -> usize {
        let tracer = Tracer::new(Queue::closed(), share, true);
        let traces = (0..10_000).map(|_| random().expect("random bytes"));
        traces.filter(|trace| tracer.takes(*trace)).count()
    }

    #[test]
    fn so_many_traces_are_made_as_the_share_says() {
        assert_eq!(taken(0.0), 0);
        assert_eq!(taken(1.0), 10_000);
        // Six times the deviation that is usual.
        assert!((4_700..5_300).contains(&taken(0.5)));
    }

    #[test]
    fn without_a_collector_nothing_is_made() {
        assert!(now().is_none());
        assert!(root("x").is_none());
        assert!(called("x", None).is_none());
        assert!(part("x").is_none());
        assert!(current().is_none());
        assert!(Way::begun().is_none());
        assert!(Transaction::of(|| unreachable!("nobody asks"), 1).is_none());
    }
}
