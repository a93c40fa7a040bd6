//! JUnit XML, as build servers read it.

/// A group of checks.
#[derive(Debug, Clone)]
pub struct JunitSuite {
    pub name: String,
    pub cases: Vec<JunitCase>,
    /// What else is to be seen; may be empty.
    pub output: String,
}

/// One check.
#[derive(Debug, Clone)]
pub struct JunitCase {
    pub class: String,
    pub name: String,
    pub outcome: JunitOutcome,
}

/// How a check ended.
#[derive(Debug, Clone)]
pub enum JunitOutcome {
    Passed,
    /// Passed, with something to say.
    Remarked(String),
    Skipped(String),
    Failed {
        message: String,
        story: String,
    },
}

/// The document, with a line break at its end.
pub fn junit_xml(name: &str, suites: &[JunitSuite]) -> String {
    let count = |suite: &JunitSuite, wanted: fn(&JunitOutcome) -> bool| {
        suite.cases.iter().filter(|case| wanted(&case.outcome)).count()
    };
    let failures = |suite: &JunitSuite| count(suite, |outcome| matches!(outcome, JunitOutcome::Failed { .. }));
    let skips = |suite: &JunitSuite| count(suite, |outcome| matches!(outcome, JunitOutcome::Skipped(_)));
    let tests: usize = suites.iter().map(|suite| suite.cases.len()).sum();
    let failed: usize = suites.iter().map(failures).sum();
    let skipped: usize = suites.iter().map(skips).sum();
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{}\" tests=\"{tests}\" failures=\"{failed}\" skipped=\"{skipped}\">\n",
        escaped(name)
    );
    for suite in suites {
        let (name, tests, failed, skipped) = (escaped(&suite.name), suite.cases.len(), failures(suite), skips(suite));
        xml.push_str(&format!(
            "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failed}\" skipped=\"{skipped}\">\n"
        ));
        for case in &suite.cases {
            let start =
                format!("    <testcase classname=\"{}\" name=\"{}\"", escaped(&case.class), escaped(&case.name));
            let inside = match &case.outcome {
                JunitOutcome::Passed => {
                    xml.push_str(&format!("{start}/>\n"));
                    continue;
                }
                JunitOutcome::Remarked(text) => format!("<system-out>{}</system-out>", escaped(text)),
                JunitOutcome::Skipped(why) => format!("<skipped message=\"{}\"/>", escaped(why)),
                JunitOutcome::Failed { message, story } => {
                    format!("<failure message=\"{}\">{}</failure>", escaped(message), escaped(story))
                }
            };
            xml.push_str(&format!("{start}>\n      {inside}\n    </testcase>\n"));
        }
        if !suite.output.is_empty() {
            xml.push_str(&format!("    <system-out>{}</system-out>\n", escaped(&suite.output)));
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

/// Text for an attribute or an element; what XML 1.0 cannot hold becomes U+FFFD.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(letter),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_gives_a_meaning_is_escaped() {
        let failure = JunitOutcome::Failed { message: "1 < 2".to_owned(), story: "a & \u{1b}\"b\"".to_owned() };
        let outcomes = [failure, JunitOutcome::Skipped("why".to_owned()), JunitOutcome::Remarked("so".to_owned())];
        let cases = outcomes.map(|outcome| JunitCase { class: "f".to_owned(), name: "<n>".to_owned(), outcome });
        let suite = JunitSuite { name: "s".to_owned(), cases: cases.to_vec(), output: String::new() };
        let xml = junit_xml("t", &[suite]);
        assert!(xml.contains("<testcase classname=\"f\" name=\"&lt;n&gt;\">"), "{xml}");
        assert!(xml.contains("<failure message=\"1 &lt; 2\">a &amp; \u{fffd}&quot;b&quot;</failure>"), "{xml}");
        assert!(xml.contains("<skipped message=\"why\"/>") && xml.contains("<system-out>so</system-out>"), "{xml}");
        assert!(xml.contains("tests=\"3\" failures=\"1\" skipped=\"1\""), "{xml}");
    }
}
