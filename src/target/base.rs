//! Where requests go: the base of the tenant URL.

use bytes::Bytes;
use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

use super::settings::SetupFault;
use crate::wire::{Fault, FaultKind};

/// The base of a target, taken apart.
#[derive(Debug, Clone)]
pub(super) struct Base {
    pub scheme: Scheme,
    pub authority: Authority,
    /// Its path, without a slash at the end.
    pub prefix: String,
}

impl Base {
    pub fn parse(text: &str) -> Result<Self, SetupFault> {
        let wrong = || SetupFault::new("the base of the target is no URL", "give the tenant URL");
        let base = text.parse::<Uri>().map_err(|_| wrong())?;
        let prefix = base.path().trim_end_matches('/').to_owned();
        let parts = base.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else { return Err(wrong()) };
        Ok(Self { scheme, authority, prefix })
    }

    /// The URL of a request; `path` is below the base, `query` without `?`.
    pub fn uri(&self, path: &str, query: &str) -> Result<Uri, Fault> {
        let mut target = String::with_capacity(self.prefix.len() + path.len() + query.len() + 1);
        target.push_str(&self.prefix);
        target.push_str(path);
        if !query.is_empty() {
            target.push('?');
            target.push_str(query);
        }
        let target = PathAndQuery::from_maybe_shared(Bytes::from(target)).map_err(|error| unsendable(&error))?;
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(target);
        Uri::from_parts(parts).map_err(|error| unsendable(&error))
    }

    /// What is left of `path` below the base; all of it where the base is no part of it.
    pub fn below<'p>(&self, path: &'p str) -> &'p str {
        match path.strip_prefix(self.prefix.as_str()) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
            Some(_) | None => path,
        }
    }
}

pub(super) fn unsendable(error: &dyn std::fmt::Display) -> Fault {
    Fault::new(FaultKind::Unsendable, format!("the request cannot be sent: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_with_or_without_the_base() {
        let base = Base::parse("https://a.example/scim/v2").expect("a URL");
        let cases =
            [("/scim/v2/Users", "/Users"), ("/Users", "/Users"), ("/scim/v2", ""), ("/scim/v20/x", "/scim/v20/x")];
        for (path, expected) in cases {
            assert_eq!(base.below(path), expected, "{path}");
        }
        assert_eq!(Base::parse("http://a.example").expect("a URL").below("/Users"), "/Users");
    }
}
