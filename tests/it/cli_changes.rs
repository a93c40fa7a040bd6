//! Change files: Graph's delta and LDIF change records, applied to the last snapshot (sources.md 8.3, 9.5, 16.1).

use serde_json::{Value, json};

use crate::cli_bench::{Bench, person};

fn id(number: u32) -> String {
    format!("7c9e6679-7425-40de-944b-{number:012}")
}

/// A user as Graph writes it; `more` is laid over it.
fn user(number: u32, login: &str, more: Value) -> Value {
    let mut user = json!({
        "id": id(number), "userPrincipalName": format!("{login}@example.jp"), "displayName": login.to_uppercase(),
        "givenName": login, "surname": "佐藤", "mail": format!("{login}@example.jp"), "accountEnabled": true,
        "jobTitle": "Engineer", "department": "Sales", "mobilePhone": null, "businessPhones": [],
    });
    for (name, value) in more.as_object().expect("an object") {
        user[name] = value.clone();
    }
    user
}

fn page(users: &[Value]) -> String {
    json!({"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#users", "value": users}).to_string() + "\n"
}

fn delta(users: &[Value]) -> String {
    json!({
        "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#users(id)/$delta",
        "@odata.deltaLink": "https://graph.microsoft.com/v1.0/users/delta?$deltatoken=x",
        "value": users,
    })
    .to_string()
        + "\n"
}

fn bench(preset: &str) -> Bench {
    let bench = Bench::new();
    let configuration = std::fs::read_to_string(bench.path().join("provisiond.yaml")).expect("written");
    bench.write("provisiond.yaml", &configuration.replace("preset: entra-csv", preset));
    bench
}

fn clear(bench: &Bench) {
    std::fs::remove_dir_all(bench.path().join("source")).expect("the folder was there");
}

/// What lies in the target, but for what the target itself gave: by login.
fn accounts(bench: &Bench) -> Vec<Value> {
    let mut users: Vec<Value> = bench.standin().users().into_iter().map(|user| json!(user)).collect();
    for user in &mut users {
        let members = user.as_object_mut().expect("a resource");
        members.remove("id");
        members.remove("meta");
    }
    users.sort_by_key(|user| user["userName"].to_string());
    users
}

#[test]
fn changes_come_to_the_same_as_the_next_snapshot() {
    let day0 = [
        user(1, "taro", json!({})),
        user(2, "hanako", json!({})),
        user(3, "ken", json!({})),
        user(4, "yuki", json!({})),
        user(5, "jiro", json!({})),
    ];
    let yesterday = (jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24)).to_string();
    let (by_changes, by_snapshot) = (bench("preset: entra-graph-json"), bench("preset: entra-graph-json"));
    for bench in [&by_changes, &by_snapshot] {
        bench.write("source/users.json", &page(&day0));
        assert_eq!(bench.json(&["cycle"], 0)["counts"]["create"], 5);
    }
    clear(&by_changes);
    by_changes.write(
        "source/delta-00001.json",
        &delta(&[
            json!({"id": id(1), "displayName": "TARO II"}),
            json!({"id": id(2), "jobTitle": null, "accountEnabled": false}),
            json!({"id": id(3), "@removed": {"reason": "changed"}}),
            user(6, "new", json!({})),
        ]),
    );
    by_snapshot.write(
        "source/users.json",
        &page(&[
            user(1, "taro", json!({"displayName": "TARO II"})),
            user(2, "hanako", json!({"jobTitle": null, "accountEnabled": false})),
            user(3, "ken", json!({"deletedDateTime": yesterday})),
            user(4, "yuki", json!({})),
            user(5, "jiro", json!({})),
            user(6, "new", json!({})),
        ]),
    );
    let changed = by_changes.json(&["cycle"], 0);
    by_snapshot.json(&["cycle"], 0);
    assert_eq!(changed["counts"]["create"], 1, "{changed}");
    assert_eq!(accounts(&by_changes), accounts(&by_snapshot));
    let status = by_changes.json(&["status"], 0);
    assert_eq!(status["jobs"][0]["status"]["synchronizedEntryCountByType"], json!([{"key": "User", "value": 6}]));

    // Applied once: the same file again, under another name, changes nothing.
    let requests = by_changes.standin().request_count();
    let text = std::fs::read_to_string(by_changes.path().join("source/delta-00001.json")).expect("there");
    clear(&by_changes);
    by_changes.write("source/delta-00009.json", &text);
    by_changes.json(&["cycle"], 0);
    assert_eq!(by_changes.standin().request_count(), requests);

    // What was changed before is the base of what changes next; who is deleted for good goes.
    by_changes.write(
        "source/delta-00010.json",
        &delta(&[
            json!({"id": id(1), "department": "Legal"}),
            json!({"id": id(4), "@removed": {"reason": "deleted"}}),
            json!({"id": id(3), "displayName": "KEN"}),
        ]),
    );
    by_changes.json(&["cycle"], 0);
    let now = accounts(&by_changes);
    let of = |login: &str| now.iter().find(|user| user["userName"] == format!("{login}@example.jp").as_str());
    assert_eq!(of("taro").expect("there")["displayName"], "TARO II");
    assert_eq!(of("ken").expect("restored")["active"], true);
    assert!(of("yuki").is_none_or(|user| user["active"] == false), "{now:?}");

    // A restart evaluates everybody as last known.
    by_changes.json(&["restart"], 0);
    let again = by_changes.json(&["cycle"], 0);
    assert_eq!(again["cycle"]["kind"], "initial");
    assert_eq!((&again["counts"]["create"], &again["counts"]["disable"]), (&json!(0), &json!(0)), "{again}");
    assert_eq!(accounts(&by_changes), now);

    // And a complete export has the last word.
    clear(&by_changes);
    by_changes.write("source/users.json", &page(&day0));
    by_changes.json(&["cycle"], 0);
    let now = accounts(&by_changes);
    assert_eq!(now.iter().filter(|user| user["active"] == true).count(), 5, "{now:?}");
    assert!(now.iter().any(|user| user["displayName"] == "TARO" && user["active"] == true), "{now:?}");
}

