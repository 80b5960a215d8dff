//! What is logged is bounded: whatever input makes a server write a line, it writes few of that kind, and
//! then how many more there were. The disk of a server must not be filled by who sends it nonsense.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Filter};

use crate::metrics::{Counter, Metric};

/// Lines that one place in the code writes at most
const LINES: u32 = 20;
/// in so much time.
const WINDOW: Duration = Duration::from_secs(10);
/// Mail that is written to the log is no message about something: none of it is left out.
const MAIL: &str = "quire::mail";

static LEFT_OUT: Counter = Counter::new(
    "quire_log_lines_left_out_total",
    "Lines that were not logged because the same place in the code had logged 20 within 10 s.",
);

/// What this module counts.
pub static METRICS: &[&dyn Metric] = &[&LEFT_OUT];

static PLACES: LazyLock<Mutex<HashMap<Identifier, Place>>> = LazyLock::new(Mutex::default);

fn places() -> MutexGuard<'static, HashMap<Identifier, Place>> {
    PLACES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A place in the code that logs.
struct Place {
    metadata: &'static Metadata<'static>,
    window: Window,
}

#[derive(Default)]
struct Window {
    began: Option<Instant>,
    lines: u32,
    left_out: u64,
}

impl Window {
    /// Whether one more line is written.
    fn has_room(&mut self, now: Instant) -> bool {
        if self.began.is_none_or(|began| now - began >= WINDOW) {
            (self.began, self.lines) = (Some(now), 0);
        }
        self.lines += 1;
        let has_room = self.lines <= LINES;
        self.left_out += u64::from(!has_room);
        has_room
    }

    /// How many were left out and not told, once no more are.
    fn take_left_out(&mut self, now: Instant) -> u64 {
        match self.began.is_some_and(|began| now - began >= WINDOW) {
            true => std::mem::take(&mut self.left_out),
            false => 0,
        }
    }
}

/// A filter that lets pass what there is room for. What is asked for by a level below info is not bounded.
pub struct Bound;

impl<S: Subscriber> Filter<S> for Bound {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        let metadata = event.metadata();
        let is_bounded = *metadata.level() <= Level::INFO && !metadata.target().starts_with(MAIL);
        if !is_bounded || metadata.target() == module_path!() {
            return true;
        }
        let mut places = places();
        let place = places.entry(metadata.callsite()).or_insert_with(|| Place {
            metadata,
            window: Window::default(),
        });
        let has_room = place.window.has_room(Instant::now());
        if !has_room {
            LEFT_OUT.increment();
        }
        has_room
    }
}

/// Says how many lines were left out since it was said last. To be called every few seconds.
pub fn tell_left_out() {
    let now = Instant::now();
    let mut left_out = Vec::new();
    for place in places().values_mut() {
        let lines = place.window.take_left_out(now);
        if lines > 0 {
            left_out.push((place.metadata, lines));
        }
    }
    for (metadata, lines) in left_out {
        let (at, line) = (metadata.target(), metadata.line().unwrap_or_default());
        tracing::warn!(
            lines,
            at,
            line,
            "more lines like those before were left out"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::Arc;
    use tracing_subscriber::filter::{EnvFilter, FilterExt};
    use tracing_subscriber::prelude::*;

    #[test]
    fn a_place_writes_some_lines_and_then_how_many_more_there_were() {
        let (mut window, began) = (Window::default(), Instant::now());
        let written = (0..100).filter(|_| window.has_room(began)).count();
        assert_eq!(written, LINES as usize);
        assert_eq!(window.take_left_out(began), 0, "there may be more");
        assert_eq!(window.take_left_out(began + WINDOW), 80);
        assert_eq!(window.take_left_out(began + WINDOW), 0);
        assert!(window.has_room(began + WINDOW));
    }

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn one_place_hides_no_other_and_no_mail() {
        let lines = Lines::default();
        let writer = lines.clone();
        let log = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .with_filter(EnvFilter::new("info").and(Bound));
        let log = tracing_subscriber::registry().with(log);
        tracing::subscriber::with_default(log, || {
            for _ in 0..1_000 {
                tracing::warn!("refused");
                tracing::info!(target: "quire::mail", "a mail");
            }
            tracing::warn!("another");
        });
        let written = lines.0.lock().expect("no panic").clone();
        let written = String::from_utf8(written).expect("text");
        let count = |what: &str| written.matches(what).count();
        assert_eq!(count("refused"), LINES as usize);
        assert_eq!(count("a mail"), 1_000);
        assert_eq!(count("another"), 1);
    }
}
