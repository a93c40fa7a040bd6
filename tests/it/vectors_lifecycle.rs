//! `lifecycle.json` against the pure planner (service.md 25.2).

use std::sync::Arc;

use provisiond::model::{
    Actions, ApplyMode, AttributeRule, Desired, ErrorCode, Failure, Flow, Link, LinkState, Mutability, ObjectKind,
    OnMissingTarget, Resource, SourceAnchor, SourceState, TargetId, TargetPath, TargetValue, Trigger,
};
use provisiond::plan::{self, Knowledge, MatchAnswer, Next, Protection, Question, ReadAnswer, Rules, Scope, Situation};
use serde_json::{Value, json};

use crate::vectors;

#[test]
fn lifecycle_vectors_hold_in_the_planner() {
    let file = vectors::load("lifecycle.json");
    let cases = file["vectors"].as_array().expect("a list of vectors");
    vectors::run_all(cases, |case| check(case, &file["mappings"]));
}

fn check(case: &Value, mappings: &Value) -> Result<(), String> {
    let given = &case["given"];
    let settings = &given["settings"];
    let kind = match given["objectType"].as_str() {
        Some("group") => ObjectKind::Group,
        _ => ObjectKind::User,
    };
    let flag = |value: &Value, otherwise: bool| value.as_bool().unwrap_or(otherwise);
    let rules = Rules {
        actions: Actions {
            create: flag(&settings["actions"]["create"], true),
            update: flag(&settings["actions"]["update"], true),
            delete: flag(&settings["actions"]["delete"], true),
        },
        mapping_enabled: flag(&settings["mappingEnabled"], true),
        skip_out_of_scope_deletions: flag(&settings["skipOutOfScopeDeletions"], false),
        supports_soft_delete: flag(&settings["targetSupportsSoftDelete"], true),
        on_missing_target: serde_json::from_value(settings["onMissingTarget"].clone()).unwrap_or_default(),
    };
    assert!(matches!(
        rules.on_missing_target,
        OnMissingTarget::Service | OnMissingTarget::Rematch | OnMissingTarget::Error
    ));
    let all = settings["scopeMode"] == "all";
    let after = seen(&given["sourceAfter"], all);
    let before = seen(&given["sourceBefore"], all);
    let now = match (&after, &before) {
        (Some(after), _) => after.clone(),
        // Absent from a complete export: what was last known, soft-deleted (D-02).
        (None, Some(before)) => {
            before.as_ref().map(|scope| Scope { state: SourceState::SoftDeleted, ..*scope }).map_err(Clone::clone)
        }
        (None, None) => return Err("neither before nor after".to_owned()),
    };
    let soft_deleted = !now.as_ref().is_ok_and(Scope::is_entitled);
    let attributes =
        if after.is_some() { &given["sourceAfter"]["attributes"] } else { &given["sourceBefore"]["attributes"] };
    let maps_state = flag(&settings["mapsIsSoftDeleted"], true);
    let mapped = given["mappings"].as_array().or_else(|| mappings[given["objectType"].as_str()?].as_array());
    let desired: Vec<Desired> = mapped
        .expect("a mapping set")
        .iter()
        .filter(|mapping| maps_state || !is_state(mapping))
        .map(|mapping| desired(mapping, attributes, soft_deleted))
        .collect();
    let threshold = settings["accidentalDeletion"]["threshold"].as_u64().unwrap_or(500);
    let planned = given["cycle"]["plannedDeprovisions"].as_u64().unwrap_or(0);
    let over = flag(&settings["accidentalDeletion"]["enabled"], true) && planned > threshold;
    let mut situation = Situation {
        kind,
        trigger: serde_json::from_value::<Trigger>(given["trigger"].clone()).map_err(|error| error.to_string())?,
        rules: &rules,
        job_runs: !matches!(given["cycle"]["jobState"].as_str(), Some("Paused" | "Disabled")),
        export_complete: flag(&given["cycle"]["exportComplete"], true),
        changed: given["sourceBefore"] != given["sourceAfter"],
        retry_due: given["cycle"]["retryDue"].as_bool(),
        input_passed: flag(&given["sourceAfter"]["passesInputFilter"], true),
        scope: now,
        left_scope_before: matches!(before, Some(Ok(scope)) if !scope.in_scope()),
        link: link(&given["link"]),
        desired: &desired,
        protection: if over { Protection::Stage } else { Protection::Open },
        known: Knowledge::Nothing,
    };
    let decision = loop {
        match plan::next(&situation) {
            Next::Decide(decision) => break decision,
            Next::Ask(question) => {
                let lost = matches!(situation.known, Knowledge::Read(_));
                situation.known = match question {
                    Question::Read(id) => Knowledge::Read(read(&given["target"], &id)),
                    Question::Match if lost => Knowledge::MatchedAfterLoss(matching(&given["target"], &desired)),
                    Question::Match => Knowledge::Matched(matching(&given["target"], &desired)),
                };
            }
        }
    };
    let mut changes: Vec<&str> = decision.changes().iter().map(|change| change.rule.path.as_str()).collect();
    changes.sort_unstable();
    let found = json!({
        "action": decision.action(),
        "reason": decision.reason(),
        "status": decision.status(),
        "changes": changes,
        "linkAfter": decision.link_state_after(&situation.link),
    });
    if found == case["then"] { Ok(()) } else { Err(format!("expected {}, got {found}", case["then"])) }
}