/// Whoever a change speaks of was recognised in the snapshot beside it too (contract.md 5).
#[test]
fn each_object_is_counted_once() {
    let people: Vec<Value> =
        (1..=5).zip(["taro", "hanako", "ken", "yuki", "jiro"]).map(|(id, login)| user(id, login, json!({}))).collect();
    let changes = delta(&[
        json!({"id": id(1), "displayName": "TARO II"}),
        json!({"id": id(2), "accountEnabled": false}),
        json!({"id": id(3), "@removed": {"reason": "deleted"}}),
        user(6, "new", json!({})),
    ]);
    for beside in [true, false] {
        let bench = bench("preset: entra-graph-json");
        let counted = |arguments: &[&str]| {
            let document = bench.json(arguments, 0);
            let counts = document["counts"].as_object().expect("counts");
            (counts.values().filter_map(Value::as_u64).sum::<u64>(), document["counts"]["notEvaluated"].clone())
        };
        bench.write("source/users.json", &page(&people));
        assert_eq!(counted(&["cycle"]), (5, json!(0)));
        if !beside {
            clear(&bench);
        }
        bench.write("source/users.json.delta-00001.json", &changes);
        assert_eq!(counted(&["cycle", "--dry-run"]), (6, json!(2)), "{beside}");
        assert_eq!(counted(&["cycle"]), (6, json!(2)), "{beside}");
        if !beside {
            bench.json(&["restart"], 0);
            assert_eq!(counted(&["cycle"]), (5, json!(0)), "everybody has a turn");
        }
    }
}

#[test]
fn changes_beside_their_snapshot_hold_although_it_lies_there_still() {
    let bench = bench("preset: detect");
    bench.write("source/a-users.json", &page(&[user(1, "taro", json!({})), user(2, "hanako", json!({}))]));
    bench.json(&["cycle"], 0);
    bench.write(
        "source/b-delta.json",
        &delta(&[json!({"id": id(1), "userPrincipalName": "taro@example.jp", "displayName": "TARO II"})]),
    );
    assert_eq!(bench.json(&["cycle"], 0)["counts"]["update"], 1);
    for arguments in [["cycle"].as_slice(), &["restart"], &["cycle"]] {
        bench.json(arguments, 0);
        let now = accounts(&bench);
        assert!(now.iter().any(|user| user["displayName"] == "TARO II"), "{arguments:?} {now:?}");
    }
}

