//! Times as Graph prints them.

use jiff::Timestamp;

/// ISO 8601 in UTC with at most seven digits behind the second, which is what .NET parsers take.
pub(super) fn time(time: Timestamp) -> String {
    let hundreds = time.subsec_nanosecond() / 100 * 100;
    let cut = Timestamp::new(time.as_second(), hundreds);
    cut.unwrap_or(time).to_string()
}

/// For people: to the second.
pub(super) fn short(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_cut_not_rounded() {
        let cases = [
            ("2026-11-22T00:10:14.609124999Z", "2026-11-22T00:10:14.6091249Z", "2026-11-22T00:10:14Z"),
            ("2026-11-22T00:10:14Z", "2026-11-22T00:10:14Z", "2026-11-22T00:10:14Z"),
            ("2026-11-22T09:10:14.5+09:00", "2026-11-22T00:10:14.5Z", "2026-11-22T00:10:14Z"),
        ];
        for (text, expected, expected_short) in cases {
            let instant: Timestamp = text.parse().expect("a time");
            assert_eq!(time(instant), expected);
            assert_eq!(short(instant), expected_short);
        }
    }
}
