//! The defects seen in the field (validator.md part 1) that the stand-in can show, as one table.

use std::{fmt, str::FromStr};

/// One row of the table of defects.
#[derive(Debug, Clone, Copy)]
pub struct DefectRow {
    /// The defect itself.
    pub defect: Defect,
    /// The name for `--defect`.
    pub name: &'static str,
    /// The check of validator.md part 3 that finds it.
    pub check: &'static str,
    /// What the stand-in does wrong.
    pub about: &'static str,
}

macro_rules! defects {
    ($($variant:ident $name:literal $check:literal $about:literal)*) => {
        /// A way in which a real target was seen to be wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Defect { $(#[doc = $about] $variant),* }

        const TABLE: &[DefectRow] = &[
            $(DefectRow { defect: Defect::$variant, name: $name, check: $check, about: $about }),*
        ];
    };
}

defects! {
    OpCaseSensitive "op-case-sensitive" "C-04" "refuses `Add`, `Replace`, `Remove` with capitals"
    StringBooleanRefused "string-boolean-refused" "C-05" "refuses a boolean sent as text"
    StringBooleanStored "string-boolean-stored" "C-05" "stores a boolean sent as text as text"
    StringFalseIsTrue "string-false-is-true" "C-05" "takes the text `False` as true, because it is not empty"
    AddExistingRefused "add-existing-refused" "C-22" "refuses `add` on a single-valued attribute that has a value"
    ValuepathAddRefused "valuepath-add-refused" "C-07" "refuses `add` at a value path that matches no element"
    ValuepathAddNoType "valuepath-add-no-type" "C-07" "creates the element of a value path without its `type`"
    ValuepathReplaceNotarget "valuepath-replace-notarget" "C-25" "answers `replace` at a value path that matches no element with `noTarget`"
    PathlessDottedIgnored "pathless-dotted-ignored" "C-08" "ignores dotted keys in an operation without path"
    PathlessDottedLiteral "pathless-dotted-literal" "C-08" "stores dotted keys of an operation without path under their literal name"
    PathlessUrnIgnored "pathless-urn-ignored" "C-08" "ignores `URN:attribute` keys in an operation without path"
    UrnPathMisparsed "urn-path-misparsed" "C-26" "splits the URN of a path at the dot of `2.0`"
    CoreUrnRefused "core-urn-refused" "C-27" "refuses core attributes addressed with the core URN"
    ManagerStringRefused "manager-string-refused" "C-16" "refuses a manager sent as a bare string"
    ManagerFilterRefused "manager-filter-refused" "C-28" "refuses `manager[value eq \"…\"]` as a path"
    MemberRemoveWipes "member-remove-wipes" "C-09" "empties the group on `remove members` with a list of values"
    MemberRemoveIgnored "member-remove-ignored" "C-09" "ignores `remove members` with a list of values"
    RefNullRefused "ref-null-refused" "C-29" "refuses `\"$ref\": null` beside the value of a member"
    MemberReplaceAdds "member-replace-adds" "C-30" "adds on `replace members` and never removes"
    MemberDuplicate "member-duplicate" "C-10" "lists a member twice that was added twice"
    RolesTextStored "roles-text-stored" "C-31" "stores roles sent as JSON text as text"
    PrimaryStringNomatch "primary-string-nomatch" "C-32" "never matches `primary eq \"True\"` with a boolean"
    RolesLeak "roles-leak" "C-33" "writes a sub-attribute set on one element of a list into all of them"
    PrimaryAsText "primary-as-text" "C-34" "turns `primary` into text with every PATCH"
    FilterValuepathRefused "filter-valuepath-refused" "C-35" "refuses filters with a value path"
    AcceptRequired "accept-required" "C-06" "answers 406 in HTML to a request without `Accept`"
    CharsetRefused "charset-refused" "C-36" "answers 415 to a `Content-Type` with a charset"
    PlainJsonAnswers "plain-json-answers" "C-17" "answers as `application/json`"
    Nomatch404 "nomatch-404" "C-01" "answers 404 to a filter without a hit"
    NoGroups "no-groups" "C-37" "has no `/Groups`"
    HtmlErrors "html-errors" "C-18" "answers errors in HTML"
    FilterCaseSensitive "filter-case-sensitive" "C-03" "compares `userName` with case in filters"
    AttributeCaseSensitive "attribute-case-sensitive" "C-38" "knows attribute names in their exact case only"
    PathSlash404 "path-slash-404" "C-39" "answers 404 to a doubled or trailing slash"
    ExcludeIgnored "exclude-ignored" "C-11" "ignores `excludedAttributes`"
    GroupFilterRefused "group-filter-refused" "C-40" "refuses filters on groups"
    FilterExternalidRefused "filter-externalid-refused" "C-41" "refuses filters on `externalId`"
    FilterIgnored "filter-ignored" "C-02" "ignores the filter and returns everybody"
    SlowProbe "slow-probe" "C-42" "takes two seconds for a filter without a hit"
    Conflict500 "conflict-500" "C-12" "answers 500 to a duplicate"
    ConflictNoScimtype "conflict-no-scimtype" "C-12" "answers 409 without `scimType`"
    TextErrors "text-errors" "C-18" "answers errors as plain text"
    PathlessActiveRefused "pathless-active-refused" "C-43" "refuses `active` and `members` in an operation without path"
    UnknownUrnRefused "unknown-urn-refused" "C-44" "refuses a body with an unknown schema URN"
    PutRenameIgnored "put-rename-ignored" "C-45" "ignores a new `displayName` in a PUT"
    DiscoveryArray "discovery-array" "C-46" "answers discovery with a bare array"
    DisplayNameMixed "display-name-mixed" "C-31" "returns `displayName` instead of `display` in members and roles"
    LowercasesValues "lowercases-values" "C-47" "stores `userName` and e-mail addresses in lower case"
    VerbsBlocked "verbs-blocked" "C-48" "answers 405 to PATCH, PUT and DELETE, as WebDAV and proxies do"
    TlsDrop "tls-drop" "transport" "closes every connection before the first byte, as an IP allow list does"
    TokenExpired "token-expired" "C-49" "answers 401 to the right token"
    Throttle "throttle" "C-50" "answers 429 without `Retry-After` to more than ten requests in a second"
    MembersCut100 "members-cut-100" "C-51" "keeps the first 100 members of a request and drops the rest"
    Null500 "null-500" "C-20" "answers 500 to an empty or null value"
    Etag412 "etag-412" "C-52" "answers 412 to a write without `If-Match`"
    InactiveHidden "inactive-hidden" "C-14" "hides inactive users from reads and filters"
    FormattedReadonly "formatted-readonly" "C-53" "refuses to set `name.formatted` and the `displayName` of a user"
    ArrayForSingleRefused "array-for-single-refused" "C-54" "refuses `[{\"value\": …}]` for a single-valued attribute"
    GroupReplaceWipes "group-replace-wipes" "C-61" "empties a group on any `replace` but that of `displayName` by path"
    EmptyMembersRefused "empty-members-refused" "C-62" "refuses an empty list of members"
    InactiveConflict "inactive-conflict" "C-63" "answers 409 to the create of an inactive user that no filter finds"
    EmptyExternalidCollides "empty-externalid-collides" "C-20" "stores `externalId: \"\"` as a value that is taken once used"
}

