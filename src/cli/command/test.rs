//! `test`: mapping tests (contract.md 2).

use std::path::PathBuf;

use super::super::args::Format;
use super::super::error::{CliError, Status};
use super::super::mapping_test;
use super::super::session::{Session, eprint};
use crate::config::MappingTest;
use crate::diagnostic::{Diagnostic, Style, render_all};

/// Runs mapping tests: a source object in, target attributes out
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A test file names a mapping and has cases:

  mapping: kintone.yaml          # relative to the test file
  profile: kintone               # generic (default) or kintone
  cases:
    - name: a joiner
      source:                    # canonical attribute names, types as in JSON
        userPrincipalName: taro@example.jp
        accountEnabled: true
      expect:                    # all attributes of the new account: what is not named must have no value
        userName: taro@example.jp
        active: true
    - name: somebody of another department
      source: { userPrincipalName: hana@example.jp, department: HR }
      scope: false               # the filters of `scope`; `input_scope` for the others
    - name: a date that is none
      source: { userPrincipalName: hana@example.jp, employeeHireDate: soon }
      error: AttributeEvaluationFailed

Beside `source` may stand `object: group`, `assigned: false`, `is_soft_deleted: true`, `now: 2026-04-01T00:00:00Z` and
`taken: [t.sato]` for `SelectUniqueValue`. Random functions give the same values in every run.

Examples:
  provisiond test mappings/kintone.test.yaml
  provisiond test mappings/*.test.yaml --output junit > report.xml
  provisiond schema test > mapping-test.schema.json

Exit status: 0 every case holds, 1 some do not, 2 a test file or its mapping is wrong; then no case is run.")]
pub struct Args {
    /// Test files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub fn run(args: &Args, session: &Session) -> Result<Status, CliError> {
    let mut tests = Vec::new();
    let mut problems = Vec::new();
    for path in &args.files {
        let (test, found) = MappingTest::load(path);
        tests.extend(test);
        problems.extend(found);
    }
    if problems.iter().any(Diagnostic::is_error) {
        return Err(CliError::of_problems(problems));
    }
    if !session.global.quiet && !problems.is_empty() {
        let color = session.global.color.applies(std::io::IsTerminal::is_terminal(&std::io::stderr()));
        eprint(&render_all(&problems, Style { color }));
    }
    let tested: Vec<_> = tests.iter().map(mapping_test::run).collect();
    let output = &session.output;
    match output.format {
        Format::Text => output.text(&mapping_test::text(&tested, output.style()))?,
        Format::Json => output.json(&mapping_test::json(&tested))?,
        Format::Junit => output.text(&mapping_test::junit(&tested))?,
    }
    let failed = tested.iter().any(|one| one.failed() > 0);
    Ok(if failed { Status::ObjectsFailed } else { Status::Done })
}
