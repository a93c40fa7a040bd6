//! `plan`, `apply` and `rollback`: what was reviewed is sent, and what was sent is undone.

use std::process::Command;

use serde_json::{Value, json};

use crate::cli_bench::{Bench, person};

fn read(bench: &Bench, name: &str) -> String {
    std::fs::read_to_string(bench.path().join(name)).expect(name)
}

fn plan_file(bench: &Bench) -> Value {
    serde_json::from_str(&read(bench, "plan.json")).expect("JSON")
}

/// The accounts without what the target stamps on them.
fn accounts(bench: &Bench) -> Vec<Value> {
    let mut users = bench.standin().users();
    for user in &mut users {
        user.as_object_mut().expect("an object").shift_remove("meta");
    }
    users.sort_by_key(|user| user["userName"].to_string());
    users
}

fn writes(bench: &Bench) -> u64 {
    bench.standin().requests_by_method().iter().filter(|(method, _)| *method != "GET").map(|(_, count)| *count).sum()
}

/// Three people provisioned, then one comes, one is renamed, one leaves.
fn churned() -> Bench {
    let bench = Bench::new();
    bench.people(&[
        &person(1, "taro", "佐藤", true),
        &person(2, "hanako", "鈴木", true),
        &person(3, "ken", "田中", true),
    ]);
    assert_eq!(bench.run(&["cycle"]).status, Some(0));
    churn(&bench);
    bench
}

fn churn(bench: &Bench) {
    bench.people(&[
        &person(1, "taro", "佐藤 太郎", true),
        &person(2, "hanako", "鈴木", false),
        &person(3, "ken", "田中", true),
        &person(4, "mika", "山本", true),
    ]);
}

#[test]
fn a_plan_that_is_applied_does_what_a_cycle_does() {
    let (reviewed, usual) = (churned(), churned());
    let before = writes(&reviewed);
    let printed = reviewed.json(&["plan", "--out", "plan.json"], 0);
    assert_eq!(printed, plan_file(&reviewed));
    assert_eq!(
        printed.as_object().expect("an object").keys().collect::<Vec<_>>(),
        ["digest", "job", "counts", "actions"]
    );
    let actions = printed["actions"].as_array().expect("actions");
    let kinds: Vec<&str> = actions.iter().filter_map(|action| action["action"].as_str()).collect();
    assert_eq!(kinds, ["create", "update", "disable"]);
    assert_eq!(actions[1]["changes"][0], json!({"attribute": "displayName", "before": "佐藤", "after": "佐藤 太郎"}));
    assert_eq!(actions[1]["requests"][0]["method"], "PATCH");
    assert_eq!(actions[2]["reason"], "AccountDisabled");
    assert_eq!((&printed["counts"]["create"], &printed["counts"]["disable"]), (&json!(1), &json!(1)));
    assert_eq!(writes(&reviewed), before, "a plan only reads");
    assert_eq!(reviewed.json(&["plan"], 0)["digest"], printed["digest"], "the same plan has the same digest");

    let applied = reviewed.json(&["apply", "plan.json"], 0);
    let cycled = usual.json(&["cycle"], 0);
    assert_eq!(applied["counts"], cycled["counts"]);
    assert_eq!((applied["counts"]["create"].as_u64(), applied["cycle"]["dryRun"].as_bool()), (Some(1), Some(false)));
    assert_eq!(writes(&reviewed), writes(&usual));
    let without_id = |bench: &Bench| {
        let mut users = accounts(bench);
        users.iter_mut().for_each(|user| drop(user.as_object_mut().expect("an object").shift_remove("id")));
        users
    };
    assert_eq!(without_id(&reviewed), without_id(&usual));
    let id = applied["cycle"]["id"].as_str().expect("an id");
    assert_eq!(reviewed.json(&["log", "--cycle", id], 0).as_array().map(Vec::len), Some(3));
    assert_eq!(reviewed.json(&["cycle"], 0)["requests"], 0);
    // The plan is used up.
    let again = reviewed.run(&["apply", "plan.json"]);
    assert_eq!(again.status, Some(4), "{}", again.err);
    assert!(again.err.contains("the state moved") && again.err.contains("nothing was sent"), "{}", again.err);
}

