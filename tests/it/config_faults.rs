//! Wrong configurations and mappings, and exactly what a person is told about them.

use std::path::Path;

use provisiond::config::{Environment, Loaded, MappingFile, Preset, SOURCE_FOLDER, Template, init, load};
use provisiond::diagnostic::{Diagnostic, Style, render_all};
use provisiond::mapping::{GENERIC, KINTONE, Known, TargetRules};

/// A mapping that is right, for configurations that are not.
const MAPPING: &str = "users:\n  attributes:\n    userName: { source: userPrincipalName, match: 1 }\n";

/// Loads a configuration from a folder that has `source/` and `mapping.yaml`.
fn loaded(config: &str) -> (tempfile::TempDir, Loaded) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("source")).expect("a source folder");
    std::fs::write(folder.path().join("mapping.yaml"), MAPPING).expect("a mapping");
    let path = folder.path().join("provisiond.yaml");
    std::fs::write(&path, config).expect("a configuration");
    let loaded = load(&path, &Environment::default(), &|_| Known::default());
    (folder, loaded)
}

/// The problems as a terminal shows them, with the folder's own name left out.
fn told(problems: &[Diagnostic], folder: &Path) -> String {
    let folder = format!("{}/", folder.display());
    render_all(problems, Style { color: false }).replace(&folder, "").trim_end().to_owned()
}

/// Compares all cases before it fails, so that one run shows everything that changed.
fn compare(found: impl Iterator<Item = (&'static str, String, &'static str)>) {
    let mut wrong = 0;
    for (name, found, expected) in found {
        if found != expected {
            wrong += 1;
            println!("<<<{name}\n{found}\n>>>");
        }
    }
    assert_eq!(wrong, 0, "cases that are told differently; they are printed above");
}

#[test]
fn a_configuration_is_told_every_fault() {
    compare(CONFIGURATIONS.iter().map(|(name, config, expected)| {
        let (folder, loaded) = loaded(config);
        assert_eq!(loaded.config.is_none(), loaded.problems.iter().any(Diagnostic::is_error), "{name}");
        let found = told(&loaded.problems, folder.path());
        assert!(!found.contains("s3cr3t"), "{name} repeats a secret");
        (*name, found, *expected)
    }));
}

#[test]
fn a_mapping_file_is_told_every_fault() {
    compare(MAPPINGS.iter().map(|(name, rules, mapping, expected)| {
        let (read, problems) = MappingFile::read("m.yaml", mapping, rules, &Known::default());
        assert_eq!(read.is_none(), problems.iter().any(Diagnostic::is_error), "{name}");
        (*name, told(&problems, Path::new("none")), *expected)
    }));
}

#[test]
fn unknown_attributes_are_errors_where_the_columns_are_known() {
    let known = Known { others: ["sn".to_owned()].into(), complete: true, ..Known::default() };
    let text = format!("{MAPPING}    nickName: sn\n    title: Append([sN], [jobtitle])\n    locale: lang\n");
    let (read, problems) = MappingFile::read("m.yaml", &text, &GENERIC, &known);
    assert!(read.is_none());
    let places: Vec<_> = problems
        .iter()
        .map(|one| (one.code, one.place.as_ref().and_then(|place| Some((place.line?, place.column?)))))
        .collect();
    let code = "unknown_attribute";
    assert_eq!(places, [(code, Some((5, 19))), (code, Some((5, 25))), (code, Some((6, 13)))]);

    // A filter on a name that nobody has leaves everybody out.
    let filters = "  input_scope:\n    - - { attribute: userPassword, operator: IS NOT NULL }\n  scope:\n    - - { attribute: department, operator: EQUALS, value: Sales }\n      - { attribute: depratment, operator: EQUALS, value: Sales }\n";
    let text = MAPPING.replacen("users:\n", &format!("users:\n{filters}"), 1);
    let (read, problems) = MappingFile::read("m.yaml", &text, &GENERIC, &known);
    assert!(read.is_none());
    let mut told: Vec<_> = problems
        .iter()
        .map(|one| (one.code, one.place.as_ref().and_then(|place| place.line), one.help.clone()))
        .collect();
    told.sort_by_key(|(_, line, _)| *line);
    let similar = Some("an attribute with a similar name exists: `department`".to_owned());
    assert_eq!(
        told,
        [("secret_attribute", Some(3), Some("test another attribute".to_owned())), (code, Some(6), similar)],
        "{problems:?}"
    );
    // Where others may be there it may be a column of the export.
    let (_, problems) = MappingFile::read("m.yaml", &text.replace("userPassword", "mail"), &GENERIC, &Known::default());
    assert_eq!(problems.iter().map(|one| (one.code, one.is_error())).collect::<Vec<_>>(), [(code, false)]);
}

