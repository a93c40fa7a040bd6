//! References and members in plans and rollbacks: what is shown is sent, and the target is afterwards what it was.

use std::path::Path;

use provisiond::mock::Profile;
use serde_json::{Value, json};

use crate::cli_bench::Bench;
use crate::directory::{Directory, ENTERPRISE, anchor, bench, content, content_by_name, manager, members};

/// Runs the command, which must end with `status`, and returns the id of its cycle.
fn cycle(bench: &Bench, arguments: &[&str], status: i32) -> String {
    bench.json(arguments, status)["cycle"]["id"].as_str().expect("an id").to_owned()
}

fn writes(bench: &Bench) -> u64 {
    bench.standin().requests_by_method().iter().filter(|(method, _)| *method != "GET").map(|(_, count)| *count).sum()
}

/// The actions of a plan that are sent in this stage.
fn actions<'a>(plan: &'a Value, stage: &str) -> Vec<&'a Value> {
    let all = plan["actions"].as_array().expect("actions");
    all.iter().filter(|action| action["stage"] == stage && action["status"] == "planned").collect()
}

fn first_day() -> Directory {
    let mut day = Directory::default();
    for (name, manager) in
        [("ann", None), ("bob", Some("ann")), ("cy", Some("ann")), ("dan", Some("bob")), ("eve", None), ("fay", None)]
    {
        day.person(name, manager);
    }
    day.group("all", &["ann", "bob", "cy", "dan"]).group("crew", &["cy", "eve"]).group("rest", &["fay", "crew"]);
    day
}

/// One comes and leads others, one is disabled, one is renamed, managers change, groups change, come and go.
fn second_day() -> Directory {
    let mut day = first_day();
    day.person("gil", Some("eve")).person("cy", Some("gil")).person("dan", None);
    day.people.get_mut("eve").expect("there").active = false;
    day.people.get_mut("bob").expect("there").name = "robert".to_owned();
    day.groups.remove("rest");
    day.group("all", &["bob", "dan", "fay", "gil"]).group("new", &["gil", "ann"]);
    day.groups.get_mut("crew").expect("there").0 = "the crew".to_owned();
    day
}

#[test]
fn references_are_planned_sent_and_undone_with_everything_else() {
    for dialect in ["entra-legacy", "entra-2020", "strict"] {
        let (reviewed, usual) = (bench(dialect, "", ""), bench(dialect, "", ""));
        for bench in [&reviewed, &usual] {
            first_day().export(bench);
            assert_eq!(bench.run(&["cycle"]).status, Some(0), "{dialect}");
            second_day().export(bench);
        }
        let (before, sent) = (content_by_name(&reviewed), writes(&reviewed));
        let plan = reviewed.json(&["plan", "--out", "plan.json"], 0);
        assert_eq!((content_by_name(&reviewed), writes(&reviewed)), (before.clone(), sent), "{dialect}: only reads");
        let shown: usize =
            plan["actions"].as_array().expect("actions").iter().map(|action| requests(action).len()).sum();
        let applied = cycle(&reviewed, &["apply", "plan.json"], 0);
        assert_eq!(writes(&reviewed) - sent, shown as u64, "{dialect}: each request shown was sent");
        let cycled = usual.json(&["cycle"], 0);
        assert_eq!(content_by_name(&reviewed), content_by_name(&usual), "{dialect}");
        assert_eq!((writes(&reviewed), &plan["counts"]), (writes(&usual), &cycled["counts"]), "{dialect}");
        assert_eq!(members(&reviewed, "all"), ["dan", "fay", "gil", "robert"], "{dialect}");
        assert_eq!(manager(&reviewed, "cy").as_deref(), Some("gil"), "{dialect}");
        let after = content_by_name(&reviewed);
        assert_eq!(reviewed.json(&["cycle"], 0)["requests"], 0, "{dialect}");

        // The group that was deleted gets another id, which needs a word; a dry run sends nothing.
        let sent = writes(&reviewed);
        let refused = reviewed.run(&["rollback", "--cycle", &applied]);
        assert_eq!((refused.status, writes(&reviewed)), (Some(2), sent), "{dialect}: {}", refused.err);
        assert!(refused.err.contains("`rest`") && !refused.err.contains("members"), "{dialect}: {}", refused.err);
        let dry = reviewed.json(&["rollback", "--cycle", &applied, "--dry-run"], 0);
        assert_eq!(writes(&reviewed), sent, "{dialect}");
        let undone = reviewed.json(&["rollback", "--cycle", &applied, "--yes"], 0);
        assert_eq!((&dry["counts"], &undone["counts"]["failure"]), (&undone["counts"], &json!(0)), "{dialect}");
        assert_eq!(content_by_name(&reviewed), before, "{dialect}");
        assert_eq!(reviewed.json(&["cycle"], 0)["requests"], 0, "{dialect}: what was undone is not repeated");

        // The rollback is a cycle that can be rolled back, and so is that.
        let undone = undone["cycle"]["id"].as_str().expect("an id").to_owned();
        let again = cycle(&reviewed, &["rollback", "--cycle", &undone, "--yes"], 0);
        assert_eq!(content_by_name(&reviewed), after, "{dialect}");
        assert_eq!(reviewed.json(&["cycle"], 0)["requests"], 0, "{dialect}");
        reviewed.json(&["rollback", "--cycle", &again, "--yes"], 0);
        assert_eq!(content_by_name(&reviewed), before, "{dialect}");
        assert_eq!(reviewed.json(&["cycle"], 0)["requests"], 0, "{dialect}");

        // A restart brings the target to the source again.
        assert_eq!(reviewed.run(&["restart"]).status, Some(0), "{dialect}");
        assert_eq!(reviewed.json(&["cycle"], 0)["counts"]["failure"], 0, "{dialect}");
        assert_eq!(content_by_name(&reviewed), after, "{dialect}");
    }
}

