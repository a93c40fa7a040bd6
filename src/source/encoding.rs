//! Which encoding a file is in, and its bytes as UTF-8 (sources.md 5).

use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Decoder, DecoderResult, EUC_JP, Encoding, GBK, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use memchr::{memchr, memrchr2};

use super::fetch::Feed;
use super::frame::{FileFault, FormatGuess};

/// Written in the place of what cannot be decoded: no byte of UTF-8, so that nothing passes for text.
pub const UNDECODABLE: u8 = 0xFF;

/// How much of a file its encoding is first judged by.
const HEAD: usize = 64 << 10;
/// How much of it statistics are made of (section 5, rule 6).
const SAMPLE: usize = 1 << 20;
const LOOKED_AT_FOR_NUL: usize = 64;

/// The encoding a file is read in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    pub encoding: &'static Encoding,
    /// Bytes of the byte-order mark.
    pub mark: u8,
    pub reason: Reason,
    /// In LDIF, the encoding of values that are not UTF-8 (sources.md 9.6).
    pub fallback: Option<&'static Encoding>,
}

/// Why an encoding was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    Mark,
    Configured,
    /// It is the only one of the preset.
    Preset,
    /// JSON and LDIF are UTF-8.
    Format,
    /// The beginning of the file is UTF-8. On the first `encoding.invalid`, and when the file is refused, it is to be read again,
    /// with [`Look::Whole`]; where neither comes, the whole file is.
    Provisional,
    /// The whole file is UTF-8.
    Whole,
    /// Most lines are UTF-8; the others are refused.
    Mostly,
    /// By statistics: warn with `encoding.guessed`.
    Guessed,
}

/// How much of a CSV file is looked at to see whether it is UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Its beginning, which spares a pass over the file; see [`Reason::Provisional`]. For who can read it again.
    Head,
    Whole,
}

/// Returns the encoding of this label of the Encoding Standard; `system` is windows-1252.
pub fn by_label(label: &str) -> Option<&'static Encoding> {
    if label.eq_ignore_ascii_case("system") { Some(WINDOWS_1252) } else { Encoding::for_label(label.as_bytes()) }
}

/// Returns the name of the Encoding Standard, in lower case.
pub fn name(encoding: &'static Encoding) -> String {
    encoding.name().to_ascii_lowercase()
}

/// Chooses the encoding of a file, which is read from its beginning and left at any place.
///
/// `listed` are the preset's `encodings`; empty if there is no preset yet.
pub fn choose<F: Read + Seek>(
    file: &mut F,
    format: FormatGuess,
    configured: Option<&'static Encoding>,
    listed: &[&'static Encoding],
    look: Look,
) -> Result<Choice, FileFault> {
    let head = read_head(file, HEAD)?;
    if let Some((encoding, mark)) = Encoding::for_bom(&head) {
        // at most three bytes
        let mark = u8::try_from(mark).unwrap_or(0);
        return Ok(Choice { encoding, mark, reason: Reason::Mark, fallback: configured });
    }
    refuse_nul(&head)?;
    let chosen = |encoding, reason| Choice { encoding, mark: 0, reason, fallback: None };
    let only = match (configured, listed) {
        (Some(encoding), _) => Some(chosen(encoding, Reason::Configured)),
        (None, [encoding]) => Some(chosen(encoding, Reason::Preset)),
        (None, _) => None,
    };
    match (format, only) {
        // single values may be in another encoding, the file as a whole is UTF-8 (sources.md 9.6)
        (FormatGuess::Ldif, Some(choice)) if choice.encoding != UTF_16LE && choice.encoding != UTF_16BE => {
            let fallback = (choice.encoding != UTF_8).then_some(choice.encoding);
            Ok(Choice { encoding: UTF_8, fallback, ..choice })
        }
        (_, Some(choice)) => Ok(choice),
        (FormatGuess::Json | FormatGuess::Ldif, None) => Ok(chosen(UTF_8, Reason::Format)),
        (FormatGuess::Csv, None) => {
            if look == Look::Head && is_beginning_of_utf8(&head) {
                return Ok(chosen(UTF_8, Reason::Provisional));
            }
            match judge_utf8(file)? {
                Judgement::Valid => Ok(chosen(UTF_8, Reason::Whole)),
                Judgement::Mostly => Ok(chosen(UTF_8, Reason::Mostly)),
                Judgement::Other => Ok(chosen(guess(file, listed)?, Reason::Guessed)),
            }
        }
    }
}

/// Refuses what holds too many NULs to be text (section 5, rule 2).
fn refuse_nul(head: &[u8]) -> Result<(), FileFault> {
    let head = &head[..head.len().min(LOOKED_AT_FOR_NUL)];
    let count = |parity: usize| head.iter().skip(parity).step_by(2).filter(|&&byte| byte == 0).count();
    let (even, odd) = (count(0), count(1));
    if even + odd == 0 || (even + odd) * 4 < head.len() {
        return Ok(());
    }
    Err(if even == 0 || odd == 0 {
        FileFault::new(
            "encoding.utf16_without_bom",
            None,
            "the file looks like UTF-16 without a byte-order mark",
            "export it as UTF-8, or as UTF-16 with a byte-order mark",
        )
    } else {
        FileFault::new("format.binary", None, "the file is not text", "export the directory as CSV, LDIF or JSON")
    })
}

/// Says whether all of `head` is UTF-8, but for a sequence that its end cuts.
fn is_beginning_of_utf8(head: &[u8]) -> bool {
    match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none() && head.len() == HEAD,
    }
}

