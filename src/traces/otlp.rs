//! Spans as a request of OTLP 1 (`opentelemetry/proto/collector/trace/v1`), in protobuf. The numbers are
//! those of the fields there; the tests hold them against OpenTelemetry's own types.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::{Facts, Value};

/// How far moments may be from the time of day, in nanoseconds.
const TOLERANCE_NS: u64 = 1_000_000;
/// How long reading both clocks may take, and how often it is tried again.
const READING: Duration = Duration::from_micros(20);
const READINGS: usize = 8;

/// Kinds of spans.
const INTERNAL: u64 = 1;
const SERVER: u64 = 2;
/// A status.
const ERROR: u64 = 2;

/// Wire types of protobuf.
const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const LENGTH: u64 = 2;

/// An `ExportTraceServiceRequest` with these spans, of the program that `resource` describes.
pub(super) fn request(resource: &[(String, String)], spans: &[Facts], clock: &Clock) -> Vec<u8> {
    let mut request = Message::default();
    request.message(1, |resource_spans| {
        resource_spans.message(1, |of| {
            for (name, value) in resource {
                of.message(1, |pair| {
                    pair.attribute(name, |any| any.bytes(1, value.as_bytes()))
                });
            }
        });
        resource_spans.message(2, |scope_spans| {
            scope_spans.message(1, |scope| {
                scope.bytes(1, b"quire");
                scope.bytes(2, env!("CARGO_PKG_VERSION").as_bytes());
            });
            for facts in spans {
                scope_spans.message(2, |span| span.span(facts, clock));
            }
        });
    });
    request.bytes
}

/// The time of day, for moments that are counted from the machine's start.
pub(super) struct Clock {
    instant: Instant,
    unix_ns: u64,
}

impl Clock {
    pub fn now() -> Self {
        let mut read = Self::read();
        // What the process was held up in between must not count.
        for _ in 0..READINGS {
            if read.1 < READING {
                break;
            }
            read = Self::read();
        }
        read.0
    }

    /// And how long that took.
    fn read() -> (Self, Duration) {
        let instant = Instant::now();
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let clock = Self {
            instant,
            unix_ns: since.map_or(0, |since| since.as_nanos() as u64),
        };
        (clock, instant.elapsed())
    }

    /// Is set when the time of day was: otherwise the order of moments stays as it was, to the nanosecond.
    pub fn follow(&mut self) {
        let now = Self::now();
        if self.unix_ns(now.instant).abs_diff(now.unix_ns) > TOLERANCE_NS {
            *self = now;
        }
    }

    fn unix_ns(&self, moment: Instant) -> u64 {
        match moment.checked_duration_since(self.instant) {
            Some(later) => self.unix_ns.saturating_add(later.as_nanos() as u64),
            None => {
                let before = self.instant.duration_since(moment);
                self.unix_ns.saturating_sub(before.as_nanos() as u64)
            }
        }
    }
}

/// A message that is being written.
#[derive(Default)]
struct Message {
    bytes: Vec<u8>,
}

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    fn number(&mut self, field: u64, value: u64) {
        self.varint(field << 3 | VARINT);
        self.varint(value);
    }

    fn fixed64(&mut self, field: u64, value: u64) {
        self.varint(field << 3 | FIXED64);
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    fn bytes(&mut self, field: u64, value: &[u8]) {
        self.varint(field << 3 | LENGTH);
        self.varint(value.len() as u64);
        self.bytes.extend_from_slice(value);
    }

    fn message(&mut self, field: u64, write: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        write(&mut inner);
        self.bytes(field, &inner.bytes);
    }

    /// A `KeyValue` whose `AnyValue` is written by `value`.
    fn attribute(&mut self, name: &str, value: impl FnOnce(&mut Self)) {
        self.bytes(1, name.as_bytes());
        self.message(2, value);
    }

    fn span(&mut self, facts: &Facts, clock: &Clock) {
        self.bytes(1, &facts.trace);
        self.bytes(2, &facts.id);
        if let Some(parent) = &facts.parent {
            self.bytes(4, parent);
        }
        self.bytes(5, facts.name.as_bytes());
        self.number(6, if facts.is_served { SERVER } else { INTERNAL });
        self.fixed64(7, clock.unix_ns(facts.began));
        self.fixed64(8, clock.unix_ns(facts.ended.unwrap_or(facts.began)));
        for (name, value) in &facts.attributes {
            self.message(9, |pair| {
                pair.attribute(name, |any| match value {
                    Value::Text(text) => any.bytes(1, text.as_bytes()),
                    // Negative ones as two's complement.
                    Value::Number(number) => any.number(3, *number as u64),
                });
            });
        }
        if let Some(place) = &facts.link {
            self.message(13, |link| {
                link.bytes(1, &place.trace);
                link.bytes(2, &place.span);
            });
        }
        if facts.has_failed {
            self.message(15, |status| status.number(3, ERROR));
        }
    }
}
