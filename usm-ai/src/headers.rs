//! The headers of a reply that anyone here reads.

use std::collections::BTreeMap;

use reqwest::header::HeaderMap;

/// All others are dropped.
const KEPT_HEADERS: [&str; 9] = [
    "retry-after",
    "retry-after-ms",
    "date",
    "location",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-requests",
    "x-ratelimit-reset-tokens",
    "x-ratelimit-reset",
];

/// The headers of a reply that matter here, by lower-case name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Headers(BTreeMap<&'static str, String>);

impl Headers {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(crate) fn of(all: &HeaderMap) -> Self {
        let text = |name: &'static str| Some((name, all.get(name)?.to_str().ok()?.to_owned()));
        Self(KEPT_HEADERS.into_iter().filter_map(text).collect())
    }

    #[cfg(test)]
    pub(crate) fn of_pairs(pairs: &[(&'static str, &str)]) -> Self {
        Self(pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect())
    }
}