fn requests(action: &Value) -> Vec<&Value> {
    action["requests"].as_array().map(|all| all.iter().collect()).unwrap_or_default()
}

/// Dialects that write groups in other forms: what a plan shows is sent, and members come back with the same accounts.
#[test]
fn members_come_back_in_every_dialect() {
    for dialect in ["entra-legacy", "entra-2020", "strict", "okta-oin", "okta-aiw"] {
        let bench = bench(dialect, "", "");
        let mut day = first_day();
        day.export(&bench);
        assert_eq!(bench.run(&["cycle"]).status, Some(0), "{dialect}");
        day.group("all", &["bob", "dan", "eve", "fay"]).group("crew", &[]);
        day.groups.get_mut("rest").expect("there").0 = "the rest".to_owned();
        day.person("dan", Some("ann")).person("fay", Some("eve")).person("bob", None);
        day.export(&bench);
        let (before, sent) = (content(&bench), writes(&bench));
        let plan = bench.json(&["plan", "--out", "plan.json"], 0);
        let shown: usize =
            plan["actions"].as_array().expect("actions").iter().map(|action| requests(action).len()).sum();
        let applied = cycle(&bench, &["apply", "plan.json"], 0);
        assert_eq!(writes(&bench) - sent, shown as u64, "{dialect}: {plan:#}");
        assert_eq!(members(&bench, "all"), ["bob", "dan", "eve", "fay"], "{dialect}");
        // Whatever writes a group whole repeats what else is mapped of it.
        for group in bench.standin().groups() {
            assert!(group["externalId"].is_string(), "{dialect}: {group}");
        }
        let after = content(&bench);
        assert_ne!(before, after, "{dialect}");
        let undone = cycle(&bench, &["rollback", "--cycle", &applied], 0);
        assert_eq!(content(&bench), before, "{dialect}");
        assert_eq!(bench.json(&["cycle"], 0)["requests"], 0, "{dialect}");
        cycle(&bench, &["rollback", "--cycle", &undone], 0);
        assert_eq!(content(&bench), after, "{dialect}");

        // Only the group that changes in the source is brought to it again.
        cycle(&bench, &["rollback", "--cycle", &applied], 0);
        day.group("crew", &["fay"]);
        day.export(&bench);
        let next = bench.json(&["cycle"], 0);
        assert_eq!(
            (members(&bench, "crew"), &next["counts"]["update"]),
            (vec!["fay".to_owned()], &json!(1)),
            "{dialect}"
        );
        assert_eq!(members(&bench, "all"), ["ann", "bob", "cy", "dan"], "{dialect}");
    }
}

