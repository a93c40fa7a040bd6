//! What works, but not as somebody may expect, is said (expressions.md 5).

use provisiond::model::LoggedStatus;
use serde_json::json;

use crate::bench::{Bench, MAPPING, anchor, login, row};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

#[test]
fn doubtful_calls_are_named_when_the_mapping_is_read() {
    let roles = "    roles: AppRoleAssignmentsComplex([appRoleAssignments])\n";
    let switch = format!("    {ENTERPRISE}:manager: 'Switch([department], [manager], \"Board\", [manager])'\n");
    let cases = [
        (roles.to_owned(), "all", Some("roles_of_everybody")),
        (roles.replace("AppRole", "AssertiveAppRole"), "all", Some("roles_of_everybody")),
        (roles.to_owned(), "assigned", None),
        (switch.clone(), "all", Some("switch_on_reference")),
        (switch.replace(&format!("{ENTERPRISE}:manager"), "title"), "all", None),
    ];
    for (line, scope, expected) in cases {
        let mut bench = Bench::new();
        bench.mapping(&format!("{MAPPING}{line}")).source(&format!("preset: entra-csv\nscope: {scope}")).crowd(1);
        let ran = bench.run(&["check", "--output", "json"]);
        let problems = ran.json()["problems"].clone();
        let codes: Vec<&str> = problems
            .as_array()
            .expect("a list")
            .iter()
            .filter(|one| one["severity"] == "warning")
            .filter_map(|one| one["code"].as_str())
            .filter(|code| ["roles_of_everybody", "switch_on_reference"].contains(code))
            .collect();
        assert_eq!(codes, expected.into_iter().collect::<Vec<_>>(), "{line} {scope}: {problems:#}");
    }
}

#[test]
fn several_roles_where_one_is_mapped_are_a_warning_on_the_person() {
    let mut bench = Bench::new();
    bench.source("preset: entra-graph-json");
    bench.mapping(&format!("{MAPPING}    title: SingleAppRoleAssignment([appRoleAssignments])\n"));
    let person = |number: usize, roles: &[&str]| {
        let roles: Vec<_> = roles.iter().map(|role| json!({ "appRoleId": role })).collect();
        json!({"id": anchor(number), "userPrincipalName": login(number), "displayName": "P", "accountEnabled": true,
            "appRoleAssignments": roles})
    };
    let people = [person(0, &["Admin"]), person(1, &["Admin", "User"])];
    bench.file("users.json", &json!({ "value": people }).to_string());
    let cycle = bench.cycle();
    assert_eq!(cycle.counts()[0], 2, "{:?}", cycle.report);
    assert_eq!(cycle.of(&anchor(0)).warnings, [""; 0]);
    let warned = cycle.of(&anchor(1));
    assert_eq!(warned.status, LoggedStatus::Warning);
    assert_eq!(warned.warnings, ["several-roles: `title` takes the first of 2 roles of `appRoleAssignments`"]);
    assert_eq!(bench.account(&login(1)).expect("made")["title"], "Admin");
}

/// An assertive mapping says all of somebody's roles: also that there are none.
#[test]
fn of_assertive_roles_the_last_one_goes_too() {
    let mut bench = Bench::new();
    bench.source("preset: entra-graph-json");
    bench.mapping(&format!("{MAPPING}    roles: AssertiveAppRoleAssignmentsComplex([appRoleAssignments])\n"));
    let write = |bench: &mut Bench, roles: [&[&str]; 3], says: bool| {
        let person = |(number, roles): (usize, &&[&str])| {
            let roles: Vec<_> = roles.iter().map(|role| json!({ "appRoleId": role })).collect();
            let mut person = json!({"id": anchor(number), "userPrincipalName": login(number), "displayName": "P",
                "accountEnabled": true});
            if says {
                person["appRoleAssignments"] = json!(roles);
            }
            person
        };
        let people: Vec<_> = roles.iter().enumerate().map(person).collect();
        bench.file("users.json", &json!({ "value": people }).to_string()).after_minutes(40);
    };
    let held = |bench: &Bench, number: usize| -> Vec<String> {
        let account = bench.account(&login(number)).expect("there");
        let roles = account["roles"].as_array().into_iter().flatten();
        roles.filter_map(|role| Some(role["value"].as_str()?.to_owned())).collect()
    };
    write(&mut bench, [&["Admin", "User"], &["User"], &[]], true);
    assert_eq!(bench.cycle().counts()[0], 3);
    assert_eq!((held(&bench, 0).len(), held(&bench, 2).len()), (2, 0));
    write(&mut bench, [&[], &["User"], &[]], true);
    let cycle = bench.cycle();
    assert_eq!((cycle.counts()[1], held(&bench, 0)), (1, vec![]), "{:?}", cycle.report);
    let (_, requests) = bench.requests(|| bench.cycle());
    assert_eq!(requests, 0);
    // An export that says nothing of roles takes nobody's.
    write(&mut bench, [&[], &["User"], &[]], false);
    let error = bench.cycle().report.error.expect("refused").message;
    assert!(error.contains("set.columns_lost") && error.contains("appRoleAssignments"), "{error}");
    assert_eq!(held(&bench, 1), ["User"]);
}