/// What is laid over a preset is told in its place, whichever preset it will be laid over.
#[test]
fn what_is_laid_over_a_preset_is_told_in_its_place() {
    for preset in ["detect", "entra-csv"] {
        let config = format!(
            "jobs:\n  - name: kintone\n    source:\n      directory: source\n      preset: {preset}\n      locale: xx\n      \
             attributes:\n        employeeId: {{ from: [displayName], as: nope }}\n        \
             employeeHireDate: {{ from: [hired], as: \"date %Q\" }}\n        \
             city: {{ from: [town, userPassword], split: [ab] }}\n      derived:\n        mail: first\n    \
             mapping: mapping.yaml\n    target:\n      url: https://a.example/scim/\n      auth: {{ bearer: {{ env: TOKEN }} }}\n"
        );
        let (folder, loaded) = loaded(&config);
        let expected = r#"error[invalid_value]: `xx` is no language
 --> provisiond.yaml:6:15
  |
6 |       locale: xx
  |               ^^
  = help: write a tag such as `en-US` (month first), `en-GB` (day first) or `ja-JP` (year first)

error[invalid_value]: `attributes.employeeId.as` is `nope`
 --> provisiond.yaml:8:48
  |
8 |         employeeId: { from: [displayName], as: nope }
  |                                                ^^^^
  = help: use `text`, `bool`, `guid-text`, `ad-guid`, `sid`, `gentime`, `datetime`, `us-datetime`, `date` or `date PATTERN`

error[invalid_value]: `attributes.employeeHireDate.as` is `date %Q`
 --> provisiond.yaml:9:48
  |
9 |         employeeHireDate: { from: [hired], as: "date %Q" }
  |                                                ^^^^^^^^^
  = help: use a pattern with year, month and day, such as `date %d.%m.%Y`

error[invalid_value]: `attributes.city.from` names `userPassword`, which is a secret
  --> provisiond.yaml:10:23
   |
10 |         city: { from: [town, userPassword], split: [ab] }
   |                       ^^^^^^^^^^^^^^^^^^^^
   = help: take it out: secrets are never provisioned

error[invalid_value]: `attributes.city.split` has `ab`
  --> provisiond.yaml:10:52
   |
10 |         city: { from: [town, userPassword], split: [ab] }
   |                                                    ^^^^
   = help: write a separator of one character

error[invalid_value]: `derived.mail` is `first`
  --> provisiond.yaml:12:15
   |
12 |         mail: first
   |               ^^^^^
   = help: there are `mail: primary-smtp`, and for `displayName` `given-surname-if-absent` and `surname-given-if-absent`"#;
        let found = told(&loaded.problems, folder.path());
        assert_eq!(found, expected, "{preset}:\n{found}");
    }
}

#[test]
fn what_init_writes_works() {
    for preset in [Preset::Kintone, Preset::Scim] {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join(SOURCE_FOLDER)).expect("a folder");
        for Template { path, text } in init(preset) {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("it lies in the folder")).expect("a folder");
            std::fs::write(path, &text).expect("a file");
        }
        let loaded = load(&folder.path().join("provisiond.yaml"), &Environment::default(), &|_| Known::default());
        assert_eq!(told(&loaded.problems, folder.path()), "");
        let config = loaded.config.expect("it has no problems");
        assert_eq!(config.jobs.len(), 1);
        assert_eq!(config.state, folder.path().join("state.db"));
    }
}