#[test]
fn a_plan_shows_references_before_and_after_with_their_requests() {
    let bench = bench("entra-2020", "", "");
    first_day().export(&bench);
    assert_eq!(bench.run(&["cycle"]).status, Some(0));
    second_day().export(&bench);
    let plan = bench.json(&["plan", "--html", "plan.html"], 0);
    let of = |name: &str| {
        let found = actions(&plan, "references").into_iter().find(|action| action["source"]["id"] == anchor(name));
        found.unwrap_or_else(|| panic!("no references of {name}: {plan:#}"))
    };
    let account = |name: &str| {
        let users = bench.standin().users();
        users.into_iter().find(|user| user["externalId"] == anchor(name)).expect("an account")["id"].clone()
    };
    let new = json!(format!("new:{}", anchor("gil")));
    let path = format!("{ENTERPRISE}:manager");
    assert_eq!(
        of("cy")["changes"],
        json!([{"attribute": path, "before": account("ann"), "after": new, "source": anchor("gil"), "name": "gil"}])
    );
    assert_eq!(of("cy")["requests"][0]["body"]["Operations"], json!([{"op": "replace", "path": path, "value": new}]));
    assert_eq!(of("dan")["changes"][0]["after"], Value::Null);
    let change = |before: Value, after: Value, name: &str| json!({"attribute": "members", "before": before, "after": after, "source": anchor(name), "name": name});
    let mut changes = of("all")["changes"].as_array().expect("changes").clone();
    changes.sort_by_key(|change| change["name"].to_string());
    let (none, id) = (Value::Null, account);
    let expected = [
        change(id("ann"), none.clone(), "ann"),
        change(id("cy"), none.clone(), "cy"),
        change(none.clone(), id("fay"), "fay"),
        change(none, new.clone(), "gil"),
    ];
    assert_eq!(changes, expected);
    assert_eq!((requests(of("all")).len(), &of("new")["source"]["displayName"]), (2, &json!("new")));
    assert_eq!(of("new")["requests"][0]["path"], format!("/Groups/new%3A{}", anchor("new")));

    let (text, page) =
        (bench.run(&["plan"]).out, std::fs::read_to_string(bench.path().join("plan.html")).expect("a page"));
    assert!(text.contains("members: - → gil") && text.contains("members: ann → -"), "{text}");
    assert!(page.contains("<section id=\"references\"") && page.contains("<td class=\"after\">gil</td>"), "{page}");

    // The digest covers each member.
    let mut day = second_day();
    day.group("new", &["gil", "fay"]);
    let digest = |plan: &Value| plan["digest"].as_str().expect("a digest").to_owned();
    assert_eq!(digest(&bench.json(&["plan"], 0)), digest(&plan));
    day.export(&bench);
    let other = bench.json(&["plan"], 0);
    assert_ne!(digest(&other), digest(&plan));
    assert_eq!(other["counts"], plan["counts"]);
}

