//! One anchor, however an export spells it (sources.md 13, 14.2).

use provisiond::cycle::OnDemandOptions;

use crate::bench::Bench;

const MAPPING: &str = "\
users:
  attributes:
    userName: { source: userPrincipalName, match: 1 }
    active: Not([IsSoftDeleted])
    displayName: displayName
    manager: manager
";

fn okta(rows: &[(&str, &str)]) -> String {
    let rows =
        rows.iter().map(|(id, status)| format!("{id},{0}@example.jp,F,L,{0}@example.jp,{status}\n", id.to_lowercase()));
    format!("id,login,firstName,lastName,email,status\n{}", rows.collect::<String>())
}

#[test]
fn an_anchor_in_another_case_is_the_same() {
    let mut bench = Bench::new();
    bench
        .mapping(MAPPING)
        .source("preset: okta-csv")
        .file("users.csv", &okta(&[("00uAb1", "ACTIVE"), ("00uAb2", "ACTIVE"), ("00uAb3", "ACTIVE")]));
    assert_eq!(bench.cycle().counts()[0], 3);
    bench
        .file("users.csv", &okta(&[("00uAb1", "ACTIVE"), ("00UAB2", "SUSPENDED"), ("00UAB3", "ACTIVE")]))
        .after_minutes(40);
    let cycle = bench.cycle();
    assert_eq!((cycle.counts()[2], cycle.counts()[5]), (1, 0), "{:?}", cycle.report.warnings);
    assert_eq!(cycle.of("00uAb2").status.as_str(), "success", "it goes on under the anchor that it is known by");
    assert_eq!(bench.account("00uab2@example.jp").expect("there")["active"], false);
    let asked = bench.now_for(&["00UAB3"], OnDemandOptions::default());
    assert_eq!(asked.len(), 1);
    assert_eq!(bench.one("00UAB3").reason, "RedundantExport");
    // Gone is who is gone.
    bench.file("users.csv", &okta(&[("00UAB1", "ACTIVE"), ("00UAB2", "SUSPENDED")])).after_minutes(40);
    assert_eq!(bench.cycle().counts()[2], 1);
    assert_eq!(bench.account("00uab3@example.jp").expect("there")["active"], false);
    assert_eq!(bench.account("00uab1@example.jp").expect("there")["active"], true);
}

#[test]
fn a_distinguished_name_is_the_same_however_it_is_written() {
    let person = |dn: &str, uid: &str, more: &str| {
        format!(
            "dn: {dn}\nobjectClass: inetOrgPerson\nuid: {uid}\nmail: {uid}@example.jp\ncn: {uid}\nsn: {uid}\n{more}\n"
        )
    };
    let (boss, ann) = ("uid=boss,ou=people,dc=x", "uid=ann,ou=people,dc=x");
    let mapping = MAPPING.replace("userPrincipalName", "mail");
    let mut bench = Bench::new();
    bench.mapping(&mapping).source("preset: openldap-ldif\nallow_mutable_anchor: true");
    let both = |boss: &str, ann: &str, more: &str| person(boss, "boss", "") + &person(ann, "ann", more);
    bench.file("people.ldif", &both(boss, ann, &format!("manager: {boss}\n")));
    assert_eq!(bench.cycle().counts()[0], 2);
    let manager = |bench: &Bench| bench.account("ann@example.jp").expect("there").to_string();
    let before = manager(&bench);

    for (boss, ann) in [
        ("UID=boss, ou=People,dc=x", "uid = ann,OU=people,DC=x"),
        (r"uid=b\6fss,ou=people,dc=x", "uid=ann,ou=people,dc=x"),
    ] {
        bench.file("people.ldif", &both(boss, ann, &format!("manager: {boss}\n"))).after_minutes(40);
        let cycle = bench.cycle();
        assert_eq!((cycle.counts()[0], cycle.counts()[2], cycle.counts()[5]), (0, 0, 0), "{:?}", cycle.report.warnings);
        let manager_of = |text: &str| text.split("manager").nth(1).map(str::to_owned);
        assert_eq!(manager_of(&manager(&bench)), manager_of(&before));
    }
    // Who is gone is found, too.
    bench.file("people.ldif", &person("UID=boss,ou=people,dc=x", "boss", "manager: uid=ceo,dc=x\n")).after_minutes(40);
    let cycle = bench.cycle();
    assert_eq!(cycle.counts()[2], 1, "{:?}", cycle.report);
    assert_eq!(bench.account("ann@example.jp").expect("there")["active"], false);
    // The same person twice, written differently.
    let twice = both(boss, ann, "manager: uid=ceo,dc=x\n")
        + &person("uid=ANN, ou=people,dc=x", "ann", "manager: uid=ceo,dc=x\n");
    bench.file("people.ldif", &twice).after_minutes(40);
    let cycle = bench.cycle();
    assert_eq!((cycle.counts()[0], cycle.counts()[1], cycle.counts()[2], cycle.counts()[5]), (0, 1, 0, 0));
    assert!(
        cycle.report.warnings.iter().any(|said| said.starts_with("record.repeated")),
        "{:?}",
        cycle.report.warnings
    );
}

