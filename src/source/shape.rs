//! What a file's name says: a date, a number at its end, and the pattern without them (sources.md 3).

use std::ops::Range;
use std::sync::LazyLock;

use jiff::{SignedDuration, civil};
use regex::Regex;

use super::value::Locale;

/// The parts of a file's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// The name with `{date}` and `{n}` in place of date and number; the same for successive exports and pages.
    pub pattern: String,
    /// The name without date, without what joins it to the rest, and without the mark of a copy.
    pub undated: String,
    pub date: Option<Dates>,
    pub number: Option<u64>,
    /// The name that this seems to be a second one of, as `users (1).csv` is where `users.csv` was there already.
    pub copy_of: Option<String>,
}

/// Year, month, day, hour, minute, second.
type Moment = [u32; 6];

/// Day and month.
type Day = (u32, u32);

/// A date, which may be one of several: who writes `01-04-2026` may write the day first or the month, of `01-04-26` even the year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dates {
    /// With the day first, with the month first and with the year first, as far as there is such a date; all the same where there
    /// is no doubt.
    orders: [Option<Moment>; 3],
}

static DATE: LazyLock<Regex> = LazyLock::new(|| {
    let time = r"(?:[T_ -]?([0-9]{2})[-:.h]?([0-9]{2})(?:[-:.m]?([0-9]{2}))?Z?)?";
    let whole =
        format!(r"((?:19|20)[0-9]{{2}})(?:([0-9]{{2}})([0-9]{{2}})|[-_.]([0-9]{{1,2}})[-_.]([0-9]{{1,2}})){time}");
    Regex::new(&whole).expect("the pattern is a constant")
});

/// Forms in which the day does not stand behind the year and is told from the month, known by the time that follows: those of Google
/// Workspace, and of the Microsoft 365 admin center where it halves the day.
static STAMPS: LazyLock<[Regex; 2]> = LazyLock::new(|| {
    [
        r"(?<day>[0-9]{2})(?<month>[0-9]{2})(?<year>(?:19|20)[0-9]{2})_(?<hour>[0-9]{2})(?<minute>[0-9]{2})(?<second>[0-9]{2})",
        r"(?<month>[0-9]{1,2})_(?<day>[0-9]{1,2})_(?<year>(?:19|20)[0-9]{2}),?[ _](?<hour>[0-9]{1,2})_(?<minute>[0-9]{2})_(?<second>[0-9]{2}),? (?<half>[AP])M",
    ]
    .map(|pattern| Regex::new(pattern).expect("the pattern is a constant"))
});

/// A date as Chinese and Japanese write it.
static KANJI: LazyLock<Regex> = LazyLock::new(|| {
    let whole =
        r"((?:19|20)[0-9]{2})年([0-9]{1,2})月([0-9]{1,2})日(?:[ _]?([0-9]{1,2})時([0-9]{1,2})分(?:([0-9]{1,2})秒)?)?";
    Regex::new(whole).expect("the pattern is a constant")
});

/// Words for the halves of the day that stand before the hour, and whether it is the second half.
const HALVES: [(&str, bool); 6] =
    [("午前", false), ("午後", true), ("上午", false), ("下午", true), ("오전", false), ("오후", true)];

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

