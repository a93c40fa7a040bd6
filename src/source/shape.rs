//! What a file's name says: a date, a number at its end, and the pattern without them (sources.md 3).

use std::sync::LazyLock;

use regex::Regex;

/// The parts of a file's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// The name with `{date}` and `{n}` in place of date and number; the same for successive exports and pages.
    pub pattern: String,
    /// The name without date and without what joins it to the rest.
    pub undated: String,
    /// Year, month, day, hour, minute, second.
    pub date: Option<[u32; 6]>,
    pub number: Option<u64>,
}

static DATE: LazyLock<Regex> = LazyLock::new(|| {
    let time = r"(?:[T_ -]?([0-9]{2})[-:.h]?([0-9]{2})(?:[-:.m]?([0-9]{2}))?Z?)?";
    let whole =
        format!(r"((?:19|20)[0-9]{{2}})(?:([0-9]{{2}})([0-9]{{2}})|[-_.]([0-9]{{1,2}})[-_.]([0-9]{{1,2}})){time}");
    Regex::new(&whole).expect("the pattern is a constant")
});

/// Forms in which the day does not stand behind the year, known by the time that follows: those of Google Workspace and of the
/// Microsoft 365 admin center.
static STAMPS: LazyLock<[Regex; 2]> = LazyLock::new(|| {
    [
        r"(?<day>[0-9]{2})(?<month>[0-9]{2})(?<year>(?:19|20)[0-9]{2})_(?<hour>[0-9]{2})(?<minute>[0-9]{2})(?<second>[0-9]{2})",
        r"(?<month>[0-9]{1,2})_(?<day>[0-9]{1,2})_(?<year>(?:19|20)[0-9]{2})[ _](?<hour>[0-9]{1,2})_(?<minute>[0-9]{2})_(?<second>[0-9]{2})(?: (?<half>[AP])M)?",
    ]
    .map(|pattern| Regex::new(pattern).expect("the pattern is a constant"))
});

impl Shape {
    /// Takes the path relative to the source folder apart.
    pub fn of(name: &str) -> Self {
        let base = name.rfind('/').map_or(0, |at| at + 1);
        let (folder, file) = name.split_at(base);
        // most names have none, and the patterns take longer to compile than a small cycle
        let dated = if has_year(file) { find_date(file).or_else(|| find_stamp(file)) } else { None };
        let (pattern, undated, date) = match &dated {
            Some((range, date)) => {
                let (before, after) = (&file[..range.start], &file[range.end..]);
                let joined = before.trim_end_matches(['-', '_', '.', ' ']);
                (format!("{before}{{date}}{after}"), format!("{folder}{joined}{after}"), Some(*date))
            }
            None => (file.to_owned(), name.to_owned(), None),
        };
        let stem_end = pattern.rfind('.').filter(|at| *at > 0).unwrap_or(pattern.len());
        let stem = &pattern[..stem_end];
        let digits = stem.len() - stem.bytes().rev().take_while(u8::is_ascii_digit).count();
        match stem[digits..].parse::<u64>() {
            Ok(number) => {
                let pattern = format!("{folder}{}{{n}}{}", &stem[..digits], &pattern[stem_end..]);
                Self { pattern, undated, date, number: Some(number) }
            }
            Err(_) => Self { pattern: format!("{folder}{pattern}"), undated, date, number: None },
        }
    }
}

fn has_year(file: &str) -> bool {
    let is_one = |four: &[u8]| matches!(four, [b'1', b'9', c, d] | [b'2', b'0', c, d] if c.is_ascii_digit() && d.is_ascii_digit());
    file.as_bytes().windows(4).any(is_one)
}

