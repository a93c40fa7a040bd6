//! Identifiers and times as they are stored.

use jiff::Timestamp;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};

use super::StoreError;
use crate::model::SourceAnchor;

/// An identifier as stored: a GUID in its canonical lower case as 16 bytes, anything else as text.
pub(super) struct Stored<'a>(pub &'a str);

impl rusqlite::ToSql for Stored<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match guid(self.0) {
            Some(bytes) => ToSqlOutput::Owned(Value::Blob(bytes.to_vec())),
            None => ToSqlOutput::Borrowed(ValueRef::Text(self.0.as_bytes())),
        })
    }
}

/// What was read from the file, to be written as it is.
pub(super) struct AsStored<'a>(pub ValueRef<'a>);

impl rusqlite::ToSql for AsStored<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.0))
    }
}

/// Where an anchor stands in the order of the file: texts before GUIDs.
pub(super) type Place = (Option<[u8; 16]>, SourceAnchor);

pub(super) fn place(anchor: SourceAnchor) -> Place {
    (guid(anchor.as_str()), anchor)
}

pub(super) fn guid(text: &str) -> Option<[u8; 16]> {
    if text.len() != 36 {
        return None;
    }
    let parsed = uuid::Uuid::try_parse(text).ok()?;
    let mut buffer = uuid::Uuid::encode_buffer();
    (parsed.as_hyphenated().encode_lower(&mut buffer) == text).then(|| parsed.into_bytes())
}

/// Reads back what [`Stored`] wrote.
pub(super) fn identifier(value: ValueRef<'_>) -> rusqlite::Result<String> {
    match value {
        ValueRef::Blob(bytes) => Ok(uuid::Uuid::from_slice(bytes)
            .map_err(|error| {
                rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, Box::new(error))
            })?
            .to_string()),
        other => Ok(other.as_str()?.to_owned()),
    }
}

pub(super) fn millis(time: Timestamp) -> i64 {
    time.as_millisecond()
}

pub(super) fn time(millis: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(millis).map_err(|error| StoreError::Decode(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::guid;

    #[test]
    fn only_canonical_guids_are_packed() {
        assert!(guid("3d628091-ebb6-4e5b-a621-3648e0d9dc7a").is_some());
        for text in ["3D628091-ebb6-4e5b-a621-3648e0d9dc7a", "3d628091ebb64e5ba6213648e0d9dc7a", "", "uid=a,dc=b"] {
            assert!(guid(text).is_none(), "{text}");
        }
    }
}
