//! Whom a name that a person typed means (contract.md 2, `provision-now`).

use std::collections::HashMap;

use crate::model::{Deletion, ObjectKind, SourceObject};
use crate::source::ObjectKey;

/// So many who are called alike are told; more are no help.
pub(super) const TOLD: usize = 5;
/// So many refused records are remembered to look for a name in.
const REFUSED: usize = 10_000;

/// How well a name fits an object; the smallest wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Anchor,
    Login,
    /// But for the case of letters.
    LoginFolded,
    Mail,
    MailFolded,
}

/// How near an object is to what was asked for: the kind that was meant first, then the name; and whoever has gone last.
type Rank = (bool, Fit, bool);

/// Those who are called by one name as well as each other.
struct Called {
    rank: Rank,
    /// With different anchors, never empty; the first [`TOLD`] and one more.
    objects: Vec<SourceObject>,
}

/// A record that could not be read.
#[derive(Clone)]
pub(super) struct Unread {
    pub file: String,
    pub line: u64,
    pub code: &'static str,
    pub message: String,
    text: Option<String>,
    key: Option<ObjectKey>,
}

/// Collects who is called by each of some names, in one way through the source.
pub(super) struct Names<'n> {
    ids: &'n [String],
    sought: ObjectKind,
    called: HashMap<&'n str, Called>,
    unread: Vec<Unread>,
}

/// Whom the names mean.
#[derive(Default)]
pub(super) struct Meant {
    /// By the name that was asked for.
    pub found: HashMap<String, SourceObject>,
    /// Names by which several are called: the first of them.
    pub several: HashMap<String, Vec<SourceObject>>,
    /// The refused records in which a name stands that nobody was found by: the first of each.
    pub unread: HashMap<String, Unread>,
}

impl<'n> Names<'n> {
    pub fn new(ids: &'n [String], sought: ObjectKind) -> Self {
        Self { ids, sought, called: HashMap::new(), unread: Vec::new() }
    }

    /// Notes an object where it is called by a name; `login`: the attribute behind the first matching one.
    pub fn meet(&mut self, object: &SourceObject, login: Option<&str>) {
        for id in self.ids {
            let Some(fit) = fit(object, id, login) else { continue };
            let rank = (object.kind != self.sought, fit, object.deletion != Deletion::None);
            let Some(called) = self.called.get_mut(id.as_str()) else {
                self.called.insert(id, Called { rank, objects: vec![object.clone()] });
                continue;
            };
            // Of two records of one object the later counts, as in a cycle.
            if rank.1 == called.rank.1 {
                called.objects.retain(|one| !is_same(one, object));
            }
            if called.objects.is_empty() || rank < called.rank {
                *called = Called { rank, objects: vec![object.clone()] };
            } else if rank == called.rank && called.objects.len() <= TOLD {
                called.objects.push(object.clone());
            }
        }
    }

    /// Notes a record that could not be read.
    pub fn refuse(
        &mut self,
        (file, line): (&str, u64),
        code: &'static str,
        message: String,
        text: Option<String>,
        key: Option<ObjectKey>,
    ) {
        if self.unread.len() < REFUSED {
            self.unread.push(Unread { file: file.to_owned(), line, code, message, text, key });
        }
    }

    /// Whom each name means; nobody is guessed.
    pub fn meant(self) -> Meant {
        let mut meant = Meant::default();
        for (id, Called { mut objects, .. }) in self.called {
            if objects.len() > 1 {
                meant.several.insert(id.to_owned(), objects);
            } else if let Some(object) = objects.pop() {
                meant.found.insert(id.to_owned(), object);
            }
        }
        if self.unread.is_empty() {
            return meant;
        }
        for id in self.ids {
            if meant.knows(id) {
                continue;
            }
            let folded = id.to_lowercase();
            let keys = [ObjectKind::User, ObjectKind::Group].map(|kind| ObjectKey::of(kind, id));
            let mut unread = self.unread.iter();
            let one = unread.find(|one| {
                one.key.is_some_and(|key| keys.contains(&key))
                    || one.text.as_ref().is_some_and(|text| stands_in(&folded, &text.to_lowercase()))
            });
            meant.unread.extend(one.map(|one| (id.clone(), one.clone())));
        }
        meant
    }
}

impl Meant {
    /// Says whether somebody is called so.
    pub fn knows(&self, id: &str) -> bool {
        self.found.contains_key(id) || self.several.contains_key(id)
    }
}

fn is_same(one: &SourceObject, other: &SourceObject) -> bool {
    ObjectKey::of(one.kind, one.anchor.as_str()) == ObjectKey::of(other.kind, other.anchor.as_str())
}

fn fit(object: &SourceObject, id: &str, login: Option<&str>) -> Option<Fit> {
    // Nobody is called nothing.
    if id.trim().is_empty() {
        return None;
    }
    let is_folded =
        |text: &str| text.eq_ignore_ascii_case(id) || (!id.is_ascii() && text.to_lowercase() == id.to_lowercase());
    if is_folded(object.anchor.as_str()) {
        return Some(Fit::Anchor);
    }
    let attributes = [(login, Fit::Login, Fit::LoginFolded), (Some("mail"), Fit::Mail, Fit::MailFolded)];
    attributes.into_iter().find_map(|(name, exact, folded)| match object.text(name?)? {
        text if text == id => Some(exact),
        text if is_folded(text) => Some(folded),
        _ => None,
    })
}

/// Whether a name stands in a text as a whole, and not as a part of another.
fn stands_in(name: &str, text: &str) -> bool {
    let goes_on = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || "._-+@".contains(c));
    !name.is_empty()
        && text
            .match_indices(name)
            .any(|(at, _)| !goes_on(text[..at].chars().next_back()) && !goes_on(text[at + name.len()..].chars().next()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_not_a_part_of_another() {
        for (name, text, stands) in [
            ("b@x", "b@x,\"b\"x,1", true),
            ("b@x", "bob@x,1", false),
            ("b@x", "bob@x,b@x.jp,\"b@x\"", true),
            ("b@x", "b@x.jp", false),
            ("", "b", false),
        ] {
            assert_eq!(stands_in(name, text), stands, "{name} in {text}");
        }
    }
}
