//! Documents kept on disk until they are read in another order.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};

use serde_json::Value;

use super::spool::unnamed;

/// Values in an unnamed temporary file; in memory there is only where each lies, by rank and name.
pub struct Shelf {
    file: BufWriter<File>,
    places: Vec<Place>,
    end: u64,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    rank: u8,
    name: Box<str>,
    start: u64,
    length: u64,
}

impl Shelf {
    pub fn new() -> io::Result<Self> {
        Ok(Self { file: BufWriter::new(unnamed()?), places: Vec::new(), end: 0 })
    }

    pub fn put(&mut self, rank: u8, name: &str, value: &Value) -> io::Result<()> {
        let text = value.to_string();
        self.file.write_all(text.as_bytes())?;
        let length = text.len() as u64;
        self.places.push(Place { rank, name: name.into(), start: self.end, length });
        self.end += length;
        Ok(())
    }

    /// Calls `each` with every value, sorted by rank and name; it can be called again.
    pub fn each<E: From<io::Error>>(&mut self, each: &mut dyn FnMut(Value) -> Result<(), E>) -> Result<(), E> {
        self.file.flush()?;
        self.places.sort_unstable();
        let mut text = Vec::new();
        for place in &self.places {
            let file = self.file.get_mut();
            file.seek(SeekFrom::Start(place.start))?;
            text.clear();
            file.take(place.length).read_to_end(&mut text)?;
            each(serde_json::from_slice(&text).map_err(io::Error::from)?)?;
        }
        self.file.get_mut().seek(SeekFrom::Start(self.end))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_come_back_sorted_and_more_can_follow() {
        let mut shelf = Shelf::new().expect("a temporary file");
        for (rank, name) in [(1, "b"), (0, "z"), (1, "a")] {
            shelf.put(rank, name, &json!([rank, name])).expect("room");
        }
        let all = |shelf: &mut Shelf| {
            let mut found = Vec::new();
            let each = &mut |value: Value| -> io::Result<()> {
                found.push(value.to_string());
                Ok(())
            };
            shelf.each(each).expect("readable");
            found.join(" ")
        };
        assert_eq!(all(&mut shelf), r#"[0,"z"] [1,"a"] [1,"b"]"#);
        shelf.put(0, "a", &json!([0, "a"])).expect("room");
        assert_eq!(all(&mut shelf), r#"[0,"a"] [0,"z"] [1,"a"] [1,"b"]"#);
    }
}