#[test]
fn apply_sends_no_reference_that_was_not_reviewed() {
    let bench = bench("entra-2020", "", "");
    let mut day = first_day();
    day.export(&bench);
    assert_eq!(bench.run(&["cycle"]).status, Some(0));
    day.person("fay", Some("ann")).group("all", &["ann", "bob"]);
    day.export(&bench);
    assert_eq!(bench.run(&["plan", "--out", "plan.json"]).status, Some(0));
    // Somebody else gives her a manager before the plan is carried out.
    let users = bench.standin().users();
    let id = |name: &str| users.iter().find(|user| user["displayName"] == name).expect("there")["id"].clone();
    let mut fay =
        users.iter().find(|user| user["displayName"] == "fay").expect("there").as_object().expect("one").clone();
    fay.insert(ENTERPRISE.to_owned(), json!({ "manager": { "value": id("eve") } }));
    bench.standin().update_user(id("fay").as_str().expect("an id"), fay).expect("the target takes it");
    let applied = bench.json(&["apply", "plan.json"], 1);
    assert_eq!((&applied["counts"]["failure"], &applied["counts"]["update"]), (&json!(1), &json!(1)), "{applied:#}");
    assert!(applied.to_string().contains("changed since the plan was made"), "{applied:#}");
    assert_eq!(
        (manager(&bench, "fay").as_deref(), members(&bench, "all")),
        (Some("eve"), vec!["ann".into(), "bob".into()])
    );
    // A plan whose list of members was edited is no plan.
    let edited = std::fs::read_to_string(bench.path().join("plan.json")).expect("a plan");
    bench.write("edited.json", &edited.replacen(&anchor("cy"), &anchor("bob"), 1));
    assert_eq!(bench.run(&["apply", "edited.json"]).status, Some(2));
}

#[test]
fn a_manager_who_was_made_anew_is_set_again() {
    let bench = bench("entra-2020", "    on_missing_target: rematch\n", "");
    let mut day = first_day();
    day.export(&bench);
    assert_eq!(bench.run(&["cycle"]).status, Some(0));
    assert!(bench.standin().delete_locally("ann@example.com").expect("deleted"));
    assert_ne!(manager(&bench, "bob").as_deref(), Some("ann"));
    day.people.get_mut("ann").expect("there").name = "anna".to_owned();
    day.export(&bench);
    let report = bench.json(&["cycle"], 0);
    assert_eq!((&report["counts"]["create"], &report["counts"]["failure"]), (&json!(1), &json!(0)), "{report:#}");
    for name in ["bob", "cy"] {
        assert_eq!(manager(&bench, name).as_deref(), Some("anna"), "{name}");
    }
    assert_eq!(members(&bench, "all"), ["anna", "bob", "cy", "dan"]);
    assert_eq!(bench.json(&["cycle"], 0)["requests"], 0);
}

#[test]
fn a_dry_run_shows_the_members_of_flattened_groups() {
    let bench = bench("entra-2020", "", "  flatten: true\n");
    let mut day = first_day();
    day.export(&bench);
    let dry = bench.json(&["cycle", "--dry-run"], 0);
    let shown = dry.to_string();
    assert!(shown.contains(&format!("+{}", anchor("eve"))), "{dry:#}");
    assert_eq!(writes(&bench), 0);
    let initial = bench.json(&["cycle"], 0);
    assert_eq!(dry["counts"], initial["counts"]);
    assert_eq!(members(&bench, "rest"), ["cy", "eve", "fay"]);
    // Only the inner group changes; the one around it is shown.
    day.group("crew", &["cy", "dan"]);
    day.export(&bench);
    let plan = bench.json(&["plan", "--out", "plan.json"], 0);
    let around = actions(&plan, "references").into_iter().find(|action| action["source"]["id"] == anchor("rest"));
    let around = around.unwrap_or_else(|| panic!("the outer group is shown: {plan:#}"));
    assert_eq!(around["changes"].as_array().map(Vec::len), Some(2));
    let applied = cycle(&bench, &["apply", "plan.json"], 0);
    assert_eq!(members(&bench, "rest"), ["cy", "dan", "fay"]);
    assert_eq!(bench.json(&["cycle"], 0)["requests"], 0);
    cycle(&bench, &["rollback", "--cycle", &applied], 0);
    assert_eq!(
        (members(&bench, "rest"), members(&bench, "crew")),
        (vec!["cy".into(), "eve".into(), "fay".into()], vec!["cy".into(), "eve".into()])
    );
    assert_eq!(bench.json(&["cycle"], 0)["requests"], 0);
}