enum Judgement {
    Valid,
    /// At least as many lines that are not ASCII are UTF-8 as are not.
    Mostly,
    Other,
}

/// Reads the whole file to see how much of it is UTF-8 (section 5, rules 5 and 5a).
fn judge_utf8<F: Read + Seek>(file: &mut F) -> Result<Judgement, FileFault> {
    let mut is_valid = true;
    for_lines(file, |lines| {
        is_valid = Encoding::utf8_valid_up_to(lines) == lines.len();
        is_valid
    })?;
    if is_valid {
        return Ok(Judgement::Valid);
    }
    let (mut valid, mut invalid) = (0_u64, 0_u64);
    for_lines(file, |lines| {
        for line in lines.split(|&byte| byte == b'\n' || byte == b'\r').filter(|line| !line.is_ascii()) {
            match std::str::from_utf8(line) {
                Ok(_) => valid += 1,
                Err(_) => invalid += 1,
            }
        }
        true
    })?;
    Ok(if valid >= invalid { Judgement::Mostly } else { Judgement::Other })
}

/// Gives the file in pieces that end where lines end, while `each` wants more; a line longer than a mebibyte comes in several,
/// cut before a character.
fn for_lines<F: Read + Seek>(file: &mut F, mut each: impl FnMut(&[u8]) -> bool) -> Result<(), FileFault> {
    rewind(file)?;
    let mut buffer = vec![0; SAMPLE];
    let mut held = 0;
    loop {
        let count = read_some(file, &mut buffer[held..])?;
        held += count;
        if count == 0 {
            each(&buffer[..held]);
            return Ok(());
        }
        let end = match memrchr2(b'\n', b'\r', &buffer[..held]) {
            Some(at) => at + 1,
            None if held == buffer.len() => before_last_character(&buffer),
            None => continue,
        };
        if !each(&buffer[..end]) {
            return Ok(());
        }
        buffer.copy_within(end..held, 0);
        held -= end;
    }
}

/// Returns where the last character begins, if it is not ASCII; the end, if it is.
fn before_last_character(text: &[u8]) -> usize {
    let continued = text.iter().rev().take(3).take_while(|&&byte| byte & 0xC0 == 0x80).count();
    let end = text.len() - continued;
    match text[..end].last() {
        Some(byte) if *byte >= 0xC0 => end - 1,
        Some(_) | None => text.len(),
    }
}

