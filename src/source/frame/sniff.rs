//! What a file is, by its first bytes (sources.md 6).

use super::FileFault;

/// The format that the beginning of a file shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormatGuess {
    Csv,
    Json,
    Ldif,
}

/// What a file may be in place of an export: how it begins, code, what it is, what to do.
const OTHERS: &[(&[u8], &str, &str, &str)] = &[
    (b"PK\x03\x04", "format.zip", "this is a workbook or an archive", "export as CSV, or unpack the archive"),
    (b"\x1f\x8b", "format.gzip", "this is a compressed file", "unpack it: nothing is decompressed here"),
    (b"%PDF-", "format.pdf", "this is a PDF document", "export as CSV, LDIF or JSON"),
    (b"\xd0\xcf\x11\xe0", "format.ole", "this is a workbook of an older spreadsheet", "export as CSV"),
];

const MARKUP: &[&[u8]] = &[b"<!doctype", b"<html", b"<?xml"];

/// Refuses what is no export by the first bytes of the file as they lie there.
pub fn sniff(head: &[u8]) -> Result<(), FileFault> {
    for (begins, code, message, help) in OTHERS {
        if head.starts_with(begins) {
            return Err(FileFault::new(code, None, *message, *help));
        }
    }
    refuse_markup(head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head))
}

/// Refuses a web page by the first bytes of text; for a file in UTF-16 these are known only once it is decoded.
pub fn refuse_markup(text: &[u8]) -> Result<(), FileFault> {
    let text = text.trim_ascii_start();
    if MARKUP.iter().any(|begins| text.get(..begins.len()).is_some_and(|start| start.eq_ignore_ascii_case(begins))) {
        return Err(FileFault::new(
            "format.html",
            None,
            "this is a web page, not an export",
            "the export saved a sign-in or error page: sign in and export anew",
        ));
    }
    Ok(())
}

/// Tells the format by the first bytes of text, in UTF-8 and without mark; what is neither JSON nor LDIF may be CSV.
pub fn guess_format(text: &[u8]) -> FormatGuess {
    if let Some(b'{' | b'[') = text.trim_ascii_start().first() {
        return FormatGuess::Json;
    }
    let mut lines = text.split(|&byte| byte == b'\n');
    let mut in_comment = false;
    let first = lines.find(|line| {
        in_comment = line.starts_with(b"#") || (in_comment && matches!(line.first(), Some(b' ' | b'\t')));
        !in_comment && !line.trim_ascii().is_empty()
    });
    let after = |with: &[u8]| {
        let line = first?;
        line.get(..with.len())?.eq_ignore_ascii_case(with).then(|| line[with.len()..].trim_ascii_start())
    };
    // the bulk template of Entra begins with `version:v1.0`
    let is_version = after(b"version:").is_some_and(|rest| rest.first().is_none_or(u8::is_ascii_digit));
    if is_version || after(b"dn:").is_some() { FormatGuess::Ldif } else { FormatGuess::Csv }
}

#[cfg(test)]
mod tests {
    use super::{FormatGuess, guess_format, sniff};

    #[test]
    fn refuses_what_is_no_export() {
        for (head, expected) in [
            (&b"PK\x03\x04"[..], Err("format.zip")),
            (b"\x1f\x8b\x08", Err("format.gzip")),
            (b"%PDF-1.7", Err("format.pdf")),
            (b"\xd0\xcf\x11\xe0", Err("format.ole")),
            (b"\xef\xbb\xbf\r\n <!DOCTYPE html>", Err("format.html")),
            (b"<HTML>", Err("format.html")),
            (b"<?xml version", Err("format.html")),
            (b"PK,name", Ok(())),
            (b"", Ok(())),
        ] {
            assert_eq!(sniff(head).map_err(|fault| fault.code), expected, "{head:?}");
        }
    }

    #[test]
    fn tells_formats() {
        for (text, expected) in [
            (" \n[", FormatGuess::Json),
            ("{", FormatGuess::Json),
            ("# c\n folded\n\nDN: o=x", FormatGuess::Ldif),
            ("# c\r\n folded\r\n\tand again\r\n\r\ndn: o=x", FormatGuess::Ldif),
            ("version: 1\n", FormatGuess::Ldif),
            ("version:v1.0,,\n", FormatGuess::Csv),
            ("id,dn:\n", FormatGuess::Csv),
            ("", FormatGuess::Csv),
        ] {
            assert_eq!(guess_format(text.as_bytes()), expected, "{text:?}");
        }
    }
}
