//! What plain records are: most of what exporters write, so that reading them stays quick.

use std::fs;
use std::path::Path;

use crate::source::crew::{Entries, Task};
use crate::source::find::find;
use crate::source::frame::Framed;
use crate::source::open::open;
use crate::source::pack::Packs;
use crate::source::preset::Presets;
use crate::source::read::Given;
use crate::source::settings::Settings;

/// How many records of `text` are plain, and how many there are.
fn plain_of(name: &str, text: &str) -> (usize, usize) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(name), text).expect("room");
    let wanted = ["userPrincipalName", "displayName", "mail", "department", "proxyAddresses", "mobile"];
    let wanted = Some(wanted.map(str::to_owned).into());
    let settings = Settings { directory: folder.path().to_owned(), wanted, ..Settings::default() };
    let set = find(&settings);
    let Ok(opened) = open(&set.files[0], &settings, &Presets::default(), false, &[], set.look) else {
        panic!("`{name}` is not opened")
    };
    let given = Given { settings: &settings, set: &set, memory: None };
    let task = Task {
        given,
        index: 0,
        opened: &opened,
        preset: &opened.preset,
        is_delta: false,
        takes_hashes: true,
        entries: Entries::None,
        takes_prints: true,
        seed: 0,
    };
    let mapper = task.mapper();
    let mut direct = task.direct(&mapper).expect("the straight way is open");
    let file = set.files[0].open().expect("it is there");
    let mut framer = task.framer(&file);
    let (mut plain, mut all) = (0, 0);
    let mut noted = vec![0; mapper.preset().names.len()];
    while let Ok(Some(framed)) = framer.next() {
        all += 1;
        let Framed::Record { line, bytes } = framed else { continue };
        let whole = direct.begin(bytes).expect("UTF-8");
        let into = (&mut Packs::default(), &mut Vec::new());
        plain += usize::from(direct.map(0..bytes.len(), line, &whole, into, &mut noted).is_ok());
    }
    (plain, all)
}

#[test]
fn most_of_what_exporters_write_is_plain() {
    // of these PowerShell and Microsoft 365 write type names and floats; a third of those in OpenLDAP have several addresses; SCIM has
    // lists of objects
    let cases = [
        ("csv/entra-users.csv", (10, 10)),
        ("csv/google-users.csv", (4, 4)),
        ("csv/graph-powershell-export.csv", (0, 2)),
        ("csv/m365-export-users.csv", (1, 3)),
        ("csv/okta-people.csv", (3, 3)),
        ("json/graph-deleted-users.json", (1, 1)),
        ("json/graph-users-select-page1.json", (1, 2)),
        ("json/graph-users-select-page2.json", (1, 1)),
        ("json/graph-users.ndjson", (2, 3)),
        ("json/kintone-users.json", (2, 2)),
        ("json/scim-list.json", (0, 3)),
        ("ldif/389ds-db2ldif.ldif", (9, 9)),
        ("ldif/ad-ldapsearch-day1.ldif", (59, 59)),
        ("ldif/openldap-ldapsearch-full.ldif", (19, 29)),
        ("ldif/openldap-slapcat-day1.ldif", (19, 29)),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let found = cases.map(|(path, _)| {
        let text = fs::read_to_string(folder.join(path)).expect("readable");
        (path, plain_of(path.split('/').next_back().unwrap_or_default(), &text))
    });
    assert_eq!(found, cases);
}
