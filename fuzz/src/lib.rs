//! Mutation fuzzing on the stable compiler: one program per target in `src/bin`, each run as
//! `cargo run --release --bin expr_parse -- MINUTES [SEED]`.
//!
//! The inputs follow from the seed alone, so that a failure is found again. A panic ends the program and shows the input;
//! an input that takes longer than [`SLOW`] counts as a failure too.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

/// How long one input may take.
pub const SLOW: Duration = Duration::from_secs(20);

/// A small generator (xorshift64*), good enough to choose mutations.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap_or(0) % bound
    }

    pub fn pick<'p, T>(&mut self, from: &'p [T]) -> &'p T {
        &from[self.below(from.len())]
    }
}

/// Changes a text in one to six places: by pieces of `words` and of the other `seeds`, by bytes, cuts and repeats.
pub fn mutate(chance: &mut Chance, text: &str, seeds: &[String], words: &[&str]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=chance.below(6) {
        let at = chance.below(bytes.len() + 1);
        let end = (at + chance.below(12)).min(bytes.len());
        match chance.below(7) {
            0 => drop(bytes.splice(at..at, chance.pick(words).bytes())),
            1 => drop(bytes.splice(at..end, chance.pick(words).bytes())),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let piece = bytes[at..end].to_vec();
                let times = 1 + chance.below(4);
                drop(bytes.splice(at..at, piece.repeat(times)));
            }
            4 => {
                let other = chance.pick(seeds).as_bytes();
                let from = chance.below(other.len() + 1);
                let to = (from + chance.below(40)).min(other.len());
                drop(bytes.splice(at..end, other[from..to].iter().copied()));
            }
            5 => bytes.insert(at, u8::try_from(chance.below(256)).unwrap_or(0)),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = b' ' + u8::try_from(chance.below(95)).unwrap_or(0);
                }
            }
        }
    }
    bytes.truncate(12_000);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Runs `target` on mutated seeds for as many minutes as the command line says and prints how often.
pub fn run(seeds: &[String], words: &[&str], mut target: impl FnMut(&mut Chance, &str)) {
    let mut arguments = std::env::args().skip(1);
    let minutes: f64 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1.0);
    let seed = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1);
    let mut chance = Chance::new(seed);
    let (start, length) = (Instant::now(), Duration::from_secs_f64(minutes * 60.0));
    let (mut executions, mut slowest) = (0u64, Duration::ZERO);
    while start.elapsed() < length {
        let seed = chance.pick(seeds).clone();
        let input = mutate(&mut chance, &seed, seeds, words);
        let began = Instant::now();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(&mut chance, &input))) {
            eprintln!("input {executions}: {input:?}");
            resume_unwind(panic);
        }
        let took = began.elapsed();
        assert!(took < SLOW, "input {executions} took {took:?}: {input:?}");
        slowest = slowest.max(took);
        executions += 1;
    }
    println!("{executions} executions in {:.0} s, slowest {slowest:?}", start.elapsed().as_secs_f64());
}

/// The expressions of the vectors, and what they are evaluated against.
pub fn expression_seeds() -> Vec<serde_json::Value> {
    let cases = serde_json::from_str(include_str!("../../tests/vectors/expressions.json"));
    cases.expect("the vectors are JSON")
}

/// What expressions are made of.
pub const EXPRESSION_WORDS: &[&str] = &[
    "(",
    ")",
    ",",
    "[",
    "]",
    "\"",
    "\\",
    "\\\\",
    "\\\"",
    "<>",
    ">=",
    "<=",
    "=",
    "&H",
    "&HFFFFFFFFFFFFFFFF",
    "-1",
    "0",
    "9223372036854775807",
    "1000000",
    "\u{a0}",
    "\n",
    "İ",
    "ß",
    "😀",
    "e\u{301}",
    "[a]",
    "[list]",
    "[roles]",
    "\"\"",
    "vbTextCompare",
    "UTF8",
    "Append(",
    "BitAnd(",
    "CBool(",
    "CDate(",
    "Coalesce(",
    "ConvertFromBase64(",
    "ConvertToBase64(",
    "ConvertToUTF8Hex(",
    "Count(",
    "CStr(",
    "DateAdd(\"m\", ",
    "DateDiff(\"ww\", ",
    "DateFromNum(",
    "DNComponent(",
    "Error(",
    "FormatDateTime(",
    "Guid()",
    "IgnoreFlowIfNullOrEmpty(",
    "IIF(",
    "InStr(",
    "Item(",
    "Join(",
    "Left(",
    "Mid(",
    "NormalizeDiacritics(",
    "Not(",
    "Now()",
    "NumFromDate(",
    "PCase(",
    "Prepend(",
    "RandomString(8,1,1,1,1)",
    "RemoveDuplicates(",
    "Replace(",
    "SelectUniqueValue(",
    "Split(",
    "StringFromSid(",
    "StripSpaces(",
    "Switch(",
    "ToLower(",
    "ToUpper(",
    "Trim(",
    "Word(",
    "AppRoleAssignmentsComplex(",
    ", , \"(a|b)*?(?=c)\", , \"$1\", , )",
    "(?<n>",
    "(?i)",
    "(?:",
    "[a-z-[b]]",
    "{2,5}",
    "\\\\d+",
    "\\\\1",
    "\\\\p{Lu}",
    "$",
    "${n}",
    "$&",
    "yyyy-MM-ddTHH:mm:ss.fffffffK",
    "MMM",
    "zzz",
    "tt",
    "2020-03-16T10:00:00Z",
    "12/31/9999",
];
