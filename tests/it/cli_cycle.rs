//! `cycle`, and what the other commands say of what it did.

use provisiond::store::Store;
use serde_json::json;

use crate::cli_bench::{Bench, person};

#[test]
fn a_dry_run_sends_reads_only() {
    let bench = Bench::new();
    bench.people(&[&person(1, "taro", "佐藤", true), &person(2, "hanako", "鈴木", true)]);
    let document = bench.json(&["cycle", "--dry-run"], 0);
    assert_eq!(document["cycle"]["dryRun"], true);
    assert_eq!(document["cycle"]["kind"], "initial");
    assert_eq!(document["counts"]["create"], 2);
    assert_eq!(document["objects"].as_array().map(Vec::len), Some(2));
    assert_eq!(document["objects"][0]["provisioningAction"], "create");
    let methods = bench.standin().requests_by_method();
    assert_eq!(methods.keys().collect::<Vec<_>>(), ["GET"], "{methods:?}");
    assert_eq!(document["requests"], json!(bench.standin().request_count()));
    assert!(bench.standin().users().is_empty());
}

#[test]
fn what_changed_is_sent_and_nothing_else() {
    let bench = Bench::new();
    let (taro, hanako) = (person(1, "taro", "佐藤", true), person(2, "hanako", "鈴木", true));
    bench.people(&[&taro, &hanako]);
    let first = bench.run(&["cycle"]);
    assert_eq!(first.status, Some(0), "{}{}", first.out, first.err);
    assert!(
        first.out.contains("  create       success  user   7c9e6679-7425-40de-944b-000000000001  佐藤\n"),
        "{}",
        first.out
    );
    assert!(
        first.out.contains("initial cycle of `kintone`: Succeeded\n  2 created\n  2 records in 1 file, "),
        "{}",
        first.out
    );
    assert_eq!(first.err, "");

    bench.people(&[&taro, &person(2, "hanako", "鈴木", false), &person(3, "ken", "田中", true)]);
    let second = bench.json(&["cycle"], 0);
    assert_eq!(second["cycle"]["kind"], "incremental");
    assert_eq!((&second["counts"]["create"], &second["counts"]["disable"]), (&json!(1), &json!(1)));

    let before = bench.standin().request_count();
    let third = bench.json(&["cycle"], 0);
    assert_eq!((&third["requests"], &third["objects"]), (&json!(0), &json!([])));
    assert_eq!(bench.standin().request_count(), before);

    let log = bench.json(&["log", "--user", "hanako@example.jp"], 0);
    let actions: Vec<_> =
        log.as_array().expect("an array").iter().map(|record| &record["provisioningAction"]).collect();
    assert_eq!(actions, ["create", "disable"]);
    assert_eq!(
        bench.json(&["log", "--cycle", second["cycle"]["id"].as_str().expect("an id")], 0).as_array().map(Vec::len),
        Some(2)
    );
    assert_eq!(bench.json(&["links", "list"], 0).as_array().map(Vec::len), Some(3));
    let status = bench.json(&["status"], 0);
    assert_eq!(status["jobs"][0]["status"]["code"], "Active");
    assert_eq!(status["jobs"][0]["status"]["synchronizedEntryCountByType"], json!([{"key": "User", "value": 3}]));
}

