//! What starts an initial cycle and what does not, reset scopes, on-demand runs beside a cycle, the log
//! (service.md 4, 7, 19, 20).

use provisiond::cycle::OnDemandOptions;
use provisiond::model::{CycleKind, LoggedAction, ObjectKind};
use serde_json::{Value, json};

use crate::bench::{Bench, HEADING, MAPPING, anchor, login, row};

#[test]
fn some_changes_of_the_configuration_start_an_initial_cycle() {
    type Change = fn(&mut Bench);
    let changes: [(&str, Change, CycleKind); 11] = [
        ("nothing", |_| {}, CycleKind::Incremental),
        (
            "a comment",
            |bench| {
                bench.mapping(&format!("# who\n{MAPPING}# end\n"));
            },
            CycleKind::Incremental,
        ),
        (
            "another mapping",
            |bench| {
                bench.mapping(&format!("{MAPPING}    title: department\n"));
            },
            CycleKind::Initial,
        ),
        (
            "an apply mode",
            |bench| {
                bench.mapping(&MAPPING.replace("match: 1", "match: 1, apply: on-create"));
            },
            CycleKind::Initial,
        ),
        (
            "a filter",
            |bench| {
                bench.mapping(&MAPPING.replace(
                    "  attributes",
                    "  scope:\n    - - { attribute: department, operator: IS NOT NULL }\n  attributes",
                ));
            },
            CycleKind::Initial,
        ),
        (
            "actions",
            |bench| {
                bench.mapping(&MAPPING.replace("  attributes", "  actions: [create, update]\n  attributes"));
            },
            CycleKind::Initial,
        ),
        (
            "exclude",
            |bench| {
                bench.source("preset: entra-csv\nexclude: [nobody@example.jp]");
            },
            CycleKind::Initial,
        ),
        (
            "threshold",
            |bench| {
                bench.job("accidental_deletion: { threshold: 7 }");
            },
            CycleKind::Incremental,
        ),
        (
            "notifications",
            |bench| {
                bench.job("notifications: { enabled: false }");
            },
            CycleKind::Incremental,
        ),
        (
            "a setting of the target",
            |bench| {
                bench.target("timeout: PT20S");
            },
            CycleKind::Incremental,
        ),
        (
            "interval",
            |bench| {
                bench.job("schedule: { interval: PT20M }");
            },
            CycleKind::Incremental,
        ),
    ];
    for (name, change, kind) in changes {
        let mut bench = Bench::new();
        bench.crowd(3);
        assert_eq!(bench.cycle().report.kind, CycleKind::Initial, "the first one");
        change(&mut bench);
        bench.after_minutes(40);
        assert_eq!(bench.cycle().report.kind, kind, "{name}");
        bench.after_minutes(40);
        assert_eq!(bench.cycle().report.kind, CycleKind::Incremental, "{name}: once");
    }
}

#[test]
fn a_change_of_the_scope_mode_starts_an_initial_cycle_and_disables_who_is_not_assigned() {
    let mut bench = Bench::new();
    bench.crowd(3);
    bench.cycle();
    bench.source("preset: entra-csv\nscope: assigned\nfiles:\n  - { match: users.csv }\n  - { match: assigned.csv, role: assignments }");
    bench.file("assigned.csv", &format!("id\n{}\n{}\n", anchor(0), anchor(1))).after_minutes(40);
    let cycle = bench.cycle();
    assert_eq!((cycle.report.kind, cycle.counts()[2]), (CycleKind::Initial, 1), "{:?}", cycle.report.error);
    assert_eq!(cycle.of(&anchor(2)).reason, "Unassigned");
    assert_eq!(bench.link(&anchor(2)), "released");
    // On demand the assignment file counts too.
    assert_eq!(bench.one(&login(0)).reason, "RedundantExport");
    assert_eq!(bench.one(&login(2)).reason, "NotEffectivelyEntitled");
    // A kind that there is not is named, and nobody loses an account by it.
    bench.file("assigned.csv", &format!("id,kind\n{},robot\n{},User\n", anchor(0), anchor(1))).after_minutes(40);
    let cycle = bench.cycle();
    assert_eq!(cycle.counts()[..4], [0, 0, 0, 0], "{:?}", cycle.report.error);
    let told = bench.run(&["source"]).text();
    assert!(told.contains("value.unreadable") && told.contains("assigned.csv:2") && told.contains("`robot`"), "{told}");
}

