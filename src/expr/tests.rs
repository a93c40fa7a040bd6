//! The language as a whole: faults, limits, and rules that the vectors do not reach.

use serde_json::{Value as Json, json};

use super::*;
use crate::diagnostic::Severity;

fn answer(expression: &str, source: Json) -> Json {
    let line = json!({ "id": 1, "expression": expression, "source": source, "target_existing": ["Taken", "Straße"] });
    let now = DateTime::from("2026-11-21T23:04:54Z".parse::<jiff::Timestamp>().unwrap());
    let answer: Json = serde_json::from_str(&answer_line(&line.to_string(), now, &SeededRandom::new([1; 32]))).unwrap();
    match answer.get("error") {
        Some(error) => json!({ "error": error["code"] }),
        None => answer["value"].clone(),
    }
}

fn error(code: &str) -> Json {
    json!({ "error": code })
}

fn faults(text: &str) -> Vec<(&'static str, String)> {
    match compile(text, &mut Slots::new(), None) {
        Ok(_) => Vec::new(),
        Err(faults) => faults
            .into_iter()
            .filter(|fault| fault.severity == Severity::Error)
            .map(|fault| (fault.code, text[fault.span].to_owned()))
            .collect(),
    }
}

#[test]
fn values_follow_the_rules() {
    let source = json!({
        "a": "x", "empty": "", "null": null, "none": [], "one": ["v"], "list": ["b", "a", "b"], "n": 7, "yes": true,
        "no": false, "d": "2020-03-16T10:00:00Z", "emails[type eq \"work\"].value": "w@x", "big": "99999999999999999999",
        "appRoleAssignments": [{"id": "1", "value": "adm", "displayName": "Admin"}, {"value": "usr"}],
    });
    let cases = [
        // lexical rules
        ("[a]", json!("x")),
        ("\"t\"", json!("t")),
        ("007", json!("007")),
        ("-1.50", json!("-1.50")),
        ("&hFf", json!("255")),
        (" \u{a0}\n[a]\t", json!("x")),
        (r#"[emails[type eq "work"].value]"#, json!("w@x")),
        ("[ a]", json!(null)),
        ("Append(\"a\nb\", \"\")", json!("a\nb")),
        // null, empty, missing
        ("[null]", json!(null)),
        ("[none]", json!(null)),
        ("[missing]", json!(null)),
        ("[empty]", json!("")),
        ("[one]", json!(["v"])),
        ("Append([one], \"!\")", json!(["v!"])),
        ("Append([list], [null])", json!(["b", "a", "b"])),
        ("Append([a], [list])", error("evaluation")),
        ("Append([a], [one])", json!("xv")),
        ("CStr([list])", error("evaluation")),
        ("CStr([one])", json!("v")),
        ("Left([null], \"x\")", error("evaluation")),
        ("Left([null], [a])", json!("")),
        ("Mid(\"abc\", -1, 0)", json!("")),
        ("Left([a], [a])", error("evaluation")),
        ("Left([a], [null])", error("evaluation")),
        ("Left(\"abc\", \" 2 \")", json!("ab")),
        ("Left([n], 1)", json!("7")),
        ("Mid([list], 1, 0)", json!(["", "", ""])),
        ("BitAnd([big], 1)", error("evaluation")),
        ("BitAnd([yes], 1)", error("evaluation")),
        // conditions
        (r#"IIF([empty] <> "x", "t", "f")"#, json!("f")),
        (r#"IIF([null] = [missing], "t", "f")"#, json!("f")),
        (r#"IIF("13" > "5", "t", "f")"#, json!("t")),
        (r#"IIF("a13" > "a5", "t", "f")"#, json!("f")),
        (r#"IIF(-10 < -9, "t", "f")"#, json!("t")),
        (r#"IIF([yes] = "True", "t", "f")"#, json!("t")),
        (r#"IIF([yes], "t", "f")"#, json!("t")),
        (r#"IIF([null], "t", "f")"#, json!("f")),
        (r#"IIF([a], "t", "f")"#, error("evaluation")),
        (r#"IIF([n], "t")"#, json!("t")),
        (r#"IIF([no], "t")"#, json!(null)),
        (r#"IIF(CDate([d]) > CDate("3/16/2020 9:00:00 AM"), "t", "f")"#, json!("t")),
        (r#"IIF(CDate([d]) = "3/16/2020 10:00:00 AM", "t", "f")"#, json!("t")),
        (r#"IIF([list] = "b", "t", "f")"#, error("evaluation")),
        (r#"CBool("TRUE")"#, json!("True")),
        ("CBool([empty])", error("evaluation")),
        ("Not([list])", json!("True")),
        ("Not([n])", json!("True")),
        // switch and friends
        (r#"Switch([null], "d", "", "e", "k", "v")"#, json!("e")),
        (r#"Switch([a], "d", "x", , "k", "v")"#, json!(null)),
        (r#"Switch([empty], "d", [null], "n")"#, json!("n")),
        (r#"Switch([n], "d", 7, "seven")"#, json!("seven")),
        (r#"Coalesce([empty], "x")"#, json!("")),
        ("Count([null])", json!("0")),
        ("Count([a])", json!("1")),
        ("Count(RemoveDuplicates([list]))", json!("2")),
        ("Item([a], 1)", json!("x")),
        ("Item([null], 1)", error("evaluation")),
        ("Item([list], 0)", error("evaluation")),
        (r#"Join(", ", [null], [empty])"#, json!(null)),
        (r#"Join([null], [list], [n], [yes])"#, json!("bab7True")),
        (r#"Split([null], ",")"#, json!(null)),
        (r#"Split("a,,b", ",")"#, json!(["a", "", "b"])),
        (r#"Split([a], ",;")"#, error("evaluation")),
        (r#"Split([a], "")"#, error("evaluation")),
        (r#"InStr("ABC", "b", , vbTextCompare)"#, json!("2")),
        (r#"InStr("ABC", "b")"#, json!("0")),
        (r#"InStr("😀b", "b")"#, json!("3")),
        (r#"InStr("abc", "", 2)"#, json!("2")),
        (r#"InStr("abc", "c", 9)"#, json!("0")),
        (r#"InStr("abc", "c", 0)"#, error("evaluation")),
        (r#"InStr([null], "c")"#, json!("0")),
        (r#"Word("a  b", 2, " ")"#, json!("b")),
        (r#"Word("ab", 1, "-")"#, json!("ab")),
        (r#"ToUpper("straße")"#, json!("STRAßE")),
        (r#"ToLower("I", "tr-TR")"#, json!("ı")),
        (r#"ToLower([a], "xx-XX")"#, error("evaluation")),
        (r#"PCase("")"#, json!("")),
        (r#"NormalizeDiacritics("й Ørsted đ œ Ǻ")"#, json!("й OErsted đ oe A")),
        // outcomes
        ("Append(IgnoreFlowIfNullOrEmpty([null]), \"x\")", json!({ "ignore": true })),
        (r#"IIF([yes], "t", IgnoreFlowIfNullOrEmpty([null]))"#, json!("t")),
        ("IgnoreFlowIfNullOrEmpty(\" \")", json!(" ")),
        ("SelectUniqueValue([null], [empty], \"taken\", \"STRAßE\", \"free\")", json!("free")),
        ("SelectUniqueValue(\"taken\", \"TAKEN\")", error("not_unique")),
        // roles
        ("SingleAppRoleAssignment([appRoleAssignments])", json!("Admin")),
        ("AppRoleAssignments([appRoleAssignments])", json!(["Admin", "usr"])),
        ("AppRoleAssignmentsComplex([a])", error("evaluation")),
        ("AppRoleAssignmentsComplex([null])", json!(null)),
        ("Count([appRoleAssignments])", json!("2")),
        ("Append(AppRoleAssignmentsComplex([appRoleAssignments]), \"x\")", error("evaluation")),
        // dates
        ("CDate([empty])", error("evaluation")),
        ("CDate([null])", json!(null)),
        ("DateFromNum(9223372036854775807)", error("evaluation")),
        ("DateFromNum(-1)", error("evaluation")),
        (r#"DateAdd("q", 1, [d])"#, error("evaluation")),
        (r#"DateAdd("d", 1, [null])"#, json!(null)),
        (r#"DateAdd("yyyy", 9000, [d])"#, error("evaluation")),
        (r#"NumFromDate("1601-01-01")"#, json!("0")),
        (r#"DateDiff("d", Now(), "2026-11-22")"#, json!("0")),
        (r#"FormatDateTime([d], , , "yyyy-MM-dd'T'HH:mm:ss.fffK")"#, json!("2020-03-16T10:00:00.000Z")),
        (r#"FormatDateTime("2020-03-16 9:00", , "yyyy-MM-dd hh:mm", "HH")"#, error("evaluation")),
        (r#"FormatDateTime("2020-03-16 12:30 AM", , "yyyy-MM-dd hh:mm tt", "HH:mm")"#, json!("00:30")),
        (r#"FormatDateTime("16 mar 2020", , "d MMM yyyy", "dddd, d. MMMM yy")"#, json!("Monday, 16. March 20")),
        (r#"FormatDateTime("2020-03-16T10:00:00.12", , "yyyy-MM-ddTHH:mm:ss.FFF", "s.fff F.FF")"#, json!("0.120 1.12")),
        (r#"FormatDateTime("2020-03-16T10:00:00", , "yyyy-MM-ddTHH:mm:ss.FFF", "s.FF")"#, json!("0")),
        (r#"FormatDateTime("2020-03-16T10:00:00Z", , "yyyy-MM-ddTHH:mm:ssK", "HHK")"#, json!("10Z")),
        (r#"FormatDateTime("2020-03-16T10:00:00+02:00", , "yyyy-MM-ddTHH:mm:ssK", "HH")"#, json!("08")),
        (r#"FormatDateTime("03/16/2020", , "d", "%d")"#, json!("16")),
        (r#"FormatDateTime(" 2020-03-16", "None", "yyyy-MM-dd", "d")"#, error("evaluation")),
        (r#"FormatDateTime([a], "Foo", "yyyy", "d")"#, error("evaluation")),
        (r#"FormatDateTime([empty], , "yyyy", "d")"#, json!(null)),
        // replacing
        (r#"Replace("a.b", ".", , , "$1", , )"#, json!("a$1b")),
        (r#"Replace("a", "", , , "x", , )"#, error("evaluation")),
        (r#"Replace([list], "b", , , "c")"#, json!(["c", "a", "c"])),
        (r#"Replace("xay", , "x(?<n>a)?y|y", "n", "-")"#, json!("x-y")),
        (r#"Replace("xy", , "x(?<n>a)?y", "n", "-")"#, json!("xy")),
        (r#"Replace([null], , "(?<n>z)", "n", , [a], )"#, json!(null)),
        (r#"Replace([a], , [pattern], , "-")"#, error("evaluation")),
        (r#"Replace([a], , "(", , "-")"#, error("evaluation")),
        (r#"IIF([no], Replace([a], , "(", , "-"), "f")"#, json!("f")),
        (r#"Replace([a], , "x", "n", "-")"#, error("evaluation")),
        // tier B
        ("ConvertFromBase64(\"!\")", error("evaluation")),
        ("ConvertFromBase64(\"gA==\", UTF8)", error("evaluation")),
        (r#"DNComponent("CN=a\\,b,OU=c", 2)"#, json!("c")),
        (r#"DNComponent("CN=a", 2)"#, error("evaluation")),
        (r#"Error("x")"#, error("evaluation")),
        ("RandomString(300,0,0,0,0)", error("evaluation")),
        ("RandomString(3,1,1,1,1)", error("evaluation")),
        (r#"RandomString(3,1,0,0,0,"0123456789")"#, error("evaluation")),
        (r#"Replace(RandomString(40,10,10,10,10), , "[a-z]", , "", , )"#, Json::Null),
    ];
    for (expression, expected) in cases {
        if expected.is_null() && expression.contains("RandomString") {
            let left = answer(expression, source.clone());
            assert_eq!(left.as_str().map(|text| text.chars().count()), Some(30), "{expression}");
            continue;
        }
        assert_eq!(answer(expression, source.clone()), expected, "{expression}");
    }
}

#[test]
fn faults_are_found_all_at_once() {
    let cases: [(&str, &[(&str, &str)]); 35] = [
        ("Word([a]", &[("parse", "(")]),
        (r#"Join(" ", Wrod([x],1), Foo())"#, &[("unknown_function", "Wrod"), ("unknown_function", "Foo")]),
        ("Append(mail, tel)", &[("parse", "mail"), ("parse", "tel")]),
        ("Append([a] = [b], [c])", &[("parse", "=")]),
        ("IIF([a] = [b] = [c], 1, 2)", &[("parse", "=")]),
        ("[a] = [b]", &[("parse", "=")]),
        ("IIF([a] AND [b], 1, 2)", &[("parse", "A")]),
        ("\"a\\d\"", &[("parse", "\\d")]),
        ("[a", &[("parse", "[")]),
        ("[]", &[("parse", "[]")]),
        ("%DomainFQDN%", &[("parse", "%")]),
        ("1st", &[("parse", "1")]),
        ("1.", &[("parse", ".")]),
        ("&HFFFFFFFFFFFFFFFF", &[("parse", "&HFFFFFFFFFFFFFFFF")]),
        ("FormatDateTime([d], &HFF, \"yyyy\", \"dd\")", &[("evaluation", "&HFF")]),
        ("&HG", &[("parse", "&HG")]),
        ("\"a\" & \"b\"", &[("parse", "&")]),
        ("Now", &[("parse", "Now")]),
        ("", &[("parse", "")]),
        ("[a] [b]", &[("parse", "[b]")]),
        ("ToLower()", &[("arity", "ToLower")]),
        ("ToLower(,)", &[("arity", "ToLower")]),
        ("Now(1)", &[("arity", "Now")]),
        ("Join(\",\", , [a])", &[("arity", " ")]),
        ("Switch([a], \"d\", , \"v\")", &[("arity", " ")]),
        ("Replace([a], \"x\", \"y\")", &[("arity", "Replace")]),
        ("Replace([a])", &[("arity", "Replace")]),
        ("Append(SelectUniqueValue([a], [b]), \"x\")", &[("nesting", "SelectUniqueValue")]),
        ("DateAdd(\"q\", 1, \"2020-01-01\")", &[("evaluation", "\"q\"")]),
        ("DateDiff(\"q\", [a], [b])", &[("evaluation", "\"q\"")]),
        ("InStr([a], \"b\", 1, UTF8)", &[("evaluation", "UTF8")]),
        ("FormatDateTime([a], \"yyyy\", \"Q\")", &[("evaluation", "\"Q\"")]),
        ("Item(\"a\", 2)", &[("evaluation", "Item(\"a\", 2)")]),
        ("Len([a])", &[("unknown_function", "Len")]),
        ("DefaultDomain()", &[("unknown_function", "DefaultDomain")]),
    ];
    for (text, expected) in cases {
        let expected: Vec<_> = expected.iter().map(|(code, span)| (*code, (*span).to_owned())).collect();
        assert_eq!(faults(text), expected, "{text}");
    }
    assert_eq!(faults("iif([a]=\"b\", 1, 2)"), [("unknown_function", "iif".to_owned())]);
    assert_eq!(faults("Foo([a], mail)"), [("parse", "mail".to_owned()), ("unknown_function", "Foo".to_owned())]);
    let both = compile("ToLower(Foo())(", &mut Slots::new(), None).unwrap_err();
    assert_eq!(leading(&both).map(|fault| fault.code), Some("parse"));
    let mixed = compile("Append(SelectUniqueValue([a]), Foo())", &mut Slots::new(), None).unwrap_err();
    assert_eq!(leading(&mixed).map(|fault| fault.code), Some("unknown_function"));
    assert_eq!(mixed.len(), 3);
}

#[test]
fn attributes_are_checked_where_they_are_known() {
    let known: KnownNames = ["givenName", "mail"].into_iter().collect();
    let mut slots = Slots::new();
    let faults = compile("Join([GivenName], [mial], [zzz])", &mut slots, Some(&known)).unwrap_err();
    let helps: Vec<_> = faults.iter().map(|fault| (fault.code, fault.help.as_deref().unwrap_or(""))).collect();
    assert_eq!(
        helps,
        [
            ("unknown_attribute", "attribute names are case-sensitive: `[givenName]`"),
            ("unknown_attribute", "an attribute with a similar name exists: `[mail]`"),
            ("unknown_attribute", ""),
        ]
    );
    let expression = compile("Join([mail], [givenName], [mail])", &mut Slots::new(), Some(&known)).unwrap();
    assert_eq!(expression.attributes().collect::<Vec<_>>(), ["mail", "givenName"]);
    assert!(expression.depends_on("mail") && !expression.depends_on("Mail"));
}

#[test]
fn warnings_do_not_stop() {
    let cases = [
        (r#"FormatDateTime([a], "yyyy", "yy")"#, 1),
        (r#"IIF([a] = "", [b], [c])"#, 1),
        (r#"Replace([a], , "(?<mid>b)", , "${Mid}", , )"#, 1),
        (r#"IIF([a], Replace([a], , "(", , "x"), "")"#, 1),
        (r#"IIF([a], Left([a], "x"), DateAdd("q", 1, [a]))"#, 2),
        (r#"Join(" ", [a], [b])"#, 0),
    ];
    for (text, count) in cases {
        let expression = compile(text, &mut Slots::new(), None).unwrap();
        assert_eq!(expression.warnings().len(), count, "{text}");
        assert!(expression.warnings().iter().all(|fault| fault.severity == Severity::Warning));
    }
}

#[test]
fn classes_and_redaction_are_known_after_parsing() {
    let cases = [
        ("[a]", Class::Pure, false),
        ("IIF([a], Now(), \"\")", Class::Clock, false),
        ("Join(\"\", Guid(), Now())", Class::Random, false),
        ("SelectUniqueValue(RandomString(3,0,0,0,0), Redact([a]))", Class::Target, true),
    ];
    for (text, class, redacted) in cases {
        let expression = compile(text, &mut Slots::new(), None).unwrap();
        assert_eq!((expression.class(), expression.is_redacted()), (class, redacted), "{text}");
    }
}

#[test]
fn canonical_text_and_tree_are_those_of_the_schema_api() {
    let text = r#"IIF( [a]= "x" ,Mid([a],"1",&HA),Replace([preferredLanguage], "-", , , "_", ,  ))"#;
    let expression = compile(text, &mut Slots::new(), None).unwrap();
    assert_eq!(
        expression.canonical(),
        r#"IIF([a]="x", Mid([a], 1, 10), Replace([preferredLanguage], "-", , , "_", , ))"#
    );
    let Tree::Function { name, parameters, .. } = expression.tree() else { panic!("a call is a function") };
    assert_eq!(name, "IIF");
    let keys: Vec<&str> = parameters.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["one", "two", "three", "four", "five"]);
    let Tree::Function { parameters, .. } = &parameters[4].1 else { panic!("a call is a function") };
    let keys: Vec<&str> = parameters.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["source", "Find", "Replacement"]);
}

#[test]
fn limits_hold() {
    let nested = |depth: usize| format!("{}[a]{}", "ToLower(".repeat(depth), ")".repeat(depth));
    assert_eq!(answer(&nested(128), json!({ "a": "X" })), json!("x"));
    assert_eq!(answer(&nested(129), json!({})), error("parse"));
    assert_eq!(answer(&nested(1_000), json!({})), error("parse"));
    assert_eq!(answer(&"ToLower(".repeat(1_200), json!({})), error("parse"));
    assert_eq!(answer(&"[".repeat(9_000), json!({})), error("parse"));
    assert_eq!(answer(&format!("\"{}\"", "x".repeat(9_998)), json!({})), json!("x".repeat(9_998)));
    assert_eq!(answer(&format!("\"{}\"", "x".repeat(9_999)), json!({})), error("parse"));
    let mut blow = "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"".to_owned();
    for _ in 0..60 {
        blow = format!("Replace({blow}, \"a\", , , \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", , )");
    }
    assert_eq!(answer(&blow, json!({})), error("evaluation"));
    let doubled = (0..9).fold("[a]".to_owned(), |inner, _| format!("Join(\"\", {inner}, {inner})"));
    assert_eq!(answer(&doubled, json!({ "a": "x".repeat(10_000) })), error("evaluation"));
}

#[test]
fn every_line_of_a_batch_is_answered() {
    let now = DateTime::from(jiff::Timestamp::UNIX_EPOCH);
    let lines = [
        "",
        "{",
        "[]",
        "null",
        "1",
        r#"{"id": 7}"#,
        r#"{"id": "x", "expression": 1}"#,
        "\u{feff}{}",
        "{\"expression\": \"\\ud800\"}",
        r#"{"id": 1, "expression": "[a]", "source": []}"#,
        r#"{"id": 1, "expression": "[a]", "source": {"a": [[1]]}}"#,
        r#"{"id": 1, "expression": "[a]", "target_existing": 3}"#,
    ];
    for line in lines {
        let answer: Json = serde_json::from_str(&answer_line(line, now, &SeededRandom::new([0; 32]))).unwrap();
        assert!(answer["error"]["code"].is_string(), "{line}: {answer}");
    }
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(answer_line(&deep, now, &SeededRandom::new([0; 32])).contains("error"));
    let fine = answer_line(r#"{"id": 7, "expression": "[a]"}"#, now, &SeededRandom::new([0; 32]));
    assert_eq!(fine, r#"{"id":7,"value":null}"#);
}

#[test]
fn errors_name_kinds_and_no_values() {
    let mut slots = Slots::new();
    let secret = "s3cret-value";
    let texts = [
        "Left([a], [a])",
        "Item([a], 2)",
        "CDate([a])",
        "BitAnd([a], 1)",
        "FormatDateTime([a], , \"yyyy\", \"yy\")",
        "DateFromNum([a])",
        "ConvertFromBase64([a])",
        "IIF([a], 1, 2)",
        "Split([a], [a])",
        "InStr([a], \"\", [a])",
        "ToLower([a], [a])",
        "DateAdd([a], 1, [a])",
        "Replace([a], , Append(\"(\", [a]), , \"\")",
        "DNComponent([a], 1)",
        "StringFromSid([a])",
        "AppRoleAssignmentsComplex([a])",
        "RandomString([a],0,0,0,0)",
        "IIF(IsPresent(Redact([a])), Error([a]), 1)",
    ];
    let uniqueness = |_: &str| Ok(false);
    let random = SeededRandom::new([0; 32]);
    let context =
        Context { now: DateTime::from(jiff::Timestamp::UNIX_EPOCH), random: &random, uniqueness: &uniqueness };
    for text in texts {
        let expression = compile(text, &mut slots, None).unwrap();
        let record = Record::new(&slots, |_| Input::Text(secret));
        let error = expression.evaluate(&record, &context).unwrap_err();
        assert!(!error.message.contains("s3cret"), "{text}: {error}");
        assert_eq!(error.code, "evaluation");
    }
}

#[test]
fn rules_of_unique_values_can_be_asked_one_by_one() {
    let mut slots = Slots::new();
    let expression = compile("SelectUniqueValue([a], Append([a], \"2\"))", &mut slots, None).unwrap();
    let record = Record::new(&slots, |_| Input::Text("x"));
    let context = Context {
        now: DateTime::from(jiff::Timestamp::UNIX_EPOCH),
        random: &SeededRandom::new([0; 32]),
        uniqueness: &|_: &str| Err("not asked".to_owned()),
    };
    let rule = |index| expression.evaluate_rule(index, &record, &context).unwrap().to_json();
    assert_eq!(expression.rules(), 2);
    assert_eq!((rule(0), rule(1), rule(2)), (json!("x"), json!("x2"), Json::Null));
}
