//! Links, objects set aside and staged deprovisionings as tables.

use super::super::lists::{DeletionRow, LinkRow, class_name, link_state, operation_name};
use super::super::plain;
use super::super::time::short;
use super::Style;
use super::columns::{Columns, table};
use super::entry::entry_line;
use crate::model::{Escrow, ObjectKind};

/// Links as a table, of which one is at hand at a time: there may be as many as people.
pub struct LinkTable {
    columns: Columns<4>,
    is_empty: bool,
}

impl Default for LinkTable {
    fn default() -> Self {
        Self { columns: Columns::new(["kind", "state", "source", "target"]), is_empty: true }
    }
}

impl LinkTable {
    /// Makes room for a link; all of them come before the first line.
    pub fn fit(&mut self, link: &LinkRow) {
        self.columns.fit(&cells(link));
        self.is_empty = false;
    }

    pub fn heading(&self) -> String {
        if self.is_empty { "no links\n".to_owned() } else { self.columns.heading() }
    }

    pub fn line(&self, link: &LinkRow) -> String {
        self.columns.line(&cells(link))
    }
}

fn cells(link: &LinkRow) -> [String; 4] {
    let kind = match link.kind {
        ObjectKind::User => "user",
        ObjectKind::Group => "group",
    };
    [kind, link_state(link.state), &link.source_anchor, &link.target_anchor].map(str::to_owned)
}

pub fn escrows_text(escrows: &[Escrow]) -> String {
    let rows: Vec<[String; 7]> = escrows
        .iter()
        .map(|escrow| {
            [
                escrow.source_anchor.as_str().to_owned(),
                operation_name(escrow.operation).to_owned(),
                escrow.error_code.as_str().to_owned(),
                class_name(escrow.class).to_owned(),
                escrow.attempts.to_string(),
                escrow.next_due.map_or_else(|| "never".to_owned(), short),
                format!("{}; {}", escrow.message, escrow.remedy),
            ]
        })
        .collect();
    listed(rows.is_empty(), "nothing is set aside", || {
        table(["source", "operation", "code", "class", "attempts", "next due", "message"], &rows)
    })
}

pub fn deletions_text(batches: &[DeletionRow], style: Style) -> String {
    listed(batches.is_empty(), "nothing is staged", || {
        batches
            .iter()
            .map(|row| {
                let lines: String = row.entries().map(|entry| entry_line(&entry, style)).collect();
                let batch = plain(&row.batch.batch);
                format!(
                    "batch {batch}: {} since {}; `provisiond deletions approve {batch}` carries them out\n{lines}",
                    row.batch.count,
                    short(row.batch.began)
                )
            })
            .collect()
    })
}

fn listed(empty: bool, words: &str, text: impl FnOnce() -> String) -> String {
    if empty { format!("{words}\n") } else { text() }
}

#[cfg(test)]
mod tests {
    use super::super::super::lists::tests::{escrow, staged};
    use super::*;
    use crate::model::{LinkState, StagedBatch};

    #[test]
    fn tables_have_headings_and_empty_lists_say_so() {
        let link = LinkRow {
            source_anchor: "a-1".into(),
            target_anchor: "t-9".into(),
            kind: ObjectKind::Group,
            state: LinkState::Managed,
        };
        let mut links = LinkTable::default();
        assert_eq!(links.heading(), "no links\n");
        links.fit(&link);
        assert_eq!(
            links.heading() + &links.line(&link),
            "KIND   STATE    SOURCE  TARGET\ngroup  managed  a-1     t-9\n"
        );
        assert_eq!(
            escrows_text(&[escrow()]),
            "\
SOURCE  OPERATION  CODE           CLASS      ATTEMPTS  NEXT DUE              MESSAGE
a-1     create     EntryConflict  permanent  2         2026-11-21T09:00:00Z  409 uniqueness: userName `taro` is taken; change the login name on one side
"
        );
        let batch =
            StagedBatch { batch: "b-1".into(), began: "2026-11-20T03:00:00Z".parse().expect("a time"), count: 1 };
        let text = deletions_text(&[DeletionRow { batch, objects: vec![staged()] }], Style::default());
        assert!(
            text.starts_with(
                "batch b-1: 1 since 2026-11-20T03:00:00Z; `provisiond deletions approve b-1` carries them out\n2026-11-20T03:00:00Z  stageddelete skipped"
            ),
            "{text}"
        );
        assert_eq!(deletions_text(&[], Style::default()), "nothing is staged\n");
    }
}
