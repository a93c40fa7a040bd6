//! Change records that rename or delete a container: what lies below goes with it (sources.md 9.5).

use crate::cli_bench::Bench;
use crate::directory::{ENTERPRISE, bench, manager, members};

const OLD: &str = "ou=old,dc=x";

fn person(number: u32, below: &str, more: &str) -> String {
    format!(
        "dn: uid=p{number},{below}\nobjectClass: inetOrgPerson\nuid: p{number}\ncn: p{number}\nsn: S\n\
         mail: p{number}@x\nentryUUID: 11111111-aaaa-4aaa-8aaa-{number:012}\n{more}\n"
    )
}

fn unit(number: u32, dn: &str) -> String {
    format!("dn: {dn}\nobjectClass: organizationalUnit\nentryUUID: 22222222-aaaa-4aaa-8aaa-{number:012}\n\n")
}

fn group(members: &[&str]) -> String {
    let members: String = members.iter().map(|member| format!("member: {member}\n")).collect();
    format!(
        "dn: cn=team,dc=x\nobjectClass: groupOfNames\ncn: team\n{members}entryUUID: 33333333-aaaa-4aaa-8aaa-000000000001\n\n"
    )
}

/// Four people, two of them at different depths below the unit that moves, in a target that holds their names.
fn town(units: bool) -> Bench {
    let bench = bench("entra-2020", "", "");
    let configuration = std::fs::read_to_string(bench.path().join("provisiond.yaml")).expect("written");
    bench.write("provisiond.yaml", &configuration.replace("preset: scim-json", "preset: openldap-ldif"));
    bench.write(
        "mapping.yaml",
        &format!(
            "users:\n  actions: [create, update, delete]\n  attributes:\n    userName: {{ source: mail, match: 1 }}\n    \
             active: Not([IsSoftDeleted])\n    displayName: displayName\n    title: jobTitle\n    nickName: onPremisesDistinguishedName\n    \
             {ENTERPRISE}:manager: {{ source: manager, flow_null_values: true, source_flow_null_values: true }}\ngroups:\n  \
             attributes:\n    displayName: {{ source: displayName, match: 1 }}\n    members: members\n"
        ),
    );
    let inner = format!("ou=Inner, {OLD}");
    let mut text = if units { unit(1, OLD) + &unit(2, &inner) } else { String::new() };
    text += &person(1, OLD, "");
    text += &person(2, &inner, &format!("manager: uid=p1,{OLD}\n"));
    text += &person(3, "ou=else,dc=x", &format!("manager: uid=p1,{OLD}\n"));
    // a unit of another that is called the same
    text += &person(4, r"ou=a\,ou=old,dc=x", "");
    text += &group(&[&format!("uid=p1,{OLD}"), &format!("uid=p2,{inner}"), "uid=p3,ou=else,dc=x"]);
    bench.write("source/directory.ldif", &text);
    bench.json(&["cycle"], 0);
    assert_eq!(manager(&bench, "p2").as_deref(), Some("p1"));
    assert_eq!(members(&bench, "team"), ["p1", "p2", "p3"]);
    std::fs::remove_file(bench.path().join("source/directory.ldif")).expect("there");
    bench
}

/// The names that people have in the directory, as the target was told.
fn names(bench: &Bench) -> Vec<String> {
    let mut users = bench.standin().users();
    users.sort_by_key(|user| user["displayName"].to_string());
    users.iter().map(|user| user["nickName"].as_str().unwrap_or("-").to_owned()).collect()
}

/// Applies a change file, of which so many records are refused.
fn apply(bench: &Bench, number: u32, changes: &str, refused: u64) {
    bench.write(&format!("source/changes-{number}.ldif"), changes);
    let cycle = bench.json(&["cycle"], 0);
    assert_eq!(cycle["source"]["refused"], refused, "{cycle}");
    std::fs::remove_file(bench.path().join(format!("source/changes-{number}.ldif"))).expect("there");
}

#[test]
fn a_container_moves_with_all_that_lies_below() {
    // of a container that the export leaves out, what lies below is known all the same
    for units in [true, false] {
        let bench = town(units);
        let rename = "dn: OU=Old, dc=x\nchangetype: modrdn\nnewrdn: ou=new\ndeleteoldrdn: 1\nnewsuperior: o=y,dc=x\n\n";
        // in the same file under the new name, and a reference by the old one in what changes next
        let title = "dn: uid=p2,ou=inner,ou=new,o=y,dc=x\nchangetype: modify\nreplace: title\ntitle: Boss\n-\n\n";
        apply(&bench, 1, &format!("{rename}{title}"), 0);
        let expected = [
            "uid=p1,ou=new,o=y,dc=x",
            "uid=p2,ou=Inner,ou=new,o=y,dc=x",
            "uid=p3,ou=else,dc=x",
            r"uid=p4,ou=a\,ou=old,dc=x",
        ];
        assert_eq!(names(&bench), expected, "{units}");
        assert_eq!(manager(&bench, "p2").as_deref(), Some("p1"));
        // who is named as before is meant still, and as now too
        let other = "dn: uid=p3,ou=else,dc=x\nchangetype: modify\nreplace: title\ntitle: Clerk\n-\n\n";
        let leave = "dn: cn=team,dc=x\nchangetype: modify\ndelete: member\nmember: uid=p1, ou=new,o=y,dc=x\n-\n\n";
        apply(&bench, 2, &format!("{other}{leave}"), 0);
        assert_eq!(manager(&bench, "p3").as_deref(), Some("p1"));
        assert_eq!(members(&bench, "team"), ["p2", "p3"]);
        // nobody is under the old name any more
        apply(&bench, 3, &title.replace("ou=new,o=y", "ou=old").replace("Boss", "Chief"), 1);
        assert_eq!(bench.standin().users().len(), 4);
    }
}

#[test]
fn a_name_that_is_taken_or_lies_below_itself_is_refused() {
    let bench = town(true);
    let before = names(&bench);
    let into_itself =
        format!("dn: {OLD}\nchangetype: moddn\nnewrdn: ou=old\ndeleteoldrdn: 0\nnewsuperior: ou=Inner,{OLD}\n\n");
    let taken =
        "dn: uid=p3,ou=else,dc=x\nchangetype: modrdn\nnewrdn: uid=p1\ndeleteoldrdn: 1\nnewsuperior: ou=old,dc=x\n\n";
    apply(&bench, 1, &format!("{into_itself}{taken}"), 2);
    assert_eq!(names(&bench), before);
}

#[test]
fn a_tree_is_deleted_with_all_that_lies_below() {
    let bench = town(true);
    // without the control only a leaf can be deleted
    apply(&bench, 1, &format!("dn: {OLD}\nchangetype: delete\n\n"), 0);
    assert_eq!(names(&bench).len(), 4);
    let bench = town(true);
    let control = "control: 1.2.840.113556.1.4.805 true\n";
    apply(&bench, 1, &format!("dn: {OLD}\n{control}changetype: delete\n\n"), 0);
    assert_eq!(names(&bench), ["uid=p3,ou=else,dc=x", r"uid=p4,ou=a\,ou=old,dc=x"]);
}