/// Returns every defect the stand-in can show, in the order of validator.md.
pub fn defects() -> &'static [DefectRow] {
    TABLE
}

impl Defect {
    /// Returns the name that `--defect` takes.
    pub fn name(self) -> &'static str {
        TABLE[self as usize].name
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Defect {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        TABLE
            .iter()
            .find(|row| row.name == name)
            .map(|row| row.defect)
            .ok_or_else(|| UnknownName::new("defect", name, TABLE.iter().map(|row| row.name)))
    }
}

/// The defects that are on; a set that costs one machine instruction to ask.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct DefectSet(u128);

impl DefectSet {
    pub(super) fn has(self, defect: Defect) -> bool {
        self.0 >> defect as u32 & 1 == 1
    }
}

impl FromIterator<Defect> for DefectSet {
    fn from_iter<I: IntoIterator<Item = Defect>>(defects: I) -> Self {
        Self(defects.into_iter().fold(0, |set, one| set | 1 << one as u32))
    }
}

/// A name that is in none of the stand-in's tables, with the nearest one that is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {kind} `{name}`{}", nearest.map(|near| format!(", did you mean `{near}`")).unwrap_or_default())]
pub struct UnknownName {
    /// What was asked for: `defect`, `fault` or `profile`.
    pub kind: &'static str,
    /// The name as it was written.
    pub name: String,
    /// The known name that looks most like it, if any does.
    pub nearest: Option<&'static str>,
}

impl UnknownName {
    pub(super) fn new(kind: &'static str, name: &str, known: impl Iterator<Item = &'static str>) -> Self {
        // A table name has at most some thirty letters: longer input is cut, so that distance stays cheap.
        let asked: String = name.chars().take(64).collect();
        let nearest = known
            .map(|candidate| (distance(&asked, candidate), candidate))
            .min()
            .filter(|(far, candidate)| *far <= candidate.len().max(4) / 2)
            .map(|(_, candidate)| candidate);
        Self { kind, name: asked, nearest }
    }
}

/// Returns the Levenshtein distance of two short names.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let cost = usize::from(x != *y);
            let next = (diagonal + cost).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = row[j + 1];
            row[j + 1] = next;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_back_and_is_unique() {
        let mut seen = std::collections::HashSet::new();
        for (place, row) in defects().iter().enumerate() {
            assert_eq!(row.defect as usize, place);
            assert_eq!(row.name.parse::<Defect>(), Ok(row.defect));
            assert!(seen.insert(row.name), "{} is listed twice", row.name);
        }
        assert!(defects().len() < 128, "the set is a u128");
    }

    #[test]
    fn an_unknown_name_gives_the_nearest_one() {
        for (asked, nearest) in
            [("filter-ignore", Some("filter-ignored")), ("conflict500", Some("conflict-500")), ("q", None)]
        {
            let error = asked.parse::<Defect>().unwrap_err();
            assert_eq!(error.nearest, nearest, "{asked}");
        }
    }
}