#[test]
fn changes_without_what_they_change_are_refused() {
    let first = bench("preset: entra-graph-json");
    first.write("source/delta-1.json", &delta(&[json!({"id": id(1), "displayName": "TARO II"})]));
    let refused = first.json(&["cycle"], 6);
    assert!(refused["error"]["message"].as_str().expect("a message").contains("set.no_base"), "{refused}");
    // nothing is kept where only snapshots are allowed
    let bench = bench("preset: entra-graph-json, mode: snapshot");
    bench.write("source/users.json", &page(&[user(1, "taro", json!({}))]));
    bench.json(&["cycle"], 0);
    bench.write("source/zz-delta.json", &delta(&[json!({"id": id(1), "displayName": "TARO II"})]));
    bench.json(&["cycle"], 6);
    assert_eq!(accounts(&bench)[0]["displayName"], "TARO");
}

#[test]
fn ldif_changes_come_to_the_same_as_the_next_day() {
    let preset = "preset: openldap-ldif";
    let (by_changes, by_snapshot) = (bench(preset), bench(preset));
    let day1 = include_str!("../fixtures/ldif/openldap-slapcat-day1.ldif");
    for bench in [&by_changes, &by_snapshot] {
        bench.write("kintone.yaml", MAPPING);
        bench.write("source/directory.ldif", day1);
        bench.json(&["cycle"], 0);
    }
    let before = accounts(&by_changes);
    assert!(before.len() > 5, "{before:?}");
    clear(&by_changes);
    by_changes.write("source/changes.ldif", include_str!("../fixtures/ldif/openldap-changes.ldif"));
    by_snapshot.write("source/directory.ldif", include_str!("../fixtures/ldif/openldap-slapcat-day2.ldif"));
    by_changes.json(&["cycle"], 0);
    by_snapshot.json(&["cycle"], 0);
    // Who is added without the identifier that only the server gives is refused; who is deleted is gone for good here, and
    // only absent there.
    let living = |bench: &Bench| {
        let mut users = accounts(bench);
        users.retain(|user| user["active"] == true && user["userName"] != "000018");
        users
    };
    assert_ne!(before, accounts(&by_changes));
    assert_eq!(living(&by_changes), living(&by_snapshot));
}

/// Without mail addresses: which of two comes first is the server's whim.
const MAPPING: &str = "users:
  endpoint: /Users
  actions: [create, update, delete]
  attributes:
    userName: { source: employeeId, match: 1 }
    active: Not([IsSoftDeleted])
    displayName: displayName
    name.givenName: givenName
    name.familyName: onPremisesDistinguishedName
    externalId: { source: objectId }
groups:
  enabled: false
";

#[test]
fn a_rename_keeps_the_account() {
    let bench = bench("preset: kintone-csv, allow_mutable_anchor: true");
    let export = |rows: &str| format!("loginName,displayName,newLoginName,status,email\n{rows}");
    bench.write("source/users.csv", &export("taro@x,Taro,,1,t@x\nken@x,Ken,,1,k@x\n"));
    assert_eq!(bench.json(&["cycle"], 0)["counts"]["create"], 2);
    bench.write("source/users.csv", &export("taro@x,Taro,taro2@x,1,t@x\nken@x,Ken,,1,k@x\n"));
    let renamed = bench.json(&["cycle"], 0);
    assert_eq!((&renamed["counts"]["create"], &renamed["counts"]["disable"]), (&json!(0), &json!(0)), "{renamed}");
    bench.write("source/users.csv", &export("taro2@x,Taro,,1,t@x\nken@x,Ken,,1,k@x\n"));
    let after = bench.json(&["cycle"], 0);
    assert_eq!((&after["counts"]["create"], &after["counts"]["disable"]), (&json!(0), &json!(0)), "{after}");
    let active: Vec<Value> = accounts(&bench).iter().map(|user| user["active"].clone()).collect();
    assert_eq!(active, [true, true]);
    let anchors: Vec<Value> = bench.json(&["links", "list"], 0).as_array().expect("a list").clone();
    assert!(anchors.iter().any(|link| link.to_string().contains("taro2@x")), "{anchors:?}");
}

