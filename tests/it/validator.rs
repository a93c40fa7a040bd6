//! The validator against the stand-in: without a defect, with each, and as Kintone.

use std::net::Ipv4Addr;

use provisiond::mock::{self, Defect, DefectRow, Options, Profile, RequestLog, Standin, defects};
use provisiond::target::{Auth, Settings};
use provisiond::validator::{CHECKS, Form, Plan, Report, Standing, Status, validate};
use provisiond::wire::{Reading, TenantUrl};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::bench::Bench;
use crate::liar::{Asked, Liar};

async fn standin(profile: Profile, defects: Vec<Defect>) -> Standin {
    let options =
        Options { profile, defects, token: Some("the-token".into()), log: RequestLog::Off, ..Options::default() };
    mock::start((Ipv4Addr::LOCALHOST, 0).into(), options).await.expect("the stand-in starts")
}

async fn run(standin: &Standin, plan: Plan) -> Report {
    let url = TenantUrl::parse(&standin.url(), Reading::default()).expect("it is a URL");
    let mut settings = Settings::new(url.base.clone());
    settings.rate = None;
    settings.auth = Auth::Bearer(SecretString::from("the-token"));
    let plan = Plan { prefix: "pv-test".into(), ..plan };
    validate(&settings, &url, &plan, CancellationToken::new(), |_| {}).await.expect("the stand-in is reached")
}

fn not_passed(report: &Report) -> Vec<String> {
    let rows = report.rows.iter().filter(|row| row.status() != Status::Pass);
    rows.map(|row| format!("{} {} {}", row.status().as_str(), row.check.id, row.observed())).collect()
}

