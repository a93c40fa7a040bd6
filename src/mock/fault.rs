//! The faults of networks and of what stands before a target, as one table.

use std::sync::atomic::{AtomicU64, Ordering};
use std::{fmt, str::FromStr};

use axum::body::Bytes;
use http::{Method, Request};

use super::chance::Dice;
use super::defect::UnknownName;

/// One row of the table of faults.
#[derive(Debug, Clone, Copy)]
pub struct FaultRow {
    /// The name for `--fault`; `NAME:N` strikes one request in N.
    pub name: &'static str,
    /// What the stand-in does.
    pub about: &'static str,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Strike(Strike),
    Throttle { retry_after: bool },
    Random,
}

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strike {
    Refuse429 { retry_after: bool },
    Refuse500,
    Slow,
    CutBefore,
    CutAfter,
    Html,
    Redirect,
    Huge,
    Hang,
    Drip,
}

const TABLE: &[FaultRow] = &[
    row(
        "throttle",
        "answers 429 with `Retry-After: 1` to 5 requests after every 20",
        Kind::Throttle { retry_after: true },
    ),
    row(
        "throttle-bare",
        "answers 429 without `Retry-After` to 5 requests after every 20",
        Kind::Throttle { retry_after: false },
    ),
    row("slow", "waits two seconds before it answers", Kind::Strike(Strike::Slow)),
    row("cut-before", "closes the connection of a write before anything is stored", Kind::Strike(Strike::CutBefore)),
    row("cut-after", "closes the connection of a write after it is stored", Kind::Strike(Strike::CutAfter)),
    row(
        "random-30",
        "fails 30 of 100 requests by chance: 429, 500, no answer, or a cut before or after the write; any number from 0 to 100 may stand for 30",
        Kind::Random,
    ),
    row("html", "answers 200 with an HTML page", Kind::Strike(Strike::Html)),
    row("redirect", "answers 302 to a log-in page", Kind::Strike(Strike::Redirect)),
    row("huge", "answers with 100 MB of JSON", Kind::Strike(Strike::Huge)),
    row("hang", "takes the request and never answers", Kind::Strike(Strike::Hang)),
    row("drip", "answers one byte a second", Kind::Strike(Strike::Drip)),
];

const fn row(name: &'static str, about: &'static str, kind: Kind) -> FaultRow {
    FaultRow { name, about, kind }
}

/// Returns every fault the stand-in can show.
pub fn faults() -> &'static [FaultRow] {
    TABLE
}

/// A fault that is on, and how often it strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    row: usize,
    /// One request in so many; for `random-N` the requests that fail out of 100.
    rate: u64,
}

impl Fault {
    fn kind(self) -> Kind {
        TABLE[self.row].kind
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind(), self.rate) {
            (Kind::Random, percent) => write!(f, "random-{percent}"),
            (Kind::Strike(_) | Kind::Throttle { .. }, 1) => f.write_str(TABLE[self.row].name),
            (Kind::Strike(_) | Kind::Throttle { .. }, every) => {
                write!(f, "{}:{every}", TABLE[self.row].name)
            }
        }
    }
}

impl FromStr for Fault {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let unknown = || UnknownName::new("fault", text, TABLE.iter().map(|row| row.name));
        let place = |name: &str| TABLE.iter().position(|row| row.name == name);
        if let Some(percent) = text.strip_prefix("random-") {
            let rate = percent.parse().ok().filter(|percent| *percent <= 100);
            let row = place("random-30");
            return match (row, rate) {
                (Some(row), Some(rate)) => Ok(Self { row, rate }),
                _ => Err(unknown()),
            };
        }
        let (name, every) = text.split_once(':').unwrap_or((text, "1"));
        let rate = every.parse().ok().filter(|every| *every > 0);
        match (place(name), rate) {
            (Some(row), Some(rate)) => Ok(Self { row, rate }),
            _ => Err(unknown()),
        }
    }
}

/// Decides which fault strikes a request.
#[derive(Debug)]
pub(super) struct Faults {
    on: Vec<(Fault, AtomicU64)>,
    dice: Dice,
}

impl Faults {
    pub(super) fn new(faults: &[Fault], seed: u64) -> Self {
        Self { on: faults.iter().map(|one| (*one, AtomicU64::new(0))).collect(), dice: Dice::new(seed) }
    }

    /// Returns what happens to a request; the first fault of the list that strikes wins.
    pub(super) fn strike(&self, request: &Request<Bytes>) -> Option<Strike> {
        self.on.iter().find_map(|(fault, turns)| self.one(*fault, turns, request))
    }

    fn one(&self, fault: Fault, turns: &AtomicU64, request: &Request<Bytes>) -> Option<Strike> {
        let next = || turns.fetch_add(1, Ordering::Relaxed);
        match fault.kind() {
            Kind::Throttle { retry_after } => (next() % 25 >= 20).then_some(Strike::Refuse429 { retry_after }),
            Kind::Random => {
                let roll = self.dice.roll(request);
                if roll % 100 >= fault.rate {
                    return None;
                }
                let kinds = [
                    Strike::Refuse429 { retry_after: true },
                    Strike::Refuse429 { retry_after: false },
                    Strike::Refuse500,
                    Strike::Hang,
                    Strike::CutBefore,
                    Strike::CutAfter,
                ];
                Some(kinds[(roll / 100 % kinds.len() as u64) as usize])
            }
            Kind::Strike(strike @ (Strike::CutBefore | Strike::CutAfter)) => {
                let writes = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
                let write = writes.contains(request.method());
                (write && next() % fault.rate == fault.rate - 1).then_some(strike)
            }
            Kind::Strike(strike) => (next() % fault.rate == fault.rate - 1).then_some(strike),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &str) -> Request<Bytes> {
        let request = Request::builder().uri(path);
        request.body(Bytes::new()).unwrap()
    }

    #[test]
    fn names_parse_back() {
        for row in faults() {
            assert_eq!(row.name.parse::<Fault>().unwrap().to_string(), row.name);
        }
        for good in ["cut-after:3", "random-0", "random-100", "hang:7"] {
            assert_eq!(good.parse::<Fault>().unwrap().to_string(), good);
        }
        for bad in ["random-101", "random-x", "hang:0", "hang:", "", "cut"] {
            assert!(bad.parse::<Fault>().is_err(), "{bad}");
        }
        let error = "trottle".parse::<Fault>().unwrap_err();
        assert_eq!(error.nearest, Some("throttle"));
    }

    #[test]
    fn chance_depends_on_the_seed_and_not_on_the_order() {
        let strikes = |seed, order: &[usize]| {
            let faults = Faults::new(&["random-30".parse().unwrap()], seed);
            let mut out = vec![Vec::new(); 400];
            for place in order {
                out[*place].push(faults.strike(&request(&format!("/Users/{place}"))));
            }
            out
        };
        let forth: Vec<usize> = (0..400).chain(0..400).collect();
        let back: Vec<usize> = (0..400).rev().chain(0..400).collect();
        assert_eq!(strikes(7, &forth), strikes(7, &back));
        assert_ne!(strikes(7, &forth), strikes(8, &forth));
        let struck = strikes(7, &forth).concat().iter().flatten().count();
        assert!((180..300).contains(&struck), "{struck} of 800");
    }

    #[test]
    fn a_rate_strikes_one_in_n() {
        let faults = Faults::new(&["html:3".parse().unwrap()], 0);
        let strikes: Vec<bool> = (0..6).map(|_| faults.strike(&request("/Users")).is_some()).collect();
        assert_eq!(strikes, [false, false, true, false, false, true]);
    }
}
