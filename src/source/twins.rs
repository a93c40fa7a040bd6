//! Objects with the same name as another (sources.md 15.4): both are kept, matching decides.

use std::ops::ControlFlow;
use std::sync::Arc;

use hashbrown::HashMap;

use super::again::each_record;
use super::file::{Chosen, mapper_of};
use super::map::Mapped;
use super::preset::Canon;
use super::raw::RawBody;
use super::read::{ObjectKey, Plan, Reading};
use super::report::{Level, Problem};
use super::seen::{Short, hash_of_value};
use super::wanted;
use crate::model::{Deletion, ObjectKind};

/// Attributes whose value only one object should have.
pub const SINGLE: [Canon; 2] = [Canon::USER_PRINCIPAL_NAME, Canon::MAIL];

/// Names them; where there are some, the set is read once more for their places.
pub fn warn(reading: &mut Reading<'_>, plans: &[Plan]) {
    let repeated = reading.seen.repeated_values();
    if repeated.is_empty() {
        return;
    }
    let mut firsts: HashMap<u64, ObjectKey> = HashMap::new();
    let mut text = String::new();
    for plan in plans {
        let Some(opened) = plan.opened() else { continue };
        let (given, preset) = (reading.given(), &opened.preset);
        let found = &given.set.files[plan.index];
        let mut mapper = mapper_of(given, plan.index, opened, plan.is_delta, Arc::clone(preset));
        let names = wanted::of_preset(preset, given.settings.wanted.as_ref());
        let mut remarks = Vec::new();
        let mut chosen = Chosen::default();
        each_record(given, plan, names, |record| {
            if record.body != RawBody::Content {
                return ControlFlow::Continue(());
            }
            let mapped = mapper.map(record, &mut remarks);
            remarks.clear();
            let Mapped::Object(draft) = mapped else { return ControlFlow::Continue(()) };
            if draft.kind != ObjectKind::User || draft.deletion != Deletion::None {
                return ControlFlow::Continue(());
            }
            let anchor = chosen.of(&mut reading.anchors, opened, given.settings, preset, &draft);
            let Some(anchor) = anchor.and_then(|anchor| draft.text(anchor)) else { return ControlFlow::Continue(()) };
            let key = ObjectKey::of(draft.kind, anchor);
            for name in SINGLE {
                let Some(value) = draft.text(name) else { continue };
                let hash = hash_of_value(name, value, &mut text);
                if !repeated.contains(&Short::of(hash)) || *firsts.entry(hash).or_insert(key) == key {
                    continue;
                }
                let name = &preset.canonical(name).name;
                let problem = Problem::new(
                    Level::Warning,
                    "record.duplicate_value",
                    format!("another object has the same `{name}`"),
                );
                reading
                    .problems
                    .add(problem.in_file(&found.name).on_line(Some(draft.line)).of_attribute(Some(name.to_string())));
            }
            ControlFlow::Continue(())
        });
    }
}