const CONFIGURATIONS: &[(&str, &str, &str)] = &[
    (
        "misspelt and wrong keys, all at once",
        r#"jobs:
  - name: kintone
    source:
      directroy: source
      settle: 5s
      max_shrink: 0.5
      recursive: yes
      scope: asigned
      limits: { record: 16 XB }
      files: users.csv
    mapping: mapping.yaml
    target:
      rate: 0
      concurrency: 1000
      url: https://sample.kintone.com/scim/v2/
      auth:
        bearer: { env: TOKEN }
"#,
        r#"error[unknown_key]: unknown key `directroy`
 --> provisiond.yaml:4:7
  |
4 |       directroy: source
  |       ^^^^^^^^^
  = help: a key with a similar name exists: `directory`

error[invalid_value]: `5s` is not an ISO 8601 duration such as `PT40M` or `P30D`
 --> provisiond.yaml:5:15
  |
5 |       settle: 5s
  |               ^^
  = help: write an ISO 8601 duration such as `PT40M` or `P30D`; months and years have no fixed length

error[invalid_value]: `0.5` is not a percentage such as `40%`
 --> provisiond.yaml:6:19
  |
6 |       max_shrink: 0.5
  |                   ^^^
  = help: write a percentage such as `40%`

error[invalid_value]: `yes` is not `true` or `false`
 --> provisiond.yaml:7:18
  |
7 |       recursive: yes
  |                  ^^^
  = help: write `true`

error[invalid_value]: `asigned` is not `all` or `assigned`
 --> provisiond.yaml:8:14
  |
8 |       scope: asigned
  |              ^^^^^^^
  = help: a similar word exists: `assigned`

error[invalid_value]: `16 XB` is not a size such as `16 MiB`
 --> provisiond.yaml:9:25
  |
9 |       limits: { record: 16 XB }
  |                         ^^^^^
  = help: write a size such as `16 MiB`

error[wrong_type]: expected a list, found a text
  --> provisiond.yaml:10:14
   |
10 |       files: users.csv
   |              ^^^^^^^^^
   = help: write `[users.csv]`

error[invalid_value]: `0` is not `none` or a whole number from 1 on
  --> provisiond.yaml:13:13
   |
13 |       rate: 0
   |             ^
   = help: write `none` or a whole number from 1 on

error[invalid_value]: more than 256 requests in flight
  --> provisiond.yaml:14:20
   |
14 |       concurrency: 1000
   |                    ^^^^
   = help: write a number from 1 to 256"#,
    ),
    (
        "a secret written out",
        r#"jobs:
  - name: kintone
    source:
      directory: source
    mapping: mapping.yaml
    target:
      url: https://sample.kintone.com/scim/v2/
      auth:
        bearer: s3cr3t-Value
"#,
        r#"error[plain_secret]: a secret is never written in this file
 --> provisiond.yaml:9:17
  = help: write `{ credential: NAME }` for a systemd credential, `{ env: NAME }` for an environment variable or `{ file: PATH }` for a file"#,
    ),
    (
        "a secret named wrongly",
        r#"jobs:
  - name: kintone
    source:
      directory: source
    mapping: mapping.yaml
    target:
      url: https://sample.kintone.com/scim/v2/
      auth:
        bearer: { token: s3cr3t-Value }
"#,
        r#"error[plain_secret]: a secret is named in one of three ways
 --> provisiond.yaml:9:17
  = help: write `{ credential: NAME }` for a systemd credential, `{ env: NAME }` for an environment variable or `{ file: PATH }` for a file"#,
    ),
    (
        "no secret at all",
        r#"jobs:
  - name: kintone
    source:
      directory: source
    mapping: mapping.yaml
    target:
      url: https://sample.kintone.com/scim/v2/
      auth:
        expires: soon
"#,
        r#"error[missing_key]: none of the methods is given
 --> provisiond.yaml:9:9
  |
9 |         expires: soon
  |         ^^^^^^^^^^^^^
  = help: give one of `bearer`, `oauth2`, `federated`, `refresh`, `basic`, `header`

error[invalid_value]: `soon` is not a date such as `2027-03-31`
 --> provisiond.yaml:9:18
  |
9 |         expires: soon
  |                  ^^^^
  = help: write a date such as `2027-03-31`"#,
    ),
    (
        "two methods",
        r#"jobs:
  - name: kintone
    source:
      directory: source
    mapping: mapping.yaml
    target:
      url: https://sample.kintone.com/scim/v2/
      auth:
        bearer: { env: TOKEN }
        basic: { user: u, password: { env: P } }
"#,
        r#"error[exclusive_keys]: `basic` is one method too many
  --> provisiond.yaml:10:9
   |
10 |         basic: { user: u, password: { env: P } }
   |         ^^^^^
   = help: give only one of `bearer`, `oauth2`, `federated`, `refresh`, `basic`, `header`

error[unsupported_auth]: the dialect `entra-legacy` does not authenticate with `basic`
  --> provisiond.yaml:10:16
   |
10 |         basic: { user: u, password: { env: P } }
   |                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   = help: use `bearer` or `oauth2`, or another dialect"#,
    ),
    (
        "basic under an Entra dialect",
        r#"jobs:
  - name: kintone
    source:
      directory: source
    mapping: mapping.yaml
    target:
      url: https://sample.kintone.com/scim/v2/
      auth:
        basic: { user: u, password: { env: P } }
"#,
        r#"error[unsupported_auth]: the dialect `entra-legacy` does not authenticate with `basic`
 --> provisiond.yaml:9:16
  |
9 |         basic: { user: u, password: { env: P } }
  |                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  = help: use `bearer` or `oauth2`, or another dialect"#,
    ),
    (
        "plain http",
        r#"jobs:
  - name: kintone
    source:
      directory: source
    mapping: mapping.yaml
    target:
      url: http://sample.kintone.com/scim/v2/
      auth:
        bearer: { env: TOKEN }
"#,
        r#"error[invalid_url]: the tenant URL for `sample.kintone.com` is not encrypted
 --> provisiond.yaml:7:12
  |
7 |       url: http://sample.kintone.com/scim/v2/
  |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  = help: write `https://`, or set `allow_insecure_http: true` for a test"#,
    ),
    (
        "too short an interval",
        r#"jobs:
  - name: kintone
    source:
      directory: source
    mapping: mapping.yaml
    schedule: { interval: PT30S }
    target:
      url: https://sample.kintone.com/scim/v2/
      auth:
        bearer: { env: TOKEN }
"#,
        r#"error[invalid_value]: `PT30S` is shorter than `PT1M`
 --> provisiond.yaml:6:27
  |
6 |     schedule: { interval: PT30S }
  |                           ^^^^^
  = help: write at least `PT1M`"#,
    ),
    (
        "months have no length",
        r#"jobs:
  - name: kintone
    source:
      directory: source
    mapping: mapping.yaml
    logs: { retention: P1M }
    target:
      url: https://sample.kintone.com/scim/v2/
      auth:
        bearer: { env: TOKEN }
"#,
        r#"error[invalid_value]: `P1M` is not an ISO 8601 duration such as `PT40M` or `P30D`
 --> provisiond.yaml:6:24
  |
6 |     logs: { retention: P1M }
  |                        ^^^
  = help: write an ISO 8601 duration such as `PT40M` or `P30D`; months and years have no fixed length"#,
    ),
    (
        "two rhythms",
        r#"jobs:
  - name: kintone
    source:
      directory: source
    mapping: mapping.yaml
    schedule: { interval: PT40M, cron: '0 6 * * *' }
    target:
      url: https://sample.kintone.com/scim/v2/
      auth:
        bearer: { env: TOKEN }
"#,
        r#"error[exclusive_keys]: `cron` and `interval` exclude each other
 --> provisiond.yaml:6:40
  |
6 |     schedule: { interval: PT40M, cron: '0 6 * * *' }
  |                                        ^^^^^^^^^^^
  = help: keep `interval` for a rhythm, or `cron` for fixed hours"#,
    ),
    (
        "a key twice",
        r#"jobs:
  - name: kintone
    source:
      directory: source
    mapping: mapping.yaml
    mapping: other.yaml
    target:
      url: https://sample.kintone.com/scim/v2/
      auth:
        bearer: { env: TOKEN }
"#,
        r#"error[duplicate_key]: the key `mapping` is already given in line 5
 --> provisiond.yaml:6:5
  |
6 |     mapping: other.yaml
  |     ^^^^^^^
  = help: keep one of the two"#,
    ),
    (
        "a missing mapping file",
        r#"jobs:
  - name: kintone
    source:
      directory: source
    mapping: none.yaml
    target:
      url: https://sample.kintone.com/scim/v2/
      auth:
        bearer: { env: TOKEN }
"#,
        r#"error[unreadable_file]: the mapping file `none.yaml` cannot be read: No such file or directory (os error 2)
 --> provisiond.yaml:5:14
  |
5 |     mapping: none.yaml
  |              ^^^^^^^^^
  = help: write the path of a mapping file, relative to this file; ready ones are in `mappings/`"#,
    ),
    (
        "a missing source folder",
        r#"jobs:
  - name: kintone
    source:
      directory: exports
    mapping: mapping.yaml
    target:
      url: https://sample.kintone.com/scim/v2/
      auth:
        bearer: { env: TOKEN }
"#,
        r#"warning[missing_folder]: there is no folder `exports`
 --> provisiond.yaml:4:18
  |
4 |       directory: exports
  |                  ^^^^^^^
  = help: write the path of the folder of exports, relative to this file"#,
    ),
    (
        "mail without a server",
        r#"jobs:
  - name: kintone
    source:
      directory: source
    mapping: mapping.yaml
    notifications: { enabled: true }
    target:
      url: https://sample.kintone.com/scim/v2/
      auth:
        bearer: { env: TOKEN }
"#,
        r#"error[missing_key]: mail needs recipients and a server
 --> provisiond.yaml:6:31
  |
6 |     notifications: { enabled: true }
  |                               ^^^^
  = help: add `recipients: [NAME@EXAMPLE]` and `smtp:` with `host` and `from`"#,
    ),
    (
        "options of the wire",
        r#"jobs:
  - name: kintone
    source:
      directory: source
    mapping: mapping.yaml
    target:
      options: { member_batch: 0, manager_form: text, primary_on_work: emails }
      url: https://sample.kintone.com/scim/v2/
      auth:
        bearer: { env: TOKEN }
"#,
        r#"error[invalid_value]: `0` is not a whole number from 1 on
 --> provisiond.yaml:7:32
  |
7 |       options: { member_batch: 0, manager_form: text, primary_on_work: emails }
  |                                ^
  = help: write a whole number from 1 on

error[invalid_value]: `text` is not `string`, `object` or `array`
 --> provisiond.yaml:7:49
  |
7 |       options: { member_batch: 0, manager_form: text, primary_on_work: emails }
  |                                                 ^^^^
  = help: write `string`, `object` or `array`

error[wrong_type]: expected a list, found a text
 --> provisiond.yaml:7:72
  |
7 |       options: { member_batch: 0, manager_form: text, primary_on_work: emails }
  |                                                                        ^^^^^^
  = help: write `[emails]`"#,
    ),
    (
        "no job",
        r#"jobs: []
"#,
        r#"error[missing_value]: there is no job
 --> provisiond.yaml:1:7
  |
1 | jobs: []
  |       ^^
  = help: add a job with `name`, `source`, `mapping` and `target`"#,
    ),
    (
        "nothing",
        r#"# nothing
"#,
        r#"error[empty_file]: the file is empty
 --> provisiond.yaml:1:1
  |
1 | # nothing
  | ^
  = help: `provisiond init DIR --preset kintone` writes a working example"#,
    ),
    (
        "not a map",
        r#"- jobs
"#,
        r#"error[wrong_type]: expected a map of keys and values, found a list
 --> provisiond.yaml:1:1
  |
1 | - jobs
  | ^^^^^^
  = help: write a map of keys and values"#,
    ),
    (
        "a tab",
        r#"jobs:
	- name: x
"#,
        r#"error[yaml]: this is not YAML: tabs disallowed within this context (block indentation)
 --> provisiond.yaml:2:2
  |
2 |     - name: x
  |     ^
  = help: indent with blanks instead of tabs"#,
    ),
    (
        "an anchor",
        r#"jobs: &a []
"#,
        r#"error[yaml]: anchors, aliases and tags of YAML are not used here
 --> provisiond.yaml:1:10
  |
1 | jobs: &a []
  |          ^
  = help: write the value out; quote a text that begins with `&`, `*` or `!`"#,
    ),
];

