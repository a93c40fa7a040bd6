use super::*;

fn replace(pattern: &str, replacement: &str, text: &str) -> Result<String, PatternError> {
    let pattern = Pattern::compile(pattern)?;
    let substitution = Substitution::parse(replacement, &pattern);
    let mut out = String::new();
    let mut at = 0;
    pattern.each_match(text, true, |found| {
        out.push_str(&text[at..found.start()]);
        let written: Result<(), ()> = substitution.write(&pattern, text, found, |piece| {
            out.push_str(piece);
            Ok(())
        });
        at = found.end();
        written.is_ok()
    })?;
    out.push_str(&text[at..]);
    Ok(out)
}

#[test]
fn replaces_as_the_service_does() {
    let cases = [
        ("[0-9]*", "-", "a1b", "-a--b-"),
        ("", "-", "ab", "-a-b-"),
        ("", "-", "äö", "-ä-ö-"),
        ("(?<a>x)(y)", "$1", "xy", "y"),
        ("(?<a>x)(y)", "$2", "xy", "x"),
        ("(?<a>x)(y)", "${a}${nope}$10$$$2a", "xy", "x${nope}$10$xa"),
        ("(?<mid>b)", "${Mid}", "abc", "a${Mid}c"),
        ("b", "[$`|$&|$'|$_]", "abc", "a[a|b|c|abc]c"),
        ("(a)(b)?", "<$2>", "a", "<>"),
        ("(a)(?<n>b)", "$+", "ab", "b"),
        ("b", "$", "abc", "a$c"),
        ("b", "$x${", "abc", "a$x${c"),
        (r"[a-z-[aeiou]]", "_", "hello-", "_e__o-"),
        (r"[^a-z-[0]]", "_", "a0B-", "a0__"),
        (r"[a-]", "_", "a-b", "__b"),
        (r"[]a]", "_", "]ab", "__b"),
        (r"[\w-]", "_", "a-!", "__!"),
        (r"a$", "_", "a\na\n", "a\n_\n"),
        (r"(?m)a$", "_", "a\na\n", "_\n_\n"),
        (r"a\z", "_", "aa\n", "aa\n"),
        (r"^a", "_", "aa\na", "_a\na"),
        (r"(?m)^a", "_", "aa\na", "_a\n_"),
        (r".", "_", "a\r\nb", "__\n_"),
        (r"(?s).", "_", "a\nb", "___"),
        (r"(?i)straSSE", "_", "STRASSE straße", "_ straße"),
        (r"a(?i)b|c", "_", "aB C c", "_ _ _"),
        (r"(?i:a)b", "_", "AB Ab", "AB _"),
        (r"(?x) a b # comment", "_", "ab a b", "_ a b"),
        (r"a(?#note)b", "_", "ab", "_"),
        (r"(?n)(a)(?<x>b)", "$1", "ab", "b"),
        (r"\bé\w*\b", "_", "école été x", "_ _ x"),
        (r"\ba", "_", "a ba a", "_ ba _"),
        (r"\d+", "#", "a١٢b", "a#b"),
        (r"(\w)\1", "<$1>", "aabbc", "<a><b>c"),
        (r"(?<n>\w)\k<n>", "<$1>", "aabbc", "<a><b>c"),
        (r"(?'n'a)\k'n'", "_", "aa", "_"),
        (r"(?<=@)\w+", "_", "a@b.c", "a@_.c"),
        (r"(?<!@)b", "_", "@bb", "@b_"),
        (r".*?(?=@)", "_", "ab@c", "__@c"),
        (r"(?>a+)b", "_", "aab", "_"),
        (r"\/\:\;\=\,\<\>\-\#\ ", "_", "/:;=,<>-# ", "_"),
        (r"\x41\u0042\t\101\cA", "_", "AB\tA\u{1}", "_"),
        (r"a{2}|b{2,}|c{1,2}|d{,2}|e{x", "_", "aabbbccd{,2}e{x", "_____"),
        (r"(?<1>a)(b)", "[$1]", "ab", "[b]"),
        (r"(?<a>x)|(?<a>y)", "<${a}>", "xy", "<x><y>"),
        (r"\p{Lu}", "_", "aÄb", "a_b"),
        (r"(?i)\p{Lu}", "_", "aAb", "a_b"),
        (r"[\p{Lu}\d]", "_", "aA1", "a__"),
        (r"(\.)*$", "", "a.b..", "a.b"),
        (r"([\/\\\[\]\:\;\|\=\,\+\*\?\<\>])", "", "j/s\\m[i]t:h", "jsmith"),
        ("\u{200d}", "_", "a\u{200d}b", "a_b"),
    ];
    for (pattern, replacement, text, expected) in cases {
        assert_eq!(
            replace(pattern, replacement, text),
            Ok(expected.to_owned()),
            "{pattern} with {replacement} on {text}"
        );
    }
}

#[test]
fn refuses_what_has_another_meaning_or_none() {
    let patterns = [
        "(",
        ")",
        "[",
        "a)",
        "*",
        "+a",
        "a**",
        "a++",
        "a{2}{3}",
        "[b-a]",
        "(?<a-b>x)",
        "(?P<a>x)",
        r"\k<a>",
        r"\1",
        r"\9",
        r"(a)\2",
        r"\q",
        r"\_",
        r"[\q]",
        r"\p{IsGreek}",
        r"\p{Foo}",
        r"\p",
        r"\x1",
        r"\u12",
        "\\",
        "(?<>a)",
        "(?<0>a)",
        "(?<a",
        "(?z)",
        "(?",
        "(?#",
        r"\G",
        "(?(1)a|b)",
        "[[:alpha:]]",
        r"[\d-z]",
        r"[a-\d]",
        "[a-[b]c]",
        "(?<=(a))b",
        r"(?i)(a)\1",
        r"(?i)[\p{Lu}]",
        r"\uD800",
        "a{2,1}",
        "a{100000}",
        "(?:a{1000}){1000}",
        r"\c1",
        "[a-z-[b",
    ];
    for pattern in patterns {
        assert!(Pattern::compile(pattern).is_err(), "{pattern}");
    }
    assert!(Pattern::compile(&"(".repeat(5_000)).is_err());
    assert!(Pattern::compile(&"[a-".repeat(5_000)).is_err());
    assert!(Pattern::compile(&format!("{}a{}", "(?:".repeat(40), ")".repeat(40))).is_ok());
}

#[test]
fn ordinary_counts_fit() {
    for pattern in [r"^\w{1,256}", r"\w{64}(?=@)", r"[^\w-]{0,255}$", r"(?i)[a-zà-ÿ]{1,128}\b", r"\S{1,256}"] {
        assert!(Pattern::compile(pattern).is_ok(), "{pattern}");
    }
}

#[test]
fn runaway_patterns_are_stopped() {
    let text = format!("{}!", "a".repeat(10_000));
    assert_eq!(replace(r"(?=(a+)+b)x|(?:a|a)*?(?=c)", "", &text), Err(gave_up()));
    assert!(replace("", "-", &"a".repeat(LARGEST_TEXT + 1)).is_err());
}

#[test]
fn patterns_of_objects_are_compiled_once_while_they_are_recent() {
    let compiled = |text: &str| Pattern::recent(text).expect("a pattern");
    let first = compiled("a+");
    assert!(std::rc::Rc::ptr_eq(&first, &compiled("a+")));
    for number in 0..REMEMBERED {
        compiled(&format!("b{number}"));
    }
    assert!(!std::rc::Rc::ptr_eq(&first, &compiled("a+")), "so many others came between");
    assert!(Pattern::recent("(").is_err());
}