impl Shape {
    /// Takes the path relative to the source folder apart.
    pub fn of(name: &str) -> Self {
        let base = name.rfind('/').map_or(0, |at| at + 1);
        let (folder, file) = name.split_at(base);
        // most names have none, and the patterns take longer to compile than a small cycle
        let find_whole = || find_date(file).or_else(|| find_stamp(file)).or_else(|| find_kanji(file));
        let dated = if has_year(file) { find_whole() } else { None };
        let dated = dated.or_else(|| find_other(file)).or_else(|| find_short(file)).or_else(|| find_shortest(file));
        let original = without_copy_mark(file);
        let (pattern, undated, date) = match &dated {
            Some((range, date)) => {
                let (before, after) = (&file[..range.start], &file[range.end..]);
                let joined = before.trim_end_matches(['-', '_', '.', ' ']);
                let rest = without_copy_mark(after).unwrap_or_else(|| after.to_owned());
                (format!("{before}{{date}}{after}"), format!("{folder}{joined}{rest}"), Some(*date))
            }
            None => (file.to_owned(), format!("{folder}{}", original.as_deref().unwrap_or(file)), None),
        };
        let stem_end = end_of_stem(&pattern);
        let stem = &pattern[..stem_end];
        let digits = stem.len() - stem.bytes().rev().take_while(u8::is_ascii_digit).count();
        let (pattern, number) = match &stem[digits..] {
            "" => (format!("{folder}{pattern}"), None),
            // one that is too great is the last one all the same
            number => (
                format!("{folder}{}{{n}}{}", &stem[..digits], &pattern[stem_end..]),
                Some(number.parse().unwrap_or(u64::MAX)),
            ),
        };
        let copy_of = original.map(|original| format!("{folder}{original}"));
        Self { pattern, undated, date, number, copy_of }
    }
}

impl Dates {
    fn sure(moment: Moment) -> Self {
        Self { orders: [Some(moment); 3] }
    }

    /// Of these dates, says of each whether it is the latest; none where that depends on how they are meant.
    ///
    /// `locale`: how whoever exports writes dates, if that is not how Entra does.
    pub fn latest(dates: &[Self], locale: Locale) -> Option<Vec<bool>> {
        let in_order = |order: usize| {
            let moments: Option<Vec<Moment>> = dates.iter().map(|date| date.orders[order]).collect();
            let moments = moments?;
            let latest = moments.iter().max().copied();
            Some(moments.into_iter().map(|moment| Some(moment) == latest).collect::<Vec<bool>>())
        };
        if locale == Locale::DayMonthYear
            && let Some(latest) = in_order(0)
        {
            return Some(latest);
        }
        let by_order = (0..3).filter_map(in_order);
        let mut latest = None;
        for found in by_order {
            if latest.is_some_and(|latest| latest != found) {
                return None;
            }
            latest = Some(found);
        }
        latest
    }

    /// Says whether it is no earlier than `other`, however both are meant.
    pub fn is_since(self, other: Self, locale: Locale) -> bool {
        Self::latest(&[self, other], locale).is_some_and(|latest| latest[0])
    }
}

fn end_of_stem(file: &str) -> usize {
    file.rfind('.').filter(|at| *at > 0).unwrap_or(file.len())
}

/// Takes ` (1)` or ` - Copy` off the stem of a name.
fn without_copy_mark(file: &str) -> Option<String> {
    let (stem, ending) = file.split_at(end_of_stem(file));
    let numbered = || {
        let (stem, number) = stem.strip_suffix(')')?.rsplit_once('(')?;
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| stem.trim_end())
    };
    let stem = numbered().unwrap_or(stem);
    let stem = stem.strip_suffix(" - Copy").unwrap_or(stem);
    (stem.len() + ending.len() < file.len()).then(|| format!("{stem}{ending}"))
}

fn has_year(file: &str) -> bool {
    file.as_bytes().windows(4).any(is_year)
}

fn is_year(four: &[u8]) -> bool {
    matches!(four, [b'1', b'9', c, d] | [b'2', b'0', c, d] if c.is_ascii_digit() && d.is_ascii_digit())
}

fn is_day(month: u32, day: u32) -> bool {
    (1..=12).contains(&month) && (1..=31).contains(&day)
}

fn is_time([hour, minute, second]: [u32; 3]) -> bool {
    hour < 24 && minute < 60 && second < 60
}

