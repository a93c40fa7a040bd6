//! Durations, percentages and sizes as people write them.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

/// Reads an ISO 8601 duration of weeks, days and less; a day has 24 hours.
///
/// Months and years are refused: they have no fixed length.
pub fn duration(text: &str) -> Option<Duration> {
    if !text.starts_with('P') {
        return None;
    }
    let span: Span = text.parse().ok()?;
    if span.get_years() != 0 || span.get_months() != 0 {
        return None;
    }
    Duration::try_from(span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?).ok()
}

/// Reads `40%` or `2.5 %`, from 0 to 100.
pub(super) fn percent(text: &str) -> Option<f64> {
    let number: f64 = text.strip_suffix('%')?.trim_end().parse().ok()?;
    (0.0..=100.0).contains(&number).then_some(number)
}

/// Reads a number of bytes, or one of `KiB`, `MiB`, `GiB` (`KB`, `MB`, `GB` by thousands).
pub(super) fn size(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 8] = [
        ("", 1),
        ("B", 1),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("KB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
    ];
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let number: u64 = text[..digits].parse().ok()?;
    let unit = text[digits..].trim();
    let (_, factor) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    number.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_iso_8601() {
        let cases = [
            ("PT40M", Some(2400)),
            ("P30D", Some(30 * 86_400)),
            ("P1W", Some(7 * 86_400)),
            ("PT1H30M", Some(5400)),
            ("PT0S", Some(0)),
            ("P1M", None),
            ("P1Y", None),
            ("-PT1M", None),
            ("40", None),
            ("40 minutes", None),
            ("", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(duration(text), seconds.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn percentages_and_sizes_need_their_units() {
        assert_eq!(
            ["40%", "2.5 %", "100%", "101%", "40", "-1%", "%"].map(percent),
            [Some(40.0), Some(2.5), Some(100.0), None, None, None, None]
        );
        assert_eq!(
            ["16 MiB", "1024", "1KB", "1 XB", "MiB", "99999999999999999999"].map(size),
            [Some(16 << 20), Some(1024), Some(1000), None, None, None]
        );
    }
}
