//! The command line: parses and prints; what is done is done elsewhere.

mod args;
mod command;
mod error;
mod mapping_test;
mod output;
mod reach;
mod reporter;
mod session;
mod shelf;
mod signals;
mod spool;
mod watcher;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use clap::error::ErrorKind;
use serde_json::json;
use tracing::level_filters::LevelFilter;

use self::args::{Cli, Command, Format, Global};
use self::error::{CliError, Status};
use self::output::{Output, Screen};
use self::session::Session;
use crate::diagnostic::Style;
use crate::telemetry;

/// The name under which people type on-demand runs.
const ON_DEMAND: &str = "provision-now";

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    // Fails only where a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments = arguments(std::env::args_os().collect());
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return wrong_usage(&error, &arguments),
    };
    if cli.global.output == Format::Junit && !cli.command.prints_junit() {
        let error = CliError::usage("usage", "only `test`, `validate` and `replay` print JUnit XML")
            .with_help("write `--output text` or `json`");
        error.show(false, Style::default());
        return error.status.into();
    }
    let screen = Screen::default();
    telemetry::init(log_settings(&cli.global, &cli.command), screen.clone());
    let Global { output, color, .. } = cli.global;
    let session = Session { global: cli.global, output: Arc::new(Output::new(output, color, screen)) };
    let ended = dispatch(cli.command, &session).and_then(|status| {
        session.output.flush()?;
        Ok(status)
    });
    match ended {
        Ok(status) => status.into(),
        Err(error) => {
            // What was printed before the error must be seen before it.
            let _ = session.output.flush();
            error.show(output == Format::Json, Style { color: color.applies(io::stderr().is_terminal()) });
            error.status.into()
        }
    }
}

/// Puts the command in where the program is called by the name of one.
fn arguments(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let called = arguments.first().and_then(|program| Path::new(program).file_stem());
    if called.is_some_and(|stem| stem == ON_DEMAND) {
        // The first word is also what help calls the program.
        arguments[0] = "provisiond".into();
        arguments.insert(1, ON_DEMAND.into());
    }
    arguments
}

fn wrong_usage(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    let asked_for = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if !asked_for && wants_json(arguments) {
        let text = error.render().to_string();
        let (message, help) = text.split_once("\n\n").unwrap_or((&text, ""));
        let message = message.trim_start_matches("error: ").trim();
        let document = json!({ "error": { "code": "usage", "message": message, "help": help.trim() } });
        let _ = writeln!(io::stderr().lock(), "{document}");
    } else {
        // A closed pipe is no reason to complain about.
        let _ = error.print();
    }
    if asked_for { Status::Done.into() } else { Status::Usage.into() }
}

/// Whether errors are to be JSON, found without parsing: the arguments are wrong.
fn wants_json(arguments: &[OsString]) -> bool {
    arguments.iter().any(|argument| argument == "--output=json")
        || arguments.windows(2).any(|pair| pair[0] == "--output" && pair[1] == "json")
}

fn log_settings(global: &Global, command: &Command) -> telemetry::Settings {
    let usual = if matches!(command, Command::Run(_)) { LevelFilter::INFO } else { LevelFilter::WARN };
    let level = match (global.quiet, global.verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) => usual,
        (false, 1) => usual.max(LevelFilter::INFO),
        (false, 2) => LevelFilter::DEBUG,
        (false, _) => LevelFilter::TRACE,
    };
    let terminal = io::stderr().is_terminal();
    telemetry::Settings { level, terminal, color: global.color.applies(terminal) && terminal }
}

fn dispatch(command: Command, session: &Session) -> Result<Status, CliError> {
    match command {
        Command::Demo(args) => command::demo::run(&args, session),
        Command::Init(args) => command::init::run(&args, session),
        Command::Run(args) => command::run::run(&args, session),
        Command::Cycle(args) => command::cycle::run(&args, session),
        Command::ProvisionNow(args) => command::provision_now::run(&args, session),
        Command::Plan(args) => command::plan::run(&args, session),
        Command::Apply(args) => command::apply::run(&args, session),
        Command::Rollback(args) => command::rollback::run(&args, session),
        Command::Source(args) => command::source::run(&args, session),
        Command::Status(args) => command::status::run(&args, session),
        Command::Log(args) => command::log::run(&args, session),
        Command::Pause(args) => command::pause::run(&args, session),
        Command::Start(args) => command::start::run(&args, session),
        Command::Forget(args) => command::forget::run(&args, session),
        Command::Restart(args) => command::restart::run(&args, session),
        Command::Deletions(args) => command::deletions::run(&args, session),
        Command::Links(args) => command::links::run(&args, session),
        Command::Escrows(args) => command::escrows::run(&args, session),
        Command::Explain(args) => command::explain::run(&args, session),
        Command::Verify(args) => command::verify::run(&args, session),
        Command::Discover(args) => command::discover::run(&args, session),
        Command::Check(args) => command::check::run(&args, session),
        Command::TestConnection(args) => command::test_connection::run(&args, session),
        Command::Eval(args) => command::eval::run(&args, session),
        Command::Mapping(args) => command::mapping::run(&args, session),
        Command::Test(args) => command::test::run(&args, session),
        Command::Functions(args) => command::functions::run(&args, session),
        Command::Target(args) => command::target::run(&args, session),
        Command::Probe(args) => command::probe::run(&args, session),
        Command::Record(args) => command::record::run(&args, session),
        Command::Replay(args) => command::replay::run(&args, session),
        Command::Validate(args) => command::validate::run(&args, session),
        Command::Schema(args) => command::schema::run(&args, session),
        Command::Completions(args) => command::completions::run(&args, session),
        Command::Man(args) => command::man::run(&args, session),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_program_is_a_command() {
        let cases = [
            (vec!["provisiond", "status"], vec!["provisiond", "status"]),
            (vec!["/usr/bin/provision-now", "--user", "x"], vec!["provisiond", "provision-now", "--user", "x"]),
            (vec!["provision-now.exe"], vec!["provisiond", "provision-now"]),
        ];
        for (typed, expected) in cases {
            let typed = typed.into_iter().map(OsString::from).collect();
            assert_eq!(arguments(typed), expected.into_iter().map(OsString::from).collect::<Vec<_>>());
        }
    }

    #[test]
    fn json_errors_are_wanted_however_written() {
        let line = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        for (text, expected) in
            [("p --output json x", true), ("p x --output=json", true), ("p --output text", false), ("p json", false)]
        {
            assert_eq!(wants_json(&line(text)), expected, "{text}");
        }
    }
}