/// Finds a date, with or without a time, that no further digit touches.
fn find_date(file: &str) -> Option<(Range<usize>, Dates)> {
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
        if found.get(6).is_some() && (touched(end) || !is_time(time)) {
            // what looked like a time is a number of its own
            end = found.get(3).or_else(|| found.get(5))?.end();
            time = [0; 3];
        }
        let free = !before.is_some_and(|byte| byte.is_ascii_digit()) && !touched(end);
        if free && is_day(month, day) {
            let end_of_day = found.get(3).or_else(|| found.get(5))?.end();
            if end == end_of_day {
                (time, end) = time_at(file, end);
            } else {
                (time, end) = end_of_time(file, end, time, found.get(8).is_some());
            }
            let moment = [year, month, day, time[0], time[1], time[2]];
            let zoned = if end > end_of_day { ahead_of_utc(moment, file, end) } else { None };
            let (moment, end) = zoned.unwrap_or((moment, end));
            return Some((whole.start()..end, Dates::sure(moment)));
        }
        from = whole.start() + 1;
    }
    None
}

/// Takes off `+0900` that stands behind a time; with `-` it may be a number as well.
fn ahead_of_utc(moment: Moment, file: &str, end: usize) -> Option<(Moment, usize)> {
    let zone = file[end..].strip_prefix('+')?;
    let length = zone.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b':').count();
    let (hours, minutes) = match &zone[..length] {
        zone if zone.len() == 4 => zone.split_at(2),
        zone => zone.split_once(':')?,
    };
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let part = |at: usize| i8::try_from(moment[at]).ok();
    let time =
        civil::DateTime::new(i16::try_from(moment[0]).ok()?, part(1)?, part(2)?, part(3)?, part(4)?, part(5)?, 0);
    let time = time.ok()?.checked_sub(SignedDuration::from_mins(hours * 60 + minutes)).ok()?;
    let parts = [
        i32::from(time.year()),
        time.month().into(),
        time.day().into(),
        time.hour().into(),
        time.minute().into(),
        time.second().into(),
    ];
    Some((parts.map(i32::unsigned_abs), end + 1 + length))
}

/// Finds a date and time in one of [`STAMPS`], that no further digit touches.
fn find_stamp(file: &str) -> Option<(Range<usize>, Dates)> {
    STAMPS.iter().find_map(|stamp| {
        let found = stamp.captures(file)?;
        let range = found.get(0)?.range();
        let is_free = |byte: Option<u8>| byte.is_none_or(|byte| !byte.is_ascii_digit());
        let part = |name: &str| found.name(name)?.as_str().parse::<u32>().ok();
        let hour = match (part("hour")?, found.name("half").map(|half| half.as_str())) {
            (hour, Some(half)) => hour_of(hour, half == "P"),
            (hour, None) => hour,
        };
        let date = [part("year")?, part("month")?, part("day")?, hour, part("minute")?, part("second")?];
        let is_date = is_day(date[1], date[2]) && is_time([hour, date[4], date[5]]);
        let bytes = file.as_bytes();
        (is_date && is_free(bytes[..range.start].last().copied()) && is_free(bytes.get(range.end).copied()))
            .then_some((range, Dates::sure(date)))
    })
}

fn monday_of(year: u32, week: u32) -> Option<Moment> {
    let (year, week) = (i16::try_from(year).ok()?, i8::try_from(week).ok()?);
    let day = civil::ISOWeekDate::new(year, week, civil::Weekday::Monday).ok()?.date();
    let parts = [i32::from(day.year()), day.month().into(), day.day().into(), 0, 0, 0];
    Some(parts.map(i32::unsigned_abs))
}

/// Finds a date with the year last, or a year with its month or week as ISO 8601 writes them.
fn find_other(file: &str) -> Option<(Range<usize>, Dates)> {
    let groups = digits_of(file);
    let year_of = |group: &Range<usize>| {
        let is_one = group.len() == 4 && is_year(&file.as_bytes()[group.clone()]);
        if is_one { value(file, group) } else { None }
    };
    let whole = groups.iter().enumerate().find_map(|(at, group)| {
        let year = year_of(group)?;
        let (start, days) = day_and_month(file, &groups[..at], group.start)?;
        let (time, end) = time_at(file, group.end);
        let moment = |(day, month)| is_day(month, day).then_some([year, month, day, time[0], time[1], time[2]]);
        let orders = [days[0].and_then(moment), days[1].and_then(moment), None];
        let orders = if days[0] == days[1] { [orders[0]; 3] } else { orders };
        orders.iter().any(Option::is_some).then_some((start..end, Dates { orders }))
    });
    let month = || {
        groups.windows(2).find_map(|pair| {
            let (year, number) = (year_of(&pair[0])?, value(file, &pair[1]).filter(|_| pair[1].len() == 2)?);
            let moment = match &file[pair[0].end..pair[1].start] {
                "-" => is_day(number, 1).then_some([year, number, 0, 0, 0, 0])?,
                "-W" | "W" => monday_of(year, number)?,
                _ => return None,
            };
            Some((pair[0].start..pair[1].end, Dates::sure(moment)))
        })
    };
    whole.or_else(month)
}

