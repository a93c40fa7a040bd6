//! The presets that are built into the program, and preset files.

use std::sync::OnceLock;

use super::form::PresetForm;

/// Name and text of each; the order has no meaning.
const TEXTS: [(&str, &str); 18] = [
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

/// The built-in presets as written, keys of other presets filled in.
pub fn library() -> &'static [PresetForm] {
    static LIBRARY: OnceLock<Vec<PresetForm>> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let parse = |text| serde_saphyr::from_str::<PresetForm>(text).expect("built-in presets are read by a test");
        let plain: Vec<PresetForm> = TEXTS.iter().map(|(_, text)| parse(text)).collect();
        let mut whole = plain.clone();
        for form in &mut whole {
            let unknown = form.inherit(|name| plain.iter().find(|other| other.name == name).cloned());
            assert!(unknown.is_empty(), "built-in presets are read by a test");
        }
        whole
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::preset::compile::compile;
    use crate::source::settings::Settings;

    #[test]
    fn every_built_in_preset_is_whole() {
        assert_eq!(library().len(), TEXTS.len());
        for (form, (name, text)) in library().iter().zip(TEXTS) {
            assert_eq!(form.name, name);
            let preset = compile(form.clone(), &Settings::default()).expect(name);
            assert!(!preset.attributes.is_empty(), "{name}");
            assert!(!preset.kinds.is_empty(), "{name}");
            assert!(text.starts_with("name: "), "{name}");
        }
    }
}