#[test]
fn a_plan_is_refused_whole_where_its_footing_moved() {
    let bench = churned();
    assert_eq!(bench.run(&["plan", "--out", "plan.json"]).status, Some(0));
    let before = writes(&bench);
    let refused = |expected: &str| {
        let run = bench.run(&["apply", "plan.json", "--output", "json"]);
        assert_eq!(run.status, Some(4), "{}{}", run.out, run.err);
        let error: Value = serde_json::from_str(&run.err).expect("JSON");
        assert_eq!(error["error"]["code"], "plan_moved");
        assert!(run.err.contains(expected), "{}", run.err);
        assert_eq!(writes(&bench), before);
    };
    let export = read(&bench, "source/users.csv");
    bench.write("source/users.csv", &export.replace("山本", "山元"));
    refused("the source file `users.csv` changed");
    bench.write("source/users.csv", &export);
    bench.write("source/more.csv", &export);
    refused("the source file `more.csv` is new");
    std::fs::remove_file(bench.path().join("source/more.csv")).expect("it is there");
    let mapping = read(&bench, "kintone.yaml");
    bench.write("kintone.yaml", &mapping.replace("displayName:    displayName", "displayName:    givenName"));
    assert_ne!(mapping, read(&bench, "kintone.yaml"));
    refused("the configuration or the mapping changed");
    bench.write("kintone.yaml", &mapping);
    for arguments in [&["pause"][..], &["links", "remove", "7c9e6679-7425-40de-944b-000000000001"], &["start"]] {
        assert_eq!(bench.run(arguments).status, Some(0), "{arguments:?}");
    }
    refused("what the state holds of `7c9e6679-7425-40de-944b-000000000001` changed");
    assert_eq!(bench.run(&["restart"]).status, Some(0));
    refused("the state moved");
    assert_eq!(bench.run(&["pause"]).status, Some(0));
    assert_eq!(bench.run(&["apply", "plan.json"]).status, Some(4));
}

#[test]
fn an_account_that_changed_since_is_left_alone() {
    let bench = churned();
    let plan = bench.json(&["plan", "--out", "plan.json"], 0);
    let update =
        plan["actions"].as_array().and_then(|all| all.iter().find(|one| one["action"] == "update")).expect("one");
    let id = update["target"]["id"].as_str().expect("an id");
    edit(&bench, id, "surname-edited-by-hand");
    let applied = bench.json(&["apply", "plan.json"], 1);
    assert_eq!((&applied["counts"]["failure"], &applied["counts"]["create"]), (&json!(1), &json!(1)));
    assert_eq!(applied["counts"]["disable"], 1);
    let taro = accounts(&bench).into_iter().find(|user| user["id"] == id).expect("it is there");
    assert_eq!((&taro["displayName"], &taro["name"]["familyName"]), (&json!("佐藤"), &json!("surname-edited-by-hand")));
    assert_eq!(bench.json(&["escrows", "list"], 0).as_array().map(Vec::len), Some(1));
    // The next cycle looks at it as it is then.
    assert_eq!(bench.json(&["cycle"], 0)["counts"]["update"], 1);
}