/// Day and month that stand before a year: where they begin, and both, with the day first and with the month first.
fn day_and_month(file: &str, before: &[Range<usize>], year: usize) -> Option<(usize, [Option<Day>; 2])> {
    // `part1-04-2026` is a part of April
    let is_free = |start: usize| !file[..start].ends_with(char::is_alphanumeric);
    let short = |group: &Range<usize>| (group.len() <= 2).then(|| value(file, group)).flatten();
    let (rest, nearest) = (before.split_last()?.1, before.last()?);
    let (joint, second) = (&file[nearest.end..year], short(nearest)?);
    let is_joint = |c| matches!(c, '-' | '.' | ' ');
    let month_of = |word: &str| {
        let at = MONTHS.iter().position(|month| word.eq_ignore_ascii_case(month))?;
        u32::try_from(at + 1).ok()
    };
    let is_even = |joint: &str, length: usize| {
        let (before, after) = (joint.chars().next(), joint.chars().next_back());
        joint.len() == length || joint.len() == length + 2 && before == after
    };
    let word = joint.trim_matches(is_joint);
    if let Some(month) = month_of(word) {
        let is_date = is_even(joint, word.len()) && is_free(nearest.start);
        return is_date.then_some((nearest.start, [Some((second, month)); 2]));
    }
    // `Mar-04-2024`
    if matches!(joint, "-" | "_" | "." | " ") {
        let before = file[..nearest.start].strip_suffix(joint)?;
        let start = before.len().checked_sub(3).filter(|start| before.is_char_boundary(*start));
        if let Some((start, month)) = start.and_then(|start| Some((start, month_of(&before[start..])?))) {
            return is_free(start).then_some((start, [Some((second, month)); 2]));
        }
    }
    let first = rest.last()?;
    // Korean and Czech set a blank behind the stop
    let is_joined_alike = matches!(joint, "-" | "_" | "." | ". ") && &file[first.end..nearest.start] == joint;
    let date = (short(first)?, second);
    (is_joined_alike && is_free(first.start)).then_some((first.start, [Some(date), Some((date.1, date.0))]))
}

/// Finds `260401` where a number would stand: at the end, with a time or a number after it at most.
///
/// Pages do not come to such numbers: they would be more than a set may have files.
fn find_short(file: &str) -> Option<(Range<usize>, Dates)> {
    let stem = &file[..end_of_stem(file)];
    let groups = digits_of(stem);
    groups.iter().skip(groups.len().saturating_sub(3)).filter(|group| group.len() == 6).find_map(|group| {
        let part = |from: usize| value(stem, &(group.start + from..group.start + from + 2));
        let (year, month, day) = (part(0)?, part(2)?, part(4)?);
        let (time, end) = time_at(stem, group.end);
        let rest = without_copy_mark(&stem[end..]).unwrap_or_else(|| stem[end..].to_owned());
        let is_last = rest.trim_start_matches(['-', '_', '.', ' ']).bytes().all(|byte| byte.is_ascii_digit());
        let date = Dates::sure([2000 + year, month, day, time[0], time[1], time[2]]);
        (year >= 20 && is_day(month, day) && is_last).then_some((group.start..end, date))
    })
}

