//! A place in a trace: what a span stands below. Its form in headers is that of W3C Trace Context.

use std::fmt::Write;

pub(super) type TraceId = [u8; 16];
pub(super) type SpanId = [u8; 8];

/// A span of a trace that is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub(super) trace: TraceId,
    pub(super) span: SpanId,
}

impl Place {
    /// Reads the header `traceparent`: where the caller is, and whether its trace is made.
    pub(super) fn parse(header: &[u8]) -> Option<(Self, bool)> {
        let text = std::str::from_utf8(header).ok()?.trim();
        let mut parts = text.split('-');
        let version: [u8; 1] = bytes(parts.next()?)?;
        let place = Self {
            trace: bytes(parts.next()?)?,
            span: bytes(parts.next()?)?,
        };
        let [flags] = bytes(parts.next()?)?;
        let is_whole = match version {
            [0xFF] => false,
            [0] => parts.next().is_none(),
            // Later versions may say more.
            _ => true,
        };
        let is_some = place.trace != [0; 16] && place.span != [0; 8];
        (is_whole && is_some).then_some((place, flags & 1 == 1))
    }

    /// The trace's id in hexadecimal.
    pub fn trace_id(&self) -> String {
        let mut text = String::with_capacity(32);
        for byte in self.trace {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

/// Lower-case hexadecimal of just so many bytes.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() != 2 * N || !text.bytes().all(is_hex) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(bytes)
}

/// An id that nobody else has.
pub(super) fn random<const N: usize>() -> Option<[u8; N]> {
    let mut id = [0; N];
    getrandom::fill(&mut id).ok()?;
    (id != [0; N]).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_read_as_its_standard_says() {
        let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let (place, is_traced) = Place::parse(header.as_bytes()).expect("it is one");
        assert_eq!(place.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(place.span, [0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31]);
        assert!(is_traced);
        let quiet = header.replace("-01", "-00");
        assert!(!Place::parse(quiet.as_bytes()).expect("it is one").1);
        let later = format!("cc{}-more", &header[2..]);
        assert!(Place::parse(later.as_bytes()).is_some());
        for wrong in [
            "",
            "00",
            &header.to_uppercase(),
            &format!("{header}-more"),
            &format!("ff{}", &header[2..]),
            &header.replace("b7ad6b7169203331", "0000000000000000"),
            &header.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            &header.replace("0af7", "äf7"),
            &header[..54],
        ] {
            assert!(Place::parse(wrong.as_bytes()).is_none(), "{wrong}");
        }
        assert!(Place::parse(&[0xFF; 55]).is_none());
    }
}
