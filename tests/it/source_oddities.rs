//! What exporters write now and then: empty pages, changes in several files, type names for values, hexadecimal texts.

use provisiond::model::{Deletion, ObjectKind, SourceValue};
use provisiond::source::{Completeness, FileEntry, Level, Role, SetMode, Settings};

use super::source_folder::{id, read_files};

fn page(link: &str, body: &str) -> String {
    format!(r#"{{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#users",{link}"value":[{body}]}}"#)
}

fn user(number: u32) -> String {
    format!(r#"{{"id":"{}","userPrincipalName":"u{number}@contoso.example","accountEnabled":true}}"#, id(number))
}

const NEXT: &str = r#""@odata.nextLink":"https://graph.microsoft.com/v1.0/users?$skiptoken=x","#;
const DELTA: &str = r#""@odata.deltaLink":"https://graph.microsoft.com/v1.0/users/delta?$deltatoken=x","#;

fn entry(number: u32, change: &str) -> String {
    let id = id(number);
    format!(
        "dn: uid=u{number},dc=x\n{change}objectClass: person\nuid: u{number}\ncn: U{number}\nsn: S\nentryUUID: {id}\n\n"
    )
}

fn title(number: u32, value: &str) -> String {
    format!("dn: uid=u{number},dc=x\nchangetype: modify\nreplace: title\ntitle{value}\n-\n\n")
}

#[test]
fn a_page_without_people_is_still_a_page() {
    let (first, last) = (page(NEXT, &user(1)), page("", ""));
    let given = read_files(&[("u-1.json", first.as_bytes()), ("u-2.json", last.as_bytes())], None, |_| {});
    assert_eq!((given.report.complete, given.objects.len()), (Completeness::Proven, 1), "{:?}", given.codes("FS"));
    let kintone: [(&str, &[u8]); 2] = [
        ("k-1.json", br#"{"users":[{"id":"1","code":"a","name":"A","valid":true}]}"#),
        ("k-2.json", br#"{"users":[]}"#),
    ];
    assert_eq!(read_files(&kintone, None, |_| {}).codes("FS"), Vec::<String>::new());
    // by the people of the other pages it is known whose it is, before them and after
    let okta = br#"[{"id":"00u1","status":"ACTIVE","profile":{"login":"a"},"_links":{}}]"#;
    let active_directory = format!(r#"{{"value":[{{"SamAccountName":"a","ObjectGUID":"{}"}}],"Count":1}}"#, id(1));
    for (people, empty, preset) in [
        (&okta[..], &b"[]\n"[..], "okta-json"),
        (active_directory.as_bytes(), br#"{"value":[],"Count":0}"#, "ad-powershell-json"),
        (entry(1, "").as_bytes(), b"version: 1\n\nsearch: 2\nresult: 0 Success\n\n", "openldap-ldif"),
    ] {
        for (first, last) in [(people, empty), (empty, people)] {
            let given = read_files(&[("u-1", first), ("u-2", last)], None, |_| {});
            assert_eq!((given.codes("FS"), given.objects.len()), (Vec::new(), 1), "{preset}");
            assert!(given.report.files.iter().all(|file| file.preset.as_deref() == Some(preset)), "{preset}");
        }
        assert_eq!(read_files(&[("u.json", empty)], None, |_| {}).codes("F"), ["format.ambiguous:0"], "{preset}");
    }
    // a delta query where nothing has changed
    let base = read_files(&[("u.json", page("", &user(1)).as_bytes())], None, |_| {});
    let given = read_files(&[("delta.json", page(DELTA, "").as_bytes())], Some(&base.report.memory), |_| {});
    assert_eq!((given.codes("FS"), given.report.mode), (Vec::new(), SetMode::Changes));
}

#[test]
fn lists_that_each_end_prove_nothing_together() {
    let files = [("u-1.json", page("", &user(1))), ("u-2.json", page("", &user(2)))];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_bytes()));
    assert_eq!(read_files(&files, None, |_| {}).report.complete, Completeness::Plausible);
}

#[test]
fn what_refuses_a_file_is_said_where_no_preset_is_recognised() {
    let ldif = "version: 2\n\n".to_owned() + &entry(1, "");
    let damaged = entry(1, "").replace("cn: U1", "cn:: %%%");
    for (name, text, expected) in [
        ("o.ldif", ldif.as_str(), "ldif.version:1"),
        ("o.ldif", &damaged, "set.empty:0 ldif.base64:1"),
        ("okta.json", r#"{"errorCode":"E0000011","errorSummary":"Invalid token provided"}"#, "json.no_records:1"),
        ("g.json", "{\"value\":[]\n\"x\":1}", "json.syntax:2"),
        ("g.json", r#"{"error":{"code":"x"},"value":[]}"#, "json.error_document:1"),
        ("g.json", r#"{"error":null,"data":[]}"#, "json.no_records:1"),
    ] {
        let given = read_files(&[(name, text.as_bytes())], None, |_| {});
        assert_eq!(given.codes("FSR").join(" "), expected, "{text}");
    }
}

#[test]
fn bytes_of_another_encoding_are_named_wherever_they_stand() {
    let good = user(1);
    let bad = user(2).replace("\"u2", "\n\"u2").replace("u2@", "\u{9ad9}@");
    let shift_jis = |text: String| encoding_rs::SHIFT_JIS.encode(&text).0.into_owned();
    for (name, text, line) in [
        ("u.json", format!("[{bad}]"), 2),
        ("u.json", format!("[\n{bad},\n{good}]"), 3),
        ("u.json", format!("[{good},\n{bad}]"), 3),
        ("u.json", format!("{{\"value\":[{bad}]}}"), 2),
        ("u.ndjson", format!("{}\n{good}\n", bad.replace('\n', "")), 1),
        ("u.ndjson", format!("{good}\n{}\n", bad.replace('\n', "")), 2),
    ] {
        for preset in ["detect", "entra-graph-json"] {
            let given =
                read_files(&[(name, &shift_jis(text.clone()))], None, |settings| settings.preset = preset.to_owned());
            assert_eq!(given.codes("FS"), [format!("encoding.invalid:{line}")], "{preset}: {text}");
        }
    }
}

#[test]
fn a_list_of_graph_without_its_context_is_read_and_proves_nothing() {
    let plain = format!(r#"{{"value":[{}],"Count":1}}"#, user(1));
    let given = read_files(&[("u.json", plain.as_bytes())], None, |_| {});
    assert_eq!((given.codes("FS"), given.report.complete), (Vec::new(), Completeness::Plausible));
    assert_eq!(given.report.files[0].preset.as_deref(), Some("entra-graph-json"));
    // a page of a delta query: the last one has a link of its own
    let page = |link: &str| {
        format!(r#"{{"@odata.{link}":"https://graph.microsoft.com/v1.0/users/delta?x","value":[{}]}}"#, user(1))
    };
    let memory = given.report.memory;
    let (first, last) = (page("nextLink"), page("deltaLink"));
    let given = read_files(&[("d-1.json", first.as_bytes()), ("d-2.json", last.as_bytes())], Some(&memory), |_| {});
    assert_eq!((given.codes("FS"), given.report.mode), (Vec::new(), SetMode::Changes));
    // the list of something else, and one of people under a name by which Graph has none
    let devices = plain.replacen('{', r#"{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#devices","#, 1);
    let users = plain.replace("value", "users");
    for text in [devices, users] {
        assert_eq!(
            read_files(&[("u.json", text.as_bytes())], None, |_| {}).codes("FS"),
            ["format.ambiguous:0"],
            "{text}"
        );
    }
}

#[test]
fn a_first_record_may_be_long() {
    let photo = "A".repeat(200 << 10);
    let ldif = entry(1, "").replace("cn: U1", &format!("jpegPhoto:: {photo}\ncn: U1")) + &entry(2, "");
    let json = page("", &user(1).replace('{', &format!(r#"{{"aboutMe":"{photo}","#)));
    for (name, text, count) in [("o.ldif", ldif, 2), ("u.json", json, 1)] {
        let given = read_files(&[(name, text.as_bytes())], None, |_| {});
        assert_eq!((given.codes("FSR"), given.objects.len()), (Vec::new(), count), "{name}");
    }
}

#[test]
fn changes_in_files_with_dates_are_all_read() {
    let base = entry(1, "") + &entry(2, "");
    let memory = read_files(&[("o.ldif", base.as_bytes())], None, |_| {}).report.memory;
    let (one, two) = (title(1, ": A"), title(2, ": B"));
    let files: [(&str, &[u8]); 2] = [("ch-20260402.ldif", one.as_bytes()), ("ch-20260403.ldif", two.as_bytes())];
    let given = read_files(&files, Some(&memory), |_| {});
    assert_eq!((given.codes("FSI"), given.report.counts.changes), (Vec::new(), 2));
    // a later export of all takes the place of older changes under its name, and the next changes come after it
    let files: [(&str, &[u8]); 3] = [
        ("o-20260401.ldif", one.as_bytes()),
        ("o-20260402.ldif", base.as_bytes()),
        ("o-20260403.ldif", two.as_bytes()),
    ];
    let given = read_files(&files, Some(&memory), |_| {});
    assert_eq!((given.codes("FI"), given.report.counts.changes), (vec!["file.older:0".to_owned()], 1));
    // what ldifde writes of everything are generations, though each entry is an addition
    let ad = |number: u32| entry(number, "changetype: add\n").replace("entryUUID", "sAMAccountName: a\nentryUUID");
    let (old, new) = (ad(1), ad(2));
    let files: [(&str, &[u8]); 2] = [("ad-20260401.ldf", old.as_bytes()), ("ad-20260402.ldf", new.as_bytes())];
    let given = read_files(&files, None, |settings| settings.preset = "ad-ldif".to_owned());
    assert_eq!(given.codes("I"), ["file.older:0"]);
}

#[test]
fn a_url_in_a_change_is_never_taken_for_nothing() {
    let text = title(1, ":< file:///etc/passwd")
        + &title(2, ": B").replace("title", "jpegPhoto").replace(": B", ":< file:///x");
    let given =
        read_files(&[("c.ldif", text.as_bytes())], None, |settings| settings.preset = "openldap-ldif".to_owned());
    assert_eq!(given.codes("R"), ["ldif.url_refused:1"]);
    assert_eq!(given.codes("W"), ["ldif.url_refused:7"]);
}

#[test]
fn names_of_types_are_no_values_in_json() {
    let text = format!(
        r#"[{{"Id":"{}","UserPrincipalName":"a@x","AccountEnabled":true,"BusinessPhones":"System.Object[]","JobTitle":"Systems"}}]"#,
        id(1)
    );
    let given = read_files(&[("u.json", text.as_bytes())], None, |_| {});
    assert_eq!(given.codes("W"), ["value.placeholder:1"]);
    assert_eq!(
        (given.texts("telephoneNumber"), given.texts("jobTitle")),
        (vec!["-".to_owned()], vec!["Systems".to_owned()])
    );
    assert!(given.objects[0].unknown.contains("telephoneNumber"));
}

#[test]
fn csvde_writes_letters_beyond_ascii_as_octets() {
    let text = "DN,objectClass,objectGUID,sAMAccountName,userAccountControl,displayName\r\n\
        \"CN=a,DC=x\",top;person;user,X'01010101010101010101010101010101',a,512,X'e697a5e69cac'\r\n\
        \"CN=b,DC=x\",top;person;user,X'02020202020202020202020202020202',b,512,X'ff'\r\n";
    let given = read_files(&[("ad.csv", text.as_bytes())], None, |_| {});
    assert_eq!(given.texts("displayName")[0], "日本");
    assert_eq!(given.objects[0].anchor.as_str(), "01010101-0101-0101-0101-010101010101");
}

#[test]
fn csvde_has_columns_that_are_no_news_and_names_with_its_separator() {
    let guid = |number: u32| format!("X'{}'", format!("{number:02}").repeat(16));
    let heading = "DN,objectClass,objectGUID,sAMAccountName,member,memberOf,pwdLastSet,ms-Mcs-AdmPwd\r\n";
    let rows = [
        (r"CN=B\;C,DC=x", 1, "user", ""),
        (r"CN=D\\,DC=x", 2, "user", ""),
        ("CN=G,DC=x", 3, "group", r"CN=B\;C,DC=x;CN=D\\,DC=x"),
    ];
    let row = |(dn, number, class, members): (&str, u32, &str, &str)| {
        format!("\"{dn}\",top;{class},{},a{number},\"{members}\",\"CN=A,DC=x;CN=B,DC=x\",0,p\r\n", guid(number))
    };
    let text = heading.to_owned() + &rows.map(row).concat();
    let given = read_files(&[("ad.csv", text.as_bytes())], None, |settings| settings.references = true);
    assert_eq!(given.codes("FSRWI"), ["set.no_account_state:0"], "{:?}", given.report.problems);
    let both = given.objects[..2].iter().map(|object| object.anchor.as_str().to_owned()).collect();
    assert_eq!(given.objects[2].attributes.get("members"), Some(&SourceValue::List(both)));
}

#[test]
fn what_is_said_of_a_file_is_what_is_wrong_with_it() {
    let said = |name: &str, text: &str, change: fn(&mut Settings)| {
        let given = read_files(&[(name, text.as_bytes())], None, change);
        let problems = given.report.problems.iter().filter(|problem| problem.level != Level::Warning);
        problems
            .map(|problem| format!("{} {} {}", problem.code, problem.message, problem.help))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let no_records = said("u.json", "{\n \"id\": \"1\"\n}", |_| {});
    assert!(no_records.starts_with("json.no_records") && no_records.contains("between `[` and `]`"), "{no_records}");
    assert_eq!(no_records.matches("`value`").count(), 1, "{no_records}");
    let long = format!("userPrincipalName,displayName,id\na@x,\"{}\",{}\n", "a\n".repeat(600), id(1));
    let long = said("u.csv", &long, |settings| settings.limits.record = 1000);
    assert!(long.starts_with("csv.unclosed_quote") && long.contains("after 1000 bytes"), "{long}");
    let by_returns = entry(1, "").replace('\n', "\r");
    for preset in ["detect", "openldap-ldif"] {
        let given =
            read_files(&[("u.ldif", by_returns.as_bytes())], None, |settings| settings.preset = preset.to_owned());
        assert_eq!(given.codes("FSR"), ["set.incomplete:0", "ldif.bare_cr:1"], "{preset}");
    }
    let text = format!("First Name,Last Name,Email Address,Status,Department\nA,B,a@x,Active,{}\n", "*".repeat(4));
    let given = read_files(&[("g.csv", text.as_bytes())], None, |settings| settings.allow_mutable_anchor = true);
    let placeholder = given.report.problems.iter().find(|problem| problem.code == "value.placeholder");
    assert!(placeholder.is_some_and(|problem| !problem.help.contains("type")), "{:?}", given.report.problems);
}

#[test]
fn a_status_that_says_deleted_is_not_missing_from_the_words_for_enabled() {
    let text = "First Name,Last Name,Email Address,Status,Employee ID\nA,B,a@x,Deleted,1\nC,D,c@x,Strange,2\n";
    let given =
        read_files(&[("g.csv", text.as_bytes())], None, |settings| settings.anchor = Some("employeeId".to_owned()));
    assert_eq!(given.codes("R"), ["value.account_enabled:3"]);
    let deletions: Vec<Deletion> = given.objects.iter().map(|object| object.deletion).collect();
    assert_eq!(deletions, [Deletion::Soft]);
}

#[test]
fn blanks_in_a_heading_are_not_taken_for_its_delimiter() {
    let text = "Login name,Display name,E-mail address,Status\na,A,a@x,Active\n";
    let given = read_files(&[("k.csv", text.as_bytes())], None, |settings| settings.allow_mutable_anchor = true);
    assert_eq!((given.codes("FS"), given.texts("displayName")), (Vec::new(), vec!["A".to_owned()]));
    let text = "userPrincipalName;displayName,id\na;b,c\n";
    let given = read_files(&[("e.csv", text.as_bytes())], None, |settings| settings.preset = "entra-csv".to_owned());
    assert_eq!(given.codes("F"), ["csv.no_delimiter:1"]);
}

#[test]
fn a_heading_that_does_not_show_its_delimiter_is_refused() {
    for text in ["userPrincipalName,displayName,id;a;b\nx;y;z\n", "userPrincipalName\tdisplayName\tid\na\tb\tc\n"] {
        for preset in ["detect", "entra-csv"] {
            let given = read_files(&[("e.csv", text.as_bytes())], None, |settings| settings.preset = preset.to_owned());
            assert_eq!(given.codes("F"), ["csv.no_delimiter:1"], "{preset}: {text}");
        }
    }
    let text = format!("sep=\t\nuserPrincipalName\tdisplayName\tid\na\tb\t{}\n", id(1));
    assert_eq!(read_files(&[("e.csv", text.as_bytes())], None, |_| {}).codes("FS"), Vec::<String>::new());
}

#[test]
fn one_bad_byte_does_not_change_the_encoding_of_a_file() {
    let good =
        encoding_rs::SHIFT_JIS.encode("ログイン名,表示名,使用状態\na,髙橋,使用中\nb,表能,停止中\n").0.into_owned();
    let file = [&good[..], b"c,\x81\x20x,\n"].concat();
    let given = read_files(&[("k.csv", &file)], None, |settings| settings.allow_mutable_anchor = true);
    assert_eq!(given.codes("FSR"), ["encoding.invalid:4"]);
    assert_eq!(given.texts("displayName"), ["髙橋", "表能"]);
}

/// Who forgets `$expand=members` has groups without the name; a group without members has an empty list.
#[test]
fn lists_of_members_that_nobody_exported_are_not_empty() {
    let group = |number: u32, members: Option<&[u32]>| {
        let ids =
            |members: &[u32]| members.iter().map(|member| format!(r#"{{"id":"{}"}}"#, id(*member))).collect::<Vec<_>>();
        let members = members.map(|members| format!(r#","members":[{}]"#, ids(members).join(","))).unwrap_or_default();
        let id = id(number);
        format!(r##"{{"@odata.type":"#microsoft.graph.group","id":"{id}","displayName":"G{number}"{members}}}"##)
    };
    let export = |groups: [Option<&[u32]>; 2]| {
        let groups = [group(101, groups[0]), group(102, groups[1])];
        page("", &[user(1), user(2), groups[0].clone(), groups[1].clone()].join(","))
    };
    let read = |text: &str, memory| {
        let given = read_files(&[("all.json", text.as_bytes())], memory, |settings| settings.references = true);
        assert!(
            !given.report.refused
                || given.report.problems.iter().any(|one| one.attribute.as_deref() == Some("members.id")),
            "{:?}",
            given.report.problems
        );
        (given.codes("FS"), given.report.memory)
    };
    let (codes, memory) = read(&export([Some(&[1, 2]), Some(&[2])]), None);
    assert_eq!(codes, [""; 0]);
    for (groups, expected) in [
        ([Some(&[][..]), Some(&[][..])], vec![]),
        ([None, Some(&[][..])], vec![]),
        ([None, None], vec!["set.columns_lost:0"]),
    ] {
        assert_eq!(read(&export(groups), Some(&memory)).0, expected, "{groups:?}");
    }
    let without_groups = page("", &[user(1), user(2)].join(","));
    assert_eq!(read(&without_groups, Some(&memory)).0, [""; 0], "the last group went");
}

/// Of a group with more members than a column holds csvde leaves the column empty and writes another.
#[test]
fn columns_that_hold_a_part_of_the_members_do_not_empty_a_group() {
    let guid = |number: u32| format!("X'{}'", format!("{number:02}").repeat(16));
    let row = |number: u32, class: &str, members: &str, part: &str| {
        let guid = guid(number);
        format!("\"CN=U{number},DC=x\",top;{class},{guid},512,a{number},\"{members}\",\"{part}\"\r\n")
    };
    let heading = "DN,objectClass,objectGUID,userAccountControl,sAMAccountName,member,member;range=0-1499\r\n";
    let rows =
        [row(1, "user", "", ""), row(2, "group", "CN=U1,DC=x", ""), row(3, "group", "", "CN=U1,DC=x;CN=U9,DC=x")];
    let text = heading.to_owned() + &rows.concat();
    let given = read_files(&[("ad.csv", text.as_bytes())], None, |settings| settings.references = true);
    assert_eq!(given.codes("FSR"), [""; 0], "{:?}", given.report.problems);
    let members = |at: usize| given.objects[at].attributes.get("members").is_some();
    assert!(members(1) && !given.objects[1].unknown.contains("members"));
    assert!(!members(2) && given.objects[2].unknown.contains("members"), "{:?}", given.objects[2]);
}

#[test]
fn who_lies_among_the_deleted_objects_is_deleted() {
    let entry = |dn: &str, last: char| {
        format!(
            "dn: {dn}\nobjectClass: user\nobjectGUID:: AAAAAAAAAAAAAAAAAAAAA{last}==\nuserAccountControl: 512\nsAMAccountName: u{last}\n\n"
        )
    };
    let text = entry(r"CN=A\0ADEL:00010203-0405-0607-0809-0a0b0c0d0e0f,CN=Deleted Objects,DC=x", 'A')
        + &entry("CN=Deleted Objects Admin,OU=Staff,DC=x", 'Q');
    let given = read_files(&[("ad.ldif", text.as_bytes())], None, |_| {});
    let deletions: Vec<Deletion> = given.objects.iter().map(|object| object.deletion).collect();
    assert_eq!(deletions, [Deletion::Soft, Deletion::None], "{:?}", given.report.problems);
}

/// A list of groups has no names of people, and says itself that it is one.
#[test]
fn a_list_of_groups_that_is_taken_for_nothing_is_told_how_it_is_named() {
    let id = id(7);
    let text = format!(
        r##"{{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#groups(members())","value":[{{"id":"{id}","displayName":"G","members":[]}}]}}"##
    );
    let files = [("groups.json", text.as_bytes())];
    let given = read_files(&files, None, |_| {});
    let help = &given.report.problems.first().expect("refused").help;
    assert!(help.contains("preset: entra-graph-json, role: groups"), "{help}");
    let entry = FileEntry {
        pattern: "groups*.json".to_owned(),
        preset: Some("entra-graph-json".to_owned()),
        role: Some(Role::Groups),
    };
    let given = read_files(&files, None, |settings| settings.files = vec![entry]);
    assert_eq!(given.codes("FSR"), [""; 0]);
    assert_eq!(given.objects.iter().map(|object| object.kind).collect::<Vec<_>>(), [ObjectKind::Group]);
}