/// Reads a time that follows a date, and says where it ends; midnight where none does.
fn time_at(file: &str, from: usize) -> ([u32; 3], usize) {
    let none = ([0; 3], from);
    let leads = [" at ", ", ", ". ", "T", "_", " "];
    let Some(lead) = leads.into_iter().find(|lead| file[from..].starts_with(lead)) else { return none };
    let mut start = from + lead.len();
    let half = HALVES.iter().find(|(word, _)| file[start..].starts_with(word));
    if let Some((word, _)) = half {
        start += word.len();
        start += usize::from(file[start..].starts_with(' '));
    }
    let rest = &file[start..];
    let groups: Vec<Range<usize>> = digits_of(rest).into_iter().take(3).collect();
    let Some(hour) = groups.first().filter(|group| group.start == 0) else { return none };
    let part = |from: usize| value(rest, &(hour.start + from..hour.start + from + 2));
    let (time, end, has_seconds) = match hour.len() {
        4 | 6 => ([part(0), part(2), if hour.len() == 6 { part(4) } else { Some(0) }], hour.end, hour.len() == 6),
        1 | 2 => {
            let follows = |at: usize, joints: &[&str]| {
                let (last, next) = (groups.get(at.checked_sub(1)?)?, groups.get(at)?);
                (next.len() == 2 && joints.contains(&&rest[last.end..next.start])).then_some(next)
            };
            let joints = ["-", ":", ".", "h", "m"];
            // two numbers may be of anything, three are a time
            let both = follows(1, &["_"]).zip(follows(2, &["_"]));
            let (minute, second) = match (both, follows(1, &joints)) {
                (Some((minute, second)), _) => (minute, Some(second)),
                (None, Some(minute)) => (minute, follows(2, &joints)),
                (None, None) => return none,
            };
            let end = second.map_or(minute.end, |second| second.end);
            let seconds = second.map_or(Some(0), |second| value(rest, second));
            ([value(rest, hour), value(rest, minute), seconds], end, second.is_some())
        }
        _ => return none,
    };
    match time {
        [Some(hour), Some(minute), Some(second)] if is_time([hour, minute, second]) => {
            let hour = half.map_or(hour, |(_, is_second)| hour_of(hour, *is_second));
            end_of_time(file, start + end, [hour, minute, second], has_seconds)
        }
        _ => none,
    }
}

/// The hour of a day that is halved.
fn hour_of(hour: u32, is_second: bool) -> u32 {
    hour % 12 + if is_second { 12 } else { 0 }
}

/// Passes over what may stand behind a time: parts of a second, `Z`, and the half of the day.
fn end_of_time(file: &str, end: usize, [hour, minute, second]: [u32; 3], has_seconds: bool) -> ([u32; 3], usize) {
    let mut end = end;
    if let Some(fraction) = file[end..].strip_prefix(['.', ',']).filter(|_| has_seconds) {
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        end += if (1..=9).contains(&digits) { digits + 1 } else { 0 };
    }
    end += usize::from(file[end..].starts_with('Z'));
    let words = file[end..].trim_start_matches([' ', '_']);
    let is_second = match words.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("am") => false,
        Some("pm") => true,
        Some(_) | None => return ([hour, minute, second], end),
    };
    if words[2..].starts_with(char::is_alphanumeric) || !(1..=12).contains(&hour) {
        return ([hour, minute, second], end);
    }
    ([hour_of(hour, is_second), minute, second], file.len() - words.len() + 2)
}

/// Finds a date with the signs for year, month and day.
fn find_kanji(file: &str) -> Option<(Range<usize>, Dates)> {
    // the pattern takes longer to compile than most names to take apart
    let found = if file.contains('年') { KANJI.captures(file)? } else { return None };
    let part = |index: usize| found.get(index)?.as_str().parse::<u32>().ok();
    let date = [part(1)?, part(2)?, part(3)?, part(4).unwrap_or(0), part(5).unwrap_or(0), part(6).unwrap_or(0)];
    let range = found.get(0)?.range();
    if !is_day(date[1], date[2]) || !is_time([date[3], date[4], date[5]]) {
        return None;
    }
    if found.get(4).is_some() {
        return Some((range, Dates::sure(date)));
    }
    let (time, end) = time_at(file, range.end);
    Some((range.start..end, Dates::sure([date[0], date[1], date[2], time[0], time[1], time[2]])))
}