fn seen(value: &Value, all: bool) -> Option<Result<Scope, Failure>> {
    let state: SourceState = serde_json::from_value(value.get("state")?.clone()).ok()?;
    if let Some(code) = value["passesFilter"].get("error") {
        return Some(Err(Failure::new(ErrorCode::ScopeEvaluationFailed, code.to_string())));
    }
    Some(Ok(Scope {
        state,
        assigned: all || value["assigned"].as_bool().unwrap_or(true),
        filter_passed: value["passesFilter"].as_bool().unwrap_or(true),
    }))
}

fn link(value: &Value) -> Link {
    match serde_json::from_value(value["state"].clone()).unwrap_or(LinkState::None) {
        LinkState::None => Link::None,
        state => Link::new(state, TargetId(value["targetId"].as_str().unwrap_or_default().to_owned())),
    }
}

fn is_state(mapping: &Value) -> bool {
    mapping["source"].as_str().is_some_and(|source| source.contains("IsSoftDeleted"))
}

fn desired(mapping: &Value, attributes: &Value, soft_deleted: bool) -> Desired {
    let path: TargetPath = mapping["target"].as_str().expect("a target").parse().expect("a path");
    let text = |value: &Value| Some(TargetValue::Text(value.as_str().filter(|text| !text.is_empty())?.to_owned()));
    let value = if is_state(mapping) {
        Some(TargetValue::Boolean(!soft_deleted))
    } else {
        mapping["source"].as_str().and_then(|source| text(&attributes[source]))
    };
    let matching =
        mapping["matchingPriority"].as_u64().filter(|priority| *priority > 0).map(|priority| priority as u32);
    Desired {
        rule: Arc::new(AttributeRule {
            path,
            apply: if mapping["apply"] == "onlyOnCreation" { ApplyMode::OnCreate } else { ApplyMode::Always },
            matching,
            default: text(&mapping["defaultValue"]),
            default_when_empty: mapping["source"].is_null(),
            case_exact: mapping["caseExact"].as_bool().unwrap_or(true),
            always: false,
            clears: matching.is_none() && mapping["flowNullValues"] == true && mapping["sourceFlowNullValues"] == true,
            asserts: false,
            mutability: Mutability::ReadWrite,
            random: false,
            follows_state: is_state(mapping),
            reference: false,
            redacted: false,
        }),
        flow: value.map_or(Flow::Null, Flow::Value),
        sent: provisiond::model::Sent::Unknown,
    }
}

/// The vectors write attributes under their paths; here they become a resource.
fn resource(account: &Value) -> Resource {
    let mut body = json!({"id": account["id"]});
    for (key, value) in account["attributes"].as_object().into_iter().flatten() {
        let path: TargetPath = key.parse().expect("a path");
        match (path.filter(), path.sub()) {
            (None, None) => body[path.attribute()] = value.clone(),
            (None, Some(sub)) => body[path.attribute()][sub] = value.clone(),
            (Some(filter), sub) => {
                body[path.attribute()] = json!([{&filter.sub: filter.literal, sub.unwrap_or("value"): value}]);
            }
        }
    }
    Resource::new(body).expect("an account has an id")
}

fn read(target: &Value, id: &TargetId) -> ReadAnswer {
    match target.as_array().into_iter().flatten().find(|account| account["id"] == id.as_str()) {
        Some(account) => ReadAnswer::Found(Box::new(resource(account))),
        None => ReadAnswer::Missing,
    }
}

fn matching(target: &Value, desired: &[Desired]) -> MatchAnswer {
    let mut by: Vec<&Desired> =
        desired.iter().filter(|one| one.rule.matching.is_some() && one.value().is_some()).collect();
    by.sort_by_key(|one| one.rule.matching);
    for one in by {
        let value = one.value().expect("filtered");
        let hits: Vec<&Value> = target
            .as_array()
            .into_iter()
            .flatten()
            .filter(|account| resource(account).get(&one.rule.path).is_some_and(|held| value.agrees_with(held, false)))
            .collect();
        match hits.as_slice() {
            [] => {}
            [account] => {
                return MatchAnswer::One {
                    resource: Box::new(resource(account)),
                    linked_to: account["linkedTo"].as_str().map(|other| SourceAnchor(other.to_owned())),
                };
            }
            many => return MatchAnswer::Many { count: many.len(), attribute: one.rule.path.to_string() },
        }
    }
    MatchAnswer::None
}