#[test]
fn a_plan_file_counts_only_as_it_was_written() {
    let bench = churned();
    assert_eq!(bench.run(&["plan", "--out", "plan.json"]).status, Some(0));
    let (plan, before) = (read(&bench, "plan.json"), writes(&bench));
    let cases = [
        (plan.replace("佐藤 太郎", "佐藤 次郎"), "was edited"),
        (plan.replacen("\"create\":1", "\"create\":0", 1), "was edited"),
        (plan.replacen("\"digest\":\"2:", "\"digest\":\"9:", 1), "digest of another form"),
        (plan.replacen("\"status\":\"planned\"", "\"status\":\"failed\"", 1), "was edited"),
        (plan[..plan.find("\"requests\"").expect("a place to cut")].to_owned(), "was cut off"),
        (String::new(), "was cut off"),
        ("[]".to_owned(), "is not a plan file"),
        (plan.replacen("\"job\":", "\"jobs\":", 1), "`jobs` is no member of a plan"),
        (plan.replacen("\"job\":\"kintone\"", "\"job\":\"other\"", 1), "was edited"),
    ];
    for (text, expected) in cases {
        assert_ne!(text, plan, "{expected}");
        bench.write("bad.json", &text);
        let run = bench.run(&["apply", "bad.json"]);
        assert_eq!(run.status, Some(2), "{expected}: {}{}", run.out, run.err);
        assert!(run.err.contains(expected), "{expected}: {}", run.err);
    }
    assert_eq!(bench.run(&["apply", "absent.json"]).status, Some(2));
    let configuration = read(&bench, "provisiond.yaml");
    bench.write("provisiond.yaml", &configuration.replace("name: kintone", "name: second"));
    let other = bench.run(&["apply", "plan.json"]);
    assert_eq!(other.status, Some(2));
    assert!(other.err.contains("was made for the job `kintone`, not for `second`"), "{}", other.err);
    bench.write("provisiond.yaml", &configuration);
    assert_eq!(writes(&bench), before);
    // Only the layout of the file is free.
    let pretty = serde_json::to_string_pretty(&plan_file(&bench)).expect("JSON");
    bench.write("pretty.json", &pretty);
    assert_eq!(bench.run(&["apply", "pretty.json"]).status, Some(0));
}

#[test]
fn a_plan_never_writes_over_a_file_unasked() {
    let bench = churned();
    for option in ["--out", "--html"] {
        bench.write("there", "mine");
        let run = bench.run(&["plan", option, "there"]);
        assert_eq!((run.status, read(&bench, "there")), (Some(2), "mine".to_owned()), "{}", run.err);
        assert!(run.err.contains("is there already") && run.err.contains("--force"), "{}", run.err);
        assert_eq!(bench.run(&["plan", option, "there", "--force"]).status, Some(0));
        assert_ne!(read(&bench, "there"), "mine");
    }
    let left: Vec<_> =
        std::fs::read_dir(bench.path()).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("there.")), "{left:?}");
}

