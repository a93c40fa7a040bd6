//! Attributes that the target never shows, and values that nobody may see (service.md 12, D-30; expressions.md 4).

use provisiond::cycle::OnDemandOptions;
use serde_json::{Value, json};

use crate::bench::{Bench, anchor, login};
use crate::liar::Liar;

const MAPPING: &str = "\
users:
  attributes:
    userName: { source: userPrincipalName, match: 1 }
    active: Not([IsSoftDeleted])
    displayName: displayName
    title: { source: department, mutability: WriteOnly }
    externalId: objectId
";

fn person(number: usize, name: &str, pin: &str) -> String {
    format!("{},{},{name},{pin},True\n", anchor(number), login(number))
}

/// A target that takes `title` and never shows it.
fn hides_title(bench: &mut Bench) -> Liar {
    let liar = Liar::start(bench, |_, answer| {
        let mut answer = answer.clone();
        hide(&mut answer);
        Some((0, answer))
    });
    bench.standin_url(&liar.url());
    liar
}

fn hide(body: &mut Value) {
    if let Some(body) = body.as_object_mut() {
        body.remove("title");
        for resource in body.get_mut("Resources").and_then(Value::as_array_mut).into_iter().flatten() {
            hide(resource);
        }
    }
}

/// What is sent of it is seen by taking it away in between.
fn title_is_sent(bench: &Bench, run: impl FnOnce(&Bench)) -> Option<Value> {
    bench.edit(&login(0), |account| {
        account.remove("title");
    });
    run(bench);
    bench.account(&login(0)).expect("there").get("title").cloned()
}

#[test]
fn a_write_only_attribute_is_sent_when_it_changes_and_only_then() {
    let mut bench = Bench::new();
    bench.mapping(MAPPING).people(&(person(0, "Ann", "hush-4711") + &person(1, "Bob", "")));
    let _liar = hides_title(&mut bench);
    let cycle = bench.cycle();
    assert_eq!(cycle.counts(), [2, 0, 0, 0, 0, 0, 0, 0]);
    assert!(cycle.of(&anchor(0)).warnings.is_empty(), "what is never shown is not missed");
    assert_eq!(bench.account(&login(0)).expect("made")["title"], "hush-4711");

    // Evaluated again, unchanged: nothing to send.
    let again = bench.initial();
    assert_eq!(again.counts(), [0, 0, 0, 0, 2, 0, 0, 0]);
    assert_eq!(bench.one(&login(0)).reason, "RedundantExport");

    // Another attribute changes: it travels alone.
    bench.people(&(person(0, "Anna", "hush-4711") + &person(1, "Bob", ""))).after_minutes(40);
    let sent = title_is_sent(&bench, |bench| {
        let cycle = bench.cycle();
        let names: Vec<&str> = cycle.of(&anchor(0)).modified.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["displayName"]);
        assert!(cycle.of(&anchor(0)).warnings.is_empty());
    });
    assert_eq!(sent, None);

    // It changes itself: it is sent, once, and shown nowhere.
    bench.people(&(person(0, "Anna", "hush-0815") + &person(1, "Bob", ""))).after_minutes(40);
    let drift = bench.run(&["verify", "--output", "json"]);
    assert!(drift.text().contains("\"differs\"") && !drift.text().contains("hush"), "{}", drift.text());
    let sent = title_is_sent(&bench, |bench| {
        let cycle = bench.cycle();
        let entry = cycle.of(&anchor(0));
        assert_eq!(entry.modified.len(), 1);
        assert_eq!((entry.modified[0].name.as_str(), entry.modified[0].new.as_deref()), ("title", Some("[Redact]")));
    });
    assert_eq!(sent, Some(json!("hush-0815")));
    let drift = bench.run(&["verify", "--output", "json"]);
    assert!(!drift.text().contains("\"differs\""), "{}", drift.text());

    // `used` changes back and forth on demand too.
    bench.people(&(person(0, "Anna", "hush-4711") + &person(1, "Bob", "")));
    assert_eq!(title_is_sent(&bench, |bench| drop(bench.one(&login(0)))), Some(json!("hush-4711")));
    assert_eq!(title_is_sent(&bench, |bench| drop(bench.one(&login(0)))), None);
}

#[test]
fn a_lost_account_is_sent_its_write_only_attributes_again() {
    let mut bench = Bench::new();
    bench.mapping(MAPPING).job("on_missing_target: rematch").people(&person(0, "Ann", "hush-4711"));
    let _liar = hides_title(&mut bench);
    bench.cycle();
    let id = bench.account(&login(0)).expect("made")["id"].as_str().expect("an id").to_owned();
    bench.erase(provisiond::model::ObjectKind::User, &id);
    // Somebody made another one by hand, which is matched: nobody knows what that was sent.
    bench.standin.create_user(&json!({"userName": login(0), "displayName": "Ann"})).expect("made");
    let cycle = bench.initial();
    assert_eq!(cycle.of(&anchor(0)).reason, "RematchedAfterLoss");
    assert_eq!(bench.account(&login(0)).expect("there")["title"], "hush-4711");
    assert_eq!(bench.one(&login(0)).reason, "RedundantExport");
}

