//! Where vectors and fixtures are, and how a run over them is reported.

use std::path::PathBuf;

use serde_json::Value;

/// The file `name` of the vectors: below `$PROVISIOND_VECTORS` where that is set, else our copy.
pub fn load(name: &str) -> Value {
    let folder = std::env::var_os("PROVISIOND_VECTORS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors"), PathBuf::from);
    let path = folder.join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Runs `check` over every case, reports each id, and fails when one failed or none ran.
pub fn run_all(cases: &[Value], mut check: impl FnMut(&Value) -> Result<(), String>) {
    let mut failed = 0;
    for case in cases {
        let id = case["id"].as_str().expect("every vector has an id");
        match check(case) {
            Ok(()) => println!("{id} passed"),
            Err(why) => {
                failed += 1;
                println!("{id} FAILED: {why}");
            }
        }
    }
    println!("{} cases, {failed} failed", cases.len());
    assert!(!cases.is_empty(), "the file holds no vectors");
    assert_eq!(failed, 0, "of {} vectors", cases.len());
}