/// A directory promises no order of an attribute's values.
#[test]
fn of_several_values_the_one_of_last_time_is_taken() {
    let mapping = MAPPING.replace("userPrincipalName", "onPremisesSamAccountName")
        + "    emails[type eq \"work\"].value: mail\n    title: jobTitle\n";
    let mut bench = Bench::new();
    bench.mapping(&mapping).source("preset: openldap-ldif");
    let write = |bench: &mut Bench, mails: &[&str], title: &str| {
        let mails: String = mails.iter().map(|mail| format!("mail: {mail}@example.jp\n")).collect();
        let person = format!(
            "dn: uid=ann,dc=x\nobjectClass: inetOrgPerson\nuid: ann\ncn: Ann\nsn: A\nmanager: uid=ceo,dc=x\nentryUUID: 3d628091-ebb6-4e5b-a621-3648e0d9dc7a\n{mails}title: {title}\n\n"
        );
        bench.file("people.ldif", &person).after_minutes(40);
    };
    let mail = |bench: &Bench| bench.account("ann").expect("there")["emails"][0]["value"].clone();

    write(&mut bench, &["first", "second"], "Clerk");
    assert_eq!(bench.cycle().counts()[0], 1);
    assert_eq!(mail(&bench), "first@example.jp");
    write(&mut bench, &["second", "first"], "Clerk");
    let (cycle, requests) = bench.requests(|| bench.cycle());
    assert_eq!((cycle.counts()[1], requests), (0, 0), "{:?}", cycle.report.warnings);
    // Something else changes beside it; and on demand it is the same.
    write(&mut bench, &["second", "third", "first"], "Manager");
    assert_eq!(bench.cycle().counts()[1], 1);
    assert_eq!((mail(&bench), bench.one("ann").reason.as_str()), ("first@example.jp".into(), "RedundantExport"));
    // What is no longer there cannot be taken.
    write(&mut bench, &["third", "second"], "Manager");
    assert_eq!(bench.cycle().counts()[1], 1);
    assert_eq!(mail(&bench), "third@example.jp");
    write(&mut bench, &["second", "third"], "Manager");
    let (_, requests) = bench.requests(|| bench.initial());
    assert!(requests > 0, "an initial cycle looks at everybody");
    assert_eq!(mail(&bench), "third@example.jp");
    write(&mut bench, &["second"], "Manager");
    bench.cycle();
    assert_eq!(mail(&bench), "second@example.jp");
}

/// Of the names that a server may give the identifier one is chosen once: an export that says more, or less, of them makes nobody
/// another person.
#[test]
fn the_name_that_an_anchor_is_read_from_is_chosen_once() {
    let person = |number: u32, nsunique: bool, ipa: bool| {
        let mut text = format!(
            "dn: uid=u{number},cn=users,cn=accounts,dc=x\nobjectClass: inetOrgPerson\nobjectClass: ipaobject\nuid: u{number}\n\
             mail: u{number}@example.jp\ncn: U {number}\nsn: U\nmanager: uid=u1,cn=users,cn=accounts,dc=x\n"
        );
        if nsunique {
            text += &format!("nsUniqueId: 6e1bf00{number}-15a511ec-b5f0dd3f-c4bd9d5d\n");
        }
        if ipa {
            text += &format!("ipaUniqueID: 3d62809{number}-ebb6-4e5b-a621-3648e0d9dc7a\n");
        }
        text + "\n"
    };
    let export = |nsunique: bool, ipa: bool| (1..=9).map(|number| person(number, nsunique, ipa)).collect::<String>();
    let mapping = MAPPING.replace("userPrincipalName", "mail");
    let mut bench = Bench::new();
    bench.mapping(&mapping).source("preset: 389ds-ldif").file("people.ldif", &export(false, true));
    assert_eq!(bench.cycle().counts()[0], 9);

    bench.file("people.ldif", &export(true, true)).after_minutes(40);
    let (cycle, requests) = bench.requests(|| bench.cycle());
    assert_eq!((cycle.counts()[2], cycle.counts()[5], requests), (0, 0, 0), "{:?}", cycle.report.warnings);
    assert_eq!(bench.one("u3@example.jp").source_anchor().as_str(), "3d628093-ebb6-4e5b-a621-3648e0d9dc7a");

    bench.file("people.ldif", &export(true, false)).after_minutes(40);
    let cycle = bench.cycle();
    let error = cycle.report.error.expect("refused").message;
    assert!(error.contains("set.anchor_changed") && error.to_lowercase().contains("ipauniqueid"), "{error}");
    assert_eq!(bench.account("u3@example.jp").expect("there")["active"], true);

    // The first record decides, also within one file: who lacks what it has is set aside.
    let mut bench = Bench::new();
    let mixed = person(1, false, true) + &person(2, true, true) + &person(3, true, false);
    bench.mapping(&mapping).source("preset: 389ds-ldif").file("people.ldif", &mixed);
    let cycle = bench.cycle();
    assert_eq!(cycle.counts()[0], 2, "{:?}", cycle.report.warnings);
    assert!(cycle.report.warnings.iter().any(|said| said.starts_with("record.no_anchor")), "{:?}", cycle.report);
    assert_eq!(bench.one("u2@example.jp").source_anchor().as_str(), "3d628092-ebb6-4e5b-a621-3648e0d9dc7a");
}
