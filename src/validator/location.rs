//! Whether what an answer names as the place of a user leads to it (wire.md 14).

use percent_encoding::percent_decode_str;
use reqwest::Url;
use serde_json::Value;

use super::judge::Seen;
use super::state::get;

/// The first place in the answer that does not lead to the user in it, in words; what is not told cannot be wrong.
pub(super) fn astray(seen: &Seen) -> Option<String> {
    let id = get(&seen.body, "id").and_then(Value::as_str)?;
    let inside = get(&seen.body, "meta").and_then(|meta| get(meta, "location")).and_then(Value::as_str);
    [("the `Location` header", seen.location.as_deref()), ("`meta.location`", inside)].into_iter().find_map(
        |(what, place)| {
            let place = place.filter(|place| !leads_to(place, &seen.base, id))?;
            Some(format!("{what} is `{place}`, which does not lead to the user `{id}`"))
        },
    )
}

/// Whether `place` is the user's below `base`. On another server than that of `base` only its end counts: an endpoint
/// may be reached by another name than its own, or through a proxy.
fn leads_to(place: &str, base: &str, id: &str) -> bool {
    let collection = Url::parse(&format!("{base}/Users")).ok();
    let whole = collection.as_ref().map_or_else(|| Url::parse(place), |collection| collection.join(place));
    let Ok(url) = whole else { return false };
    let path = percent_decode_str(url.path().trim_end_matches('/')).decode_utf8_lossy().into_owned();
    let Some(above) = path.strip_suffix(id).and_then(|above| above.strip_suffix('/')) else { return false };
    match collection.filter(|collection| collection.origin() == url.origin()) {
        Some(collection) => above.eq_ignore_ascii_case(&percent_decode_str(collection.path()).decode_utf8_lossy()),
        None => above.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case("Users")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_leads_to_the_user_or_astray() {
        let base = "https://a.example/scim/v2";
        let right = [
            ("https://a.example/scim/v2/Users/a%20b", "a b"),
            ("https://A.example:443/scim/v2/users/1/", "1"),
            ("/scim/v2/Users/1", "1"),
            ("Users/1", "1"),
            ("//a.example/scim/v2/Users/1?x=y", "1"),
            ("http://behind.example:8080/inner/Users/1", "1"),
        ];
        for (place, id) in right {
            assert!(leads_to(place, base, id), "{place}");
        }
        let wrong = [
            "https://a.example/scim/v2/Users/wrong",
            "https://a.example/scim/v2/Users",
            "https://a.example/scim/v2/Groups/1",
            "https://a.example/scim/Users/1",
            "/Users/1",
            "1",
            "",
            "http://other.example/",
            "http://other.example/1",
            "https://other.example/scim/v2/Groups/1",
        ];
        for place in wrong {
            assert!(!leads_to(place, base, "1"), "{place}");
        }
        // Of an exchange whose base is not known, only the end can be judged.
        assert!(leads_to("https://a.example/Users/1", "", "1") && !leads_to("https://a.example/Users/2", "", "1"));
    }
}
