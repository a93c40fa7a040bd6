//! A plan as one page that needs nothing but a browser: no network, no script to be read.

use std::fmt::Write as _;

use serde_json::Value;

use super::plan::{GROUPS, action_group, plan_counts, side, text};
use super::time::short;
use crate::model::CycleReport;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Writes the page of a plan piece by piece: [`Page::head`], [`Page::action`] for each action in the order of groups, and
/// [`Page::foot`].
#[derive(Debug, Default)]
pub struct Page {
    group: Option<usize>,
}

impl Page {
    /// The page down to its first person; `numbers` says how many there are of each group.
    pub fn head(report: &CycleReport, digest: &str, numbers: &[u64; GROUPS.len()]) -> String {
        let job = escaped(&report.job);
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>Review of {job}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
             <header>\n<p class=\"kicker\">provisiond · review before sending</p>\n<h1>{job}</h1>\n<p class=\"facts\">Planned {} from {} in {}. \
             Nothing has been sent: this is what a cycle would do.</p>\n</header>\n<main>\n",
            short(report.began),
            counted(report.source.records, "record"),
            counted(report.source.files, "file"),
        );
        page.push_str("<ul class=\"totals\">\n");
        for ((name, title), number) in GROUPS.iter().zip(numbers) {
            // Writing to a `String` cannot fail.
            let _ = writeln!(
                page,
                "<li class=\"{name}{}\"><a href=\"#{name}\"><b>{number}</b><span>{title}</span></a></li>",
                if *number == 0 { " none" } else { "" }
            );
        }
        page.push_str("</ul>\n");
        let counts = plan_counts(report);
        let _ = writeln!(
            page,
            "<p class=\"rest\">Skipped: {} · left alone: {}</p>",
            counts["skipped"], counts["notEvaluated"]
        );
        let notes =
            report.warnings.iter().map(String::as_str).chain(report.error.as_ref().map(|error| error.message.as_str()));
        for note in notes {
            let _ = writeln!(page, "<p class=\"note\">{}</p>", escaped(note));
        }
        page.push_str(
            "<form class=\"tools\" hidden>\n<input type=\"search\" placeholder=\"Name, login, attribute or value\" aria-label=\"Search\" \
             autocomplete=\"off\">\n<fieldset><legend>Show</legend>\n",
        );
        for ((name, title), number) in GROUPS.iter().zip(numbers).filter(|(_, number)| **number > 0) {
            let _ = writeln!(
                page,
                "<label class=\"{name}\"><input type=\"checkbox\" value=\"{name}\" checked> {title} ({number})</label>"
            );
        }
        page.push_str("</fieldset>\n<output></output>\n</form>\n");
        if numbers.iter().all(|number| *number == 0) {
            page.push_str("<p class=\"empty\">Nothing would be sent: source and target agree.</p>\n");
        }
        let _ = writeln!(page, "<!-- {} -->", escaped(digest).replace("--", "- -"));
        page
    }

    /// One person or group with before and after.
    pub fn action(&mut self, action: &Value) -> String {
        let group = action_group(action);
        let (name, title) = GROUPS[group];
        let mut html = String::new();
        if self.group != Some(group) {
            if self.group.is_some() {
                html.push_str("</section>\n");
            }
            self.group = Some(group);
            let _ = writeln!(html, "<section id=\"{name}\" class=\"{name}\">\n<h2>{title}</h2>");
        }
        let source = &action["source"];
        let shown = [text(source, "displayName"), text(source, "userPrincipalName"), text(source, "id")];
        let called = shown.iter().find(|shown| !shown.is_empty()).copied().unwrap_or_default();
        let _ = write!(html, "<article>\n<h3>{}", escaped(called));
        for other in shown.iter().filter(|other| !other.is_empty() && **other != called) {
            let _ = write!(html, " <small>{}</small>", escaped(other));
        }
        html.push_str("</h3>\n");
        let _ = writeln!(
            html,
            "<p class=\"why\"><span class=\"badge\">{}</span> {}</p>",
            escaped(text(action, "action")),
            escaped(text(action, "why"))
        );
        if let Some(help) = action["help"].as_str().filter(|help| !help.is_empty()) {
            let _ = writeln!(html, "<p class=\"help\">What to do: {}</p>", escaped(help));
        }
        for warning in action["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let _ = writeln!(html, "<p class=\"note\">{}</p>", escaped(warning));
        }
        let changes = action["changes"].as_array().map(Vec::as_slice).unwrap_or_default();
        if !changes.is_empty() {
            html.push_str("<table><thead><tr><th>Attribute</th><th>Before</th><th>After</th></tr></thead><tbody>\n");
            for change in changes {
                let side = |name: &str| match side(change, name) {
                    Some(value) => escaped(value),
                    None => "<i>none</i>".to_owned(),
                };
                let _ = writeln!(
                    html,
                    "<tr><th>{}</th><td class=\"before\">{}</td><td class=\"after\">{}</td></tr>",
                    escaped(text(change, "attribute")),
                    side("before"),
                    side("after")
                );
            }
            html.push_str("</tbody></table>\n");
        }
        let requests = action["requests"].as_array().map(Vec::as_slice).unwrap_or_default();
        if !requests.is_empty() {
            let _ = writeln!(html, "<details><summary>{}</summary>", counted(requests.len() as u64, "request"));
            for request in requests {
                let _ = write!(html, "<pre>{} {}", escaped(text(request, "method")), escaped(text(request, "path")));
                if !request["body"].is_null() {
                    let _ = write!(html, "\n{}", escaped(&format!("{:#}", request["body"])));
                }
                html.push_str("</pre>\n");
            }
            html.push_str("</details>\n");
        }
        let place = (source["file"].as_str(), source["line"].as_u64());
        if let (Some(file), Some(line)) = place {
            let _ = writeln!(html, "<p class=\"place\">{}, line {line}</p>", escaped(file));
        }
        html.push_str("</article>\n");
        html
    }

    /// What closes the page.
    pub fn foot(&self, digest: &str) -> String {
        let end = if self.group.is_some() { "</section>\n" } else { "" };
        format!(
            "{end}</main>\n<footer>\n<p>To carry it out: <code>provisiond apply plan.json</code>. It is refused where the source, the state or \
             the target changed since.</p>\n<p class=\"digest\">{}</p>\n</footer>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
            escaped(digest)
        )
    }
}

fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Text for any place of the page; marks that reorder text are shown as what they are.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' => safe.push('\n'),
            other => safe.push_str(&super::plain(other.encode_utf8(&mut [0; 4]))),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::cycle::tests::report;
    use super::*;

    #[test]
    fn nothing_of_a_value_becomes_markup() {
        let evil = "</td><script>alert('x')</script>\u{202e}";
        let action = json!({
            "action": "update", "status": "planned", "why": evil, "help": evil, "warnings": [evil],
            "source": {"id": evil, "displayName": evil, "userPrincipalName": evil, "file": evil, "line": 3},
            "changes": [{"attribute": evil, "before": evil, "after": null}],
            "requests": [{"method": "PATCH", "path": evil, "body": {"a": evil}}],
        });
        let mut page = Page::default();
        let mut report = report();
        report.job = evil.to_owned();
        let html = [Page::head(&report, evil, &[0, 1, 0, 0, 0, 0, 0]), page.action(&action), page.foot(evil)].concat();
        assert_eq!(html.matches("<script>").count(), 1, "{html}");
        assert_eq!(html.matches("alert(&#39;x&#39;)").count(), 13, "{html}");
        assert!(!html.contains('\u{202e}'));
        assert_eq!(html.matches("<section").count(), html.matches("</section>").count());
    }
}
