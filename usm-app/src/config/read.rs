//! Reads settings one by one and remembers every one that is not usable, so that all are reported at once.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use super::{Secret, SecretUrl};

/// Every setting that is not usable. Shown as a list, one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    pub(super) fn one(error: ConfigError) -> Self {
        Self(vec![error])
    }

    /// The settings, in the order they were read; never empty.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.0.iter()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [one] => write!(f, "a setting is not usable: {one}"),
            many => {
                write!(f, "{} settings are not usable:", many.len())?;
                many.iter().try_for_each(|error| write!(f, "\n  - {error}"))
            }
        }
    }
}

impl std::error::Error for ConfigErrors {}

/// One setting that is not usable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Name of the environment variable, or `.env` when the file itself cannot be read.
    pub variable: &'static str,
    /// The value as given, shortened; `None` when it is secret or was not given.
    pub value: Option<String>,
    /// What is allowed, or what to do.
    pub problem: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}={value:?}: {}", self.variable, self.problem),
            None => write!(f, "{}: {}", self.variable, self.problem),
        }
    }
}

/// A variable whose bytes are not UTF-8.
#[derive(Debug)]
pub(super) struct NotUnicode;

/// Where values come from: `None` when a variable is not set.
pub(super) type Source<'a> = &'a dyn Fn(&'static str) -> Result<Option<String>, NotUnicode>;

/// Reads typed values from a [`Source`] and collects what is wrong. A refused value is replaced by the default, so
/// that reading goes on; [`Reader::finish`] then reports it.
pub(super) struct Reader<'a> {
    source: Source<'a>,
    errors: Vec<ConfigError>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: Source<'a>) -> Self {
        Self { source, errors: Vec::new() }
    }

    pub(super) fn finish<T>(self, config: T) -> Result<T, ConfigErrors> {
        if self.errors.is_empty() { Ok(config) } else { Err(ConfigErrors(self.errors)) }
    }

    /// Reports a value that may be shown.
    pub(super) fn refuse(&mut self, variable: &'static str, value: &str, problem: impl Into<String>) {
        let mut shown: String = value.chars().take(80).collect();
        if shown.len() < value.len() {
            shown.push('…');
        }
        self.errors.push(ConfigError { variable, value: Some(shown), problem: problem.into() });
    }

    /// Reports a value that must not be shown, or that is missing.
    pub(super) fn refuse_unseen(&mut self, variable: &'static str, problem: impl Into<String>) {
        self.errors.push(ConfigError { variable, value: None, problem: problem.into() });
    }

    /// The value without surrounding blanks; a blank one counts as not set, as in `NAME=` of a compose file.
    pub(super) fn text(&mut self, variable: &'static str) -> Option<String> {
        match (self.source)(variable) {
            Ok(value) => value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()),
            Err(NotUnicode) => {
                self.refuse_unseen(variable, "is not valid UTF-8, set it again");
                None
            }
        }
    }

    /// The value as `parse` understands it. `allowed` ends the sentence "must be …".
    pub(super) fn parsed<T>(
        &mut self,
        variable: &'static str,
        default: T,
        allowed: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> T {
        let Some(value) = self.text(variable) else { return default };
        parse(&value).unwrap_or_else(|| {
            self.refuse(variable, &value, format!("must be {allowed}"));
            default
        })
    }

    /// A whole number within `range`.
    pub(super) fn number<T>(&mut self, variable: &'static str, default: T, range: RangeInclusive<T>) -> T
    where
        T: FromStr + PartialOrd + fmt::Display,
    {
        let allowed = format!("a whole number from {} to {}", range.start(), range.end());
        self.parsed(variable, default, &allowed, |value| {
            value.parse().ok().filter(|number| range.contains(number))
        })
    }

    /// A yes-or-no value.
    pub(super) fn switch(&mut self, variable: &'static str, default: bool) -> bool {
        self.parsed(variable, default, "true or false", |value| match value.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => None,
        })
    }

    /// A key that is sent in a header, hence visible ASCII without blanks.
    pub(super) fn key(&mut self, variable: &'static str) -> Option<Secret> {
        let value = self.text(variable)?;
        if value.chars().all(|c| c.is_ascii_graphic()) {
            return Some(Secret::new(value));
        }
        self.refuse_unseen(variable, "must be visible ASCII characters without blanks, copy the key again");
        None
    }

    /// An address that may carry a password, with one of `schemes` and something behind it.
    pub(super) fn secret_url(&mut self, variable: &'static str, schemes: &[&str]) -> Option<SecretUrl> {
        let value = self.text(variable)?;
        if is_ambiguous(&value) {
            self.refuse_unseen(variable, ENCODE);
            return None;
        }
        if is_url(&value, schemes) {
            return Some(SecretUrl::new(value));
        }
        self.refuse_unseen(variable, format!("must be an address like {}", examples(schemes)));
        None
    }
}

/// Whether `value` is `scheme://host…` with one of `schemes`; the host is whatever is not a separator.
pub(super) fn is_url(value: &str, schemes: &[&str]) -> bool {
    let Some((scheme, rest)) = value.split_once("://") else { return false };
    let named = schemes.iter().any(|known| known.eq_ignore_ascii_case(scheme));
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let clean = !value.chars().any(|c| c.is_whitespace() || c.is_control());
    named && clean && host.starts_with(|c: char| c.is_alphanumeric() || c == '[' || c == '/')
}

/// What to do about an address that [`is_ambiguous`].
pub(super) const ENCODE: &str = "has a special character in user, password or path that is not percent-encoded; write @ as %40, # as %23, / as %2F, ? as %3F";

/// Whether a password with such a character may have cut the address: what follows it would pass for a path, and what stands
/// before it for a host, and be shown.
pub(super) fn is_ambiguous(value: &str) -> bool {
    let rest = value.split_once("://").map_or(value, |(_, rest)| rest);
    rest.split_once(['/', '?', '#']).is_some_and(|(_, after)| after.contains('@'))
}

fn examples(schemes: &[&str]) -> String {
    let examples: Vec<String> = schemes.iter().map(|scheme| format!("{scheme}://host…")).collect();
    examples.join(" or ")
}