/// That nobody has a record of before and another one beside it is presumed while the export is read, until it shows otherwise.
#[test]
fn who_has_a_second_record_is_found_beside_the_one_of_before() {
    let bench = Bench::unpaced();
    let row = |number: u32, name: &str| person(number, &format!("user{number}"), name, true);
    let everybody: Vec<String> = (1..=120).map(|number| row(number, "佐藤")).collect();
    let with =
        |more: &[&str]| bench.people(&[&everybody.iter().map(String::as_str).collect::<Vec<_>>(), more].concat());
    let (last, same, other) = (row(121, "鈴木"), row(7, " 佐藤 "), row(7, "田中"));
    let [last, same, other] = [last.as_str(), &same, &other];
    with(&[last]);
    assert_eq!(bench.json(&["cycle"], 0)["counts"]["create"], 121);
    // the same person in other words is nothing new, whoever says something else does not count, and nobody is absent
    let repeated = "record.repeated: the record is the same as that on line 8 (users.csv:123)";
    let differs = "record.duplicate_anchor: the record on line 8 has the same anchor and says something else";
    for (rows, said) in [
        (&[last, same][..], repeated),
        // as last time, in an export of another size
        (&[last, same, ""], "[]"),
        (&[last, other], differs),
        (&[last, other, ""], differs),
        (&[last], "[]"),
        (&[last, other], differs),
    ] {
        with(rows);
        let document = bench.json(&["cycle"], 0);
        assert!(document["warnings"].to_string().contains(said), "{rows:?} {document:#}");
        assert_eq!((&document["requests"], &document["objects"]), (&json!(0), &json!([])));
    }
    let status = bench.json(&["status"], 0);
    assert_eq!(status["jobs"][0]["status"]["synchronizedEntryCountByType"], json!([{"key": "User", "value": 121}]));
}

#[test]
fn the_same_people_in_another_order_are_nothing_new() {
    let bench = Bench::unpaced();
    let everybody: Vec<String> = (0..300).map(|number| person(number, &format!("u{number}"), "佐藤", true)).collect();
    let cycle = |rows: &[String]| {
        bench.people(&rows.iter().map(String::as_str).collect::<Vec<_>>());
        let document = bench.json(&["cycle"], 0);
        let store = Store::open(&bench.path().join("state.db")).expect("the state");
        let snapshot = store.snapshot(store.job("kintone").expect("a job")).expect("readable").expect("there is one");
        (document, snapshot)
    };
    let in_turn = |stride: usize| (0..300).map(|n| everybody[n * stride % 300].clone()).collect::<Vec<_>>();
    let (first, stored) = cycle(&everybody);
    assert_eq!(first["counts"]["create"], 300);
    let blank = |mut rows: Vec<String>| {
        rows.push(String::new());
        rows
    };
    // what comes in another order each time is not written anew each time; what comes so again is
    for (rows, is_written) in
        [(in_turn(77), false), (in_turn(91), false), (in_turn(77), false), (blank(in_turn(77)), true)]
    {
        let (document, now) = cycle(&rows);
        assert_eq!((&document["requests"], &document["objects"]), (&json!(0), &json!([])), "{document:#}");
        assert_eq!(now != stored, is_written);
    }
    // who leaves is missed, whatever the order
    let mut rows = in_turn(7);
    let gone = rows.remove(123);
    let (document, _) = cycle(&rows);
    assert_eq!(document["counts"]["disable"], 1, "{document:#}");
    assert!(gone.contains(document["objects"][0]["sourceIdentity"]["id"].as_str().expect("an id")), "{document:#}");
}

#[test]
fn a_paused_job_does_nothing_until_it_is_started() {
    let bench = Bench::new();
    bench.people(&[&person(1, "taro", "佐藤", true)]);
    assert_eq!(bench.json(&["pause"], 0)["ok"], true);
    let paused = bench.json(&["cycle"], 4);
    assert_eq!(paused["error"]["code"], "Paused");
    assert_eq!(bench.standin().request_count(), 0);
    assert_eq!(bench.json(&["status"], 0)["jobs"][0]["status"]["code"], "Paused");
    assert_eq!(bench.json(&["start"], 0)["ok"], true);
    assert_eq!(bench.json(&["cycle"], 0)["counts"]["create"], 1);
}

#[test]
fn wrong_credentials_end_with_status_3_and_never_show() {
    let bench = Bench::new();
    bench.people(&[&person(1, "taro", "佐藤", true)]);
    bench.write("token", "not-the-token");
    let run = bench.run(&["cycle", "-v"]);
    assert_eq!(run.status, Some(3), "{}{}", run.out, run.err);
    assert!(run.out.contains("ended early: "), "{}", run.out);
    assert!(!run.out.contains("not-the-token") && !run.err.contains("not-the-token"));
    assert_eq!(bench.run(&["test-connection"]).status, Some(3));
    assert_eq!(bench.json(&["status"], 0)["jobs"][0]["status"]["code"], "Quarantine");
}

