//! Whether a text is a distinguished name (sources.md 14.2); comparing is for later.

/// Says whether `text` is a DN that is not empty: parts `type=value`, escapes and quotes complete.
pub fn is_dn(text: &str) -> bool {
    let mut rest = text;
    loop {
        match after_part(rest) {
            Some(None) => return true,
            Some(Some(next)) => rest = next,
            None => return false,
        }
    }
}

/// As [`is_dn`]; where all but the first part is `parent`, it was one before. Else it is the next one's.
pub fn is_dn_in(text: &str, parent: &mut String) -> bool {
    match after_part(text) {
        Some(Some(next)) if *next == **parent => true,
        Some(Some(next)) if is_dn(next) => {
            parent.clear();
            parent.push_str(next);
            true
        }
        Some(Some(_)) | None => false,
        Some(None) => true,
    }
}

/// Says whether `text` is one relative DN.
pub(super) fn is_rdn(text: &str) -> bool {
    is_dn(text) && {
        let mut separated = false;
        for_unescaped(text, |byte| separated |= byte == b',' || byte == b';');
        !separated
    }
}

/// Checks one `type=value` and returns what follows its separator, if it has one.
fn after_part(text: &str) -> Option<Option<&str>> {
    let ends = text.bytes().position(|byte| !is_of_type(byte))?;
    // most types end so, without a blank
    let equals = match text.as_bytes()[ends] {
        b'=' if ends > 0 => ends,
        _ => text.bytes().position(|byte| byte == b'=').filter(|equals| is_type(text[..*equals].trim()))?,
    };
    let value = &text[equals + 1..];
    let bytes = value.as_bytes();
    let mut quoted = false;
    let mut at = 0;
    while at < bytes.len() {
        if !SPECIAL[usize::from(bytes[at])] {
            at += 1;
            continue;
        }
        match bytes[at] {
            b'\\' => {
                bytes.get(at + 1)?;
                at += 1;
            }
            b'"' => quoted = !quoted,
            b',' | b';' | b'+' if !quoted => return Some(Some(&value[at + 1..])),
            _ => {}
        }
        at += 1;
    }
    (!quoted).then_some(None)
}

fn for_unescaped(text: &str, mut each: impl FnMut(u8)) {
    let mut quoted = false;
    let mut escaped = false;
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            _ if !quoted => each(byte),
            _ => {}
        }
    }
}

fn is_type(kind: &str) -> bool {
    !kind.is_empty() && kind.bytes().all(is_of_type)
}

fn is_of_type(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// What ends a value, or hides what would.
const SPECIAL: [bool; 256] = {
    let (mut special, marks) = ([false; 256], b"\\\",;+");
    let mut at = 0;
    while at < marks.len() {
        special[marks[at] as usize] = true;
        at += 1;
    }
    special
};

#[cfg(test)]
mod tests {
    use super::{is_dn, is_rdn};

    #[test]
    fn tells_dns_from_other_text() {
        for good in [
            "dc=example,dc=com",
            "uid=scarter, ou=People, dc=example,dc=com",
            r"cn=John Smith\2C Jr.,o=x",
            r"cn=a\,b+sn=c;o=x",
            r#"cn="Smith, John",o=x"#,
            "2.5.4.3=x",
            "cn=",
            "cn=佐藤,dc=jp",
            "cn=a=b",
        ] {
            assert!(is_dn(good), "{good}");
        }
        for bad in ["", "x", "cn", "=x", "cn=a,", "cn=a,,o=x", r"cn=a\", r#"cn="a"#, "c n=a", "cn=a,b"] {
            assert!(!is_dn(bad), "{bad}");
        }
        assert!(is_rdn(r"cn=a\,b+sn=c"));
        assert!(!is_rdn("cn=a,o=b"));
    }
}
