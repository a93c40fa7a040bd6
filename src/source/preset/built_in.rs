//! The presets that are built into the program, and preset files.

use std::sync::OnceLock;

use super::form::{FormatName, PresetForm};

const COUNT: usize = 18;
/// Name and text of each; the order has no meaning.
const TEXTS: [(&str, &str); COUNT] = [
    ("389ds-ldif", include_str!("../presets/389ds-ldif.yaml")),
    ("ad-ldif", include_str!("../presets/ad-ldif.yaml")),
    ("ad-powershell-csv", include_str!("../presets/ad-powershell-csv.yaml")),
    ("ad-powershell-json", include_str!("../presets/ad-powershell-json.yaml")),
    ("csvde-csv", include_str!("../presets/csvde-csv.yaml")),
    ("edirectory-ldif", include_str!("../presets/edirectory-ldif.yaml")),
    ("entra-bulk-csv", include_str!("../presets/entra-bulk-csv.yaml")),
    ("entra-csv", include_str!("../presets/entra-csv.yaml")),
    ("entra-graph-json", include_str!("../presets/entra-graph-json.yaml")),
    ("example-hr-csv", include_str!("../presets/example-hr-csv.yaml")),
    ("google-csv", include_str!("../presets/google-csv.yaml")),
    ("kintone-csv", include_str!("../presets/kintone-csv.yaml")),
    ("kintone-json", include_str!("../presets/kintone-json.yaml")),
    ("m365-csv", include_str!("../presets/m365-csv.yaml")),
    ("okta-csv", include_str!("../presets/okta-csv.yaml")),
    ("okta-json", include_str!("../presets/okta-json.yaml")),
    ("openldap-ldif", include_str!("../presets/openldap-ldif.yaml")),
    ("scim-json", include_str!("../presets/scim-json.yaml")),
];

/// Names of the built-in presets.
pub fn names() -> impl Iterator<Item = &'static str> {
    TEXTS.iter().map(|(name, _)| *name)
}

/// Names of those of a format, by which they end.
pub fn names_of(format: FormatName) -> impl Iterator<Item = &'static str> {
    let end = match format {
        FormatName::Csv => "-csv",
        FormatName::Json => "-json",
        FormatName::Ldif => "-ldif",
    };
    names().filter(move |name| name.ends_with(end))
}

/// The built-in preset of this name as written, keys of other presets filled in. Each is parsed when it is asked for: to parse them all
/// takes longer than all else before a small cycle.
pub fn find(name: &str) -> Option<&'static PresetForm> {
    static WHOLE: [OnceLock<PresetForm>; COUNT] = [const { OnceLock::new() }; COUNT];
    let at = place(name)?;
    let whole = WHOLE[at].get_or_init(|| {
        let mut form = plain(at).clone();
        let unknown = form.inherit(|name| place(name).map(|at| plain(at).clone()));
        assert!(unknown.is_empty(), "built-in presets are read by a test");
        form
    });
    Some(whole)
}

fn place(name: &str) -> Option<usize> {
    TEXTS.iter().position(|(other, _)| *other == name)
}

fn plain(at: usize) -> &'static PresetForm {
    static PLAIN: [OnceLock<PresetForm>; COUNT] = [const { OnceLock::new() }; COUNT];
    let parse = |text| serde_saphyr::from_str(text).expect("built-in presets are read by a test");
    PLAIN[at].get_or_init(|| parse(TEXTS[at].1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::preset::compile::compile;
    use crate::source::settings::Settings;

    #[test]
    fn every_built_in_preset_is_whole() {
        for (name, text) in TEXTS {
            let form = find(name).expect(name);
            assert_eq!(form.name, name);
            let preset = compile(form.clone(), &Settings::default()).expect(name);
            assert!(!preset.attributes.is_empty(), "{name}");
            assert!(!preset.kinds.is_empty(), "{name}");
            assert!(text.starts_with("name: "), "{name}");
            assert!(names_of(preset.format).any(|other| other == name), "{name}");
        }
        assert!(find("entra").is_none());
    }
}
