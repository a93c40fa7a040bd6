//! Exports of kinds that the fixtures do not hold, as their programs write them.

use provisiond::model::SourceValue;
use provisiond::source::{Completeness, Look};

use super::source_folder::{Given, id, read_files, read_files_by};

/// What an export is taken for: the preset, and the problems of any level but information.
fn taken(given: &Given) -> (Option<&str>, String) {
    (given.report.files[0].preset.as_deref(), given.codes("FSRW").join(" "))
}

#[test]
fn active_directory_by_powershell_is_no_graph() {
    let user = |number: u32, sid: &str| {
        let guid = id(number);
        format!(
            r#"{{"DistinguishedName": "CN=User {number},OU=Staff,DC=x", "Enabled": {}, "Name": "User {number}", "ObjectClass": "user",
            "ObjectGUID": "{guid}", "SamAccountName": "user{number}", "SID": {{"BinaryLength": 28, "Value": "{sid}"}},
            "UserPrincipalName": "user{number}@x", "Manager": "CN=User 1,OU=Staff,DC=x", "whenCreated": "\/Date(1646121600000)\/"}}"#,
            number != 2
        )
    };
    let people =
        [user(1, "S-1-5-21-1-2-3-1101"), user(2, "S-1-5-21-1-2-3-1102"), user(3, "S-1-5-21-1-2-3-500")].join(",\r\n");
    for text in [format!("[{people}]"), format!(r#"{{"value": [{people}], "Count": 3}}"#)] {
        let given = read_files(&[("users.json", text.as_bytes())], None, |settings| settings.references = true);
        assert_eq!(taken(&given), (Some("ad-powershell-json"), "reference.self:1".to_owned()), "{text}");
        assert_eq!(given.texts("objectId"), [id(1), id(2)]);
        assert_eq!(given.texts("manager"), ["-".to_owned(), id(1)]);
        assert_eq!(given.texts("createdDateTime"), ["2022-03-01T08:00:00Z"; 2]);
        assert_eq!((given.report.counts.disabled, given.report.counts.ignored), (1, 1));
    }
    let few = format!(r#"[{{"SamAccountName": "a", "mail": "a@x", "ObjectGUID": "{}"}}]"#, id(1));
    let given = read_files(&[("users.json", few.as_bytes())], None, |_| {});
    assert_eq!(taken(&given), (Some("ad-powershell-json"), "set.no_account_state:0".to_owned()));
}

#[test]
fn active_directory_by_powershell_is_no_csvde() {
    let heading = r#""DistinguishedName","Enabled","Name","ObjectClass","ObjectGUID","SamAccountName","SID","UserPrincipalName","whenCreated","proxyAddresses""#;
    let row = |number: u32, addresses: &str| {
        let guid = id(number);
        format!(
            r#""CN=User {number},OU=Staff,DC=x","True","User {number}","user","{guid}","user{number}","S-1-5-21-1-2-3-110{number}","u{number}@x","4/1/2026 8:00:00 AM","{addresses}""#
        )
    };
    let list = "Microsoft.ActiveDirectory.Management.ADPropertyValueCollection";
    let rows = [heading.to_owned(), row(1, list), row(2, "SMTP:a@x smtp:b@x"), String::new()].join("\r\n");
    let with_type = format!("#TYPE Microsoft.ActiveDirectory.Management.ADUser\r\n{rows}");
    for (text, line) in [(rows.replace("\",\"", "\";\""), 2), (with_type, 3)] {
        let given = read_files(&[("users.csv", text.as_bytes())], None, |_| {});
        assert_eq!(taken(&given), (Some("ad-powershell-csv"), format!("value.placeholder:{line}")));
        assert_eq!(given.texts("createdDateTime"), ["2026-04-01T08:00:00Z"; 2]);
        assert_eq!(given.objects[0].unknown.iter().collect::<Vec<_>>(), ["proxyAddresses"]);
        let both = SourceValue::List(vec!["SMTP:a@x".to_owned(), "smtp:b@x".to_owned()]);
        assert_eq!(given.objects[1].attributes.get("proxyAddresses"), Some(&both));
    }
    let csvde = "DN,objectClass,objectGUID,userAccountControl,sAMAccountName\r\n\"CN=A,DC=x\",user,X'9180623db6eb5b4ea6213648e0d9dc7a',512,a\r\n";
    assert_eq!(
        taken(&read_files(&[("users.csv", csvde.as_bytes())], None, |_| {})),
        (Some("csvde-csv"), String::new())
    );
}

#[test]
fn a_heading_may_be_long() {
    let columns: String = (0..3000).map(|number| format!(",a column with a long name of its own {number}")).collect();
    let file = |width: usize, enabled: &str| {
        let row = format!("{},u@x,U{},{enabled}\n", id(1), ",".repeat(3000));
        format!("id,userPrincipalName,displayName{},accountEnabled\n{row}", &columns[..width])
    };
    for preset in ["detect", "entra-csv"] {
        let given = read_files(&[("users.csv", file(columns.len(), "False").as_bytes())], None, |settings| {
            settings.preset = preset.to_owned();
        });
        assert_eq!(taken(&given), (Some("entra-csv"), String::new()));
        assert_eq!(given.report.counts.disabled, 1, "the last column is read");
    }
    let endless = format!("id,userPrincipalName,displayName,{}", "x".repeat(5 << 20));
    let given = read_files(&[("users.csv", endless.as_bytes())], None, |_| {});
    assert_eq!(given.codes("FS"), ["csv.no_known_heading:1"]);
}

#[test]
fn what_is_not_utf8_behind_the_beginning_is_to_be_read_again() {
    let wide: String = (0..3000).map(|number| format!(",a column with a long name of its own {number}")).collect();
    let (cells, row) = (",".repeat(3000), |name: &str| format!("{},u@x,{name}", id(1)));
    let head = "id,userPrincipalName,displayName";
    let heading = format!("{head}{wide},Straße\n{}{cells},x\n", row("U"));
    let long = format!("{head}\n{}{}\n", format!("{}\n", row("U")).repeat(2000), row("Zoë"));
    let short = format!("{head}\n{}\n", row("Zoë"));
    for (text, is_misread) in [(&heading, true), (&long, true), (&short, false)] {
        let latin = encoding_rs::WINDOWS_1252.encode(text).0.into_owned();
        let by = |look| read_files_by(look, &[("users.csv", &latin)], None, |_| {});
        assert_eq!(
            (by(Look::Head).report.misread, by(Look::Whole).report.misread),
            (is_misread, false),
            "{}",
            &text[..40]
        );
        let utf8 = read_files_by(Look::Head, &[("users.csv", text.as_bytes())], None, |_| {});
        assert!(!utf8.report.misread && !utf8.codes("FSR").join(" ").contains("encoding"), "{}", &text[..40]);
    }
}

#[test]
fn a_file_cut_by_a_crash_is_not_whole() {
    let people: String = (1..9).map(|number| format!("{},u{number}@x,Zoë,True\r\n", id(number))).collect();
    let text = format!("id,userPrincipalName,displayName,accountEnabled\r\n{people}");
    let whole = text.as_bytes();
    let cut = whole.iter().rposition(|byte| *byte == 0xc3).expect("there") + 1;
    let zeros = [whole, &[0; 4096]].concat();
    for (bytes, complete) in [
        (whole, Completeness::Plausible),
        (&whole[..cut], Completeness::Incomplete),
        (&zeros, Completeness::Incomplete),
    ] {
        let given = read_files(&[("users.csv", bytes)], None, |_| {});
        assert_eq!(given.report.complete, complete, "{:?}", given.codes("FSRW"));
        assert_eq!(given.report.refused, complete == Completeness::Incomplete);
    }
}

#[test]
fn a_line_that_is_passed_over_may_be_short() {
    let folder = tempfile::tempdir().expect("a folder");
    let preset = folder.path().join("own.yaml");
    let text = "name: own\nformat: csv\ncsv:\n  header: required\n  skip_lines_starting: ['#']\nkind: user\nanchor: [objectId]\n\
                attributes:\n  objectId: {from: [id]}\n  displayName: {from: [name]}\n";
    std::fs::write(&preset, text).expect("written");
    let given = read_files(&[("users.csv", b"#\n#a\nid,name\n1,A\n")], None, |settings| {
        settings.preset = preset.to_string_lossy().into_owned();
    });
    assert_eq!((given.codes("FSR"), given.texts("objectId")), (vec![], vec!["1".to_owned()]));
}