/// Members that a reactivation only sent again are not taken away when it is undone (service.md D-39).
#[test]
fn undoing_a_reactivation_leaves_memberships() {
    let bench = bench("entra-2020", "", "");
    let mut day = first_day();
    day.export(&bench);
    assert_eq!(bench.run(&["cycle"]).status, Some(0));
    day.people.get_mut("cy").expect("there").active = false;
    day.export(&bench);
    assert_eq!(bench.json(&["cycle"], 0)["counts"]["disable"], 1);
    let before = content(&bench);
    day.people.get_mut("cy").expect("there").active = true;
    day.export(&bench);
    let id = cycle(&bench, &["cycle"], 0);
    assert_eq!(bench.json(&["rollback", "--cycle", &id], 0)["counts"]["disable"], 1);
    assert_eq!(content(&bench), before);
    assert_eq!(members(&bench, "all"), ["ann", "bob", "cy", "dan"]);
    assert_eq!(bench.json(&["cycle"], 0)["requests"], 0);
}

#[test]
fn one_group_on_demand_by_name_and_member() {
    let bench = bench("entra-2020", "", "");
    let mut day = Directory::default();
    let names: Vec<String> = (0..9).map(|number| format!("p{number}")).collect();
    for name in &names {
        day.person(name, None);
    }
    day.export(&bench);
    assert_eq!(bench.run(&["cycle"]).status, Some(0));
    day.group("all", &names.iter().map(String::as_str).collect::<Vec<_>>());
    day.export(&bench);
    let group = anchor("all");
    let dry = bench.json(&["provision-now", "--group", &group, "--dry-run"], 0);
    assert_eq!((writes(&bench), dry["value"]["provisioningAction"].as_str()), (9, Some("create")), "{dry:#}");
    assert!(dry.to_string().contains("members"), "{dry:#}");
    assert!(bench.standin().groups().is_empty());

    let made = bench.json(&["provision-now", "--group", &group], 0);
    assert_eq!(made["key"]["result"], "Success", "{made:#}");
    assert_eq!(members(&bench, "all").len(), 5, "at most five unless all are asked for");
    let few = ["provision-now", "--group", "all", "--member", "p7@example.com", "--member", &anchor("p8")];
    bench.json(&few, 0);
    let held = members(&bench, "all");
    assert!(held.contains(&"p7".to_owned()) && held.contains(&"p8".to_owned()), "{held:?}");
    bench.json(&["provision-now", "--group", &group, "--all-members"], 0);
    assert_eq!(members(&bench, "all"), names);
    let sent = writes(&bench);
    bench.json(&["provision-now", "--group", &group, "--all-members"], 0);
    assert_eq!(writes(&bench), sent, "nothing is sent twice");

    let six: Vec<String> =
        (0..6).flat_map(|number| ["--member".to_owned(), format!("p{number}@example.com")]).collect();
    let six: Vec<&str> =
        ["provision-now", "--group", &group].into_iter().chain(six.iter().map(String::as_str)).collect();
    let refused = bench.run(&six);
    assert_eq!((refused.status, writes(&bench)), (Some(2), sent), "{}{}", refused.out, refused.err);
    let alone = bench.run(&["provision-now", "--member", "p1@example.com"]);
    assert_eq!(alone.status, Some(2), "{}", alone.err);
    let nobody = bench.run(&["provision-now", "--group", "no-such-group"]);
    assert_eq!(nobody.status, Some(1), "{}{}", nobody.out, nobody.err);
    // The next cycle has nothing to add.
    bench.run(&["cycle"]);
    assert_eq!(writes(&bench), sent);
}

