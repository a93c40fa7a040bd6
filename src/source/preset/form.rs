//! The YAML form of a preset (sources.md 22), as written.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Declares the form together with one `X_of` key for each key X that may come from another preset.
macro_rules! preset_form {
    ($($(#[$doc:meta])* $key:ident / $of:ident : $ty:ty,)*) => {
        /// A preset file; every key of sources.md 22.
        #[derive(Debug, Clone, Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct PresetForm {
            pub name: String,
            /// For whoever reads the file.
            #[serde(default, rename = "about")]
            _about: serde::de::IgnoredAny,
            pub format: Option<FormatName>,
            $($(#[$doc])* #[serde(default)] pub $key: Option<$ty>,
              #[serde(default)] pub $of: Option<String>,)*
        }

        impl PresetForm {
            /// Takes each key that `X_of` names from the preset that `find` gives; returns the names it does not know.
            pub(super) fn inherit(&mut self, mut find: impl FnMut(&str) -> Option<PresetForm>) -> Vec<String> {
                let mut unknown = Vec::new();
                $(if let Some(base) = self.$of.take() {
                    match find(&base) {
                        Some(form) => if self.$key.is_none() { self.$key = form.$key },
                        None => unknown.push(base),
                    }
                })*
                unknown
            }
        }
    };
}

preset_form! {
    csv / csv_of: CsvForm,
    json / json_of: JsonForm,
    ldif / ldif_of: LdifForm,
    detect / detect_of: DetectForm,
    /// One kind for all records.
    kind / kind_of: KindName,
    kinds / kinds_of: Vec<KindForm>,
    anchor / anchor_of: Vec<String>,
    anchor_if_allowed / anchor_if_allowed_of: Vec<String>,
    attributes / attributes_of: BTreeMap<String, AttributeForm>,
    derived / derived_of: BTreeMap<String, String>,
    account_enabled / account_enabled_of: Vec<ConditionForm>,
    deletion / deletion_of: Vec<ConditionForm>,
    references / references_of: BTreeMap<String, ReferenceForm>,
    renames / renames_of: RenamesForm,
    partial_if / partial_if_of: Vec<String>,
    drop_rows / drop_rows_of: Vec<ConditionForm>,
    secret / secret_of: Vec<String>,
    ignore / ignore_of: Vec<String>,
    single_valued / single_valued_of: Vec<String>,
    aliases / aliases_of: BTreeMap<String, String>,
    rest / rest_of: Rest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FormatName {
    Csv,
    Json,
    Ldif,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KindName {
    User,
    Group,
    Ignore,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rest {
    Keep,
    Drop,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Header {
    #[default]
    Required,
    Absent,
    Auto,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeaderStyleName {
    #[default]
    Plain,
    Bracketed,
    SuffixBracket,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CsvForm {
    pub header: Header,
    pub header_style: HeaderStyleName,
    pub delimiters: Vec<String>,
    pub encodings: Vec<String>,
    pub skip_lines_starting: Vec<String>,
    pub columns: Vec<String>,
    pub column_names: BTreeMap<String, Vec<String>>,
    pub placeholders: Vec<String>,
    pub unchanged: Option<String>,
    pub unquoted_doubled_quotes: bool,
    pub multi_separator: Option<String>,
    pub hex_octets: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JsonForm {
    pub records: Vec<String>,
    /// Names are always compared without case; the key is read so that a preset may say so.
    pub name_case: Option<NameCase>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NameCase {
    Sensitive,
    Insensitive,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LdifForm {
    pub all_add_is_content: bool,
    pub strip_options: Vec<String>,
    pub drop_if_option: Vec<String>,
}

/// What a file must have to be this preset's; all that are given must hold.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DetectForm {
    pub header_all: Vec<String>,
    pub header_any: Vec<String>,
    pub header_first: Option<String>,
    pub first_line_starting: Vec<String>,
    pub names_all: Vec<String>,
    pub names_any: Vec<String>,
    pub context_contains: Vec<String>,
    pub schemas_any: Vec<String>,
    pub attributes_any: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindForm {
    pub kind: KindName,
    pub when: Option<ConditionForm>,
}

/// How one canonical attribute is read.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributeForm {
    /// Source names; the first that is not empty wins.
    pub from: Vec<String>,
    #[serde(default, rename = "as")]
    pub reading: Option<String>,
    #[serde(default)]
    pub multi: bool,
    #[serde(default)]
    pub split: Vec<String>,
    #[serde(default)]
    pub split_before: Vec<String>,
    /// Joins the values of all of `from`.
    #[serde(default)]
    pub merge: bool,
    #[serde(default)]
    pub skip_first: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferenceForm {
    pub from: Vec<String>,
    pub by: ReferenceBy,
    #[serde(default)]
    pub multi: bool,
}

/// What a reference's text is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
pub enum ReferenceBy {
    #[serde(rename = "dn")]
    Dn,
    #[serde(rename = "anchor")]
    Anchor,
    #[serde(rename = "userPrincipalName")]
    UserPrincipalName,
    #[serde(rename = "employeeId")]
    EmployeeId,
    #[serde(rename = "anchor-or-employeeId")]
    AnchorOrEmployeeId,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenamesForm {
    pub from: String,
    pub to: String,
}

/// A condition, with the value that a rule gives where it holds.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConditionForm {
    pub attr: Option<String>,
    pub is: Option<Vec<String>>,
    pub not: Option<Vec<String>>,
    pub present: Option<bool>,
    pub exists: Option<bool>,
    pub absent: Option<bool>,
    pub starts: Option<String>,
    pub bit: Option<i64>,
    pub number: Option<bool>,
    pub rid_below: Option<u32>,
    pub under_rdn: Option<String>,
    pub file: Option<String>,
    pub upn_prefixed_with_object_id: Option<bool>,
    pub all: Option<Vec<ConditionForm>>,
    pub value: Option<RuleValue>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum RuleValue {
    Enabled(bool),
    Deletion(DeletionName),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeletionName {
    Soft,
    Hard,
}
