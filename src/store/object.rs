//! What is remembered of a source object.

use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::{StoreError, codec};
use crate::model::{Link, LinkState, ObjectKind, SourceAnchor, SourceState, TargetId};

/// One source object as its last evaluation left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRow {
    pub anchor: SourceAnchor,
    pub kind: ObjectKind,
    pub link: Link,
    /// Hash over everything of the object that is used (service.md D-15).
    pub used: u64,
    pub state: SourceState,
    pub assigned: bool,
    pub filter_passed: bool,
    /// `input_scope`, `source.include` or `source.exclude` left it out: it is not deprovisioned either (service.md X7).
    pub left_out: bool,
    /// The value of `active` that was last exported or read, if known.
    pub active_in_target: Option<bool>,
    /// Since when the object is soft-deleted.
    pub left_at: Option<Timestamp>,
}

const KIND_GROUP: i64 = 1;
const STATE_SHIFT: u32 = 1;
const ASSIGNED: i64 = 1 << 3;
const FILTER_PASSED: i64 = 1 << 4;
const RELEASED: i64 = 1 << 5;
const ACTIVE_KNOWN: i64 = 1 << 6;
const ACTIVE: i64 = 1 << 7;
const LEFT_OUT: i64 = 1 << 8;

impl ObjectRow {
    pub fn in_scope(&self) -> bool {
        self.assigned && self.filter_passed
    }

    pub(super) fn flags(&self) -> i64 {
        let state = match self.state {
            SourceState::Active => 0,
            SourceState::Disabled => 1,
            SourceState::SoftDeleted => 2,
            SourceState::HardDeleted => 3,
        };
        let bit = |set: bool, bit: i64| if set { bit } else { 0 };
        bit(self.kind == ObjectKind::Group, KIND_GROUP)
            | state << STATE_SHIFT
            | bit(self.assigned, ASSIGNED)
            | bit(self.filter_passed, FILTER_PASSED)
            | bit(self.left_out, LEFT_OUT)
            | bit(self.link.state() == LinkState::Released, RELEASED)
            | bit(self.active_in_target.is_some(), ACTIVE_KNOWN)
            | bit(self.active_in_target == Some(true), ACTIVE)
    }

    pub(super) fn kind_of(flags: i64) -> ObjectKind {
        if flags & KIND_GROUP != 0 { ObjectKind::Group } else { ObjectKind::User }
    }

    /// Reads the columns `anchor, target, used, flags, left_at`.
    pub(super) fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let anchor = SourceAnchor(codec::identifier(row.get_ref(0)?)?);
        let target = match row.get_ref(1)? {
            ValueRef::Null => None,
            other => Some(TargetId(codec::identifier(other)?)),
        };
        let flags: i64 = row.get(3)?;
        let has = |bit: i64| flags & bit != 0;
        Ok(Self {
            anchor,
            kind: Self::kind_of(flags),
            link: match target {
                None => Link::None,
                Some(id) if has(RELEASED) => Link::Released(id),
                Some(id) => Link::Managed(id),
            },
            used: row.get::<_, i64>(2)?.cast_unsigned(),
            state: match flags >> STATE_SHIFT & 3 {
                0 => SourceState::Active,
                1 => SourceState::Disabled,
                2 => SourceState::SoftDeleted,
                _ => SourceState::HardDeleted,
            },
            assigned: has(ASSIGNED),
            filter_passed: has(FILTER_PASSED),
            left_out: has(LEFT_OUT),
            active_in_target: has(ACTIVE_KNOWN).then(|| has(ACTIVE)),
            left_at: row.get::<_, Option<i64>>(4)?.map(codec::time).transpose()?,
        })
    }
}
