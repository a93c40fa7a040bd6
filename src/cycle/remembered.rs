//! People whom no record of the export is called: the export may have them under another name, or the job alone knows them.

use std::collections::HashMap;
use std::ops::ControlFlow;

use super::error::ServiceError;
use super::record::LOGGED_NAMES;
use super::search::{Before, Search, search};
use super::service::Service;
use crate::config::Job;
use crate::model::{Identity, ObjectKind, SourceAnchor, TargetId};
use crate::store::{JobKey, LogQuery, ObjectRow};

impl Service {
    /// Whom the job knows of the `ids` that were not found, by id; whoever of them is in the export after all is added to what
    /// was found.
    pub(super) fn remembered(
        &self,
        job: &Job,
        key: JobKey,
        ids: &[String],
        sought: ObjectKind,
        before: &Before<'_>,
        found: &mut Search,
    ) -> Result<HashMap<String, Vec<ObjectRow>>, ServiceError> {
        let mut remembered = HashMap::new();
        for id in ids.iter().filter(|id| !found.meant.knows(id)) {
            remembered.insert(id.clone(), self.known_as(key, id)?);
        }
        // Nobody is taken for absent who only has another name now; their own anchors were looked for already.
        let mut others = Vec::new();
        for (id, rows) in &remembered {
            others
                .extend(rows.iter().map(|row| row.anchor.0.clone()).filter(|anchor| !anchor.eq_ignore_ascii_case(id)));
        }
        if others.is_empty() {
            return Ok(remembered);
        }
        let again = tokio::task::block_in_place(|| search(job, &others, sought, before))?;
        for (id, rows) in &remembered {
            if let [row] = rows.as_slice()
                && let Some(object) = again.meant.found.get(&row.anchor.0).filter(|object| object.anchor == row.anchor)
            {
                found.meant.found.insert(id.clone(), object.clone());
            }
        }
        if again.report.refused {
            found.report = again.report;
        }
        Ok(remembered)
    }

    /// The objects of the job that are called `id`: by immutable id, else by account, else by a login name or address of the log.
    fn known_as(&self, key: JobKey, id: &str) -> Result<Vec<ObjectRow>, ServiceError> {
        let store = self.store();
        if id.trim().is_empty() {
            return Ok(Vec::new());
        }
        for anchor in [id.to_owned(), id.to_lowercase()] {
            if let Some(row) = store.object(key, &SourceAnchor(anchor))? {
                return Ok(vec![row]);
            }
        }
        if let Some(owner) = store.owner_of(key, &TargetId(id.to_owned()))? {
            return Ok(store.object(key, &owner)?.into_iter().collect());
        }
        let mut anchors: Vec<SourceAnchor> = Vec::new();
        let query = LogQuery { user: Some(id.to_owned()), ..LogQuery::default() };
        store.log(key, &query, &mut |entry| {
            let Identity { details, display_name, .. } = &entry.source;
            let names = LOGGED_NAMES.iter().filter_map(|name| details.get(name)?.as_str());
            // The display name of a person is nobody's alone.
            let names = names.chain((entry.kind == ObjectKind::Group).then_some(display_name.as_str()));
            let is_called = names.map(str::to_lowercase).any(|name| name == id.to_lowercase());
            let anchor = entry.source_anchor();
            if is_called && !anchors.contains(&anchor) {
                anchors.push(anchor);
            }
            ControlFlow::Continue(())
        })?;
        let mut rows = Vec::new();
        for anchor in anchors {
            rows.extend(store.object(key, &anchor)?);
        }
        Ok(rows)
    }
}