#[test]
fn the_table_has_every_check_of_the_specification() {
    let ids: Vec<_> = CHECKS.iter().map(|check| check.id.to_owned()).collect();
    assert_eq!(ids, (1..=63).map(|number| format!("C-{number:02}")).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_without_defect_passes_and_is_left_as_it_was() {
    let target = standin(Profile::Rfc7644, Vec::new()).await;
    let report = run(&target, Plan::default()).await;
    assert_eq!(not_passed(&report), ["skip C-50 no answer 429 came; `--load` asks for one"]);
    assert!(report.answers().iter().all(|answer| answer.standing == Standing::Works), "{}", report.text());
    assert_eq!((target.users().len(), target.groups().len()), (0, 0), "left behind");
    let json = report.to_json();
    assert_eq!(json["summary"]["pass"], 62);
    assert!(!json.to_string().contains("the-token"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kintone_like_target_meets_its_own_expectations() {
    let target = standin(Profile::Kintone, Vec::new()).await;
    let report = run(&target, Plan { kintone: true, ..Plan::default() }).await;
    let (skipped, wrong): (Vec<_>, Vec<_>) = not_passed(&report).into_iter().partition(|line| line.starts_with("skip"));
    assert_eq!(wrong, [""; 0]);
    let skipped: Vec<_> = skipped.iter().filter_map(|line| line.split(' ').nth(1)).collect();
    assert_eq!(
        skipped,
        ["C-09", "C-10", "C-11", "C-28", "C-29", "C-30", "C-33", "C-40", "C-50", "C-51", "C-61", "C-62"],
        "groups, managers, second addresses, and throttling that did not happen"
    );
    assert!(report.answers().iter().all(|answer| answer.standing == Standing::Works), "{}", report.text());
    assert_eq!(target.users().len(), 0, "left behind");
}

/// Defects that no check with a running conversation can show.
const ELSEWHERE: [Defect; 1] = [Defect::TlsDrop];

#[tokio::test(flavor = "multi_thread")]
async fn every_defect_is_found_by_its_check() {
    let mut running = tokio::task::JoinSet::new();
    let rows: Vec<&DefectRow> = defects().iter().filter(|row| !ELSEWHERE.contains(&row.defect)).collect();
    for row in &rows {
        let row = **row;
        running.spawn(async move {
            let target = standin(Profile::Rfc7644, vec![row.defect]).await;
            let plan =
                Plan { only: vec![row.check.to_owned()], load: row.defect == Defect::Throttle, ..Plan::default() };
            let report = run(&target, plan).await;
            let found = report.rows.iter().all(|one| matches!(one.status(), Status::Fail | Status::Warn));
            (!found).then(|| format!("{} is not found by {}: {:?}", row.name, row.check, not_passed(&report)))
        });
    }
    let mut missed: Vec<String> = running.join_all().await.into_iter().flatten().collect();
    missed.sort();
    assert!(missed.is_empty(), "{} of {}:\n{}", missed.len(), rows.len(), missed.join("\n"));
}

#[tokio::test]
async fn a_target_that_drops_connections_is_not_reached() {
    let target = standin(Profile::Rfc7644, vec![Defect::TlsDrop]).await;
    let url = TenantUrl::parse(&target.url(), Reading::default()).expect("it is a URL");
    let settings = Settings::new(url.base.clone());
    assert!(validate(&settings, &url, &Plan::default(), CancellationToken::new(), |_| {}).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_leaves_nothing_behind() {
    let target = standin(Profile::Rfc7644, Vec::new()).await;
    let url = TenantUrl::parse(&target.url(), Reading::default()).expect("it is a URL");
    let mut settings = Settings::new(url.base.clone());
    settings.rate = None;
    settings.auth = Auth::Bearer(SecretString::from("the-token"));
    let stop = CancellationToken::new();
    let plan = Plan { only: vec!["C-51".into()], prefix: "pv-test".into(), ..Plan::default() };
    let watcher = async {
        while target.users().len() < 20 {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    let (report, ()) = tokio::join!(validate(&settings, &url, &plan, stop.clone(), |_| {}), watcher);
    let report = report.expect("the stand-in is reached");
    assert!(report.interrupted);
    assert_eq!((target.users().len(), target.groups().len(), report.left_behind.len()), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_closing_answer_names_the_client_that_is_hit() {
    let target = standin(Profile::Rfc7644, vec![Defect::MemberRemoveWipes]).await;
    let report = run(&target, Plan { only: vec!["C-05".into(), "C-09".into()], ..Plan::default() }).await;
    let answers = report.answers();
    assert_eq!((answers[0].dialect, answers[0].standing), ("entra-legacy", Standing::Fails));
    assert_eq!(answers[0].because, ["C-09"]);
    // Two checks say nothing about the others but that nothing was seen against them.
    assert!(answers[1..].iter().all(|answer| answer.standing == Standing::Open), "{answers:?}");
    assert!(report.text().contains("works with strict RFC: unknown"), "{}", report.text());
    assert_eq!(report.to_json()["works"][1]["works"], serde_json::Value::Null);
    assert!(report.must_failed());
    assert!(report.text().contains("works with Entra without flag: no, because of C-09"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_form_is_claimed_only_where_it_was_tried() {
    let target = standin(Profile::Rfc7644, Vec::new()).await;
    for (form, dialect) in [(Form::Legacy, "entra-legacy"), (Form::Wizard, "okta-aiw"), (Form::Rfc, "strict")] {
        let report = run(&target, Plan { forms: vec![form], ..Plan::default() }).await;
        let works: Vec<_> =
            report.answers().into_iter().filter(|one| one.standing == Standing::Works).map(|one| one.dialect).collect();
        // What a strict client depends on is the same for all.
        let expected: Vec<_> = if dialect == "strict" { vec!["strict"] } else { vec![dialect, "strict"] };
        assert_eq!(works, expected, "{form:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_one_kind_of_okta_sends_hurts_only_that() {
    let target = standin(Profile::Rfc7644, vec![Defect::PathlessActiveRefused]).await;
    let report = run(&target, Plan::default()).await;
    let standing = |dialect| report.answers().into_iter().find(|one| one.dialect == dialect).map(|one| one.standing);
    assert_eq!(standing("okta-oin"), Some(Standing::Fails));
    assert_eq!(standing("okta-aiw"), Some(Standing::Works), "{}", report.text());
}

/// What becomes of the checks `only` against a target that tells this lie.
fn told(
    bench: &Bench,
    only: &[&str],
    lie: impl Fn(&Asked, &Value) -> Option<(u16, Value)> + Send + Sync + 'static,
) -> Vec<String> {
    let liar = Liar::start(bench, lie);
    let url = TenantUrl::parse(&liar.url(), Reading::default()).expect("it is a URL");
    let mut settings = Settings::new(url.base.clone());
    settings.rate = None;
    let only = only.iter().map(|id| (*id).to_owned()).collect();
    let plan = Plan { only, prefix: "pv-test".into(), ..Plan::default() };
    let report = bench.wait(validate(&settings, &url, &plan, CancellationToken::new(), |_| {}));
    not_passed(&report.expect("the liar is reached"))
}

#[test]
fn another_id_is_found_wherever_it_is_told() {
    assert_eq!(told(&Bench::new(), &["C-23"], |_, _| None), [""; 0]);
    for method in ["POST", "PATCH", "GET"] {
        // What was made under another `id` cannot be deleted, so each has a stand-in of its own.
        let found = told(&Bench::new(), &["C-23"], move |asked, truth| {
            let known = truth.get("id").filter(|_| asked.method == method)?.as_str()?;
            let mut told = truth.clone();
            told["id"] = json!(format!("{known}-other"));
            Some((0, told))
        });
        assert!(found.len() == 1 && found[0].starts_with("fail C-23"), "{method}: {found:?}");
    }
    // An answer without the resource has no `id` to differ.
    let quiet = told(&Bench::new(), &["C-23"], |asked, truth| {
        (asked.method == "PATCH" && truth.get("id").is_some()).then(|| (0, Value::Null))
    });
    assert_eq!(quiet, [""; 0]);
}

#[test]
fn a_location_that_leads_elsewhere_is_told() {
    type Place = fn(&str) -> Value;
    let places: [(Place, &str, bool); 7] = [
        (|id| json!(format!("/scim/v2/Users/{id}")), "POST", true),
        (|id| json!(format!("Users/{id}")), "GET", true),
        (|_| Value::Null, "POST", true),
        (|id| json!(format!("https://outside.example/scim/Users/{id}")), "POST", true),
        (|id| json!(format!("/Users/{id}")), "POST", false),
        (|_| json!("http://other.example/2"), "POST", false),
        (|_| json!("/scim/v2/Users/another"), "GET", false),
    ];
    let bench = Bench::new();
    for (place, method, right) in places {
        let found = told(&bench, &["C-13"], move |asked, truth| {
            let mut told = truth.clone();
            let place = truth.get("id").filter(|_| asked.method == method)?.as_str().map(place)?;
            *told.pointer_mut("/meta/location")? = place;
            Some((0, told))
        });
        let expected = if right { found.is_empty() } else { found.len() == 1 && found[0].starts_with("warn C-13") };
        assert!(expected, "{found:?}");
    }
}

#[test]
fn a_filter_that_is_ignored_for_groups_alone_is_found() {
    let bench = Bench::new();
    let groups = bench.standin.clone();
    let found = told(&bench, &["C-02", "C-40"], move |asked, truth| {
        let ignored = asked.method == "GET" && asked.path.ends_with("/Groups") && asked.query.contains("filter=");
        let mut told = truth.clone();
        let everybody = groups.groups();
        told["totalResults"] = json!(everybody.len());
        told["Resources"] = json!(everybody);
        ignored.then_some((0, told))
    });
    let found: Vec<_> = found.iter().map(|line| &line[..9]).collect();
    assert_eq!(found, ["fail C-02", "fail C-40"]);
}