/// Finds `03-04-26`, whose parts are joined alike: pages have no three numbers.
fn find_shortest(file: &str) -> Option<(Range<usize>, Dates)> {
    let stem = &file[..end_of_stem(file)];
    let groups = digits_of(stem);
    groups.windows(3).find_map(|three| {
        let [first, second, third] = three else { return None };
        let joint = &stem[first.end..second.start];
        let is_joined_alike = matches!(joint, "-" | "_" | ".") && &stem[second.end..third.start] == joint;
        let is_free = !stem[..first.start].ends_with(char::is_alphanumeric);
        if !is_joined_alike || !is_free || three.iter().any(|group| group.len() != 2) {
            return None;
        }
        let (time, end) = time_at(stem, third.end);
        let [first_two, middle, last] = [value(stem, first)?, value(stem, second)?, value(stem, third)?];
        let of = |year: u32, month: u32, day: u32| {
            (year >= 20 && is_day(month, day)).then_some([2000 + year, month, day, time[0], time[1], time[2]])
        };
        let orders = [of(last, middle, first_two), of(last, first_two, middle), of(first_two, middle, last)];
        orders.iter().any(Option::is_some).then_some((first.start..end, Dates { orders }))
    })
}

/// Where digits stand together.
fn digits_of(file: &str) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    for at in (0..file.len()).filter(|at| file.as_bytes()[*at].is_ascii_digit()) {
        match groups.last_mut() {
            Some(last) if last.end == at => last.end += 1,
            Some(_) | None => groups.push(at..at + 1),
        }
    }
    groups
}