/// Guesses among the encodings of the preset (section 5, rule 6).
fn guess<F: Read + Seek>(file: &mut F, listed: &[&'static Encoding]) -> Result<&'static Encoding, FileFault> {
    let others = |list: &[&'static Encoding]| -> Vec<&'static Encoding> {
        list.iter().copied().filter(|encoding| ![UTF_8, UTF_16LE, UTF_16BE].contains(encoding)).collect()
    };
    let mut candidates = others(listed);
    if candidates.is_empty() {
        candidates = vec![SHIFT_JIS, WINDOWS_1252, EUC_JP, GBK];
    }
    let sample = read_head(file, SAMPLE)?;
    let guess = detect(&[&sample], sample.len() < SAMPLE);
    if candidates.contains(&guess) && !guess.is_single_byte() {
        return Ok(guess);
    }
    // one bad byte rules an encoding out that all other lines are in
    for &encoding in candidates.iter().filter(|encoding| !encoding.is_single_byte()) {
        if detect_most(&sample, encoding) {
            return Ok(encoding);
        }
    }
    if candidates.contains(&guess) {
        return Ok(guess);
    }
    for &encoding in &candidates {
        if decodes_whole(file, encoding)? {
            return Ok(encoding);
        }
    }
    Ok(candidates[0])
}

fn detect(pieces: &[&[u8]], is_whole: bool) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    for piece in pieces {
        detector.feed(piece, false);
    }
    detector.feed(&[], is_whole);
    detector.guess(None, Utf8Detection::Deny)
}

/// Says whether the sample looks like `encoding` without the lines that cannot be in it, which are fewer than those that can.
fn detect_most(sample: &[u8], encoding: &'static Encoding) -> bool {
    let lines = sample.split_inclusive(|&byte| byte == b'\n' || byte == b'\r').filter(|line| !line.is_ascii());
    let is_in = |line: &&[u8]| encoding.decode_without_bom_handling_and_without_replacement(line).is_some();
    let (within, without): (Vec<&[u8]>, Vec<&[u8]>) = lines.partition(is_in);
    !without.is_empty() && within.len() > without.len() && detect(&within, true) == encoding
}

fn decodes_whole<F: Read + Seek>(file: &mut F, encoding: &'static Encoding) -> Result<bool, FileFault> {
    rewind(file)?;
    let choice = Choice { encoding, mark: 0, reason: Reason::Guessed, fallback: None };
    let mut input = Input::new(file, &choice);
    let mut text = vec![0; HEAD];
    loop {
        match input.read(&mut text)? {
            0 => return Ok(true),
            count if memchr(UNDECODABLE, &text[..count]).is_some() => return Ok(false),
            _ => {}
        }
    }
}

fn rewind<F: Seek>(file: &mut F) -> Result<(), FileFault> {
    file.seek(SeekFrom::Start(0)).map(drop).map_err(|error| unreadable(&error))
}

/// Reads up to `length` bytes from the beginning.
fn read_head<F: Read + Seek>(file: &mut F, length: usize) -> Result<Vec<u8>, FileFault> {
    rewind(file)?;
    let mut head = Vec::with_capacity(length);
    file.take(length as u64).read_to_end(&mut head).map_err(|error| unreadable(&error))?;
    Ok(head)
}

fn read_some<R: Read>(reader: &mut R, buffer: &mut [u8]) -> Result<usize, FileFault> {
    loop {
        match reader.read(buffer) {
            Ok(count) => return Ok(count),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(&error)),
        }
    }
}

fn unreadable(error: &std::io::Error) -> FileFault {
    FileFault::new(
        "file.unreadable",
        None,
        format!("the file cannot be read: {error}"),
        "see that the file may be read by the service's user and lies on a disk that works",
    )
}

/// Returns the first bytes of a file in UTF-8, without mark; what cannot be decoded is [`UNDECODABLE`].
pub fn decode_head(head: &[u8], choice: &Choice) -> Vec<u8> {
    let mut input = Input::new(head, choice);
    let mut text = Vec::new();
    let mut filled = 0;
    loop {
        text.resize(filled + HEAD, 0);
        // a head that is cut in the middle of a character ends there
        match input.read(&mut text[filled..]) {
            Ok(count) if count > 0 => filled += count,
            Ok(_) | Err(_) => break,
        }
    }
    text.truncate(filled);
    text
}

/// The bytes of a file in UTF-8, without mark.
///
/// A file in UTF-8 passes as it is, unchecked; in other encodings what cannot be decoded becomes [`UNDECODABLE`].
pub struct Input<R> {
    reader: R,
    mark: usize,
    mixed: bool,
    transcoder: Option<Transcoder>,
}

struct Transcoder {
    decoder: Decoder,
    raw: Vec<u8>,
    start: usize,
    end: usize,
    at_end: bool,
    finished: bool,
    /// Bytes read, for UTF-16.
    total: u64,
    in_pairs: bool,
}

impl<R: Feed> Input<R> {
    /// Begins at the first byte of the file, before the mark.
    pub fn new(reader: R, choice: &Choice) -> Self {
        let transcoder = (choice.encoding != UTF_8).then(|| Transcoder {
            decoder: choice.encoding.new_decoder_without_bom_handling(),
            raw: vec![0; HEAD],
            start: 0,
            end: 0,
            at_end: false,
            finished: false,
            total: 0,
            in_pairs: choice.encoding == UTF_16LE || choice.encoding == UTF_16BE,
        });
        Self {
            reader,
            mark: usize::from(choice.mark),
            mixed: choice.reason == Reason::Mostly || transcoder.is_some(),
            transcoder,
        }
    }

    /// Says whether undecodable bytes are to be expected.
    pub(super) fn may_be_undecodable(&self) -> bool {
        self.mixed
    }

    /// Reads into `buffer`, which has room for more than a character; 0 at the end.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, FileFault> {
        self.pass_mark()?;
        match &mut self.transcoder {
            None => read_some(&mut self.reader, buffer),
            Some(transcoder) => transcoder.read(&mut self.reader, buffer),
        }
    }

    /// See [`Feed::exchange`]; what must be decoded is only read.
    pub(super) fn exchange(
        &mut self,
        buffer: &mut Vec<u8>,
        held: Range<usize>,
    ) -> Result<Option<Range<usize>>, FileFault> {
        if self.transcoder.is_some() {
            return Ok(None);
        }
        self.pass_mark()?;
        self.reader.exchange(buffer, held).map_err(|error| unreadable(&error))
    }

    fn pass_mark(&mut self) -> Result<(), FileFault> {
        while self.mark > 0 {
            let mut mark = [0; 4];
            let count = read_some(&mut self.reader, &mut mark[..self.mark])?;
            if count == 0 {
                break;
            }
            self.mark -= count;
        }
        Ok(())
    }
}