/// An assignments file that was cut, or is empty, is no reason to take anybody's account (sources.md, rule 1).
#[test]
fn assignments_that_suddenly_are_few_deactivate_nobody() {
    let files = "preset: entra-csv\nscope: assigned\nfiles:\n  - { match: users.csv }\n  - { match: assigned.csv, role: assignments }";
    let named = |numbers: &[usize]| -> String {
        ["id\n".to_owned()].into_iter().chain(numbers.iter().map(|number| format!("{}\n", anchor(*number)))).collect()
    };
    let active = |bench: &Bench| bench.standin.users().iter().filter(|user| user["active"] == true).count();
    let mut bench = Bench::new();
    bench.source(files).crowd(6).file("assigned.csv", &named(&[]));
    let first = bench.cycle();
    assert_eq!((first.report.error, active(&bench)), (None, 0), "before there was anybody nothing is expected");
    bench.file("assigned.csv", &named(&[0, 1, 2, 3, 4])).after_minutes(40).cycle();
    assert_eq!(active(&bench), 5);

    bench.file("assigned.csv", &named(&[])).after_minutes(40);
    let ran = bench.run_cycle(&[]);
    assert_eq!((ran.status(), active(&bench)), (6, 5), "{}", ran.text());
    assert!(ran.errors().contains("set.empty: the assignment files name nobody, where the last ones named 5 ids"));
    assert_ne!(bench.run(&["source", "accept"]).status(), 0, "nobody can confirm that");
    for command in [&["check"][..], &["provision-now", "--user", &login(0)]] {
        let ran = bench.run(command);
        assert_ne!(ran.status(), 0, "{command:?}");
        assert_eq!(active(&bench), 5, "{command:?}");
        assert!((ran.text() + &ran.errors()).contains("set.empty"), "{command:?}: {}{}", ran.text(), ran.errors());
    }

    bench.file("assigned.csv", &named(&[0, 1])).after_minutes(40);
    let ran = bench.run_cycle(&[]);
    assert_eq!((ran.status(), active(&bench)), (6, 5), "{}", ran.text());
    let why = "set.shrink: the assignment files name 2 ids where the last ones named 5; at least 3 were expected";
    assert!(ran.errors().contains(why), "{}", ran.errors());
    assert_eq!(bench.run(&["provision-now", "--user", &login(4)]).status(), 6);
    assert_eq!(bench.run(&["source", "accept"]).status(), 0);
    assert_eq!((bench.cycle().counts()[2], active(&bench)), (3, 2), "it was confirmed");

    // as many as are allowed go without a question, and what is remembered is the last number
    bench.file("assigned.csv", &named(&[0])).after_minutes(40);
    assert_eq!((bench.cycle().counts()[2], active(&bench)), (1, 1));
    bench.file("assigned.csv", &named(&[])).after_minutes(40);
    assert!(bench.cycle().report.error.is_some());
    assert_eq!(bench.run(&["restart"]).status(), 0);
    assert_eq!((bench.cycle().report.error, active(&bench)), (None, 0), "as the help says");
    // where everybody is provisioned it makes no difference
    let mut bench = Bench::new();
    bench.source(&files.replace("scope: assigned", "scope: all")).crowd(3).file("assigned.csv", &named(&[0, 1]));
    bench.cycle();
    bench.file("assigned.csv", &named(&[])).after_minutes(40);
    assert_eq!((bench.cycle().report.error, active(&bench)), (None, 3));
}