#[test]
fn refused_records_are_kept_beside_the_state() {
    let bench = Bench::new();
    bench.people(&[&person(1, "taro", "佐藤", true), "short,row"]);
    bench.json(&["cycle", "--dry-run"], 0);
    assert!(!bench.path().join("refused").exists(), "a dry run writes nothing");
    bench.json(&["cycle"], 0);
    let kept: Vec<_> = std::fs::read_dir(bench.path().join("refused")).expect("there").collect();
    let path = kept[0].as_ref().expect("a file").path();
    let text = std::fs::read_to_string(path).expect("read");
    let record: Value = serde_json::from_str(text.trim()).expect("one line of JSON");
    assert_eq!(
        (&record["file"], &record["line"], &record["code"], &record["raw"]),
        (&json!("users.csv"), &json!(3), &json!("csv.field_count"), &json!("short,row"))
    );
}

#[test]
fn one_person_is_known_from_before_where_only_changes_lie() {
    let bench = bench("preset: entra-graph-json");
    bench.write("source/users.json", &page(&[user(1, "taro", json!({})), user(2, "hanako", json!({}))]));
    // nothing is known yet
    let early = bench.path().join("source/users.json");
    let snapshot = std::fs::read_to_string(&early).expect("there");
    clear(&bench);
    bench.write("source/delta.json", &delta(&[json!({"id": id(1), "displayName": "Manager"})]));
    let answer = bench.json(&["provision-now", "--user", "hanako@example.jp"], 6);
    assert!(answer.to_string().contains("set.no_base"), "{answer}");
    clear(&bench);
    bench.write("source/users.json", &snapshot);
    assert_eq!(bench.json(&["cycle"], 0)["counts"]["create"], 2);

    clear(&bench);
    bench.write("source/delta.json", &delta(&[json!({"id": id(1), "displayName": "Manager"})]));
    let answer = bench.json(&["provision-now", "--user", "hanako@example.jp"], 0);
    assert_eq!(answer["value"]["sourceIdentity"]["id"], id(2), "{answer}");
    bench.json(&["provision-now", "--user", "taro@example.jp"], 0);
    let now = accounts(&bench);
    assert_eq!(now.iter().filter(|user| user["displayName"] == "Manager").count(), 1, "{now:?}");
}

#[test]
fn what_cannot_be_read_overwrites_nothing() {
    let bench = bench("preset: entra-csv");
    let head = "userPrincipalName,surname,mail,givenName,id,accountEnabled,displayName";
    let row =
        |name: &str, enabled: &str| format!("{head}\ntaro@example.jp,S,taro@example.jp,T,{},{enabled},{name}\n", id(1));
    bench.write("source/users.csv", &row("Engineer", "False"));
    bench.json(&["cycle"], 0);
    let before = accounts(&bench);
    // a person who is disabled is not given an account, so that one who is active is looked at first
    bench.write("source/users.csv", &row("Engineer", "True"));
    bench.json(&["cycle"], 0);
    assert_eq!(accounts(&bench)[0]["displayName"], "Engineer", "{before:?}");
    bench.write("source/users.csv", &row("System.Object[]", "True"));
    let cycle = bench.json(&["cycle"], 0);
    assert_eq!(accounts(&bench)[0]["displayName"], "Engineer", "{cycle}");
    bench.write("source/users.csv", &row("Engineer", "False"));
    bench.json(&["cycle"], 0);
    assert_eq!(accounts(&bench)[0]["active"], false);
    bench.write("source/users.csv", &row("Manager", "#NAME?"));
    bench.json(&["cycle"], 0);
    let now = accounts(&bench);
    // Whoever was disabled is not enabled by what cannot be read.
    assert_eq!(now[0]["active"], false, "{now:?}");
}