impl Transcoder {
    fn read<R: Read>(&mut self, reader: &mut R, buffer: &mut [u8]) -> Result<usize, FileFault> {
        let mut written = 0;
        // one byte is left for the mark of what cannot be decoded
        while !self.finished && buffer.len() - written > 16 {
            if self.start == self.end && !self.at_end {
                if written > 0 {
                    break;
                }
                self.start = 0;
                self.end = read_some(reader, &mut self.raw)?;
                self.at_end = self.end == 0;
                self.total += self.end as u64;
                if self.at_end && self.in_pairs && self.total % 2 == 1 {
                    return Err(FileFault::new(
                        "encoding.truncated",
                        None,
                        "the file is cut: it has an odd number of bytes, which UTF-16 cannot have",
                        "copy or export the file anew",
                    ));
                }
            }
            let room = buffer.len() - 1;
            let (result, used, given) = self.decoder.decode_to_utf8_without_replacement(
                &self.raw[self.start..self.end],
                &mut buffer[written..room],
                self.at_end,
            );
            self.start += used;
            written += given;
            match result {
                DecoderResult::InputEmpty => self.finished = self.at_end,
                DecoderResult::OutputFull => break,
                DecoderResult::Malformed(..) => {
                    buffer[written] = UNDECODABLE;
                    written += 1;
                }
            }
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use encoding_rs::{Encoding, SHIFT_JIS, UTF_8, WINDOWS_1252};

    use super::{Look, Reason, choose, decode_head, name};
    use crate::source::frame::FormatGuess::{self, Csv, Json, Ldif};

    fn chosen(
        file: &[u8],
        format: FormatGuess,
        configured: Option<&'static Encoding>,
        listed: &[&'static Encoding],
    ) -> String {
        match choose(&mut Cursor::new(file), format, configured, listed, Look::Whole) {
            Ok(choice) => {
                let text = String::from_utf8_lossy(&decode_head(file, &choice)).into_owned();
                let fallback = choice.fallback.map(name).unwrap_or_default();
                format!("{} {} {:?} {fallback} {}", name(choice.encoding), choice.mark, choice.reason, text.trim())
            }
            Err(fault) => fault.code.to_owned(),
        }
    }

    #[test]
    fn chooses_in_the_order_of_the_specification() {
        let sjis = SHIFT_JIS.encode("姓,名\n髙橋①,表能～\n").0.into_owned();
        let damaged = [&sjis[..], b"b,\xfd\n"].concat();
        let latin = WINDOWS_1252.encode("Name;Stra\u{df}e\nMüller;Hauptstraße 5 – 7 €\n").0.into_owned();
        let mixed = ["é\né\nx\n".as_bytes(), b"\xff\n"].concat();
        let (utf8, ansi): (&[_], &[_]) = (&[UTF_8], &[WINDOWS_1252, SHIFT_JIS]);
        for (file, format, configured, listed, expected) in [
            (&b"\xef\xbb\xbfa"[..], Csv, Some(SHIFT_JIS), utf8, "utf-8 3 Mark shift_jis a"),
            (b"\xff\xfea\0\x42\x30", Json, None, &[], "utf-16le 2 Mark  aあ"),
            (b"\xfe\xff\0a\x30\x42", Csv, None, &[], "utf-16be 2 Mark  aあ"),
            (b"a\0b\0", Csv, None, &[], "encoding.utf16_without_bom"),
            (b"\0\0\0\0a", Json, None, &[], "format.binary"),
            (b"abc", Csv, Some(SHIFT_JIS), utf8, "shift_jis 0 Configured  abc"),
            (b"abc", Csv, None, utf8, "utf-8 0 Preset  abc"),
            (b"\xff", Json, None, &[], "utf-8 0 Format  \u{fffd}"),
            (b"dn:", Ldif, Some(WINDOWS_1252), &[], "utf-8 0 Configured windows-1252 dn:"),
            ("é\n".as_bytes(), Csv, None, &[], "utf-8 0 Whole  é"),
            (&mixed, Csv, None, &[], "utf-8 0 Mostly  é\né\nx\n\u{fffd}"),
            (&sjis, Csv, None, &[], "shift_jis 0 Guessed  姓,名\n髙橋①,表能～"),
            (&latin, Csv, None, ansi, "windows-1252 0 Guessed  Name;Straße\nMüller;Hauptstraße 5 – 7 €"),
            (&damaged, Csv, None, &[], "shift_jis 0 Guessed  姓,名\n髙橋①,表能～\nb,\u{fffd}"),
        ] {
            assert_eq!(chosen(file, format, configured, listed), expected, "{file:?}");
        }
    }

    #[test]
    fn judges_lines_that_are_longer_than_a_piece() {
        let long = "a".to_owned() + &"あ".repeat(1 << 20);
        let choice = choose(&mut Cursor::new(long.as_bytes()), Csv, None, &[], Look::Whole);
        assert_eq!(choice.map(|choice| choice.reason), Ok(Reason::Whole));
        let choice = choose(&mut Cursor::new(long.as_bytes()), Csv, None, &[], Look::Head);
        assert_eq!(choice.map(|choice| choice.reason), Ok(Reason::Provisional));
    }

    #[test]
    fn refuses_utf16_that_is_cut() {
        let file = b"\xff\xfea\0b";
        let choice = choose(&mut Cursor::new(&file[..]), Csv, None, &[], Look::Whole).expect("it has a mark");
        let mut input = super::Input::new(&file[..], &choice);
        let mut buffer = [0; 64];
        let code = loop {
            match input.read(&mut buffer) {
                Ok(0) => break "",
                Ok(_) => {}
                Err(fault) => break fault.code,
            }
        };
        assert_eq!(code, "encoding.truncated");
    }
}