#[test]
fn reset_scopes_clear_what_they_say() {
    // quarantine lifted, next cycle initial, escrows dropped, links kept
    let cases: [(&str, [bool; 4]); 8] = [
        ("", [true, true, true, true]),
        ("QuarantineState", [true, false, false, true]),
        ("Watermark", [false, true, false, true]),
        ("Escrows", [false, false, true, true]),
        ("quarantinestate, ESCROWS", [true, false, true, true]),
        ("ConnectorDataStore", [false, true, true, false]),
        ("Full", [true, true, true, false]),
        ("None", [true, false, false, true]),
    ];
    for (scopes, [lifted, initial, dropped, kept]) in cases {
        let mut bench = Bench::new();
        bench.crowd(3);
        bench.cycle();
        let id = bench.account(&login(0)).expect("made")["id"].as_str().expect("an id").to_owned();
        bench.erase(ObjectKind::User, &id);
        bench.people(&format!(
            "{},{},Renamed,Sales,True\n{}{}",
            anchor(0),
            login(0),
            row(1, "Sales", true),
            row(2, "Sales", true)
        ));
        bench.after_minutes(40);
        assert_eq!(bench.cycle().counts()[5], 1);
        assert_eq!(bench.run(&["pause", "--quarantine"]).status(), 0);
        let ran = bench.run(&["restart", "--reset", scopes]);
        assert_eq!(ran.status(), 0, "{scopes}: {}", ran.errors());
        assert_eq!(bench.status().quarantine.is_none(), lifted, "{scopes}");
        assert_eq!(bench.status().escrows == 0, dropped, "{scopes}");
        assert_eq!(bench.link(&anchor(1)) == "managed", kept, "{scopes}");
        bench.run(&["start"]);
        bench.after_minutes(40);
        assert_eq!(bench.cycle().report.kind == CycleKind::Initial, initial, "{scopes}");
        assert_eq!(bench.standin.users().len(), if initial { 3 } else { 2 }, "{scopes}");
    }
    let bench = Bench::new();
    let ran = bench.run(&["restart", "--reset", "Watermrk"]);
    assert_eq!(ran.status(), 2);
    assert!(ran.errors().contains("Watermark"), "{}", ran.errors());
}

#[test]
fn links_are_not_broken_while_somebody_would_be_orphaned() {
    let mut bench = Bench::new();
    bench.crowd(3);
    bench.cycle();
    bench
        .people(&format!("{}{}{}", row(0, "Sales", false), row(1, "Sales", true), row(2, "Sales", true)))
        .after_minutes(40);
    bench.cycle();
    let refused = bench.run(&["restart", "--reset", "Full"]);
    assert_eq!(refused.status(), 4);
    assert!(refused.errors().contains(&anchor(0)), "{}", refused.errors());
    assert_eq!(bench.link(&anchor(1)), "managed", "nothing was cleared");
    assert_eq!(bench.run(&["restart", "--reset", "Full", "--accept-orphans"]).status(), 0);
    bench.after_minutes(40);
    assert_eq!(bench.cycle().counts(), [0, 0, 0, 0, 3, 0, 0, 0], "two are matched, the blocked one is left alone");
    assert_eq!(bench.run(&["pause"]).status(), 0);
    for found in [true, false] {
        let removed = bench.run(&["links", "remove", &anchor(1)]);
        assert_eq!((removed.status(), removed.text().contains("is removed\n")), (0, true), "{}", removed.errors());
        assert_eq!(
            removed.text().contains("nothing is removed"),
            !found,
            "what is not there is removed already (service.md 10)"
        );
    }
}

#[test]
fn a_paused_job_does_nothing_and_goes_on_where_it_was() {
    let mut bench = Bench::new();
    bench.crowd(2);
    bench.cycle();
    assert_eq!(bench.run(&["pause"]).status(), 0);
    bench.crowd(3).after_minutes(40);
    let ran = bench.run_cycle(&["--output", "json"]);
    assert_eq!(ran.status(), 4);
    assert_eq!((&ran.json()["counts"]["notEvaluated"], &ran.json()["requests"]), (&json!(2), &json!(0)));
    // On demand works on.
    assert_eq!(bench.one(&login(2)).reason, "NotFoundInTarget");
    assert_eq!(bench.run(&["start"]).status(), 0);
    let cycle = bench.cycle();
    assert_eq!((cycle.report.kind, cycle.counts()[0]), (CycleKind::Incremental, 0), "nobody is sent twice");
    assert_eq!(bench.standin.users().len(), 3);
}

