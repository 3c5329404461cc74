//! Values that must never be shown: keys, and addresses with a password inside.

use std::fmt;

use serde::{Serialize, Serializer};

const MASK: &str = "***";

/// A key or password. `Debug`, `Display` and `Serialize` show `***`; only [`Secret::expose`] gives the value.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value that must not be shown.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(MASK)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MASK)
    }
}

/// An address that may carry a password. Shown through [`mask_url`]; [`SecretUrl::expose`] gives it whole.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(String);

impl SecretUrl {
    /// Wraps an address whose password must not be shown.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The whole address, password included, for the one place that connects to it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mask_url(&self.0))
    }
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&mask_url(&self.0))
    }
}

impl Serialize for SecretUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&mask_url(&self.0))
    }
}

/// The address without what is secret in it: the password before `@`, and query values named like a secret.
///
/// A password that was not percent-encoded may contain `/`, `?` or `@`, so this hides too much rather than
/// too little.
///
/// ```
/// use usm_app::config::mask_url;
/// assert_eq!(mask_url("amqps://user:pa/ss@host/vhost"), "amqps://user:***@host/vhost");
/// assert_eq!(mask_url("postgres://root@host/db?password=x"), "postgres://root@host/db?password=***");
/// ```
pub fn mask_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return if url.contains('@') { MASK.to_owned() } else { mask_query(url) };
    };
    let Some((credentials, address)) = rest.rsplit_once('@') else {
        return format!("{scheme}://{}", mask_query(rest));
    };
    // The `@` may belong to a query value, and then what follows it is secret too.
    let in_query = credentials.split_once('?').is_some_and(|(_, query)| query.contains('='));
    let user = match credentials.split_once(':') {
        _ if in_query => return format!("{scheme}://{MASK}"),
        Some((user, _)) if !user.contains(['/', '?', '#']) => format!("{user}:{MASK}"),
        None if !credentials.contains(['/', '?', '#']) => credentials.to_owned(),
        _ => return format!("{scheme}://{MASK}"),
    };
    format!("{scheme}://{user}@{}", mask_query(address))
}

fn mask_query(address: &str) -> String {
    let Some((path, query)) = address.split_once('?') else {
        return address.to_owned();
    };
    let pairs: Vec<String> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, _)) if names_a_secret(name) => format!("{name}={MASK}"),
            _ => pair.to_owned(),
        })
        .collect();
    format!("{path}?{}", pairs.join("&"))
}

fn names_a_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["pass", "pwd", "secret", "token", "key"].iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn a_secret_is_masked_in_every_output() {
        let secret = Secret::new("sk-12345");

        assert_eq!(format!("{secret} {secret:?}"), "*** ***");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"***\"");
        assert_eq!(secret.expose(), "sk-12345");
    }

    #[test]
    fn an_address_keeps_everything_but_its_password() {
        for (url, masked) in [
            ("redis://localhost:6379/0", "redis://localhost:6379/0"),
            ("redis://:hunter2@localhost/0", "redis://:***@localhost/0"),
            ("amqp://admin:hunter2@host:5672/%2f", "amqp://admin:***@host:5672/%2f"),
            ("postgres://root@127.0.0.1/test", "postgres://root@127.0.0.1/test"),
            ("postgres://h/db?user=u&password=hunter2&x=1", "postgres://h/db?user=u&password=***&x=1"),
        ] {
            assert_eq!(mask_url(url), masked);
            assert_eq!(format!("{0} {0:?}", SecretUrl::new(url)), format!("{masked} {masked}"));
        }
    }

    #[test]
    fn a_password_that_was_not_encoded_is_hidden_too() {
        for url in [
            "postgres://user:hunt/er2@host/db",
            "postgres://user:hunt?er2@host/db",
            "postgres://user:hunt@er2@host/db",
            "postgres://host/db?password=hunt@er2",
            "postgres://host:5432/db?password=hunt@er2",
            "user:hunter2@host",
        ] {
            let masked = mask_url(url);

            assert!(!masked.contains("hunt") && !masked.contains("er2"), "{url} became {masked}");
        }
    }
}
