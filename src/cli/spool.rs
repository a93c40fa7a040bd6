//! Values kept on disk until a document can be printed whole.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};

use serde::Serialize;

/// Octets that are written and read at once: a record has some thousands, the report of a large cycle tens of millions.
pub const BUFFER: usize = 1 << 16;

/// The inside of a JSON array in an unnamed temporary file, which only this user can read and which ends with the process.
pub struct Spool {
    file: BufWriter<File>,
    is_empty: bool,
}

impl Spool {
    pub fn new() -> io::Result<Self> {
        Ok(Self { file: BufWriter::with_capacity(BUFFER, unnamed()?), is_empty: true })
    }

    pub fn push(&mut self, value: &impl Serialize) -> io::Result<()> {
        if !self.is_empty {
            self.file.write_all(b",")?;
        }
        self.is_empty = false;
        Ok(serde_json::to_writer(&mut self.file, value)?)
    }

    /// The elements with commas between them, without brackets.
    pub fn into_file(self) -> io::Result<File> {
        let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        Ok(file)
    }
}

/// Makes a file without a name: it is removed while it is open.
pub(super) fn unnamed() -> io::Result<File> {
    let path = std::env::temp_dir().join(format!("provisiond-{}", uuid::Uuid::new_v4()));
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn elements_come_back_in_order() {
        for count in [0_u32, 1, 3, 5000] {
            let mut spool = Spool::new().expect("a temporary file");
            for index in 0..count {
                spool.push(&json!({ "n": index })).expect("it takes values");
            }
            let mut text = "[".to_owned();
            spool.into_file().expect("it turns round").read_to_string(&mut text).expect("UTF-8");
            text.push(']');
            let back: Vec<Value> = serde_json::from_str(&text).expect("JSON");
            assert_eq!(back.len() as u64, u64::from(count));
            assert!(back.iter().zip(0_u32..).all(|(value, index)| value["n"] == index));
        }
    }
}