#[test]
fn on_demand_shows_its_steps_and_takes_everybody() {
    let mut bench = Bench::new();
    bench.crowd(3);
    bench.cycle();
    bench
        .people(&format!("{}{}{}", row(0, "Sales", false), row(1, "Sales", true), row(4, "Sales", true)))
        .after_minutes(40);
    // A dry run only reads.
    let ran = bench.run(&["provision-now", "--user", &login(0), "--dry-run", "--output", "json"]);
    assert_eq!(ran.status(), 0, "{}", ran.errors());
    let document = ran.json();
    assert_eq!(document["value"]["provisioningAction"], "disable");
    assert_eq!(bench.account(&login(0)).expect("kept")["active"], true);
    let steps: Vec<&Value> = document["value"]["provisioningSteps"]
        .as_array()
        .expect("steps")
        .iter()
        .map(|step| &step["provisioningStepType"])
        .collect();
    assert_eq!(steps, ["import", "scoping", "matching", "processing", "export"]);
    // Blocked, absent, new, unknown: each by a name of another kind.
    bench.file("ids.txt", "");
    std::fs::write(
        bench.path().join("ids.txt"),
        format!("# leavers\n{}\n{}\n{}\nnobody@example.jp\n", login(0), anchor(2), login(4).to_uppercase()),
    )
    .expect("written");
    bench.remove_file("ids.txt");
    let ran = bench.run(&["provision-now", "--file", "ids.txt", "--output", "json"]);
    let answers = ran.json();
    let told: Vec<(&str, &str)> = answers
        .as_array()
        .expect("several")
        .iter()
        .map(|answer| {
            (
                answer["key"]["result"].as_str().expect("a result"),
                answer["value"]["provisioningAction"].as_str().unwrap_or("-"),
            )
        })
        .collect();
    assert_eq!(told[..3], [("Success", "disable"), ("Success", "disable"), ("Success", "create")]);
    assert_eq!(told[3].0, "Failure");
    assert_eq!(ran.status(), 1);
    // The next cycle does not repeat what was done.
    bench.after_minutes(40);
    let (cycle, requests) = bench.requests(|| bench.cycle());
    assert_eq!(cycle.counts()[..4], [0, 0, 0, 0]);
    assert_eq!(requests, 0, "{:?}", cycle.entries);
    assert!(bench.log().iter().any(|entry| matches!(entry.initiator, provisiond::model::Initiator::Operator(_))));
}

#[test]
fn on_demand_nobody_has_left_whose_record_cannot_be_read() {
    let mut bench = Bench::new();
    bench.crowd(3);
    bench.cycle();
    let unread = row(1, "Sales", true).replace(",True", ",perhaps");
    for broken in [unread.clone(), unread.replace(&anchor(1), "")] {
        bench.people(&format!("{}{broken}{}", row(0, "Sales", true), row(2, "Sales", true)));
        for (name, force) in [(login(1), false), (anchor(1), false), (anchor(1), true)] {
            let answers = bench.now_for(&[&name], OnDemandOptions { force, ..OnDemandOptions::default() });
            let error = answers[0].error.as_ref().expect("nothing is concluded");
            assert_eq!((error.code.as_str(), &answers[0].entry), ("SourceIncomplete", &None), "{error:?}");
        }
    }
    assert_eq!(bench.account(&login(1)).expect("there")["active"], true);
    // With every record read, who is missing has left.
    bench.people(&format!("{}{}", row(0, "Sales", true), row(2, "Sales", true)));
    assert_eq!(bench.one(&login(1)).reason, "SoftDeleted");
}

#[test]
fn an_export_of_nobody_is_never_accepted() {
    let mut bench = Bench::new();
    bench.crowd(3);
    bench.cycle();
    bench.people("").after_minutes(40);
    for _ in 0..2 {
        assert!(bench.cycle().report.error.expect("refused").message.starts_with("set.empty"));
        let accepted = bench.run(&["source", "accept"]);
        assert_eq!(accepted.status(), 4, "{}{}", accepted.text(), accepted.errors());
    }
    assert_eq!(bench.link(&anchor(0)), "managed");
}