#[test]
fn an_empty_folder_is_refused_with_status_6() {
    let bench = Bench::new();
    bench.people(&[&person(1, "taro", "佐藤", true)]);
    assert_eq!(bench.run(&["cycle"]).status, Some(0));
    bench.people(&[]);
    let refused = bench.json(&["cycle"], 6);
    assert_eq!(refused["error"]["code"], "IngestionInterrupted");
    assert_eq!(bench.standin().users()[0]["active"], true);
}

#[test]
fn csv_export_is_three_files() {
    let bench = Bench::new();
    bench.people(&[&person(1, "taro", "=1+1", true)]);
    assert_eq!(bench.run(&["cycle"]).status, Some(0));
    let answer = bench.json(&["log", "--csv", "export"], 0);
    assert_eq!(answer["records"], 1);
    let read = |name: &str| std::fs::read_to_string(bench.path().join("export").join(name)).expect(name);
    assert!(read("ProvisioningLogs.csv").contains(",create,success,,,"), "{}", read("ProvisioningLogs.csv"));
    assert!(read("ProvisioningLogs_ModifiedProperties.csv").contains(",displayName,,'=1+1\n"));
    assert!(read("ProvisioningLogs_ProvisioningSteps.csv").contains(",EntryExportAdd,export,success,"));
}

#[test]
fn whoever_is_left_out_is_not_deprovisioned_either() {
    let taro = person(1, "taro", "Taro", true);
    let others: Vec<String> = (2..9).map(|number| person(number, &format!("user{number}"), "User", true)).collect();
    let exported = |bench: &Bench, with_taro: bool| {
        let rows: Vec<&str> = others.iter().chain(with_taro.then_some(&taro)).map(String::as_str).collect();
        bench.people(&rows);
    };
    let anchor = taro.split(',').find(|cell| cell.len() == 36).expect("an anchor").to_owned();
    let all_but_taro = (2..9).map(|number| format!("user{number}@example.jp")).collect::<Vec<_>>().join(", ");
    let lists =
        [format!("exclude: [{anchor}]"), "exclude: [Taro@example.jp]".to_owned(), format!("include: [{all_but_taro}]")];
    for list in lists {
        let bench = Bench::unpaced();
        let configuration = std::fs::read_to_string(bench.path().join("provisiond.yaml")).expect("written");
        let left_out = configuration.replace("preset: entra-csv }", &format!("preset: entra-csv, {list} }}"));
        exported(&bench, true);
        bench.json(&["cycle", "--at", "2026-01-01T00:00:00Z"], 0);
        bench.write("provisiond.yaml", &left_out);
        bench.json(&["cycle", "--at", "2026-01-02T00:00:00Z"], 0);
        exported(&bench, false);
        for day in ["2026-01-03", "2026-01-04", "2026-01-20"] {
            let cycle = bench.json(&["cycle", "--at", &format!("{day}T00:00:00Z")], 0);
            assert_eq!(cycle["requests"], 0, "{list} {day} {cycle}");
        }
        // a list that still names them, and one that does not: who is gone then is gone
        let longer = left_out.replace("exclude: [", "exclude: [user2@example.jp, ");
        let other = configuration.replace("preset: entra-csv }", "preset: entra-csv, exclude: [user3@example.jp] }");
        for (day, text, disabled) in [("21", &longer, 0), ("22", &other, 1), ("23", &configuration, 0)] {
            bench.write("provisiond.yaml", text);
            let cycle = bench.json(&["cycle", "--at", &format!("2026-01-{day}T00:00:00Z")], 0);
            assert_eq!(cycle["counts"]["disable"], disabled, "{list} {day} {cycle}");
        }
    }
}
