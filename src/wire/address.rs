//! The tenant URL as an administrator pastes it (wire.md 2).

use std::net::IpAddr;

use reqwest::Url;

use super::Remark;
use super::dialect::{Dialect, ENTRA_2020, ENTRA_LEGACY};
use crate::model::secrecy;

const FLAG_2020: &str = "aadOptscim062020";
const FLAG_LEGACY: &str = "AzureAdScimPatch2017";

/// Where the target is and how it wants to be spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantUrl {
    /// Scheme, host, port and path, without a slash at the end; request paths are appended to it.
    pub base: String,
    /// In lower case.
    pub host: String,
    pub dialect: &'static Dialect,
    /// Encoded query items to append to every request; empty for none.
    pub extra_query: String,
    pub remarks: Vec<Remark>,
}

/// How a tenant URL is to be read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reading {
    /// The dialect the configuration names outright; `None` follows the flags.
    pub dialect: Option<&'static Dialect>,
    pub allow_insecure_http: bool,
    pub passthrough_query: bool,
    pub pass_flags: bool,
    /// Does not let `aadOptscim062020` count, as the real service in an on-demand run.
    pub ignore_2020_flag: bool,
}

/// Why a tenant URL cannot be used, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConfigFault {
    pub message: String,
    pub help: String,
}

impl TenantUrl {
    /// Takes the URL apart; flags are consumed, trailing slashes dropped, nothing is repaired.
    pub fn parse(text: &str, reading: Reading) -> Result<Self, ConfigFault> {
        let fault = |message: String, help: &str| Err(ConfigFault { message, help: help.to_owned() });
        let text = text.trim();
        let url = match Url::parse(text) {
            Ok(url) => url,
            Err(error) => {
                return fault(
                    format!("the tenant URL cannot be read: {error}"),
                    "write it like `https://app.example.com/scim/v2`",
                );
            }
        };
        let Some(host) = url.host_str().map(str::to_ascii_lowercase) else {
            return fault("the tenant URL names no host".to_owned(), "write it like `https://app.example.com/scim/v2`");
        };
        match url.scheme() {
            "https" => {}
            "http" if reading.allow_insecure_http || is_loopback(&host) => {}
            "http" => {
                return fault(
                    format!("the tenant URL for `{host}` is not encrypted"),
                    "write `https://`, or set `allow_insecure_http: true` for a test",
                );
            }
            other => return fault(format!("the tenant URL begins with `{other}:`"), "write `https://`"),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return fault(
                "the tenant URL carries a user name or password".to_owned(),
                "take the part before `@` out and configure `auth` instead",
            );
        }
        let mut remarks = Vec::new();
        if url.fragment().is_some() {
            remarks.push(Remark::new("fragment-dropped", "the part of the tenant URL from `#` on is not sent"));
        }
        let (flags, others) = split_query(url.query().unwrap_or(""));
        let flagged = |name: &str| flags.iter().any(|flag| flag_name(flag).eq_ignore_ascii_case(name));
        let by_flag = match flagged(FLAG_2020) && !flagged(FLAG_LEGACY) && !reading.ignore_2020_flag {
            true => &ENTRA_2020,
            false => &ENTRA_LEGACY,
        };
        if let (Some(dialect), false) = (reading.dialect, flags.is_empty()) {
            let detail =
                format!("the dialect is set to `{}`, so the flag in the tenant URL does not count", dialect.name);
            remarks.push(Remark::new("flag-ignored", detail));
        }
        if !others.is_empty() && !reading.passthrough_query {
            let detail = format!("`{}` of the tenant URL is not sent", secrecy::shown_query(&others.join("&")));
            remarks.push(Remark::new("query-dropped", detail));
        }
        let mut extra = Vec::new();
        if reading.passthrough_query {
            extra.extend(others);
        }
        if reading.pass_flags {
            extra.extend(flags);
        }
        let dialect = reading.dialect.unwrap_or(by_flag);
        let path = url.path().trim_end_matches('/');
        remarks.extend(path_remarks(path));
        if !dialect.underscore_in_host && host.contains('_') {
            remarks.push(Remark::new("host-underscore", format!("the original client refuses the host `{host}`")));
        }
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let base = format!("{}://{host}{port}{path}", url.scheme());
        Ok(Self { base, host, dialect, extra_query: extra.join("&"), remarks })
    }
}

