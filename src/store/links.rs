//! Stored links between source and target objects (service.md D-28).

use rusqlite::params;

use super::codec::Stored;
use super::{JobKey, ObjectRow, Store, StoreError};
use crate::model::{LinkState, ObjectKind, SourceAnchor, TargetId};

/// One stored link as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLink {
    pub source: SourceAnchor,
    pub target: TargetId,
    pub kind: ObjectKind,
    pub state: LinkState,
}

impl Store {
    /// Calls `each` with every link, in the order of source anchors.
    pub fn each_link(&self, job: JobKey, each: &mut dyn FnMut(StoredLink)) -> Result<(), StoreError> {
        self.each_object(job, &mut |row| {
            if let Some(link) = stored(row) {
                each(link);
            }
            std::ops::ControlFlow::Continue(())
        })
    }

    /// The link whose source or target identifier is `id`.
    pub fn link(&self, job: JobKey, id: &str) -> Result<Option<StoredLink>, StoreError> {
        let anchor = SourceAnchor(id.to_owned());
        let by_source = self.object(job, &anchor)?.and_then(stored);
        if by_source.is_some() {
            return Ok(by_source);
        }
        match self.owner_of(job, &TargetId(id.to_owned()))? {
            Some(owner) => Ok(self.object(job, &owner)?.and_then(stored)),
            None => Ok(None),
        }
    }

    /// Forgets a link; false where there is none. The next evaluation of the object matches again.
    pub fn remove_link(&self, job: JobKey, source: &SourceAnchor) -> Result<bool, StoreError> {
        let source = source.clone();
        self.write_now(Some(job), move |connection| {
            // `used` 0 makes the object count as changed.
            let sql =
                "UPDATE objects SET target = NULL, used = 0 WHERE job = ?1 AND anchor = ?2 AND target IS NOT NULL";
            let removed = connection.execute(sql, params![job.0, Stored(source.as_str())])? > 0;
            if removed {
                super::escrows::remove(connection, job, &source)?;
            }
            Ok(removed)
        })
    }
}

fn stored(row: ObjectRow) -> Option<StoredLink> {
    let target = row.link.target()?.clone();
    Some(StoredLink { source: row.anchor, target, kind: row.kind, state: row.link.state() })
}
