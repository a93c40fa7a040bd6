//! Diagnostics as text, with the line at fault and a caret.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, normalize_untrusted_str};

use super::{Diagnostic, Excerpt, Place, Severity};

/// Columns a quoted line is cut to, around the caret.
const WIDTH: usize = 160;

/// How diagnostics are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// With ANSI colours.
    pub color: bool,
}

/// Renders one diagnostic, without a line break at its end.
///
/// Control characters of the quoted text are replaced, so that a file cannot move the cursor of a terminal.
pub fn render(diagnostic: &Diagnostic, style: Style) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Info => Level::INFO,
    };
    let title = level.primary_title(normalize_untrusted_str(&diagnostic.message)).id(diagnostic.code);
    let mut group = Group::with_title(title);
    let mut gutter = 1;
    let mut behind = String::new();
    if let Some(place) = &diagnostic.place {
        let line = place.line.and_then(|line| usize::try_from(line).ok());
        if let (Some(excerpt), Some(line)) = (&place.excerpt, line) {
            gutter = line.to_string().len();
            group = group.element(quoted(&place.file, line, excerpt));
        } else {
            behind = format!("\n {}{}", paint("-->", style), address(place));
        }
    }
    let renderer = if style.color { Renderer::styled() } else { Renderer::plain() };
    let mut text = renderer.term_width(WIDTH).render(&[group]);
    text.push_str(&behind);
    if let Some(help) = &diagnostic.help {
        let help = normalize_untrusted_str(help).replace('\n', &format!("\n{:gutter$}         ", ""));
        let (equals, word) = (paint("=", style), if style.color { "\u{1b}[1mhelp\u{1b}[0m" } else { "help" });
        text.push_str(&format!("\n{:gutter$} {equals} {word}: {help}", ""));
    }
    text
}

/// The colour that the renderer gives to what is not quoted.
fn paint(mark: &str, style: Style) -> String {
    if style.color { format!("\u{1b}[1m\u{1b}[94m{mark}\u{1b}[0m") } else { mark.to_owned() }
}

/// Renders several diagnostics, an empty line between two, with a line break at the end unless there are none.
pub fn render_all(diagnostics: &[Diagnostic], style: Style) -> String {
    let mut text = String::new();
    for (index, diagnostic) in diagnostics.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        text.push_str(&render(diagnostic, style));
        text.push('\n');
    }
    text
}

fn quoted<'a>(file: &'a str, line: usize, excerpt: &'a Excerpt) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let mut annotation = AnnotationKind::Primary.span(excerpt.range.clone());
    if let Some(label) = &excerpt.label {
        annotation = annotation.label(normalize_untrusted_str(label));
    }
    Snippet::source(excerpt.text.as_str()).line_start(line).path(file).annotation(annotation)
}

/// File, line and column as far as they are known.
fn address(place: &Place) -> String {
    // a line end is left as it is in what is quoted, but no place runs over two lines
    let mut address = format!(" {}", normalize_untrusted_str(&place.file).replace('\n', "␊"));
    for number in [place.line, place.line.and(place.column)].into_iter().flatten() {
        address.push_str(&format!(":{number}"));
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_the_line_and_a_caret() {
        let file = "users:\n  attributes:\n    expression: \"Join(\\\" \\\", Wrod([x],1))\"\n";
        let at = file.find("Wrod").unwrap();
        let diagnostic = Diagnostic::error("unknown_function", "unknown function `Wrod`")
            .at("mappings/kintone.yaml", file, at..at + 4, Some("not a function of the expression language"))
            .with_help("a function with a similar name exists: `Word`");
        let expected = "\
error[unknown_function]: unknown function `Wrod`
 --> mappings/kintone.yaml:3:30
  |
3 |     expression: \"Join(\\\" \\\", Wrod([x],1))\"
  |                              ^^^^ not a function of the expression language
  = help: a function with a similar name exists: `Word`";
        assert_eq!(render(&diagnostic, Style::default()), expected);
    }

    #[test]
    fn prints_a_place_without_excerpt() {
        let diagnostic = Diagnostic::warning("row_short", "row has 3 cells instead of 4")
            .with_place(Place::of_line("users.csv", 7))
            .with_help("quote the cell that holds the line break");
        assert_eq!(
            render_all(&[diagnostic.clone(), diagnostic], Style::default()),
            "warning[row_short]: row has 3 cells instead of 4\n --> users.csv:7\n  = help: quote the cell that holds the line break\n\n\
             warning[row_short]: row has 3 cells instead of 4\n --> users.csv:7\n  = help: quote the cell that holds the line break\n"
        );
        let bare = Diagnostic::new(Severity::Info, "note", "nothing to do");
        assert_eq!(render(&bare, Style::default()), "info[note]: nothing to do");
        let whole = Diagnostic::error("empty", "file is empty").with_place(Place::of_file("users.csv"));
        assert_eq!(render(&whole, Style::default()), "error[empty]: file is empty\n --> users.csv");
    }

    #[test]
    fn a_place_is_one_line() {
        let error = Diagnostic::error("x", "y").with_place(Place::of_line("a\n\u{1b}[31m.csv", 2));
        assert_eq!(render(&error, Style::default()), "error[x]: y\n --> a␊␛[31m.csv:2");
    }

    #[test]
    fn survives_hostile_text() {
        let file = "a\u{1b}[2J\tx\u{202e}\r\nb";
        for start in 0..file.len() {
            for end in start..=file.len() + 2 {
                let text = render(&Diagnostic::error("x", "\u{1b}y").at("f", file, start..end, None), Style::default());
                assert!(!text.contains('\u{1b}'), "{text}");
            }
        }
    }
}
