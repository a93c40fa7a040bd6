//! `eval`: one expression, or many (contract.md 5, expressions.md 10).

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::super::error::{CliError, Status};
use super::super::session::Session;
use crate::diagnostic::Diagnostic;
use crate::expr::{self, Context, DateTime, Fault, JsonSource, Random, SeededRandom, Slots};

/// The longest line of a batch.
const LONGEST_LINE: u64 = 16 << 20;

/// Evaluates an expression of a mapping
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provisiond eval 'ToLower(\"Sato\")'
  provisiond eval 'Join(\" \", [surname], [givenName])' --source person.json
  provisiond eval 'FormatDateTime([hired], , \"yyyy-MM-dd\", \"M/d/yyyy\")' --source person.json --at 2026-04-01T00:00:00Z
  provisiond eval --batch cases.jsonl          lines {\"id\", \"expression\", \"source\"} give lines {\"id\", \"value\"}

Exit status: 0 a value, 1 an evaluation error, 2 an expression that does not compile; with --batch 0 when every line was
answered, errors included.")]
pub struct Args {
    /// Expression, or the plain name of an attribute
    #[arg(required_unless_present = "batch", conflicts_with = "batch")]
    expression: Option<String>,
    /// Source object as a JSON file; `-` reads standard input
    #[arg(long, value_name = "FILE.json", conflicts_with = "batch")]
    source: Option<PathBuf>,
    /// Answers each line of a file; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    batch: Option<PathBuf>,
    /// What `Now()` says (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = super::time)]
    at: Option<Timestamp>,
}

pub fn run(args: &Args, session: &Session) -> Result<Status, CliError> {
    let random = SeededRandom::new(seed());
    if let Some(path) = &args.batch {
        return batch(args, session, path, &random);
    }
    let text = args.expression.as_deref().unwrap_or_default();
    let source = match &args.source {
        None => Value::Object(Map::new()),
        Some(path) => serde_json::from_reader(open(path)?).map_err(|error| {
            CliError::usage("source_unreadable", format!("`{}` is not JSON: {error}", path.display()))
                .with_help("write one object: {\"displayName\": \"佐藤 太郎\", \"accountEnabled\": true}")
        })?,
    };
    let mut slots = Slots::new();
    let expression = expr::compile(text, &mut slots, None)
        .map_err(|faults| CliError::of_problems(faults.iter().map(|fault| diagnostic(text, fault)).collect()))?;
    let source = JsonSource::read(source).map_err(|error| CliError::usage("source_unreadable", error.to_string()))?;
    let nobody = |_: &str| Ok(false);
    let context = Context { now: now(args)?, random: &random, uniqueness: &nobody };
    let record = source.record(&slots);
    let value = match expression.evaluate(&record, &context) {
        Ok(outcome) => outcome.to_json(),
        Err(error) => {
            let problem = Diagnostic::error(error.code, error.message).at("expression", text, error.span, None);
            return Err(CliError::of_problems(vec![problem]).with_status(Status::ObjectsFailed));
        }
    };
    session.output.either(
        || value.clone(),
        |_| match &value {
            Value::String(text) => format!("{text}\n"),
            other => format!("{other}\n"),
        },
    )?;
    Ok(Status::Done)
}

fn batch(args: &Args, session: &Session, path: &Path, random: &dyn Random) -> Result<Status, CliError> {
    let mut lines = BufReader::new(open(path)?);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = lines.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line);
        if read.map_err(|error| CliError::io("read", path, &error))? == 0 {
            return Ok(Status::Done);
        }
        let whole = line.ends_with(b"\n") || (line.len() as u64) < LONGEST_LINE;
        let answer = match std::str::from_utf8(&line) {
            _ if !whole => {
                skip_line(&mut lines).map_err(|error| CliError::io("read", path, &error))?;
                refused("the line is longer than 16 MiB")
            }
            // Each case has a fresh reading of the clock (expressions.md 10).
            Ok(text) => expr::answer_line(text.trim_end_matches(['\r', '\n']), now(args)?, random),
            Err(_) => refused("the line is not UTF-8"),
        };
        session.output.text(&format!("{answer}\n"))?;
    }
}

fn refused(message: &str) -> String {
    json!({ "id": null, "error": { "code": "parse", "message": message } }).to_string()
}

/// Drops the rest of a line without keeping it.
fn skip_line(lines: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = lines.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(buffer.len(), |end| end + 1);
        lines.consume(used);
        if end.is_some() {
            return Ok(());
        }
    }
}

fn open(path: &Path) -> Result<Box<dyn Read>, CliError> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdin().lock()));
    }
    match File::open(path) {
        Ok(file) => Ok(Box::new(BufReader::new(file))),
        Err(error) => Err(CliError::io("read", path, &error)),
    }
}

fn now(args: &Args) -> Result<DateTime, CliError> {
    let time = args.at.unwrap_or_else(Timestamp::now);
    DateTime::from_unix_nanoseconds(time.as_nanosecond())
        .ok_or_else(|| CliError::usage("time_out_of_range", format!("{time} is outside of the years 1 to 9999")))
}

fn seed() -> [u8; 32] {
    let mut seed = [0; 32];
    seed[..16].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    seed[16..].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    seed
}

fn diagnostic(text: &str, fault: &Fault) -> Diagnostic {
    let problem = Diagnostic::new(fault.severity, fault.code, fault.message.clone()).at(
        "expression",
        text,
        fault.span.clone(),
        fault.label.as_deref(),
    );
    match &fault.help {
        Some(help) => problem.with_help(help.clone()),
        None => problem,
    }
}
