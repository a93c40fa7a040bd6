//! Holds a file of `src/` against the rules.

use super::paths::{Named, paths};

/// A folder or file directly in `src/`, and the rooms it may name beside itself. Lists are words with blanks between them.
#[derive(Debug)]
pub struct Room<'a> {
    pub name: &'a str,
    pub may_name: &'a str,
}

/// What must not be named in some rooms: paths that begin or end so. Tests inside a room are free of it.
#[derive(Debug)]
pub struct Absence<'a> {
    pub rooms: &'a str,
    pub begins: &'a str,
    pub ends: &'a str,
    pub why: &'a str,
}

#[derive(Debug)]
pub struct Rules<'a> {
    pub rooms: &'a [Room<'a>],
    pub absences: &'a [Absence<'a>],
}

/// The files that stand before the rooms: they only declare and call them.
const ENTRANCE: &[&str] = &["lib.rs", "main.rs", "bin"];

/// Returns the faults of one file, each with its place; `path` is from `src/`.
pub fn check(rules: &Rules<'_>, path: &str, text: &str) -> Vec<String> {
    let parts: Vec<&str> = path.split('/').collect();
    let first = parts[0];
    if ENTRANCE.contains(&first) {
        return Vec::new();
    }
    let name = first.strip_suffix(".rs").unwrap_or(first);
    let Some(room) = rules.rooms.iter().find(|room| room.name == name) else {
        return vec![format!("src/{path}:1: `{name}` is no room of the table")];
    };
    let test_file = parts.contains(&"tests") || parts.last() == Some(&"tests.rs");
    let depth = module_depth(&parts);
    let mut faults = Vec::new();
    for named in paths(text) {
        if let Some(other) = room_named(rules, &named, depth)
            && other != room.name
            && !has(room.may_name, other)
        {
            faults.push(format!("src/{path}:{}: `{}` may not name `{other}`", named.line, room.name));
        }
        if !test_file && !named.in_tests {
            let broken =
                rules.absences.iter().filter(|rule| has(rule.rooms, room.name) && rule.is_broken_by(&named.path));
            faults.extend(
                broken.map(|rule| format!("src/{path}:{}: `{}`: {}", named.line, named.path.join("::"), rule.why)),
            );
        }
    }
    faults
}

impl Absence<'_> {
    fn is_broken_by(&self, path: &[String]) -> bool {
        let words = |rule: &str| -> Vec<String> { rule.split("::").map(str::to_owned).collect() };
        self.begins.split_whitespace().any(|rule| path.starts_with(&words(rule)))
            || self.ends.split_whitespace().any(|rule| path.ends_with(&words(rule)))
    }
}

fn has(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|found| found == word)
}

/// How many modules deep the file is: 1 for `room/mod.rs` and `room.rs`, 2 for `room/part.rs`.
fn module_depth(parts: &[&str]) -> usize {
    if parts.last() == Some(&"mod.rs") { parts.len() - 1 } else { parts.len() }
}

/// The room that a path enters from the top of the crate, by `crate::` or by enough `super::`.
fn room_named<'a>(rules: &Rules<'a>, named: &Named, depth: usize) -> Option<&'a str> {
    let first = named.path[0].as_str();
    let step = match first {
        "crate" | "provisiond" => 1,
        "super" => {
            let supers = named.path.iter().take_while(|word| *word == "super").count();
            if supers < depth + named.nesting {
                return None;
            }
            supers
        }
        _ => return None,
    };
    let entered = named.path.get(step)?;
    rules.rooms.iter().map(|room| room.name).find(|name| name == entered)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules<'_> = Rules {
        rooms: &[
            Room { name: "model", may_name: "" },
            Room { name: "plan", may_name: "model" },
            Room { name: "store", may_name: "model" },
        ],
        absences: &[
            Absence { rooms: "model plan", begins: "std::fs", ends: "Timestamp::now", why: "pure" },
            Absence { rooms: "model plan", begins: "rusqlite", ends: "", why: "store only" },
        ],
    };

    #[test]
    fn each_rule_can_fail() {
        let table: &[(&str, &str, &[&str])] = &[
            ("plan/mod.rs", "use crate::model::Entry;", &[]),
            ("plan/mod.rs", "use crate::plan::diff;", &[]),
            ("plan/mod.rs", "\nuse crate::store::Store;", &["src/plan/mod.rs:2: `plan` may not name `store`"]),
            ("plan.rs", "use crate::{model, store};", &["src/plan.rs:1: `plan` may not name `store`"]),
            ("model/a.rs", "fn f(x: crate::plan::X) {}", &["src/model/a.rs:1: `model` may not name `plan`"]),
            ("plan/a.rs", "use super::super::store::X;", &["src/plan/a.rs:1: `plan` may not name `store`"]),
            ("plan/a/b.rs", "use super::super::store::X;", &[]),
            ("plan/mod.rs", "use super::store::X;", &["src/plan/mod.rs:1: `plan` may not name `store`"]),
            ("plan/mod.rs", "mod tests { use super::store; }", &[]),
            (
                "plan/mod.rs",
                "mod tests { use super::super::store; }",
                &["src/plan/mod.rs:1: `plan` may not name `store`"],
            ),
            ("plan/mod.rs", "// crate::store::X\nconst A: &str = \"crate::store::X\";", &[]),
            ("plan/mod.rs", "std::fs::read(x)", &["src/plan/mod.rs:1: `std::fs::read`: pure"]),
            ("plan/mod.rs", "use std::{fmt, fs};", &["src/plan/mod.rs:1: `std::fs`: pure"]),
            ("plan/mod.rs", "jiff::Timestamp::now()", &["src/plan/mod.rs:1: `jiff::Timestamp::now`: pure"]),
            ("plan/mod.rs", "use rusqlite::Row;", &["src/plan/mod.rs:1: `rusqlite::Row`: store only"]),
            ("plan/mod.rs", "#[cfg(test)] mod tests { fn f() { std::fs::read(x) } }", &[]),
            ("plan/tests.rs", "std::fs::read(x)", &[]),
            ("store/mod.rs", "use rusqlite::Row; std::fs::read(x)", &[]),
            ("new/mod.rs", "", &["src/new/mod.rs:1: `new` is no room of the table"]),
            ("lib.rs", "pub mod model; use crate::store::X;", &[]),
        ];
        for (path, text, expected) in table {
            assert_eq!(check(&RULES, path, text), *expected, "{path}: {text}");
        }
    }
}