/// A way to say that somebody is deleted, beside whom nothing changes any more.
struct Gone {
    name: &'static str,
    /// The folder's files from then on.
    files: Vec<(&'static str, String)>,
}

fn ways_to_be_gone(removed: &str) -> Vec<Gone> {
    let others = || [user(1, "taro", json!({})), user(2, "hanako", json!({}))];
    let deleted = user(3, "ken", json!({ "deletedDateTime": "2026-01-02T00:00:00Z" }));
    let everybody = || page(&[others().as_slice(), &[user(3, "ken", json!({}))]].concat());
    let change = delta(&[json!({ "id": id(3), "@removed": { "reason": removed } })]);
    let marked = Gone { name: "marked", files: vec![("a.json", page(&[others().as_slice(), &[deleted]].concat()))] };
    let beside = Gone { name: "beside", files: vec![("a.json", everybody()), ("b-delta.json", change.clone())] };
    let alone = Gone { name: "alone", files: vec![("b-delta.json", change)] };
    if removed == "changed" { vec![marked, beside, alone] } else { vec![beside, alone] }
}

fn put(bench: &Bench, files: &[(&str, String)]) {
    if bench.path().join("source").exists() {
        clear(bench);
    }
    for (name, text) in files {
        bench.write(&format!("source/{name}"), text);
    }
}

fn with_ken(settings: &str) -> Bench {
    let bench = bench("preset: entra-graph-json");
    let configuration = std::fs::read_to_string(bench.path().join("provisiond.yaml")).expect("written");
    bench.write("provisiond.yaml", &(configuration + settings));
    let everybody = page(&[user(1, "taro", json!({})), user(2, "hanako", json!({})), user(3, "ken", json!({}))]);
    put(&bench, &[("a.json", everybody)]);
    bench.json(&["cycle", "--at", "2026-01-01T00:00:00Z"], 0);
    bench
}

fn active(bench: &Bench) -> Vec<String> {
    let living = accounts(bench).into_iter().filter(|user| user["active"] == true);
    living.map(|user| user["userName"].as_str().unwrap_or_default().replace("@example.jp", "")).collect()
}

#[test]
fn who_was_deleted_is_deleted_when_the_retention_is_over() {
    for Gone { name, files } in ways_to_be_gone("changed") {
        let bench = with_ken("");
        put(&bench, &files);
        bench.json(&["cycle", "--at", "2026-01-02T00:00:00Z"], 0);
        assert_eq!(active(&bench), ["hanako", "taro"], "{name}");
        bench.json(&["cycle", "--initial", "--at", "2026-01-03T00:00:00Z"], 0);
        assert_eq!(active(&bench), ["hanako", "taro"], "{name}");
        let ended = bench.json(&["cycle", "--at", "2026-02-03T00:00:00Z"], 0);
        assert_eq!(accounts(&bench).len(), 2, "{name} {ended}");
    }
}

#[test]
fn a_deletion_that_is_withheld_stays_in_its_batch() {
    for removed in ["changed", "deleted"] {
        for Gone { name, files } in ways_to_be_gone(removed) {
            let bench = with_ken("    accidental_deletion: { threshold: 0 }\n");
            put(&bench, &files);
            let mut batch = String::new();
            for day in ["02", "03", "04"] {
                let staged = bench.json(&["cycle", "--at", &format!("2026-01-{day}T00:00:00Z")], 5);
                assert_eq!(staged["stagedDeletions"]["count"], 1, "{name} {removed} {day} {staged}");
                batch = staged["stagedDeletions"]["batch"].as_str().expect("a batch").to_owned();
            }
            bench.json(&["deletions", "approve", &batch], 0);
            bench.json(&["cycle", "--at", "2026-01-05T00:00:00Z"], 0);
            assert_eq!(active(&bench), ["hanako", "taro"], "{name} {removed}");
            bench.json(&["cycle", "--at", "2026-01-06T00:00:00Z"], 0);
        }
    }
}

#[test]
fn what_changes_said_holds_on_demand_and_in_every_later_cycle() {
    let bench = bench("preset: entra-graph-json");
    let snapshot = page(&[user(1, "taro", json!({})), user(2, "hanako", json!({})), user(3, "ken", json!({}))]);
    let change = delta(&[
        json!({ "id": id(1), "displayName": "TARO II" }),
        json!({ "id": id(2), "accountEnabled": false }),
        user(6, "new", json!({})),
    ]);
    put(&bench, &[("a.json", snapshot.clone())]);
    bench.json(&["cycle"], 0);
    put(&bench, &[("a.json", snapshot.clone()), ("b-delta.json", change)]);
    bench.json(&["cycle"], 0);
    let now = accounts(&bench);
    assert_eq!(active(&bench), ["ken", "new", "taro"]);
    // the file of changes may be cleared away once it was applied
    for is_there in [true, false] {
        if !is_there {
            put(&bench, &[("a.json", snapshot.clone())]);
        }
        for login in ["taro", "hanako", "new"] {
            let answer = bench.json(&["provision-now", "--user", &format!("{login}@example.jp")], 0);
            assert_eq!(answer["value"]["provisioningStatusInfo"]["status"], "skipped", "{is_there} {answer}");
        }
        for arguments in [&["cycle"][..], &["cycle", "--initial"]] {
            bench.json(arguments, 0);
            assert_eq!(accounts(&bench), now, "{is_there} {arguments:?}");
        }
    }
    // a rule that asks for more reads everybody anew, and reaches whom a change brought
    let mapping = std::fs::read_to_string(bench.path().join("kintone.yaml")).expect("written");
    let longer = mapping.replace("displayName:    displayName", "displayName: 'Append([displayName], [jobTitle])'");
    assert_ne!(mapping, longer);
    bench.write("kintone.yaml", &longer);
    for arguments in [&["cycle"][..], &["cycle"], &["cycle", "--initial"]] {
        bench.json(arguments, 0);
        assert_eq!(active(&bench), ["ken", "new", "taro"], "{arguments:?}");
    }
    let new = bench.json(&["provision-now", "--user", "new@example.jp"], 0);
    assert_eq!(new["value"]["provisioningStatusInfo"]["status"], "skipped", "{new}");

    // who is not in a later complete export has left
    put(
        &bench,
        &[(
            "a.json",
            page(&[
                user(1, "taro", json!({ "jobTitle": "Manager" })),
                user(2, "hanako", json!({})),
                user(3, "ken", json!({})),
            ]),
        )],
    );
    bench.json(&["cycle"], 0);
    assert_eq!(active(&bench), ["hanako", "ken", "taro"]);
    assert_eq!(bench.json(&["cycle"], 0)["requests"], 0);
}

#[test]
fn a_group_that_is_removed_need_not_say_that_it_was_one() {
    let groups = |context: &str, value: Value| {
        json!({ "@odata.context": format!("https://graph.microsoft.com/v1.0/$metadata#groups{context}"), "value": value })
            .to_string()
    };
    let team = json!([{
        "@odata.type": "#microsoft.graph.group", "id": id(20), "displayName": "team", "securityEnabled": true,
        "members": [{ "@odata.type": "#microsoft.graph.user", "id": id(1) }],
    }]);
    for is_beside in [true, false] {
        let bench = crate::directory::bench("entra-2020", "", "");
        let configuration = std::fs::read_to_string(bench.path().join("provisiond.yaml")).expect("written");
        bench.write("provisiond.yaml", &configuration.replace("preset: scim-json", "preset: entra-graph-json"));
        bench.write(
            "mapping.yaml",
            "users:\n  attributes:\n    userName: { source: userPrincipalName, match: 1 }\n    active: Not([IsSoftDeleted])\n    \
             displayName: displayName\ngroups:\n  attributes:\n    displayName: { source: displayName, match: 1 }\n    members: members\n",
        );
        let base = [
            ("a.json", page(&[user(1, "taro", json!({})), user(2, "hanako", json!({}))])),
            ("b.json", groups("", team.clone())),
        ];
        put(&bench, &base);
        assert_eq!(bench.json(&["cycle"], 0)["counts"]["create"], 3);
        assert_eq!(crate::directory::members(&bench, "team"), ["TARO"]);
        let gone = json!([{ "id": id(20), "@removed": { "reason": "deleted" } }]);
        let change = ("z.json", groups("(id)/$delta", gone));
        let folder: Vec<_> = base.into_iter().filter(|_| is_beside).chain([change]).collect();
        put(&bench, &folder);
        assert_eq!(bench.json(&["cycle"], 0)["counts"]["delete"], 1, "{is_beside}");
        assert_eq!(bench.json(&["cycle"], 0)["requests"], 0, "{is_beside}");
    }
}