/// Only the immutable id is for ever: whoever is in the export under another name is not absent.
#[test]
fn on_demand_finds_people_by_what_they_were_called_and_never_takes_them_for_absent() {
    let mut bench = Bench::new();
    bench.crowd(2);
    bench.cycle();
    let renamed = row(0, "Sales", true).replace(&login(0), "renamed@example.jp");
    bench.people(&format!("{renamed}{}", row(1, "Sales", true))).after_minutes(40);
    bench.cycle();
    let account = bench.account("renamed@example.jp").expect("there")["id"].as_str().expect("an id").to_owned();
    for name in [login(0), account, anchor(0).to_uppercase(), "RENAMED@example.jp".to_owned()] {
        let entry = bench.one(&name);
        assert_eq!(
            (entry.source.id.as_str(), entry.reason.as_str()),
            (anchor(0).as_str(), "RedundantExport"),
            "{name}"
        );
    }
    for name in ["", "  ", "Person 1", "users.csv"] {
        let answers = bench.now_for(&[name], OnDemandOptions::default());
        let error = answers[0].error.as_ref().expect("nobody is called so");
        assert_eq!((error.code.as_str(), &answers[0].entry), ("SourceObjectNotFound", &None), "{name}");
    }
    // The login name has passed to somebody else, and both left.
    bench.people(&format!("{renamed}{}", row(1, "Sales", true).replace(&anchor(1), &anchor(5)))).after_minutes(40);
    bench.cycle();
    bench.people(&renamed);
    let answers = bench.now_for(&[&login(1)], OnDemandOptions::default());
    let message = &answers[0].error.as_ref().expect("who is meant?").message;
    assert!(message.contains(&anchor(1)) && message.contains(&anchor(5)), "{message}");
}

#[test]
fn the_log_tells_one_story_in_order_and_forgets() {
    let mut bench = Bench::new();
    bench.job("logs: { retention: P10D }").crowd(2);
    bench.cycle();
    for (days, enabled) in [(1, false), (1, true)] {
        bench.people(&format!("{}{}", row(0, "Sales", enabled), row(1, "Sales", true))).after_hours(24 * days);
        bench.cycle();
    }
    bench.one(&login(0));
    let story = |bench: &Bench| -> Vec<String> {
        let told = bench.run(&["log", "--user", &login(0), "--output", "json"]).json();
        told.as_array()
            .expect("records")
            .iter()
            .map(|entry| entry["provisioningAction"].as_str().expect("an action").to_owned())
            .collect()
    };
    assert_eq!(story(&bench), ["create", "disable", "update", "other"]);
    let folder = bench.path().join("csv");
    assert_eq!(bench.run(&["log", "--csv", "csv"]).status(), 0);
    let mut files: Vec<String> = std::fs::read_dir(&folder)
        .expect("the folder")
        .map(|file| file.expect("a file").file_name().into_string().expect("a name"))
        .collect();
    files.sort_unstable();
    assert_eq!(
        files,
        ["ProvisioningLogs.csv", "ProvisioningLogs_ModifiedProperties.csv", "ProvisioningLogs_ProvisioningSteps.csv"]
    );
    let records = std::fs::read_to_string(folder.join("ProvisioningLogs.csv")).expect("records");
    assert_eq!(records.lines().count(), 6, "a heading, two creates, a disable, an update, a run on demand");
    bench.after_hours(24 * 9);
    bench.cycle();
    assert_eq!(story(&bench), ["disable", "update", "other"], "what is older than the retention is gone");
}

#[test]
fn a_dry_run_before_the_first_cycle_says_whom_it_would_adopt() {
    let mut bench = Bench::new();
    bench.crowd(4);
    bench.standin.create_user(&json!({"userName": login(0), "displayName": "Old"})).expect("made");
    bench
        .standin
        .create_user(&json!({"userName": login(1), "displayName": "Person 1", "externalId": anchor(1), "active": true}))
        .expect("made");
    let before = bench.standin.users();
    let ran = bench.run_cycle(&["--dry-run", "--output", "json"]);
    assert_eq!(ran.status(), 0);
    let document = ran.json();
    assert_eq!(
        document["counts"],
        json!({"create": 2, "update": 1, "disable": 0, "delete": 0, "skipped": 1, "failure": 0, "staged": 0, "notEvaluated": 0})
    );
    assert_eq!(document["objects"].as_array().expect("objects").len(), 4);
    let ran = bench.run_cycle(&["--dry-run"]);
    let text = ran.text();
    assert!(text.contains("match: 2 to adopt, 2 to create, 0 ambiguous"), "{text}");
    assert_eq!(bench.standin.users(), before);
    assert_eq!(bench.link(&anchor(0)), "none");
    assert_eq!(bench.run(&["links", "list", "--output", "json"]).json(), json!([]));
    let answers = bench.now_for(&[&login(3)], OnDemandOptions { dry_run: true, ..OnDemandOptions::default() });
    assert!(answers[0].entry.is_some());
}

