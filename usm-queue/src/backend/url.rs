//! Whether a server's URL means what it seems to.

/// Whether a special character that is not percent-encoded may have cut the URL within its password: a part of that would
/// then pass for a host, a port or a path, and be shown as such.
pub(crate) fn ambiguous(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    // An `@` within the password, before any of these, is no harm: the last one counts.
    rest.split_once(['/', '?', '#']).is_some_and(|(_, after)| after.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_that_ends_the_host_too_early_is_noticed() {
        for url in ["amqp://u:p/w@h/v", "redis://u:1#w@h", "redis://:1?w@h/0", "amqp://u:a@b/c@h"] {
            assert!(ambiguous(url), "{url}");
        }
        for url in
            ["amqp://u:p@h/v", "redis://:p%2Fw@h:1/0", "redis://h", "amqp://u:p@q@h/v", "amqp://h/v?x=1", ""]
        {
            assert!(!ambiguous(url), "{url}");
        }
    }
}
