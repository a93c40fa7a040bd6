//! The connection test.

use super::super::plain;
use super::{Style, Tone, painted};
use crate::model::ConnectionReport;

/// Returns one line for each check and, under it, what helps.
pub fn connection_text(report: &ConnectionReport, style: Style) -> String {
    let mut text = String::new();
    for check in &report.checks {
        let (word, tone) = if check.ok { ("ok", Tone::Good) } else { ("failed", Tone::Bad) };
        text.push_str(&format!("{}: {}", plain(&check.name), painted(word, tone, style)));
        if let Some(code) = &check.code {
            text.push_str(&format!(" [{}]", plain(code)));
        }
        if !check.message.is_empty() {
            text.push_str(&format!(" {}", plain(&check.message)));
        }
        text.push('\n');
        let mut line = |label: &str, words: &str| text.push_str(&format!("  {label}: {}\n", plain(words)));
        if let Some(request) = &check.request {
            line("request", request);
        }
        for warning in &check.warnings {
            line("warning", warning);
        }
        if let Some(help) = &check.help {
            line("do", help);
        }
        for hint in &check.hints {
            line("hint", hint);
        }
    }
    let (words, tone) =
        if report.ok { ("the connection works", Tone::Good) } else { ("the connection does not work", Tone::Bad) };
    text.push_str(&painted(words, tone, style));
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::connection_json;
    use super::*;
    use crate::model::ConnectionCheck;

    #[test]
    fn a_refusal_says_what_to_do() {
        let report = ConnectionReport {
            ok: false,
            checks: vec![ConnectionCheck {
                name: "query".into(),
                ok: false,
                code: Some("Unauthorized".into()),
                message: "the target answered 401".into(),
                help: Some("renew the token".into()),
                request: Some("GET https://sample.kintone.com/scim/v2/Users".into()),
                warnings: vec![],
                hints: vec!["is `Propagate Provisioning` on?".into()],
            }],
        };
        assert_eq!(
            connection_text(&report, Style::default()),
            "\
query: failed [Unauthorized] the target answered 401
  request: GET https://sample.kintone.com/scim/v2/Users
  do: renew the token
  hint: is `Propagate Provisioning` on?
the connection does not work
"
        );
        assert_eq!(connection_json(&report)["checks"][0]["code"], json!("Unauthorized"));
        assert_eq!(connection_json(&report)["checks"][0]["warnings"], json!([]));
    }
}