fn value(file: &str, digits: &Range<usize>) -> Option<u32> {
    file.get(digits.clone())?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken_apart(name: &str) -> (String, Option<[Option<Moment>; 3]>, Option<u64>) {
        let Shape { pattern, date, number, .. } = Shape::of(name);
        (pattern, date.map(|date| date.orders), number)
    }

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
            // a time as it is said
            ("u_2026-04-01_9-30.csv", "u_{date}.csv", Some([2026, 4, 1, 9, 30, 0]), None),
            ("u_2026-4-1 9.30.05.csv", "u_{date}.csv", Some([2026, 4, 1, 9, 30, 5]), None),
            ("u_2026-04-01_1-2.csv", "u_{date}_1-{n}.csv", Some([2026, 4, 1, 0, 0, 0]), Some(2)),
            ("u_2026-04-01_10_30.csv", "u_{date}_10_{n}.csv", Some([2026, 4, 1, 0, 0, 0]), Some(30)),
            ("u_2026-04-01_1.csv", "u_{date}_{n}.csv", Some([2026, 4, 1, 0, 0, 0]), Some(1)),
            // months, but no pages
            ("u_2026-04.csv", "u_{date}.csv", Some([2026, 4, 0, 0, 0, 0]), None),
            ("u-2026-04-99.csv", "u-{date}-{n}.csv", Some([2026, 4, 0, 0, 0, 0]), Some(99)),
            ("u_2026-4.csv", "u_2026-{n}.csv", None, Some(4)),
            ("u_2026_04.csv", "u_2026_{n}.csv", None, Some(4)),
            ("u_2026-13.csv", "u_2026-{n}.csv", None, Some(13)),
            ("u_2026-W01.csv", "u_{date}.csv", Some([2025, 12, 29, 0, 0, 0]), None),
            ("u_2026W14_2.csv", "u_{date}_{n}.csv", Some([2026, 3, 30, 0, 0, 0]), Some(2)),
            ("u_2026-W54.csv", "u_2026-W{n}.csv", None, Some(54)),
            // in other places of the world
            ("u_20260401T063000+0900.csv", "u_{date}.csv", Some([2026, 3, 31, 21, 30, 0]), None),
            ("u_2026-04-01T09-30-00+05:30.csv", "u_{date}.csv", Some([2026, 4, 1, 4, 0, 0]), None),
            ("u_20260401T000000+0900.csv", "u_{date}.csv", Some([2026, 3, 31, 15, 0, 0]), None),
            ("u_20260401T013000-0001.csv", "u_{date}-{n}.csv", Some([2026, 4, 1, 1, 30, 0]), Some(1)),
            ("u_20260401+0900.csv", "u_{date}+{n}.csv", Some([2026, 4, 1, 0, 0, 0]), Some(900)),
            // two figures for the year, but no pages
            ("u_260401.csv", "u_{date}.csv", Some([2026, 4, 1, 0, 0, 0]), None),
            ("u_220201_2.csv", "u_{date}_{n}.csv", Some([2022, 2, 1, 0, 0, 0]), Some(2)),
            ("u_260401_2010.csv", "u_{date}.csv", Some([2026, 4, 1, 20, 10, 0]), None),
            ("u_260401_201030 (1).csv", "u_{date} (1).csv", Some([2026, 4, 1, 20, 10, 30]), None),
            ("u_010203.csv", "u_{n}.csv", None, Some(10_203)),
            ("u_261301.csv", "u_{n}.csv", None, Some(261_301)),
            ("dept_300101_users.csv", "dept_300101_users.csv", None, None),
            // the year last
            ("u_13-04-2026.csv", "u_{date}.csv", Some([2026, 4, 13, 0, 0, 0]), None),
            ("u_4.13.2026_0930.csv", "u_{date}.csv", Some([2026, 4, 13, 9, 30, 0]), None),
            ("01Apr2026.csv", "{date}.csv", Some([2026, 4, 1, 0, 0, 0]), None),
            ("u_1-APR-2026.csv", "u_{date}.csv", Some([2026, 4, 1, 0, 0, 0]), None),
            ("u 1 Apr 2026 0930.csv", "u {date}.csv", Some([2026, 4, 1, 9, 30, 0]), None),
            ("u-Apr-01-2026.csv", "u-{date}.csv", Some([2026, 4, 1, 0, 0, 0]), None),
            ("umar-04-2026.csv", "umar-04-{n}.csv", None, Some(2026)),
            // times as consoles of the world write them, whose stops and colons no name may have
            ("u_2026-04-01 08_27_02.csv", "u_{date}.csv", Some([2026, 4, 1, 8, 27, 2]), None),
            ("u_2026_4_1 8_27_02.csv", "u_{date}.csv", Some([2026, 4, 1, 8, 27, 2]), None),
            ("u_2026_04_01T08_27_02Z.csv", "u_{date}.csv", Some([2026, 4, 1, 8, 27, 2]), None),
            ("u_2026-04-01T08-27-02.1234567Z.csv", "u_{date}.csv", Some([2026, 4, 1, 8, 27, 2]), None),
            ("u_2026-04-01T082702,5.csv", "u_{date}.csv", Some([2026, 4, 1, 8, 27, 2]), None),
            ("u_2026-04-01, 8_27_02 PM.csv", "u_{date}.csv", Some([2026, 4, 1, 20, 27, 2]), None),
            ("u 2026-04-01 at 12.27.02 am.csv", "u {date}.csv", Some([2026, 4, 1, 0, 27, 2]), None),
            ("u_2026_4_1 下午 8_27_02.csv", "u_{date}.csv", Some([2026, 4, 1, 20, 27, 2]), None),
            ("u_13.4.2026, 08_27_02.csv", "u_{date}.csv", Some([2026, 4, 13, 8, 27, 2]), None),
            ("u_13. 4. 2026 8_27_02.csv", "u_{date}.csv", Some([2026, 4, 13, 8, 27, 2]), None),
            ("u_13_04_2026 20_21_52.csv", "u_{date}.csv", Some([2026, 4, 13, 20, 21, 52]), None),
            ("u_2026年4月1日.csv", "u_{date}.csv", Some([2026, 4, 1, 0, 0, 0]), None),
            ("u_2026年4月1日8時05分.csv", "u_{date}.csv", Some([2026, 4, 1, 8, 5, 0]), None),
            ("u_2026年13月1日.csv", "u_2026年13月1日.csv", None, None),
            ("u_2026-04-01_08_27_02_part3.csv", "u_{date}_part{n}.csv", Some([2026, 4, 1, 8, 27, 2]), Some(3)),
            ("u_2026-04-01 1_05_09 AMS.csv", "u_{date} AMS.csv", Some([2026, 4, 1, 1, 5, 9]), None),
            ("u_26-04-13.csv", "u_{date}.csv", Some([2026, 4, 13, 0, 0, 0]), None),
            ("u_13_14_15.csv", "u_13_14_{n}.csv", None, Some(15)),
            ("part1-04-2026.csv", "part1-04-{n}.csv", None, Some(2026)),
            ("part_1_mar_2026.csv", "part_1_mar_{n}.csv", None, Some(2026)),
            ("u_1-04_2026.csv", "u_1-04_{n}.csv", None, Some(2026)),
            ("u_32-04-2026.csv", "u_32-04-{n}.csv", None, Some(2026)),
            ("u-99999999999999999999999.csv", "u-{n}.csv", None, Some(u64::MAX)),
        ];
        for (name, pattern, date, number) in cases {
            let (found, orders, found_number) = taken_apart(name);
            let found_date = orders.map(|orders| orders.into_iter().flatten().collect::<Vec<_>>());
            assert_eq!((found.as_str(), found_number), (pattern, number), "{name}");
            let is_it = |dates: &Vec<Moment>| dates.iter().all(|found| Some(*found) == date);
            assert!(found_date.as_ref().map_or(date.is_none(), is_it), "{name}: {found_date:?}");
        }
        let (april, january) = (Some([2026, 4, 1, 0, 0, 0]), Some([2026, 1, 4, 0, 0, 0]));
        for (name, either) in [
            ("u_01-04-2026.csv", [april, january, None]),
            ("u_01_04_26.csv", [april, january, None]),
            ("u_20-04-21.csv", [Some([2021, 4, 20, 0, 0, 0]), None, Some([2020, 4, 21, 0, 0, 0])]),
            ("u_9_2_2026 20_21_52.csv", [Some([2026, 2, 9, 20, 21, 52]), Some([2026, 9, 2, 20, 21, 52]), None]),
        ] {
            assert_eq!(taken_apart(name).1, Some(either), "{name}");
        }
        let shape = |name| Shape::of(name);
        assert_eq!(shape("users_2026-04-01.csv").undated, "users.csv");
        assert_eq!(shape("users_2026-04-01 (1).csv").undated, "users.csv");
        for (name, copy_of) in [
            ("a/users (12).csv", Some("a/users.csv")),
            ("users_2026-04-01(1).csv", Some("users_2026-04-01.csv")),
            ("users - Copy (2).csv", Some("users.csv")),
            ("users (old).csv", None),
            ("users ().csv", None),
            ("users.csv", None),
        ] {
            assert_eq!(shape(name).copy_of.as_deref(), copy_of, "{name}");
        }
    }

    #[test]
    fn of_dates_that_may_be_two_the_latest_is_known_or_not() {
        for (names, expected) in [
            (&["01-04-2026", "02-04-2026"][..], Some(vec![false, true])),
            (&["12-04-2026", "01-05-2026"], None),
            // one that cannot be meant otherwise says how the others are meant
            (&["12-04-2026", "01-05-2026", "13-04-2026"], Some(vec![false, true, false])),
            (&["13-04-2026", "04-14-2026"], None),
            (&["2026-04-12", "01-05-2026"], None),
            (&["2026-04-12", "2026-04", "2026-04-12"], Some(vec![true, false, true])),
        ] {
            let dates: Vec<Dates> = names.iter().filter_map(|name| Shape::of(name).date).collect();
            assert_eq!(Dates::latest(&dates, Locale::MonthDayYear), expected, "{names:?}");
        }
        let dates = ["12-04-2026", "01-05-2026"].map(|name| Shape::of(name).date.expect("a date"));
        assert_eq!(Dates::latest(&dates, Locale::DayMonthYear), Some(vec![false, true]));
    }
}