/// Everything in `examples/`: the target holds accounts already, some of which match, and is afterwards what it was.
#[test]
fn examples_are_planned_applied_and_undone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for entry in std::fs::read_dir(root.join("examples")).expect("examples").flatten() {
        let folder = entry.path();
        if !folder.is_dir() {
            continue;
        }
        seen += 1;
        let name = entry.file_name().into_string().expect("a name");
        let profile = if name == "kintone" { Profile::Kintone } else { Profile::Rfc7644 };
        let bench = Bench::beside(profile);
        copy(&folder, &bench, "examples/it");
        copy(&root.join("mappings"), &bench, "mappings");
        let path = bench.path().join("examples/it/provisiond.yaml");
        let text = std::fs::read_to_string(&path).expect("a configuration");
        let text = text.replace("http://127.0.0.1:8080/scim/v2/", &bench.standin().url());
        let token = text
            .replace("{ env: SCIM_TOKEN }", "{ file: ../../token }")
            .replace("{ env: KINTONE_TOKEN }", "{ file: ../../token }");
        assert_ne!(text, token, "{name}");
        bench.write("examples/it/provisiond.yaml", &format!("{token}    accidental_deletion: {{ enabled: false }}\n"));
        // Whoever is first in the export has an account already, of which some values differ, and so has a stranger.
        let records = bench.json(&there(&["source", "show"]), 0)["records"].clone();
        let first = records.as_array().expect("records").iter().find(|one| one["kind"] == "user").expect("somebody");
        let login =
            ["userPrincipalName", "mail"].iter().find_map(|key| first["attributes"][*key].as_str()).expect("a login");
        let user = |name: &str| {
            json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name, "displayName": "made by hand",
                "name": { "givenName": "by", "familyName": "hand" }, "active": true, "title": "not in the export",
                "emails": [{ "type": "work", "value": format!("hand-{name}"), "primary": true }],
            })
        };
        bench.standin().create_user(&user(login)).expect("taken");
        bench.standin().create_user(&user("stranger@example.com")).expect("taken");
        undone(&bench, &name);

        // Provisioned, then everything of the people changes that can change in these files.
        assert_eq!(bench.run(&there(&["restart"])).status, Some(0), "{name}");
        assert_eq!(bench.run(&there(&["cycle"])).status, Some(0), "{name}");
        let source = bench.path().join("examples/it/source");
        let mut changed = 0;
        for file in std::fs::read_dir(&source).expect("files").flatten() {
            let text = std::fs::read_to_string(file.path()).expect("text");
            let other = changed_in(&text);
            changed += usize::from(other != text);
            std::fs::write(file.path(), other).expect("written");
        }
        assert!(changed > 0, "{name}: nothing changed");
        undone(&bench, &name);
    }
    assert!(seen >= 4, "{seen} examples");
}

/// The arguments with the configuration of the example.
fn there<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [arguments, &["--config", "examples/it/provisiond.yaml"]].concat()
}

/// Plans, applies, rolls back; the target is what it was, ids included.
fn undone(bench: &Bench, name: &str) {
    let before = content(bench);
    bench.json(&there(&["plan", "--out", "plan.json", "--force"]), 0);
    let id = cycle(bench, &there(&["apply", "plan.json"]), 0);
    assert_ne!(content(bench), before, "{name}: something was sent");
    let rolled = bench.json(&there(&["rollback", "--cycle", &id]), 0);
    let after = content(bench);
    for (then, now) in before.iter().zip(&after) {
        assert_eq!(now, then, "{name}: {}", rolled["counts"]);
    }
    assert_eq!(after.len(), before.len(), "{name}");
}

/// An export of the next day: one name, one number and one membership are others.
fn changed_in(text: &str) -> String {
    let member = |number: u32, name: &str| {
        format!(r#"{{"value": "6b1f0c00-0000-4000-8000-00000000000{number}", "display": "{name}"}}"#)
    };
    text.replace("佐藤 花子", "佐東 花子")
        .replace("employeeNumber: 0003", "employeeNumber: 0033")
        .replace(&member(3, "田中 健"), &member(4, "高橋 美咲"))
}

/// Copies a folder below the bench.
fn copy(from: &Path, bench: &Bench, to: &str) {
    for entry in std::fs::read_dir(from).expect("a folder").flatten() {
        let name = format!("{to}/{}", entry.file_name().to_string_lossy());
        match entry.path().is_dir() {
            true => copy(&entry.path(), bench, &name),
            false => bench.write(&name, &std::fs::read_to_string(entry.path()).expect("text")),
        }
    }
}