#[test]
fn the_pace_that_was_found_is_shown() {
    let mut bench = Bench::new();
    bench.target("concurrency: 16").crowd(200);
    let pace = bench.cycle().report.pace.expect("it was asked");
    assert!(
        pace.concurrency > 4 && pace.concurrency <= 16 && pace.rate.is_none(),
        "it grew while latency held: {pace:?}"
    );
    assert_eq!(bench.status().pace, Some(pace));
    let shown = bench.run(&["status"]).text();
    assert!(shown.contains(&format!("{} in flight, any number a second", pace.concurrency)), "{shown}");

    // One refusal halves it; that holds longer than this cycle takes.
    let mut bench = Bench::new();
    bench.target("concurrency: 4").crowd(10);
    let refused = std::sync::atomic::AtomicBool::new(false);
    let liar = crate::liar::Liar::start(&bench, move |asked, _| {
        let first = asked.method == "POST" && !refused.swap(true, std::sync::atomic::Ordering::SeqCst);
        first.then(|| (429, json!({"status": "429"})))
    });
    bench.standin_url(&liar.url());
    let ran = bench.run_cycle(&["--output", "json"]).json();
    assert_eq!((&ran["counts"]["create"], &ran["counts"]["failure"]), (&json!(10), &json!(0)));
    assert_eq!(ran["pace"]["concurrency"], 2, "{ran:#}");
    assert!(
        ran["pace"]["rate"].as_f64().is_some_and(|rate| rate > 0.0),
        "a target without a limit has one now: {ran:#}"
    );
    // What needs no request leaves it as it was.
    bench.after_minutes(40);
    assert_eq!(bench.run_cycle(&["--output", "json"]).json()["pace"], Value::Null);
    assert_eq!(bench.run(&["status", "--output", "json"]).json()["jobs"][0]["pace"]["concurrency"], 2);
}

/// The same octets, read otherwise, say something else.
#[test]
fn what_is_read_otherwise_is_read_anew() {
    let mut bench = Bench::new();
    bench.mapping(&format!("{MAPPING}    title: jobTitle\n")).crowd(3);
    bench.file("gone.csv", &format!("{HEADING}{}", row(3, "Sales", true)));
    bench.cycle();
    bench.after_minutes(40);
    let (_, requests) = bench.requests(|| bench.cycle());
    assert_eq!(requests, 0);

    bench.source("preset: entra-csv\nattributes: { jobTitle: { from: [department] } }").after_minutes(40);
    let cycle = bench.cycle();
    assert_eq!((cycle.report.kind, cycle.counts()[1]), (CycleKind::Incremental, 4), "{:?}", cycle.report.warnings);
    assert_eq!(bench.account(&login(0)).expect("there")["title"], "Sales");

    bench.source("preset: entra-csv\nattributes: { jobTitle: { from: [department] } }\nfiles: [{ match: gone.csv, role: deleted }, { match: users.csv }]");
    bench.after_minutes(40);
    assert_eq!(bench.cycle().counts()[2], 1);
    assert_eq!(bench.account(&login(3)).expect("there")["active"], false);

    // A preset of one's own is a file.
    let preset = |from: &str| {
        format!(
            "name: own\nformat: csv\ncsv_of: entra-csv\nkind: user\nanchor_of: entra-csv\nattributes:\n  objectId: {{ from: [id] }}\n  userPrincipalName: {{ from: [userPrincipalName] }}\n  displayName: {{ from: [displayName] }}\n  accountEnabled: {{ from: [accountEnabled], as: bool }}\n  jobTitle: {{ from: [{from}] }}\n"
        )
    };
    let mut bench = Bench::new();
    std::fs::write(bench.path().join("own.yaml"), preset("department")).expect("written");
    bench.mapping(&format!("{MAPPING}    title: jobTitle\n")).source("preset: own.yaml").crowd(3);
    assert_eq!(bench.cycle().counts()[0], 3);
    bench.after_minutes(40);
    let (_, requests) = bench.requests(|| bench.cycle());
    assert_eq!(requests, 0);
    std::fs::write(bench.path().join("own.yaml"), preset("displayName")).expect("written");
    bench.after_minutes(40);
    assert_eq!(bench.cycle().counts()[1], 3);
    assert_eq!(bench.account(&login(0)).expect("there")["title"], "Person 0");
}