/// What a browser makes of a page; none where there is no browser that runs here.
fn rendered(page: &std::path::Path) -> Option<String> {
    let is_there =
        |name: &&str| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
    let browser = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(is_there)?;
    let profile = tempfile::tempdir().expect("a folder");
    // A browser that hangs must not hold up the tests.
    let shown = Command::new("timeout")
        .args([
            "60",
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--timeout=30000",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(["--virtual-time-budget=5000", "--dump-dom"])
        .arg(format!("file://{}", page.display()))
        .output()
        .ok()?;
    (shown.status.success() && !shown.stdout.is_empty()).then(|| String::from_utf8_lossy(&shown.stdout).into_owned())
}

#[test]
fn a_browser_shows_the_page_and_searches_it() {
    let bench = churned();
    let plan = bench.json(&["plan", "--html", "plan.html"], 0);
    let all = plan["actions"].as_array().map_or(0, Vec::len);
    assert!(all > 1, "{plan}");
    let name = plan["actions"][0]["source"]["displayName"].as_str().expect("a name").to_owned();
    let typed = format!(
        "<script>const field = document.querySelector('input[type=search]'); field.value = {name:?};
         field.dispatchEvent(new Event('input', {{ bubbles: true }}));</script></body>"
    );
    let path = bench.path().join("plan.html");
    let searched = bench.path().join("searched.html");
    std::fs::write(&searched, read(&bench, "plan.html").replace("</body>", &typed)).expect("a file");
    let (Some(page), Some(searched)) = (rendered(&path), rendered(&searched)) else {
        eprintln!("SKIPPED: no browser runs on this machine");
        return;
    };
    // The page's own script ran: the tools are hidden without it.
    assert!(page.contains("<form class=\"tools\">"), "{page}");
    assert_eq!((page.matches("<article>").count(), page.matches("<article hidden").count()), (all, 0), "{page}");
    let left = searched.matches("<article>").count();
    assert!(left >= 1 && left < all, "{left} of {all} are left of a search for {name}: {searched}");
    assert!(searched.contains(&format!("{left} of {all} shown")), "{searched}");
}

#[test]
fn the_page_names_everybody_and_executes_nothing() {
    let bench = Bench::new();
    let evil = "<script>alert(1)</script>";
    bench.people(&[
        &person(1, "taro", "佐藤", true),
        &person(2, "hanako", evil, true),
        &person(3, "ken", "無名", true),
    ]);
    let plan = bench.json(&["plan", "--html", "plan.html"], 0);
    let page = read(&bench, "plan.html");
    for name in ["佐藤", "無名", "taro@example.jp", "&lt;script&gt;alert(1)&lt;/script&gt;"] {
        assert!(page.contains(name), "{name}");
    }
    assert_eq!(page.matches("<article>").count(), plan["actions"].as_array().map_or(0, Vec::len));
    assert_eq!(page.matches("<script>").count(), 1, "only the page's own");
    for outside in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains(plan["digest"].as_str().expect("a digest")));
}

/// Changes the surname of an account as an administrator of the target would.
fn edit(bench: &Bench, id: &str, surname: &str) {
    let mut user = bench.standin().users().into_iter().find(|user| user["id"] == id).expect("it is there");
    user["name"]["familyName"] = json!(surname);
    let attributes = user.as_object().expect("an object").clone();
    bench.standin().update_user(id, attributes).expect("the target takes it");
}

/// Runs the command, which must end with `status`, and returns the id of its cycle.
fn cycle(bench: &Bench, arguments: &[&str], status: i32) -> String {
    bench.json(arguments, status)["cycle"]["id"].as_str().expect("an id").to_owned()
}

fn with_new_ids(mut users: Vec<Value>) -> Vec<Value> {
    users.iter_mut().for_each(|user| user["id"] = json!("?"));
    users
}

#[test]
fn a_rollback_leaves_the_target_as_it_was() {
    let bench = churned();
    let before = accounts(&bench);
    let id = cycle(&bench, &["cycle"], 0);
    let after = accounts(&bench);
    assert_ne!(before, after);

    let (sent, dry) = (writes(&bench), bench.json(&["rollback", "--cycle", &id, "--dry-run"], 0));
    assert_eq!(writes(&bench), sent);
    let counted = json!({
        "create": 0, "update": 2, "disable": 0, "delete": 1, "skipped": 0, "failure": 0, "staged": 0, "notEvaluated": 0,
    });
    assert_eq!((&dry["counts"], &dry["cycle"]["dryRun"]), (&counted, &json!(true)));

    let undone = bench.json(&["rollback", "--cycle", &id], 0);
    assert_eq!(undone["counts"], counted);
    assert_eq!(accounts(&bench), before);
    assert_eq!(bench.json(&["cycle"], 0)["requests"], 0, "what was undone is not repeated");
    let rollback = undone["cycle"]["id"].as_str().expect("an id");
    assert_eq!(bench.json(&["log", "--cycle", rollback], 0).as_array().map(Vec::len), Some(3));
    let again = bench.json(&["rollback", "--cycle", &id], 0);
    assert_eq!((&again["counts"]["skipped"], accounts(&bench)), (&json!(3), before.clone()), "undone once is enough");

    // Another person changes: nobody else is looked at.
    let export = read(&bench, "source/users.csv");
    bench.write("source/users.csv", &export.replace("田中", "田辺"));
    let next = bench.json(&["cycle"], 0);
    assert_eq!((&next["counts"]["update"], next["objects"].as_array().map(Vec::len)), (&json!(1), Some(1)));
    bench.write("source/users.csv", &export);
    assert_eq!(bench.json(&["cycle"], 0)["counts"]["update"], 1);

    // The rollback is rolled back; the account that it deleted gets another id, which needs a word.
    let sent = writes(&bench);
    let refused = bench.run(&["rollback", "--cycle", rollback]);
    assert_eq!((refused.status, writes(&bench)), (Some(2), sent), "{}", refused.err);
    assert!(refused.err.contains("`山本`") && refused.err.contains("gets another id"), "{}", refused.err);
    assert!(refused.err.contains("--yes"), "{}", refused.err);
    let restored = bench.json(&["rollback", "--cycle", rollback, "--yes"], 0);
    assert_eq!((&restored["counts"]["create"], &restored["counts"]["disable"]), (&json!(1), &json!(1)));
    assert_eq!(with_new_ids(accounts(&bench)), with_new_ids(after));
    assert_eq!(bench.json(&["cycle"], 0)["requests"], 0);

    let restored = restored["cycle"]["id"].as_str().expect("an id");
    assert_eq!(bench.run(&["rollback", "--cycle", restored]).status, Some(0));
    assert_eq!(accounts(&bench), before);
    assert_eq!(bench.run(&["restart"]).status, Some(0));
    let restarted = bench.json(&["cycle"], 0);
    assert_eq!((&restarted["counts"]["create"], &restarted["counts"]["disable"]), (&json!(1), &json!(1)));
}

#[test]
fn an_applied_plan_and_a_reactivation_are_undone() {
    let bench = churned();
    let before = accounts(&bench);
    assert_eq!(bench.run(&["plan", "--out", "plan.json"]).status, Some(0));
    let applied = cycle(&bench, &["apply", "plan.json"], 0);
    let disabled = accounts(&bench);
    bench.write("source/users.csv", &read(&bench, "source/users.csv").replace("False", "True"));
    let reactivated = cycle(&bench, &["cycle"], 0);
    assert_eq!(bench.json(&["rollback", "--cycle", &reactivated], 0)["counts"]["disable"], 1);
    assert_eq!(accounts(&bench), disabled);
    assert_eq!(bench.json(&["cycle"], 0)["requests"], 0);
    assert_eq!(bench.json(&["rollback", "--cycle", &applied], 0)["counts"]["update"], 2);
    assert_eq!(accounts(&bench), before);
    assert_eq!(bench.json(&["cycle"], 0)["requests"], 0);
}

#[test]
fn a_deleted_account_comes_back_with_another_id() {
    let bench = Bench::new();
    let short =
        read(&bench, "provisiond.yaml").replace("preset: entra-csv", "preset: entra-csv, soft_delete_retention: PT1S");
    bench.write("provisiond.yaml", &short);
    let (taro, hanako, ken) =
        (person(1, "taro", "佐藤", true), person(2, "hanako", "鈴木", true), person(3, "ken", "田中", true));
    bench.people(&[&taro, &hanako, &ken]);
    assert_eq!(bench.run(&["cycle"]).status, Some(0));
    bench.people(&[&taro, &ken]);
    assert_eq!(bench.json(&["cycle"], 0)["counts"]["disable"], 1);
    let before = accounts(&bench);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let id = cycle(&bench, &["cycle"], 0);
    assert_eq!(accounts(&bench).len(), 2, "the retention is over");
    let refused = bench.run(&["rollback", "--cycle", &id]);
    assert_eq!(refused.status, Some(2), "{}", refused.err);
    assert!(refused.err.contains("gets another id"), "{}", refused.err);
    let restored = bench.json(&["rollback", "--cycle", &id, "--yes"], 0);
    assert_eq!(restored["counts"]["create"], 1);
    assert_eq!(with_new_ids(accounts(&bench)), with_new_ids(before));
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert_eq!(bench.json(&["cycle"], 0)["requests"], 0);

    let rolled = restored["cycle"]["id"].as_str().expect("an id");
    assert_eq!(bench.json(&["rollback", "--cycle", rolled], 0)["counts"]["delete"], 1);
    assert_eq!(accounts(&bench).len(), 2);
}

#[test]
fn a_plan_shows_what_a_deleted_account_held_and_a_rollback_brings_it_back() {
    let bench = Bench::new();
    let short =
        read(&bench, "provisiond.yaml").replace("preset: entra-csv", "preset: entra-csv, soft_delete_retention: PT1S");
    bench.write("provisiond.yaml", &short);
    bench.people(&[&person(1, "taro", "佐藤", true), &person(2, "hanako", "鈴木", true)]);
    assert_eq!(bench.run(&["cycle"]).status, Some(0));
    bench.people(&[&person(1, "taro", "佐藤", true)]);
    assert_eq!(bench.json(&["cycle"], 0)["counts"]["disable"], 1);
    let before = accounts(&bench);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let plan = bench.json(&["plan", "--out", "plan.json"], 0);
    assert_eq!(plan["actions"][0]["action"], "delete");
    assert_eq!(plan["actions"][0]["requests"][0]["method"], "DELETE");
    let lost = plan["actions"][0]["changes"].to_string();
    assert!(lost.contains(r#"{"attribute":"displayName","before":"鈴木","after":null}"#), "{lost}");
    let id = cycle(&bench, &["apply", "plan.json"], 0);
    assert_eq!(accounts(&bench).len(), 1);
    assert_eq!(bench.json(&["rollback", "--cycle", &id, "--yes"], 0)["counts"]["create"], 1);
    assert_eq!(with_new_ids(accounts(&bench)), with_new_ids(before));
}

#[test]
fn an_account_changed_since_the_cycle_is_named_and_left_alone() {
    let bench = churned();
    let id = cycle(&bench, &["cycle"], 0);
    let mika = accounts(&bench).into_iter().find(|user| user["displayName"] == "山本").expect("she is there");
    edit(&bench, mika["id"].as_str().expect("an id"), "by-hand");
    let undone = bench.json(&["rollback", "--cycle", &id], 1);
    assert_eq!((&undone["counts"]["failure"], &undone["counts"]["update"]), (&json!(1), &json!(2)));
    assert!(undone.to_string().contains("was changed since in `name.familyName`: it is left alone"), "{undone}");
    assert!(accounts(&bench).iter().any(|user| user["name"]["familyName"] == "by-hand"));
    assert_eq!(bench.json(&["cycle"], 0)["requests"], 0, "it is not set aside for the next cycle");
    assert_eq!(bench.json(&["rollback", "--cycle", &id, "--yes"], 0)["counts"]["delete"], 1);
    assert_eq!(accounts(&bench).len(), 3);

    let unknown = bench.run(&["rollback", "--cycle", "nothing"]);
    assert_eq!(unknown.status, Some(2), "{}", unknown.err);
    assert_eq!(bench.run(&["pause"]).status, Some(0));
    assert_eq!(bench.run(&["rollback", "--cycle", &id]).status, Some(4));
}

#[test]
fn a_plan_says_what_is_withheld_and_apply_withholds_it() {
    let bench = churned();
    let guarded = read(&bench, "provisiond.yaml") + "    accidental_deletion: { threshold: 0 }\n";
    bench.write("provisiond.yaml", &guarded);
    let plan = bench.json(&["plan", "--out", "plan.json", "--html", "plan.html"], 0);
    assert_eq!((&plan["counts"]["staged"], &plan["counts"]["disable"]), (&json!(1), &json!(0)));
    let staged: Vec<&Value> =
        plan["actions"].as_array().expect("actions").iter().filter(|action| action["status"] == "staged").collect();
    assert_eq!((staged.len(), &staged[0]["source"]["displayName"]), (1, &json!("鈴木")));
    assert!(read(&bench, "plan.html").contains("<section id=\"staged\""));
    let applied = bench.json(&["apply", "plan.json"], 5);
    assert_eq!((&applied["counts"]["staged"], &applied["counts"]["create"]), (&json!(1), &json!(1)));
    assert!(accounts(&bench).iter().all(|user| user["active"] == true));
}