fn split_query(query: &str) -> (Vec<&str>, Vec<&str>) {
    query.split('&').filter(|item| !item.is_empty()).partition(|item| {
        let name = flag_name(item);
        name.eq_ignore_ascii_case(FLAG_2020) || name.eq_ignore_ascii_case(FLAG_LEGACY)
    })
}

fn flag_name(item: &str) -> &str {
    item.split_once('=').map_or(item, |(name, _)| name)
}

fn path_remarks(path: &str) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let lower = path.to_ascii_lowercase();
    if [FLAG_2020, FLAG_LEGACY].iter().any(|flag| lower.contains(&flag.to_ascii_lowercase())) {
        remarks.push(Remark::new("flag-in-path", "a flag counts only behind a `?` in the tenant URL"));
    }
    if lower.ends_with("/users") || lower.ends_with("/groups") {
        remarks.push(Remark::new("resource-in-base", "`/Users` and `/Groups` are appended to the tenant URL"));
    }
    remarks
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.ends_with(".localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> TenantUrl {
        TenantUrl::parse(text, Reading::default()).expect(text)
    }

    #[test]
    fn what_is_no_tenant_url_is_refused() {
        for text in
            ["", "x", "ftp://a.example/", "http://a.example/scim", "https://u:p@a.example/", "mailto:a@b.example"]
        {
            assert!(TenantUrl::parse(text, Reading::default()).is_err(), "{text}");
        }
        for text in ["http://127.0.0.1:8080/x", "http://localhost/x", "http://[::1]:9/x"] {
            assert!(TenantUrl::parse(text, Reading::default()).is_ok(), "{text}");
        }
    }

    #[test]
    fn oddities_are_remarked_on() {
        let cases = [
            ("https://a.example/scim#x", "fragment-dropped"),
            ("https://a.example/scim?x=1", "query-dropped"),
            ("https://a.example/scim/aadOptscim062020", "flag-in-path"),
            ("https://a.example/scim/Users/", "resource-in-base"),
        ];
        for (text, code) in cases {
            let codes: Vec<_> = parse(text).remarks.iter().map(|remark| remark.code).collect();
            assert_eq!(codes, [code], "{text}");
        }
    }

    #[test]
    fn a_dialect_named_outright_beats_the_flag() {
        let reading = Reading { dialect: Some(&super::super::STRICT), ..Reading::default() };
        let url = TenantUrl::parse("https://a.example/?aadOptscim062020=1", reading).expect("it is a URL");
        assert_eq!((url.dialect.name, url.base.as_str()), ("strict", "https://a.example"));
        assert_eq!(url.remarks[0].code, "flag-ignored");
    }

    #[test]
    fn query_items_and_flags_are_passed_on_when_asked_for() {
        let reading = Reading { passthrough_query: true, pass_flags: true, ..Reading::default() };
        let url = TenantUrl::parse("https://a.example/s?aadOptscim062020&t=4", reading).expect("it is a URL");
        assert_eq!((url.extra_query.as_str(), url.remarks), ("t=4&aadOptscim062020", Vec::new()));
    }

    #[test]
    fn an_on_demand_run_may_ignore_the_flag() {
        let reading = Reading { ignore_2020_flag: true, ..Reading::default() };
        let url = TenantUrl::parse("https://a.example/s?aadOptscim062020", reading).expect("it is a URL");
        assert_eq!(url.dialect.name, "entra-legacy");
    }
}