#[test]
fn members_that_are_given_in_part_and_then_as_a_whole_are_a_change() {
    let mut bench = Bench::new();
    let groups = "groups:\n  endpoint: /Groups\n  attributes:\n    displayName: { source: displayName, match: 1 }\n    members: members\n";
    bench.mapping(&format!("{MAPPING}{groups}")).source("preset: ad-ldif");
    let person = |number: u8| {
        let guid = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, [number; 16]);
        format!(
            "dn: CN=P{number},DC=x\nobjectClass: user\nobjectGUID:: {guid}\nsAMAccountName: p{number}\nuserPrincipalName: {}\ncn: P{number}\nuserAccountControl: 512\n\n",
            login(usize::from(number))
        )
    };
    let people: String = (1..=3).map(person).collect();
    let mut with = |members: &str| {
        let group = format!(
            "dn: CN=G,DC=x\nobjectClass: group\nobjectGUID:: /////////////////////w==\ncn: G\nsAMAccountName: G\ngroupType: -2147483646\n{members}\n"
        );
        bench.file("a.ldif", &format!("{people}{group}")).after_minutes(40);
        bench.cycle();
        let groups = bench.standin.groups();
        groups[0]["members"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(with("member: CN=P1,DC=x\nmember: CN=P2,DC=x\n"), 2);
    assert_eq!(with("member;range=0-0: CN=P3,DC=x\n"), 3, "of a part nobody is taken out");
    assert_eq!(with("member: CN=P3,DC=x\n"), 1);
}

#[test]
fn a_file_that_is_dropped_by_the_settings_is_not_missing() {
    let begun = || {
        let mut bench = Bench::new();
        let rows: Vec<String> = (0..4).map(|number| row(number, "Sales", true)).collect();
        bench.people(&rows[..3].concat()).file("more.csv", &format!("{HEADING}{}", rows[3])).cycle();
        bench.after_minutes(40);
        bench
    };
    let mut bench = begun();
    let ran = bench.remove_file("more.csv").run_cycle(&[]);
    assert_eq!(ran.status(), 6);
    for word in ["set.file_missing", "source.files", "source.ignore"] {
        assert!(ran.errors().contains(word) || ran.text().contains(word), "{word}: {}", ran.errors());
    }
    // as the help says, and whether the file lies there still or not
    for lines in ["files: [{ match: users.csv }]", "ignore: [more.csv]"] {
        for lies_there in [true, false] {
            let mut bench = begun();
            bench.source(&format!("preset: entra-csv\n{lines}"));
            if !lies_there {
                bench.remove_file("more.csv");
            }
            let cycle = bench.cycle();
            assert_eq!(cycle.report.error, None, "{lines}");
            assert_eq!(cycle.of(&anchor(3)).action, LoggedAction::Disable, "{lines}");
            bench.remove_file("users.csv").file("other.csv", HEADING).after_minutes(40);
            let error = bench.cycle().report.error.expect("refused");
            assert!(!error.message.contains("more.csv"), "{error:?}");
        }
    }
}

/// Whoever was meant by a name that nobody has is provisioned, or is not: that is said where everybody is looked at.
#[test]
fn a_name_in_the_lists_that_nobody_has_is_told() {
    let mut bench = Bench::new();
    let heading = "userPrincipalName,id,displayName,accountEnabled\n";
    let row =
        |number: u32| format!("u{number}@example.jp,11111111-aaaa-4aaa-8aaa-00000000000{number},U{number},True\n");
    bench
        .mapping("users:\n  attributes:\n    userName: { source: userPrincipalName, match: 1 }\n    displayName: displayName\n")
        .source("preset: entra-csv\nexclude: [U1@example.jp, 11111111-AAAA-4aaa-8aaa-000000000002, u33@example.jp]")
        .file("users.csv", &(heading.to_owned() + &row(1) + &row(2) + &row(3)));
    let cycle = bench.cycle();
    assert_eq!(cycle.counts()[0], 1, "{:?}", cycle.report);
    let told: Vec<_> = cycle.report.warnings.iter().filter(|said| said.starts_with("scope.nobody")).collect();
    assert!(told.len() == 1 && told[0].contains("`u33@example.jp`"), "{told:?}");
    let quiet = bench.after_minutes(40).cycle();
    assert_eq!(quiet.report.warnings, [""; 0]);
}
