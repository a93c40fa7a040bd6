//! The checks of validator.md part 3, as one table.

use std::borrow::Cow;
use std::pin::Pin;

use super::checks::{groups, patches, users};
use super::conversation::{Checked, Conversation, Form};

/// What a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Entra or Okta does not work.
    Must,
    /// Something is lost or hard to understand.
    Should,
    /// Good to know.
    Info,
}

impl Severity {
    /// The word in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Must => "must",
            Self::Should => "should",
            Self::Info => "info",
        }
    }
}

/// What a report says about a check, whether it is of the table or of a mapping.
#[derive(Debug, Clone)]
pub struct About {
    pub id: Cow<'static, str>,
    pub name: Cow<'static, str>,
    pub title: Cow<'static, str>,
    pub severity: Severity,
    pub forms: &'static [Form],
    pub hits: &'static [&'static str],
    pub reference: Cow<'static, str>,
    pub remedy: Cow<'static, str>,
}

type Running<'a> = Pin<Box<dyn Future<Output = Checked> + Send + 'a>>;

/// One row of the table.
pub struct Check {
    pub id: &'static str,
    pub name: &'static str,
    pub title: &'static str,
    pub severity: Severity,
    /// Whose forms it tries, one after the other.
    pub forms: &'static [Form],
    /// The dialects that are hit when it fails, besides that of the form; empty where only the form's is.
    pub hits: &'static [&'static str],
    /// Where the rule stands.
    pub reference: &'static str,
    /// What to change in the server.
    pub remedy: &'static str,
    pub(super) run: for<'a> fn(&'a mut Conversation, Form) -> Running<'a>,
}

impl Check {
    pub(super) fn about(&self) -> About {
        About {
            id: Cow::Borrowed(self.id),
            name: Cow::Borrowed(self.name),
            title: Cow::Borrowed(self.title),
            severity: self.severity,
            forms: self.forms,
            hits: self.hits,
            reference: Cow::Borrowed(self.reference),
            remedy: Cow::Borrowed(self.remedy),
        }
    }
}

macro_rules! checks {
    ($($id:literal $name:literal $severity:ident [$($form:ident)*] [$($hit:literal)*] $reference:literal $module:ident::$run:ident $title:literal $remedy:literal)*) => {
        /// Every check, by id.
        pub static CHECKS: &[Check] = &[$(Check {
            id: $id,
            name: $name,
            title: $title,
            severity: Severity::$severity,
            forms: &[$(Form::$form),*],
            hits: &[$($hit),*],
            reference: $reference,
            remedy: $remedy,
            run: |conversation, form| Box::pin($module::$run(conversation, form)),
        }),*];
    };
}

