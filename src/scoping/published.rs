//! The published filter resource: `groups`, `inputFilterGroups` (service.md 9.2).

use serde::Deserialize;
use serde_json::Value;

use super::compile::{ClauseDraft, GroupDraft};

/// The two filters of a published `scope`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Published {
    pub scope: Vec<GroupDraft>,
    /// Objects that fail it are not processed at all (D-20).
    pub input: Vec<GroupDraft>,
}

/// Why a published filter cannot be taken over.
#[derive(Debug, thiserror::Error)]
pub enum PublishedError {
    #[error("the filter is not of the published form: {0}")]
    Shape(#[from] serde_json::Error),
    #[error("`categoryFilterGroups` is experimental and not supported")]
    CategoryFilters,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FilterResource {
    #[serde(default)]
    groups: Option<Vec<GroupResource>>,
    #[serde(default)]
    input_filter_groups: Option<Vec<GroupResource>>,
    #[serde(default)]
    category_filter_groups: Option<Vec<Value>>,
}

#[derive(Deserialize)]
struct GroupResource {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    clauses: Option<Vec<ClauseResource>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClauseResource {
    #[serde(default)]
    source_operand_name: Option<String>,
    #[serde(default)]
    operator_name: Option<String>,
    #[serde(default)]
    target_operand: Option<OperandResource>,
}

#[derive(Deserialize)]
struct OperandResource {
    #[serde(default)]
    values: Option<Vec<Value>>,
}

/// Reads the published JSON form of a filter; null and absent members are empty lists.
///
/// # Errors
/// What is not of that form, and the experimental `categoryFilterGroups`.
pub fn published(json: &Value) -> Result<Published, PublishedError> {
    let Some(filter) = Option::<FilterResource>::deserialize(json)? else { return Ok(Published::default()) };
    if filter.category_filter_groups.is_some_and(|groups| !groups.is_empty()) {
        return Err(PublishedError::CategoryFilters);
    }
    Ok(Published { scope: drafts(filter.groups), input: drafts(filter.input_filter_groups) })
}

fn drafts(groups: Option<Vec<GroupResource>>) -> Vec<GroupDraft> {
    let groups = groups.unwrap_or_default().into_iter().enumerate();
    groups
        .map(|(index, group)| GroupDraft {
            name: group.name.unwrap_or_else(|| format!("filter {}", index + 1)),
            clauses: group.clauses.unwrap_or_default().into_iter().map(ClauseDraft::from).collect(),
        })
        .collect()
}

impl From<ClauseResource> for ClauseDraft {
    fn from(clause: ClauseResource) -> Self {
        let values = clause.target_operand.and_then(|operand| operand.values).unwrap_or_default();
        Self {
            attribute: clause.source_operand_name.unwrap_or_default(),
            operator: clause.operator_name.unwrap_or_default(),
            values: values
                .into_iter()
                .map(|value| match value {
                    Value::String(text) => text,
                    Value::Null => String::new(),
                    other => other.to_string(),
                })
                .collect(),
        }
    }
}
