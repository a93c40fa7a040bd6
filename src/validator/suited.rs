//! What may be tried: with a mapping only what that sends.

use serde_json::Value;

use super::conversation::Conversation;
use super::mapped;

impl Conversation {
    /// Whether the attribute at `path` may be sent: with a mapping only what that sends to users.
    pub(super) fn maps(&self, path: &str) -> bool {
        self.mapping.as_ref().is_none_or(|mapping| mapped::sends_for_users(mapping, path))
    }

    /// Whether anything at a path with `part` in it may be sent.
    pub(super) fn maps_any(&self, part: &str) -> bool {
        self.mapping.as_ref().is_none_or(|mapping| mapped::sends(mapping, part))
    }

    /// A text to try things with, that the endpoint keeps and the mapping sends.
    pub(super) fn spare(&self, besides: &str) -> Option<&'static str> {
        const KINTONE: [&str; 3] = ["displayName", "name.familyName", "name.givenName"];
        const ANY: [&str; 5] = ["title", "nickName", "displayName", "name.familyName", "name.givenName"];
        let names = if self.kintone { &KINTONE[..] } else { &ANY[..] };
        names.iter().copied().find(|name| *name != besides && self.maps(name))
    }

    /// Leaves out what the mapping does not send.
    pub(super) fn keep_to_mapping(&self, user: &mut Value) {
        let Value::Object(members) = user else { return };
        if self.mapping.is_some() {
            let always = ["schemas", "userName", "active", "meta"];
            members.retain(|name, _| {
                always.contains(&name.as_str())
                    || self.maps(name)
                    || self.maps_any(&format!("{name}["))
                    || self.maps_any(&format!("{name}."))
                    || self.maps_any(&format!("{name}:"))
            });
        }
    }
}