checks! {
    "C-01" "list-shape" Must [Legacy] ["entra-legacy" "entra-2020" "okta-oin" "okta-aiw" "strict"] "wire.md 6" users::list_shape
        "a filter without a hit gives an empty list"
        "answer 200 with a ListResponse and `totalResults` 0 when a filter finds nobody"
    "C-02" "filter-honoured" Must [Legacy] ["entra-legacy" "entra-2020" "okta-oin" "okta-aiw" "strict"] "wire.md 7" users::filter_honoured
        "a filter is never ignored"
        "evaluate `filter`, or answer 400 `invalidFilter`; never return everybody: a stranger would be matched"
    "C-03" "filter-case" Must [Legacy] ["entra-legacy" "entra-2020" "okta-oin" "okta-aiw" "strict"] "RFC 7643 4.1.1" users::filter_case
        "`userName` is found in another letter case"
        "compare `userName` without regard to case"
    "C-04" "op-case" Must [Legacy Flag] [] "wire.md 10.2" patches::op_case
        "`Add`, `Replace`, `Remove` work like their lower-case forms"
        "compare `op` without regard to case"
    "C-05" "boolean-string" Must [Legacy Flag] [] "wire.md 10.2" patches::boolean_string
        "`active` as \"False\" or false disables the user"
        "turn the texts `True` and `False`, in any case, into JSON booleans before storing `active`"
    "C-06" "no-accept" Must [Legacy Flag] [] "wire.md 3.1" users::no_accept
        "a GET without `Accept` is answered with SCIM JSON"
        "take a missing `Accept` as `application/scim+json`"
    "C-07" "valuepath-add" Must [Legacy Flag] [] "wire.md 10.2" patches::valuepath_add
        "`add` at a value path makes the element"
        "create the element with the sub-attribute that the filter names (`type`), then set the value"
    "C-08" "pathless-dotted" Must [Flag] [] "wire.md 10.3" patches::pathless_dotted
        "dotted and URN keys without a path reach their attributes"
        "read each key of an operation without `path` as a path of its own"
    "C-09" "member-remove-value" Must [Legacy] [] "wire.md 10.4" groups::member_remove
        "`Remove members` with a list takes out only those"
        "take out only the members in `value`; without a value and filter alone all"
    "C-10" "member-add-keeps" Must [Legacy Flag] [] "wire.md 12" groups::member_add
        "adding a member keeps the others and makes no duplicate"
        "add to the list; skip a member that is there"
    "C-11" "exclude-members" Must [Rfc] ["entra-legacy" "entra-2020" "strict"] "RFC 7644 3.9" groups::exclude_members
        "`excludedAttributes=members` leaves the members out"
        "honour `excludedAttributes`, in single reads and in lists"
    "C-12" "conflict" Must [Rfc] ["entra-legacy" "entra-2020" "okta-oin" "okta-aiw" "strict"] "RFC 7644 3.12" users::conflict
        "a duplicate is answered with 409 and `uniqueness`"
        "answer 409 with a SCIM Error, `scimType` `uniqueness`, `status` a string; compare `userName` without case"
    "C-13" "create-echo" Must [Rfc] ["entra-legacy" "entra-2020" "okta-oin" "okta-aiw" "strict"] "RFC 7644 3.3" users::create_echo
        "a create answers 201 with the whole user"
        "answer 201 with `id`, `Location`, `meta.resourceType` and the values that were sent"
    "C-14" "inactive-visible" Must [Rfc] ["entra-legacy" "entra-2020" "okta-oin" "okta-aiw" "strict"] "wire.md 7" users::inactive_visible
        "an inactive user is returned by id and by filter"
        "return inactive users with `active` false; only DELETE makes a user invisible"
    "C-15" "delete-twice" Should [Rfc] [] "RFC 7644 3.6" users::delete_twice
        "a deleted user is gone: 204, then 404"
        "answer DELETE with 204 and every later request for that id with 404 and a SCIM Error"
    "C-16" "manager-string" Must [Legacy Flag] [] "wire.md 10.5" patches::manager
        "the manager as a bare string"
        "store the string as `manager.value` and return the object"
    "C-17" "content-type" Should [Rfc] [] "RFC 7644 3.1" users::content_type
        "answers are `application/scim+json`"
        "send `Content-Type: application/scim+json` with every body"
    "C-18" "error-shape" Should [Rfc] [] "RFC 7644 3.12" users::error_shape
        "errors are SCIM Errors"
        "answer errors with the Error schema and `status` as a string equal to the HTTP status"
    "C-19" "paging" Should [Rfc] [] "RFC 7644 3.4.2.4" users::paging
        "pages bring everybody once"
        "honour `startIndex` and `count` on a stable order"
    "C-20" "null-update" Should [Legacy Rfc] [] "wire.md 10.7" patches::null_update
        "`replace` with an empty value clears or is refused"
        "take \"\" and null as no value, or answer 400; never 500"
    "C-21" "no-empty-200" Should [Legacy Flag] [] "RFC 7644 3.5.2" patches::no_empty_200
        "PATCH answers 204 or the user"
        "answer 204, or 200 with the whole resource"
    "C-22" "add-existing" Must [Legacy] [] "RFC 7644 3.5.2.1" patches::add_existing
        "`Add` replaces a single value"
        "treat `add` on a single-valued attribute as `replace`"
    "C-23" "id-stable" Must [Rfc] ["entra-legacy" "entra-2020" "okta-oin" "okta-aiw" "strict"] "RFC 7643 3.1" users::id_stable
        "`id` is the same everywhere"
        "return the same `id` from create, read, list and PATCH"
    "C-24" "atomic-patch" Should [Rfc] [] "RFC 7644 3.5.2" patches::atomic_patch
        "a PATCH is carried out as a whole or not at all"
        "apply all operations in one transaction"
    "C-25" "valuepath-replace" Should [Legacy Flag] [] "wire.md 10.2" patches::valuepath_replace
        "`replace` at a value path makes the missing element"
        "create the element as for `add`"
    "C-26" "urn-path" Must [Legacy Flag] [] "RFC 7644 3.10" patches::urn_path
        "enterprise attributes by their URN"
        "split the path at the last colon after `:User`, never at a dot of the URN"
    "C-27" "core-urn-path" Should [Rfc] [] "RFC 7644 3.10" patches::core_urn_path
        "core attributes by their URN"
        "take the core URN as a prefix of core attributes"
    "C-28" "manager-clear" Should [Legacy Flag Rfc] [] "wire.md 10.4" patches::manager_clear
        "the manager is taken away"
        "take `manager[value eq …]` and `manager` as paths of `remove`, and \"\" as no manager"
    "C-29" "ref-null" Must [Legacy Flag] [] "wire.md 12" groups::ref_null
        "a member with `$ref` null is added"
        "ignore null members of an object"
    "C-30" "member-replace" Should [Flag Okta Wizard] [] "RFC 7644 3.5.2.3" groups::member_replace
        "`replace members` gives exactly the list"
        "replace the whole list"
    "C-31" "roles-forms" Should [Legacy Flag] [] "wire.md 10.6" patches::roles_forms
        "roles as text and as objects give the same roles"
        "read JSON text in `roles[].value`; return `display`"
    "C-32" "roles-primary" Should [Legacy Flag] [] "wire.md 10.6" patches::roles_primary
        "`roles[primary eq \"True\"]` is the primary role"
        "compare the text `True` with the boolean"
    "C-33" "element-isolation" Must [Legacy Flag] [] "RFC 7644 3.5.2" patches::element_isolation
        "a change of one e-mail leaves the other"
        "write only the elements that the filter selects"
    "C-34" "types-kept" Must [Legacy Flag] [] "RFC 7643 2.3" patches::types_kept
        "booleans stay booleans"
        "keep the JSON types of what was stored"
    "C-35" "filter-valuepath" Should [Legacy] [] "wire.md 5" users::filter_valuepath
        "a filter on `emails[type eq \"work\"].value`"
        "understand value paths in filters, if e-mail is a matching attribute"
    "C-36" "charset" Must [Okta] ["entra-legacy" "entra-2020" "okta-oin" "okta-aiw"] "RFC 9110 8.3" users::charset
        "`Content-Type` with a charset is taken"
        "ignore the parameters of the media type"
    "C-37" "groups-probe" Must [Legacy] ["entra-legacy" "entra-2020"] "wire.md 6" groups::groups_probe
        "the probe for groups is answered"
        "offer `/Groups`, or switch groups off in the job"
    "C-38" "attribute-case" Should [Rfc] [] "RFC 7643 2.1" users::attribute_case
        "attribute names in another case"
        "compare attribute names without case"
    "C-39" "base-forms" Info [Rfc] [] "wire.md 2" users::base_forms
        "slashes more or less"
        "answer with and without a slash at the end"
    "C-40" "group-filter" Must [Legacy] ["entra-legacy" "entra-2020" "okta-oin" "okta-aiw" "strict"] "wire.md 7" groups::group_filter
        "a group is found by `displayName`"
        "filter groups by `displayName`, without case"
    "C-41" "filter-externalid" Should [Legacy] [] "wire.md 7" users::filter_externalid
        "a user is found by `externalId`"
        "return and filter `externalId`, if it is a matching attribute"
    "C-42" "probe-latency" Info [Legacy] [] "wire.md 15.2" users::probe_latency
        "a probe is answered within a second"
        "index `userName`; do not scan or ask elsewhere"
    "C-43" "okta-pathless" Must [Okta Wizard] [] "wire.md 18" patches::okta_pathless
        "Okta's operations without a path, or its PUT of the whole"
        "read `active`, `members` and `displayName` from the value; ignore an echoed `id`"
    "C-44" "unknown-urn" Should [Rfc] [] "RFC 7644 3.3" users::unknown_urn
        "unknown extensions do no harm"
        "ignore schemas and extensions that are unknown"
    "C-45" "put-merge" Must [Okta Wizard] [] "RFC 7644 3.5.1" users::put_merge
        "a PUT of what was read, changed, is applied"
        "ignore read-only parts of a PUT and apply the rest, `displayName` of groups too"
    "C-46" "discovery" Info [Rfc] [] "RFC 7644 4" users::discovery
        "discovery has the right shapes"
        "answer `/Schemas` and `/ResourceTypes` with a ListResponse"
    "C-47" "values-kept" Must [Rfc] ["entra-legacy" "entra-2020" "okta-oin" "okta-aiw" "strict"] "RFC 7643 2.3.1" users::values_kept
        "values come back as they were sent"
        "store and return values as they came; compare, not store, in lower case"
    "C-48" "verbs" Must [Rfc] ["entra-legacy" "entra-2020" "okta-oin" "okta-aiw" "strict"] "RFC 7644 3.2" users::verbs
        "PATCH, PUT and DELETE reach the application"
        "let PATCH, PUT and DELETE through WebDAV modules, proxies and firewalls"
    "C-49" "bad-token" Must [Rfc] ["entra-legacy" "entra-2020" "okta-oin" "okta-aiw" "strict"] "RFC 7644 2" users::bad_token
        "only the right token is let in"
        "answer 401 with a SCIM Error to wrong and missing tokens"
    "C-50" "throttling" Info [Legacy] [] "RFC 6585 4" users::throttling
        "429 says how long to wait"
        "send `Retry-After` with 429"
    "C-51" "many-members" Should [Rfc] [] "wire.md 12" groups::many_members
        "150 members at once"
        "take all members of a request, or refuse the request"
    "C-52" "no-etag-needed" Must [Legacy Flag] [] "wire.md 17" patches::no_etag
        "PATCH works without `If-Match`"
        "do not demand `If-Match`"
    "C-53" "formatted" Info [Legacy Flag] [] "RFC 7643 4.1.1" patches::formatted
        "`name.formatted` and `displayName` can be set"
        "apply or ignore them, without an error"
    "C-54" "array-for-single" Info [Legacy] [] "validator.md 50" patches::array_for_single
        "a list for a single value"
        "take the one element's `value`"
    "C-55" "multi-op" Must [Legacy Flag] [] "wire.md 10.1" patches::multi_op
        "several operations in one request"
        "apply every operation, in order"
    "C-56" "filter-encoding" Must [Legacy] ["entra-legacy" "entra-2020" "okta-oin" "okta-aiw" "strict"] "wire.md 5" users::filter_encoding
        "special characters in filters"
        "decode `+` and `%20` as a space and everything else as UTF-8, once"
    "C-57" "restore" Must [Legacy Flag Okta Wizard] [] "wire.md 11" patches::restore
        "disabled and enabled again, a user is the same"
        "change `active` alone"
    "C-58" "rename-user" Must [Legacy Flag] [] "wire.md 10.2" patches::rename_user
        "a user gets another `userName`"
        "allow changes of `userName` and free the old name"
    "C-59" "reuse-after-delete" Should [Rfc] [] "wire.md 20.1" users::reuse_after_delete
        "a deleted user's names can be used again"
        "do not keep the names of deleted users"
    "C-60" "patch-unknown-id, group-in-group" Info [Rfc] [] "RFC 7644 3.12" groups::unknown_id
        "an unknown id is 404; a group in a group is taken or refused"
        "answer 404; store nested groups or answer 400"
    "C-61" "group-replace-scope" Must [Flag] [] "wire.md 10.3" groups::replace_scope
        "a replace on a group leaves the members"
        "change only the attribute that was named"
    "C-62" "members-emptied" Must [Okta Wizard] [] "wire.md 18" groups::members_emptied
        "an empty list empties the group"
        "take an empty list as no members"
    "C-63" "reassign" Must [Rfc] ["entra-legacy" "entra-2020" "okta-oin" "okta-aiw" "strict"] "wire.md 7" users::reassign
        "an inactive user is found when assigned again"
        "answer 409 to the create and let the filter find the inactive user"
}
