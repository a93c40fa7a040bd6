//! `explain`: one person's story.

use super::super::error::{CliError, Status};
use super::super::session::{Session, block_on};
use super::super::signals::stop_token;
use crate::cycle::Clock;
use crate::report::{story_json, text};

/// Tells one person's story: source row, expressions, filter clauses, match, difference, request and answer
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provisiond explain --user taro@example.jp
  provisiond explain --user taro@example.jp --cycle 0195d1c6-…   what that cycle did

Nothing is written: the target is only read.")]
pub struct Args {
    /// Person, by the immutable id, the source attribute behind the first matching attribute, or `mail`
    #[arg(long, value_name = "ID")]
    user: String,
    /// Only what this cycle did
    #[arg(long, value_name = "ID")]
    cycle: Option<String>,
}

pub fn run(args: &Args, session: &Session) -> Result<Status, CliError> {
    let opened = session.open(Clock::System)?;
    let job = session.job(&opened.config)?;
    let context = opened.context(job)?;
    let told = async { Ok(opened.service.explain(job, &args.user, args.cycle.clone(), stop_token()).await?) };
    let story = block_on(told)?;
    session.output.either(|| story_json(&story, &context), |style| text::story_text(&story, style))?;
    let unheard = story.now.is_none() && story.log.is_empty();
    Ok(story.error.as_ref().filter(|_| unheard).map_or(Status::Done, Status::of_run_error))
}