#[test]
fn hidden_values_are_nowhere_to_be_read() {
    let mut bench = Bench::new();
    bench
        .mapping(
            &MAPPING
                .replace("  attributes", "  scope: [[{ attribute: department, operator: IS NOT NULL }]]\n  attributes"),
        )
        .job("logs: { verbose_skips: true }")
        .people(&person(0, "Ann", "hush-4711"));
    bench.cycle();
    bench.people(&(person(0, "Ann", "hush-0815") + &person(1, "Bob", "hush-1234"))).after_minutes(40);
    let planned = bench.run(&["plan", "--output", "json"]);
    assert!(planned.text().contains("title") && !planned.text().contains("hush"), "{}", planned.text());
    // The target quotes the value in its refusal, and shows it in its answers.
    let liar = Liar::start(&bench, |asked, _| {
        (asked.method == "POST").then(|| {
            (400, json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "400", "detail": "hush-1234 is taken"}))
        })
    });
    bench.standin_url(&liar.url());
    let ran = bench.run_cycle(&["--output", "json", "-v"]);
    assert_eq!(ran.status(), 1, "{}", ran.errors());
    assert!(ran.text().contains("[Redact] is taken"), "{}", ran.text());
    bench.now_for(&[&login(0), &login(1)], OnDemandOptions::default());
    let folder = bench.path().join("csv");
    let folder = folder.to_str().expect("a path");
    let mut said = vec![ran.text(), ran.errors()];
    for arguments in [
        &["explain", "--user", &login(0)][..],
        &["explain", "--user", &login(0), "--output", "json"],
        &["explain", "--user", &login(1)],
        &["log", "--output", "json"],
        &["log"],
        &["log", "--csv", folder],
        &["escrows", "list"],
        &["escrows", "list", "--output", "json"],
        &["provision-now", "--user", &login(0), "--dry-run"],
        &["status", "--output", "json"],
    ] {
        let ran = bench.run(arguments);
        said.extend([ran.text(), ran.errors()]);
    }
    for entry in std::fs::read_dir(bench.path()).expect("the folder").chain(std::fs::read_dir(folder).expect("the CSV"))
    {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            said.push(String::from_utf8_lossy(&std::fs::read(&path).expect("a file")).into_owned());
        }
    }
    // In the file itself they are packed.
    said.push(serde_json::to_string(&bench.log()).expect("entries have a form"));
    assert!(said.last().is_some_and(|entries| entries.contains(&login(1)) && entries.contains("is taken")));
    for text in said {
        assert!(!text.contains("hush-"), "{}", &text[text.find("hush-").unwrap_or(0).saturating_sub(300)..]);
    }
    assert_eq!(bench.account(&login(0)).expect("there")["title"], "hush-0815", "the target itself got it");
}

#[test]
fn explain_shows_the_requests_and_answers_of_that_time() {
    let mut bench = Bench::new();
    bench.people(&person(0, "Ann", "Sales"));
    let first = bench.cycle();
    bench.people(&person(0, "Anna", "Sales")).after_minutes(40);
    let liar = Liar::start(&bench, |asked, _| {
        (asked.method == "PATCH").then(|| (400, json!({"detail": "no such name", "status": "400"})))
    });
    bench.standin_url(&liar.url());
    bench.cycle();

    let story = bench.run(&["explain", "--user", &login(0), "--output", "json"]).json();
    let log = story["log"].as_array().expect("a log");
    let find = |number: usize, method: &str| {
        let exchanges = log[number]["exchanges"].as_array().expect("exchanges");
        let found = exchanges.iter().find(|one| one["request"].as_str().is_some_and(|line| line.starts_with(method)));
        found.unwrap_or_else(|| panic!("no {method} in {exchanges:#?}")).clone()
    };
    let asked = find(0, "GET /Users?filter=");
    assert_eq!((&asked["status"], &asked["answer"]["totalResults"]), (&json!(200), &json!(0)));
    let created = find(0, "POST /Users");
    assert_eq!(created["body"]["userName"], login(0));
    assert_eq!((&created["status"], &created["answer"]["displayName"]), (&json!(201), &json!("Ann")));
    let refused = find(1, "PATCH /Users/");
    assert_eq!(refused["body"]["Operations"][0]["value"], "Anna");
    assert_eq!((&refused["status"], &refused["answer"]["detail"]), (&json!(400), &json!("no such name")));

    let one = bench.run(&["explain", "--user", &login(0), "--cycle", &first.report.id]).text();
    for words in ["  > POST /Users\n", &format!("\"userName\":\"{}\"", login(0)), "  < 201\n"] {
        assert!(one.contains(words), "`{words}` in\n{one}");
    }
    assert!(!one.contains("no such name"), "of one cycle only");
    // The published record has no place for them.
    assert!(bench.run(&["log", "--output", "json"]).json()[0].get("exchanges").is_none());
}