#[test]
fn a_change_of_most_people_at_once_is_warned_of() {
    let mut bench = Bench::new();
    let rows = |renamed: usize| -> String {
        let name =
            |number| row(number, "Sales", true).replace("Person", if number < renamed { "Persona" } else { "Person" });
        (0..10).map(name).collect()
    };
    bench.people(&rows(0)).cycle();
    for (renamed, changed, warned) in [(5, 5, false), (0, 5, false), (6, 6, true)] {
        bench.people(&rows(renamed)).after_minutes(40);
        let cycle = bench.cycle();
        assert_eq!(cycle.counts()[1], changed, "{:?}", cycle.report);
        let said = cycle.report.warnings.iter().find(|warning| warning.starts_with("set.mass_change: "));
        assert_eq!(said.is_some(), warned, "{:?}", cycle.report.warnings);
        assert!(said.is_none_or(|said| said.contains("6 of 10") && said.contains(&anchor(0))), "{said:?}");
    }
}

#[test]
fn what_no_record_says_any_more_is_left_alone() {
    type Render = fn(usize, Option<&str>) -> String;
    let json: Render = |number, title| {
        let title = title.map(|title| format!(r#","jobTitle":"{title}""#)).unwrap_or_default();
        let (id, login) = (anchor(number), login(number));
        format!(r#"{{"id":"{id}","userPrincipalName":"{login}","displayName":"P","accountEnabled":true{title}}}"#)
            + "\n"
    };
    let ldif: Render = |number, title| {
        let title = title.map(|title| format!("title: {title}\n")).unwrap_or_default();
        let login = login(number);
        format!(
            "dn: uid=u{number},dc=example,dc=com\nobjectClass: inetOrgPerson\nentryUUID: {}\nuid: u{number}\n\
             cn: P\nsn: P\nmail: {login}\n{title}\n",
            anchor(number)
        )
    };
    for (preset, file, login_of, render) in [
        ("entra-graph-json", "users.ndjson", "userPrincipalName", json),
        ("openldap-ldif", "people.ldif", "mail", ldif),
    ] {
        let mut bench = Bench::new();
        bench.source(&format!("preset: {preset}"));
        let title = "    title: { source: jobTitle, flow_null_values: true, source_flow_null_values: true }\n";
        bench.mapping(&format!("{}{title}", MAPPING.replace("userPrincipalName", login_of)));
        let write = |bench: &mut Bench, titles: &dyn Fn(usize) -> Option<&'static str>| {
            let text: String = (0..20).map(|number| render(number, titles(number))).collect();
            bench.file(file, &text).after_minutes(40);
        };
        write(&mut bench, &|_| Some("Clerk"));
        assert_eq!(bench.cycle().counts()[0], 20, "{preset}");
        // nobody has one any more: the exporter left it out
        write(&mut bench, &|_| None);
        let (cycle, requests) = bench.requests(|| bench.cycle());
        let warned = |warnings: &[String]| warnings.iter().any(|text| text.starts_with("set.columns_lost"));
        assert!(requests == 0 && warned(&cycle.report.warnings), "{preset}: {requests} {:?}", cycle.report);
        assert_eq!(bench.account(&login(3)).expect("there")["title"], "Clerk", "{preset}");
        // what only some lose is taken from them
        write(&mut bench, &|number| (number > 3).then_some("Clerk"));
        bench.cycle();
        write(&mut bench, &|number| (number > 4).then_some("Clerk"));
        bench.cycle();
        assert_eq!(bench.account(&login(4)).expect("there").get("title"), None, "{preset}");
        assert_eq!(bench.account(&login(5)).expect("there")["title"], "Clerk", "{preset}");
    }
}
