//! The state of each job as a page for a browser (contract.md 3.1, `listen`).

use super::page::escaped;
use super::text::status_text;
use crate::diagnostic::Style;
use crate::model::JobStatus;

const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <meta http-equiv=\"refresh\" content=\"10\">\n<title>provisiond</title>\n\
    <style>body { font-family: sans-serif; margin: 2em } pre { font-size: 110%; white-space: pre-wrap }</style>\n\
    </head>\n<body>\n<h1>provisiond</h1>\n";
const TAIL: &str = "<p><a href=\"/status\">as JSON</a> · <a href=\"/metrics\">as metrics</a></p>\n</body>\n</html>\n";

/// Returns the page; it needs no script and loads nothing.
pub fn status_page(jobs: &[JobStatus]) -> String {
    format!("{HEAD}<pre>{}</pre>\n{TAIL}", escaped(&status_text(jobs, Style::default())))
}

#[cfg(test)]
mod tests {
    use super::super::status::tests::troubled;
    use super::*;

    #[test]
    fn names_are_text_and_nothing_else() {
        let mut job = troubled();
        job.name = "<script>alert(1)</script>".into();
        let page = status_page(&[job]);
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script"), "{page}");
        assert!(page.contains("EncounteredQuarantineException"), "{page}");
    }
}
