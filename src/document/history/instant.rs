//! Times as the API writes them: RFC 3339, UTC.

/// Microseconds of a day.
const DAY_US: i64 = 86_400_000_000;

/// Microseconds since 1970, with milliseconds shown.
pub fn write(us: i64) -> String {
    let (days, within) = (us.div_euclid(DAY_US), us.rem_euclid(DAY_US));
    let (year, month, day) = date(days);
    let ms = within / 1000;
    let (hours, minutes) = (ms / 3_600_000, ms / 60_000 % 60);
    let (seconds, ms) = (ms / 1000 % 60, ms % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{ms:03}Z")
}

/// Microseconds since 1970 of a time such as `2026-11-26T14:05:09.25Z`; `None`: it is none.
pub fn read(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let is_fraction = (1..=6).contains(&fraction.len());
    let fraction: i64 = number(fraction).filter(|_| is_fraction)?
        * 10_i64.pow(6 - u32::try_from(fraction.len()).ok()?);
    let mut date = date.split('-');
    let (year, month, day) = (
        part(&mut date, 4)?,
        part(&mut date, 2)?,
        part(&mut date, 2)?,
    );
    let mut time = time.split(':');
    let (hours, minutes) = (part(&mut time, 2)?, part(&mut time, 2)?);
    let seconds = part(&mut time, 2)?;
    let is_over = date.next().is_some() || time.next().is_some();
    let is_time = hours < 24 && minutes < 60 && seconds < 60;
    let days = days(year, month, day);
    let is_date = self::date(days) == (year, month, day) && year >= 1970;
    if is_over || !is_time || !is_date {
        return None;
    }
    Some(days * DAY_US + ((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + fraction)
}

fn part<'t>(parts: &mut impl Iterator<Item = &'t str>, digits: usize) -> Option<i64> {
    let part = parts.next().filter(|part| part.len() == digits)?;
    number(part)
}

fn number(text: &str) -> Option<i64> {
    let is_number = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

/// Year, month and day of a day since 1970 (Howard Hinnant, chrono-compatible low-level date
/// algorithms).
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// The other way.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_it_was_written() {
        for (us, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000Z"),
            (1_764_166_789_123_000, "2025-11-26T14:19:49.123Z"),
        ] {
            assert_eq!(write(us), text);
            assert_eq!(read(text), Some(us));
        }
        assert_eq!(read("1970-01-01T00:00:01Z"), Some(1_000_000));
        assert_eq!(read("1970-01-01T00:00:00.25Z"), Some(250_000));
        for wrong in [
            "",
            "Z",
            "2025-02-29T00:00:00Z",
            "2025-13-01T00:00:00Z",
            "2025-1-01T00:00:00Z",
            "2025-01-01T24:00:00Z",
            "2025-01-01T00:00:00",
            "2025-01-01T00:00:00.1234567Z",
            "2025-01-01T00:00:00.Z",
            "2025-01-01T00:00:00:00Z",
            "+025-01-01T00:00:00Z",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