const MAPPINGS: &[(&str, &TargetRules, &str, &str)] = &[
    (
        "the example of the guide",
        &GENERIC,
        r#"users:
  attributes:
    userName: { source: userPrincipalName, match: 1 }
    displayName:
      expression: "Join(\" \", [displayName], Wrod([mail],1))"
"#,
        r#"error[unknown_function]: unknown function `Wrod`
 --> m.yaml:5:47
  |
5 |       expression: "Join(\" \", [displayName], Wrod([mail],1))"
  |                                               ^^^^ not a function of the expression language
  = help: a function with a similar name exists: `Word`"#,
    ),
    (
        "single quotes",
        &GENERIC,
        r#"users:
  attributes:
    userName: { source: userPrincipalName, match: 1 }
    displayName: 'Append([mail], "it''s" & Wrod())'
"#,
        r#"error[parse]: expected `,` or `)`, found `&`
 --> m.yaml:4:42
  |
4 |     displayName: 'Append([mail], "it''s" & Wrod())'
  |                                          ^
  = help: there is no `&` operator; join texts with `Join("", a, b)` or `Append(a, b)`"#,
    ),
    (
        "a folded block",
        &GENERIC,
        r#"users:
  attributes:
    userName: { source: userPrincipalName, match: 1 }
    displayName: >-
      Join(" ",
        Wrod([mail]),
        [surname])
"#,
        r#"error[unknown_function]: unknown function `Wrod`
 --> m.yaml:6:9
  |
6 |         Wrod([mail]),
  |         ^^^^ not a function of the expression language
  = help: a function with a similar name exists: `Word`"#,
    ),
    (
        "a literal block",
        &GENERIC,
        r#"users:
  attributes:
    userName: { source: userPrincipalName, match: 1 }
    displayName: |
      Join(" ",
        Wrod([mail]),
        [surname])
"#,
        r#"error[unknown_function]: unknown function `Wrod`
 --> m.yaml:6:9
  |
6 |         Wrod([mail]),
  |         ^^^^ not a function of the expression language
  = help: a function with a similar name exists: `Word`"#,
    ),
    (
        "a plain text over two lines",
        &GENERIC,
        r#"users:
  attributes:
    userName: { source: userPrincipalName, match: 1 }
    displayName: Join(" ",
      [surname], Wrod([mail]))
"#,
        r#"error[unknown_function]: unknown function `Wrod`
 --> m.yaml:5:18
  |
5 |       [surname], Wrod([mail]))
  |                  ^^^^ not a function of the expression language
  = help: a function with a similar name exists: `Word`"#,
    ),
    (
        "a list that was an attribute",
        &GENERIC,
        r#"users:
  attributes:
    userName: { source: userPrincipalName, match: 1 }
    displayName: [displayName]
"#,
        r#"error[wrong_type]: expected a text or a map, found a list: YAML reads `[…]` as one
 --> m.yaml:4:18
  |
4 |     displayName: [displayName]
  |                  ^^^^^^^^^^^^^
  = help: put it in single quotes: '[displayName]'"#,
    ),
    (
        "a text cut at a hash",
        &GENERIC,
        r#"users:
  attributes:
    userName: { source: userPrincipalName, match: 1 }
    displayName: Append([mail], " #1")
"#,
        r#"error[parse]: constant is never closed
 --> m.yaml:4:33
  |
4 |     displayName: Append([mail], " #1")
  |                                 ^ opened here
  = help: YAML ends an unquoted text at ` #`; put it in single quotes: 'Append([mail], " #1")'"#,
    ),
    (
        "a colon inside",
        &GENERIC,
        r#"users:
  attributes:
    userName: { source: userPrincipalName, match: 1 }
    displayName: Join(": ", [mail])
"#,
        r#"error[yaml]: this is not YAML: mapping values are not allowed in this context
 --> m.yaml:4:24
  |
4 |     displayName: Join(": ", [mail])
  |                        ^
  = help: put the value in single quotes: `displayName: 'Join(": ", [mail])'`"#,
    ),
    (
        "brackets at the start",
        &GENERIC,
        r#"users:
  attributes:
    userName: { source: userPrincipalName, match: 1 }
    displayName: [mail] & [surname]
"#,
        r#"error[yaml]: this is not YAML: while scanning an anchor or alias, did not find expected alphabetic or numeric character
 --> m.yaml:4:25
  |
4 |     displayName: [mail] & [surname]
  |                         ^
  = help: put the value in single quotes: `displayName: '[mail] & [surname]'`"#,
    ),
    (
        "commas inside a flow map",
        &GENERIC,
        r#"users:
  attributes:
    userName: { source: userPrincipalName, match: 1 }
    displayName: { expression: Join(" ", [mail], [surname]) }
"#,
        r#"error[yaml]: this is not YAML: while parsing a flow mapping, did not find expected ',' or '}'
 --> m.yaml:4:59
  |
4 |     displayName: { expression: Join(" ", [mail], [surname]) }
  |                                                           ^
  = help: put the value in single quotes: `expression: 'Join(" ", [mail], [surname])'`"#,
    ),
    (
        "an operator that is an anchor",
        &GENERIC,
        r#"users:
  scope:
    - - { attribute: city, operator: &, value: x }
  attributes:
    userName: { source: userPrincipalName, match: 1 }
"#,
        r#"error[yaml]: this is not YAML: while scanning an anchor or alias, did not find expected alphabetic or numeric character
 --> m.yaml:3:38
  |
3 |     - - { attribute: city, operator: &, value: x }
  |                                      ^
  = help: put the value in single quotes: `operator: '&'`"#,
    ),
    (
        "unknown attributes are perhaps there",
        &GENERIC,
        r#"users:
  attributes:
    userName: { source: userPrincipalName, match: 1 }
    displayName: givenNam
    title: Append([jobTitel], "x")
    nickName: { source: sn }
"#,
        r#"warning[unknown_attribute]: the source is not known to have an attribute `givenNam`
 --> m.yaml:4:18
  |
4 |     displayName: givenNam
  |                  ^^^^^^^^
  = help: an attribute with a similar name exists: `givenName`

warning[unknown_attribute]: unknown attribute `jobTitel`
 --> m.yaml:5:19
  |
5 |     title: Append([jobTitel], "x")
  |                   ^^^^^^^^^^ not an attribute of the source
  = help: an attribute with a similar name exists: `[jobTitle]`

warning[unknown_attribute]: the source is not known to have an attribute `sn`
 --> m.yaml:6:25
  |
6 |     nickName: { source: sn }
  |                         ^^
  = help: write the name of a source attribute; `provisiond source show` lists them"#,
    ),
    (
        "secrets",
        &GENERIC,
        r#"users:
  attributes:
    userName: { source: userPrincipalName, match: 1 }
    title: userPassword
    nickName: Append([unicodePwd], "x")
"#,
        r#"error[secret_attribute]: `userPassword` is a secret and is never read from an export
 --> m.yaml:4:12
  |
4 |     title: userPassword
  |            ^^^^^^^^^^^^
  = help: remove this mapping

error[secret_attribute]: `unicodePwd` is a secret and is never read from an export
 --> m.yaml:5:22
  |
5 |     nickName: Append([unicodePwd], "x")
  |                      ^^^^^^^^^^^^
  = help: remove this mapping"#,
    ),
    (
        "keys of a mapping",
        &GENERIC,
        r#"users:
  attributes:
    userName: { source: userPrincipalName, match: 1 }
    title: { source: jobTitle, expression: x }
    nickName: { sourc: city }
    locale: { source: city, aply: always, match: one, multivalued: yes }
    timezone: { none: false }
"#,
        r#"error[exclusive_keys]: `expression` is one method too many
 --> m.yaml:4:32
  |
4 |     title: { source: jobTitle, expression: x }
  |                                ^^^^^^^^^^
  = help: give only one of `source`, `expression`, `constant`, `none`

error[missing_key]: none of the methods is given
 --> m.yaml:5:15
  |
5 |     nickName: { sourc: city }
  |               ^^^^^^^^^^^^^^^
  = help: give one of `source`, `expression`, `constant`, `none`

error[unknown_key]: unknown key `sourc`
 --> m.yaml:5:17
  |
5 |     nickName: { sourc: city }
  |                 ^^^^^
  = help: a key with a similar name exists: `source`

error[unknown_key]: unknown key `aply`
 --> m.yaml:6:29
  |
6 |     locale: { source: city, aply: always, match: one, multivalued: yes }
  |                             ^^^^
  = help: a key with a similar name exists: `apply`

error[invalid_value]: `one` is not a whole number from 1 on
 --> m.yaml:6:50
  |
6 |     locale: { source: city, aply: always, match: one, multivalued: yes }
  |                                                  ^^^
  = help: write a whole number from 1 on

error[invalid_value]: `yes` is not `true` or `false`
 --> m.yaml:6:68
  |
6 |     locale: { source: city, aply: always, match: one, multivalued: yes }
  |                                                                    ^^^
  = help: write `true`

error[invalid_value]: `none` takes `true` only
 --> m.yaml:7:15
  |
7 |     timezone: { none: false }
  |               ^^^^^^^^^^^^^^^
  = help: write `none: true`, or name a `source`"#,
    ),
    (
        "target paths",
        &GENERIC,
        r#"users:
  attributes:
    userName: { source: userPrincipalName, match: 1 }
    id: objectId
    a b: city
    emails[type eq work].value: mail
    username: mail
    password: city
"#,
        r#"error[read_only_target]: the target itself sets `id`
 --> m.yaml:4:5
  |
4 |     id: objectId
  |     ^^
  = help: map your own identifier to `externalId`

error[invalid_target_path]: `a b` is no target path: `a b` is not an attribute name
 --> m.yaml:5:5
  |
5 |     a b: city
  |     ^^^
  = help: write `title`, `name.givenName`, `emails[type eq "work"].value` or `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department`

error[invalid_target_path]: `emails[type eq work].value` is no target path: a filter in a target path reads `sub eq "literal"`
 --> m.yaml:6:12
  |
6 |     emails[type eq work].value: mail
  |            ^^^^^^^^^^^^^^^^^^^
  = help: write `title`, `name.givenName`, `emails[type eq "work"].value` or `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department`

error[duplicate_target]: `username` is mapped twice
 --> m.yaml:7:5
  |
7 |     username: mail
  |     ^^^^^^^^
  = help: keep one of the two mappings

error[read_only_target]: passwords are never provisioned
 --> m.yaml:8:5
  |
8 |     password: city
  |     ^^^^^^^^
  = help: remove this mapping"#,
    ),
    (
        "nothing is matched on",
        &GENERIC,
        r#"users:
  attributes:
    userName: userPrincipalName
"#,
        r#"error[no_matching_attribute]: no attribute is matched on
 --> m.yaml:3:5
  |
3 |     userName: userPrincipalName
  |     ^
  = help: add `match: 1` to the attribute that tells accounts apart, as in `userName: { source: userPrincipalName, match: 1 }`"#,
    ),
    (
        "the same precedence",
        &GENERIC,
        r#"users:
  attributes:
    userName: { source: userPrincipalName, match: 1 }
    externalId: { source: objectId, match: 1 }
"#,
        r#"error[duplicate_match]: `userName` has the precedence 1 too
 --> m.yaml:4:44
  |
4 |     externalId: { source: objectId, match: 1 }
  |                                            ^
  = help: number the matching attributes 1, 2, …"#,
    ),
    (
        "values that must be unique",
        &GENERIC,
        r#"users:
  attributes:
    userName: { source: userPrincipalName, match: 1 }
    displayName: SelectUniqueValue([mail], [city])
    title: { expression: 'Append(SelectUniqueValue([mail], [city]), "x")', apply: on-create }
    externalId: { expression: 'SelectUniqueValue([mail], [city])', apply: on-create, match: 2 }
"#,
        r#"error[unique_on_create]: `SelectUniqueValue` can only be used when an account is created
 --> m.yaml:4:18
  |
4 |     displayName: SelectUniqueValue([mail], [city])
  |                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  = help: add `apply: on-create`

error[nesting]: `SelectUniqueValue` must be the root of the mapping
 --> m.yaml:5:34
  |
5 |     title: { expression: 'Append(SelectUniqueValue([mail], [city]), "x")', apply: on-create }
  |                                  ^^^^^^^^^^^^^^^^^
  = help: put the other functions into its rules

error[unique_matching]: `SelectUniqueValue` cannot be used on a matching attribute
 --> m.yaml:6:93
  |
6 |     externalId: { expression: 'SelectUniqueValue([mail], [city])', apply: on-create, match: 2 }
  |                                                                                             ^
  = help: match on another attribute, or map this one without `SelectUniqueValue`"#,
    ),
    (
        "random values",
        &GENERIC,
        r#"users:
  attributes:
    userName: { source: userPrincipalName, match: 1 }
    title: Guid()
    externalId: { expression: Guid(), match: 2 }
"#,
        r#"warning[random_always]: a random value changes with every evaluation; it is sent beside other changes only
 --> m.yaml:4:12
  |
4 |     title: Guid()
  |            ^^^^^^
  = help: add `apply: on-create` to set it once

error[random_matching]: a random value cannot be matched on
 --> m.yaml:5:46
  |
5 |     externalId: { expression: Guid(), match: 2 }
  |                                              ^
  = help: match on another attribute"#,
    ),
    (
        "types",
        &GENERIC,
        r#"users:
  attributes:
    userName: { source: userPrincipalName, match: 1 }
    active: { constant: maybe }
    title: { source: jobTitle, default: '' }
    nickName: { source: city, type: Text }
    locale: { source: city, flow_null_values: true }
"#,
        r#"error[invalid_value]: `maybe` does not fit: it is a Boolean, and the mapping gave neither `True` nor `False`
 --> m.yaml:4:25
  |
4 |     active: { constant: maybe }
  |                         ^^^^^
  = help: write a Boolean

error[empty_value]: the empty text is no value and is never sent
 --> m.yaml:5:41
  |
5 |     title: { source: jobTitle, default: '' }
  |                                         ^^
  = help: write a text, or leave it out

error[invalid_value]: `Text` is not `String`, `Boolean`, `Integer`, `DateTime`, `Reference` or `Binary`
 --> m.yaml:6:37
  |
6 |     nickName: { source: city, type: Text }
  |                                     ^^^^
  = help: write `String`, `Boolean`, `Integer`, `DateTime`, `Reference` or `Binary`

warning[one_gate]: only one of the two gates of null flow is open, so nothing is cleared
 --> m.yaml:7:47
  |
7 |     locale: { source: city, flow_null_values: true }
  |                                               ^^^^
  = help: write both `flow_null_values: true` and `source_flow_null_values: true`"#,
    ),
    (
        "what Kintone does not take",
        &KINTONE,
        r#"users:
  attributes:
    userName: { source: userPrincipalName, match: 1 }
    title: jobTitle
    displayNam: displayName
groups:
  attributes:
    displayName: { source: displayName, match: 1 }
"#,
        r#"error[unsupported_target_attribute]: a target of profile `kintone` does not take `title`
 --> m.yaml:4:5
  |
4 |     title: jobTitle
  |     ^^^^^
  = help: it takes `userName`, `active`, `displayName`, `emails[type eq "work"].value`, `name.givenName`, `name.familyName`, `externalId`

error[unsupported_target_attribute]: a target of profile `kintone` does not take `displayNam`
 --> m.yaml:5:5
  |
5 |     displayNam: displayName
  |     ^^^^^^^^^^
  = help: an attribute with a similar name is taken: `displayName`

error[unsupported_groups]: a target of profile `kintone` has no groups
 --> m.yaml:7:3
  |
7 |   attributes:
  |   ^
  = help: write `groups: { enabled: false }`, or leave `groups` out"#,
    ),
    (
        "Kintone keeps login names",
        &KINTONE,
        r#"users:
  attributes:
    userName: { source: userPrincipalName, match: 1, apply: always }
"#,
        r#"warning[applied_on_create]: `userName` cannot be changed in a target of profile `kintone`
 --> m.yaml:3:61
  |
3 |     userName: { source: userPrincipalName, match: 1, apply: always }
  |                                                             ^^^^^^
  = help: write `apply: on-create`"#,
    ),
    (
        "filters",
        &GENERIC,
        r#"users:
  scope:
    - - { attribute: city, operator: STARTS_WITH, value: x }
      - { attribute: manager, operator: EQUALS, value: x }
      - { attribute: accountEnabled, operator: EQUALS, value: true }
      - { attribute: otherMails, operator: INCLUDES, value: x }
      - { attribute: grade, operator: GREATER_THAN, value: 4.5 }
      - { attribute: mail, operator: REGEX MATCH, value: '([' }
      - { attribute: mail, operator: IsMemberOf, value: x }
      - { attribute: mail, operator: EQUALS }
      - { attribute: mail, operater: EQUALS, value: x }
    - []
  input_scope:
    - - { attribute: mail, operator: REGEX MATCH, value: '@example' }
  attributes:
    userName: { source: userPrincipalName, match: 1 }
"#,
        r#"error[UnknownOperator]: unknown operator `STARTS_WITH`
 --> m.yaml:3:38
  |
3 |     - - { attribute: city, operator: STARTS_WITH, value: x }
  |                                      ^^^^^^^^^^^
  = help: one of `EQUALS`, `NOT EQUALS`, `IS NULL`, `IS NOT NULL`, `IS TRUE`, `IS FALSE`, `GREATER_THAN`, `GREATER_THAN_OR_EQUALS`, `INCLUDES`, `ENDS_WITH`, `REGEX MATCH`, `NOT REGEX MATCH`, `&`, `!&`

error[UnsupportedAttribute]: `manager` cannot be used in filters
 --> m.yaml:4:22
  |
4 |       - { attribute: manager, operator: EQUALS, value: x }
  |                      ^^^^^^^
  = help: filter on a single-valued text, number or Boolean attribute

error[TypeMismatch]: `EQUALS` cannot be used on `accountEnabled`, which is Boolean
 --> m.yaml:5:48
  |
5 |       - { attribute: accountEnabled, operator: EQUALS, value: true }
  |                                                ^^^^^^
  = help: use `IS TRUE` or `IS FALSE`

error[MultiValuedNotSupported]: `otherMails` has several values and cannot be used in filters
 --> m.yaml:6:22
  |
6 |       - { attribute: otherMails, operator: INCLUDES, value: x }
  |                      ^^^^^^^^^^
  = help: filter on a single-valued attribute

warning[unknown_attribute]: the source is not known to have an attribute `grade`
 --> m.yaml:7:22
  |
7 |       - { attribute: grade, operator: GREATER_THAN, value: 4.5 }
  |                      ^^^^^
  = help: write the name of a source attribute; `provisiond source show` lists them

error[InvalidOperand]: `GREATER_THAN` compares integers, and `4.5` is none
 --> m.yaml:7:60
  |
7 |       - { attribute: grade, operator: GREATER_THAN, value: 4.5 }
  |                                                            ^^^
  = help: write a whole number

error[InvalidRegex]: the pattern `([` does not compile: a character class `[…]` is not closed
 --> m.yaml:8:58
  |
8 |       - { attribute: mail, operator: REGEX MATCH, value: '([' }
  |                                                          ^^^^
  = help: write a .NET regular expression

error[UnsupportedOperator]: the operator `IsMemberOf` is not supported
 --> m.yaml:9:38
  |
9 |       - { attribute: mail, operator: IsMemberOf, value: x }
  |                                      ^^^^^^^^^^
  = help: use one of the documented operators

error[InvalidOperand]: `EQUALS` needs a value
  --> m.yaml:10:9
   |
10 |       - { attribute: mail, operator: EQUALS }
   |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   = help: write `value: TEXT` with one text

error[unknown_key]: unknown key `operater`
  --> m.yaml:11:28
   |
11 |       - { attribute: mail, operater: EQUALS, value: x }
   |                            ^^^^^^^^
   = help: a key with a similar name exists: `operator`

error[EmptyFilterGroup]: a filter without clauses would let everyone pass
  --> m.yaml:12:7
   |
12 |     - []
   |       ^^
   = help: give it a clause, or remove the filter

info[UnanchoredPattern]: the pattern `@example` is searched anywhere in the value
  --> m.yaml:14:58
   |
14 |     - - { attribute: mail, operator: REGEX MATCH, value: '@example' }
   |                                                          ^^^^^^^^^^
   = help: write `^@example$` if it must cover the whole value"#,
    ),
    (
        "blocks",
        &GENERIC,
        r#"user:
  attributes: {}
groups:
  enabled: maybe
"#,
        r#"error[unknown_key]: unknown key `user`
 --> m.yaml:1:1
  |
1 | user:
  | ^^^^
  = help: a key with a similar name exists: `users`

error[missing_key]: the key `users` is missing
 --> m.yaml:1:1
  |
1 | user:
  | ^
  = help: add `users:` with `attributes:` below it

error[missing_key]: the key `attributes` is missing
 --> m.yaml:4:3
  |
4 |   enabled: maybe
  |   ^
  = help: add `attributes:` with at least the attribute that accounts are matched on

error[invalid_value]: `maybe` is not `true` or `false`
 --> m.yaml:4:12
  |
4 |   enabled: maybe
  |            ^^^^^
  = help: write `true` or `false`"#,
    ),
    (
        "two documents",
        &GENERIC,
        r#"users:
  attributes:
    userName: { source: userPrincipalName, match: 1 }
---
users:
  attributes:
    userName: { source: userPrincipalName, match: 1 }
"#,
        r#"error[yaml]: a second document begins here
 --> m.yaml:4:1
  |
4 | ---
  | ^^^
  = help: keep one document in the file"#,
    ),
];
