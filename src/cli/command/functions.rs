//! `functions`: the reference of the expression language.

use super::super::error::{CliError, Status};
use super::super::session::Session;
use crate::diagnostic::nearest;
use crate::expr;

/// Shows the expression functions: signature, meaning, examples
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provisiond functions
  provisiond functions FormatDateTime")]
pub struct Args {
    /// One function
    name: Option<String>,
}

pub fn run(args: &Args, session: &Session) -> Result<Status, CliError> {
    let (document, text) = match &args.name {
        None => (expr::listed(), expr::list()),
        Some(name) => expr::described(name).zip(expr::describe(name)).ok_or_else(|| {
            CliError::usage("unknown_function", format!("`{name}` is not a function of the expression language"))
                .with_help(match nearest(name, expr::examples().map(|(function, ..)| function)) {
                    Some(near) => format!("a function with a similar name exists: `{near}`"),
                    None => "`provisiond functions` lists all of them".to_owned(),
                })
        })?,
    };
    session.output.either(|| document, |_| text)?;
    Ok(Status::Done)
}
