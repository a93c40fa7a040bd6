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
    /// A short message and the whole story.
    pub failure: Option<(String, String)>,
}

/// The document, with a line break at its end.
pub fn junit_xml(name: &str, suites: &[JunitSuite]) -> String {
    let failures = |suite: &JunitSuite| suite.cases.iter().filter(|case| case.failure.is_some()).count();
    let tests: usize = suites.iter().map(|suite| suite.cases.len()).sum();
    let failed: usize = suites.iter().map(failures).sum();
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{}\" tests=\"{tests}\" failures=\"{failed}\">\n",
        escaped(name)
    );
    for suite in suites {
        let (name, tests, failed) = (escaped(&suite.name), suite.cases.len(), failures(suite));
        xml.push_str(&format!("  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failed}\">\n"));
        for case in &suite.cases {
            let start =
                format!("    <testcase classname=\"{}\" name=\"{}\"", escaped(&case.class), escaped(&case.name));
            match &case.failure {
                None => xml.push_str(&format!("{start}/>\n")),
                Some((message, story)) => xml.push_str(&format!(
                    "{start}>\n      <failure message=\"{}\">{}</failure>\n    </testcase>\n",
                    escaped(message),
                    escaped(story)
                )),
            }
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
        let failure = Some(("1 < 2".to_owned(), "a & \u{1b}\"b\"".to_owned()));
        let case = JunitCase { class: "f".to_owned(), name: "<n>".to_owned(), failure };
        let suite = JunitSuite { name: "s".to_owned(), cases: vec![case], output: String::new() };
        let xml = junit_xml("t", &[suite]);
        assert!(xml.contains("<testcase classname=\"f\" name=\"&lt;n&gt;\">"), "{xml}");
        assert!(xml.contains("<failure message=\"1 &lt; 2\">a &amp; \u{fffd}&quot;b&quot;</failure>"), "{xml}");
        assert!(xml.contains("tests=\"1\" failures=\"1\""), "{xml}");
    }
}