/// Finds a date, with or without a time, that no further digit touches.
fn find_date(file: &str) -> Option<(std::ops::Range<usize>, [u32; 6])> {
    let mut from = 0;
    while let Some(found) = DATE.captures_at(file, from) {
        let whole = found.get(0)?;
        let before = file[..whole.start()].bytes().next_back();
        let mut end = whole.end();
        let part = |index: usize| found.get(index).and_then(|part| part.as_str().parse::<u32>().ok());
        let year = part(1)?;
        let (month, day) = (part(2).or_else(|| part(4))?, part(3).or_else(|| part(5))?);
        let mut time = [part(6).unwrap_or(0), part(7).unwrap_or(0), part(8).unwrap_or(0)];
        let touched = |end: usize| file[end..].bytes().next().is_some_and(|byte| byte.is_ascii_digit());
        if found.get(6).is_some() && (touched(end) || time[0] > 23 || time[1] > 59 || time[2] > 59) {
            // what looked like a time is a number of its own
            end = found.get(3).or_else(|| found.get(5))?.end();
            time = [0; 3];
        }
        let free = !before.is_some_and(|byte| byte.is_ascii_digit()) && !touched(end);
        if free && (1..=12).contains(&month) && (1..=31).contains(&day) {
            return Some((whole.start()..end, [year, month, day, time[0], time[1], time[2]]));
        }
        from = whole.start() + 1;
    }
    None
}

/// Finds a date and time in one of [`STAMPS`], that no further digit touches.
fn find_stamp(file: &str) -> Option<(std::ops::Range<usize>, [u32; 6])> {
    STAMPS.iter().find_map(|stamp| {
        let found = stamp.captures(file)?;
        let range = found.get(0)?.range();
        let is_free = |byte: Option<u8>| byte.is_none_or(|byte| !byte.is_ascii_digit());
        let part = |name: &str| found.name(name)?.as_str().parse::<u32>().ok();
        let hour = match (part("hour")?, found.name("half").map(|half| half.as_str())) {
            (hour, Some("P")) => hour % 12 + 12,
            (hour, Some(_)) => hour % 12,
            (hour, None) => hour,
        };
        let date = [part("year")?, part("month")?, part("day")?, hour, part("minute")?, part("second")?];
        let is_date =
            (1..=12).contains(&date[1]) && (1..=31).contains(&date[2]) && hour < 24 && date[4] < 60 && date[5] < 60;
        let bytes = file.as_bytes();
        (is_date && is_free(bytes[..range.start].last().copied()) && is_free(bytes.get(range.end).copied()))
            .then_some((range, date))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let cases = [
            ("users.csv", "users.csv", None, None),
            ("users-00001.json", "users-{n}.json", None, Some(1)),
            ("users_2026-04-01.csv", "users_{date}.csv", Some([2026, 4, 1, 0, 0, 0]), None),
            ("export-20260401T0130.ldif", "export-{date}.ldif", Some([2026, 4, 1, 1, 30, 0]), None),
            ("exportUsers_2026-4-1.csv", "exportUsers_{date}.csv", Some([2026, 4, 1, 0, 0, 0]), None),
            ("users_2026-04-01-00002.json", "users_{date}-{n}.json", Some([2026, 4, 1, 0, 0, 0]), Some(2)),
            ("a/b/20260401.csv", "a/b/{date}.csv", Some([2026, 4, 1, 0, 0, 0]), None),
            ("users-20261301.csv", "users-{n}.csv", None, Some(20_261_301)),
            ("x-2026-04-01T01-30-59Z.csv", "x-{date}.csv", Some([2026, 4, 1, 1, 30, 59]), None),
            ("page3", "page{n}", None, Some(3)),
            ("User_Download_10042026_112233.csv", "User_Download_{date}.csv", Some([2026, 4, 10, 11, 22, 33]), None),
            ("users_4_9_2026 1_05_09 PM.csv", "users_{date}.csv", Some([2026, 4, 9, 13, 5, 9]), None),
            ("users_4_9_2026 12_05_09 AM.csv", "users_{date}.csv", Some([2026, 4, 9, 0, 5, 9]), None),
            ("x-２０２６-04-01.csv", "x-２０２６-04-{n}.csv", None, Some(1)),
            ("x_40132026_112233.csv", "x_40132026_{n}.csv", None, Some(112_233)),
        ];
        for (name, pattern, date, number) in cases {
            let shape = Shape::of(name);
            assert_eq!((shape.pattern.as_str(), shape.date, shape.number), (pattern, date, number), "{name}");
        }
        assert_eq!(Shape::of("users_2026-04-01.csv").undated, "users.csv");
    }
}
