//! What write-only attributes were sent last, as digests: the target never shows them (service.md 12).

use blake3::Hasher;

use super::intended::{feed, feed_json, hex};
use super::line::{KindRules, Line};
use crate::model::{Desired, Flow, Mutability, Sent, SourceAnchor, TargetId, TargetValue};
use crate::plan::Decision;
use crate::store::StoreError;

/// The key of the digests, so that nobody can find a value by trying without this state file.
pub(super) fn key(secret: &[u8; 32]) -> [u8; 32] {
    blake3::derive_key("provisiond digests of write-only attributes", secret)
}

/// Whose the value is and which it is; another account was never sent anything.
fn digest(key: &[u8; 32], target: &TargetId, path: &str, value: &TargetValue) -> String {
    let mut whose = Hasher::new_keyed(key);
    feed(&mut whose, target.as_str().as_bytes());
    let mut hasher = whose.clone();
    feed(&mut hasher, path.as_bytes());
    feed_json(&mut hasher, &value.to_json());
    format!("{}-{}", hex(&whose.finalize().as_bytes()[..8]), hex(&hasher.finalize().as_bytes()[..16]))
}

impl<T> Line<'_, T> {
    /// Notes on each write-only attribute what the linked account `target` was sent last.
    pub(super) fn mark_sent(
        &self,
        kind: &KindRules<'_>,
        anchor: &SourceAnchor,
        target: Option<&TargetId>,
        desired: &mut [Desired],
    ) -> Result<(), StoreError> {
        let Some(target) = target.filter(|_| kind.mapping.has_write_only()) else { return Ok(()) };
        let kept = self.store.kept_values(self.job, anchor)?;
        for one in desired.iter_mut().filter(|one| one.rule.mutability == Mutability::WriteOnly) {
            let path = one.rule.path.as_str();
            let Some(last) = kept.get(path) else { continue };
            let print = |value: &TargetValue| digest(&self.kept_key, target, path, value);
            let whose = |print: &str| print.split('-').next() == last.split('-').next();
            one.sent = match &one.flow {
                Flow::Value(value) => match print(value) {
                    print if print == *last => Sent::Same,
                    print if whose(&print) => Sent::Other,
                    _ => Sent::Unknown,
                },
                Flow::Null | Flow::Ignore if whose(&print(&TargetValue::Boolean(false))) => Sent::Other,
                Flow::Null | Flow::Ignore => Sent::Unknown,
            };
        }
        Ok(())
    }

    /// What must be kept of a write that went through.
    pub(super) fn kept_after(&self, decision: &Decision, target: Option<&TargetId>) -> Vec<(String, Option<String>)> {
        let Some(target) = target else { return Vec::new() };
        let changes = decision.changes().iter().filter(|change| change.rule.mutability == Mutability::WriteOnly);
        let kept = changes.map(|change| {
            let path = change.rule.path.as_str();
            (path.to_owned(), change.set.as_ref().map(|value| digest(&self.kept_key, target, path, value)))
        });
        kept.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_tells_account_attribute_and_value_apart_and_no_value() {
        let key = key(&[7; 32]);
        let of = |target: &str, path: &str, value: &str| {
            digest(&key, &TargetId(target.to_owned()), path, &TargetValue::Text(value.to_owned()))
        };
        let one = of("a", "pin", "1234");
        assert_eq!(one, of("a", "pin", "1234"));
        assert!(!one.contains("1234"));
        for (other, same_account) in
            [(of("b", "pin", "1234"), false), (of("a", "title", "1234"), true), (of("a", "pin", "1235"), true)]
        {
            assert_ne!(one, other);
            assert_eq!(one.split('-').next() == other.split('-').next(), same_account);
        }
        assert_ne!(one, digest(&[8; 32], &TargetId("a".to_owned()), "pin", &TargetValue::Text("1234".to_owned())));
    }
}
