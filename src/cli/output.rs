//! Standard output and the line of progress on standard error.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Stderr, Stdout, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

use super::args::{Color, Format};
use super::spool::BUFFER;
use crate::diagnostic::Style;

/// Where results and progress go; results are complete lines, and a progress bar never breaks one.
pub struct Output {
    pub format: Format,
    color: Color,
    results: Mutex<BufWriter<Stdout>>,
    screen: Screen,
}

impl Output {
    pub fn new(format: Format, color: Color, screen: Screen) -> Self {
        Self { format, color, results: Mutex::new(BufWriter::with_capacity(BUFFER, io::stdout())), screen }
    }

    pub fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// How text on standard output looks.
    pub fn style(&self) -> Style {
        Style { color: self.color.applies(io::stdout().is_terminal()) }
    }

    /// Writes text as it stands.
    pub fn text(&self, text: &str) -> io::Result<()> {
        self.screen.beside(|| {
            let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
            results.write_all(text.as_bytes())?;
            if io::stdout().is_terminal() { results.flush() } else { Ok(()) }
        })
    }

    /// Writes one JSON document: indented for a person, on one line for a program.
    pub fn json(&self, document: &Value) -> io::Result<()> {
        let text = if io::stdout().is_terminal() {
            serde_json::to_string_pretty(document)
        } else {
            serde_json::to_string(document)
        }?;
        self.text(&format!("{text}\n"))
    }

    /// Writes the document or the text, whichever was asked for.
    pub fn either(&self, document: impl FnOnce() -> Value, text: impl FnOnce(Style) -> String) -> io::Result<()> {
        if self.is_json() { self.json(&document()) } else { self.text(&text(self.style())) }
    }

    /// Copies bytes, for documents too large to hold.
    pub fn copy(&self, reader: &mut impl io::Read) -> io::Result<()> {
        let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        io::copy(reader, &mut *results).map(drop)
    }

    /// Copies a file from where it stands: the kernel does it, and need not show us what is in it.
    pub fn copy_file(&self, file: &mut File) -> io::Result<()> {
        let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        results.flush()?;
        io::copy(file, &mut io::stdout().lock()).map(drop)
    }

    pub fn flush(&self) -> io::Result<()> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }

    /// Starts a bar with count and remaining time; on anything but a terminal it stays invisible.
    pub fn bar(&self) -> ProgressBar {
        self.screen.bar()
    }
}

/// Standard output as a file, for documents too large to hold.
pub struct Piece<'a>(pub &'a Output);

impl Write for Piece<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut from = bytes;
        self.0.copy(&mut from)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Color {
    pub fn applies(self, is_terminal: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => {
                let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                is_terminal && !refused && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
            }
        }
    }
}

/// Standard error, shared by logs and progress bars.
#[derive(Clone, Default)]
pub struct Screen(MultiProgress);

impl Screen {
    /// Does something that writes, with the bars out of the way.
    fn beside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.suspend(write)
    }

    fn bar(&self) -> ProgressBar {
        if !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = self.0.add(ProgressBar::no_length());
        let style = ProgressStyle::with_template("{bar:30} {human_pos} of {human_len} objects, {eta} left");
        bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
    }
}

impl<'w> MakeWriter<'w> for Screen {
    type Writer = LogLine<'w>;

    fn make_writer(&'w self) -> LogLine<'w> {
        LogLine { screen: self, stderr: io::stderr() }
    }
}

/// Writes what is logged between two states of a bar.
pub struct LogLine<'w> {
    screen: &'w Screen,
    stderr: Stderr,
}

impl Write for LogLine<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Self { screen, stderr } = self;
        screen.beside(|| stderr.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stderr.flush()
    }
}
