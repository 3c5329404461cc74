//! Reads the broker's text about a queue or exchange that exists with different arguments.

/// An argument of an existing queue or exchange that differs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) argument: String,
    pub(super) wanted: Option<String>,
    pub(super) found: Option<String>,
}

/// Reads the broker's `inequivalent arg 'x' for queue 'q' in vhost '/': received … but current is …`. The broker cuts the text
/// after 255 bytes.
pub(super) fn inequivalent(text: &str) -> Option<Difference> {
    let argument = text.split_once("inequivalent arg '")?.1.split_once('\'')?.0.to_owned();
    let values =
        text.rsplit_once(": received ").and_then(|(_, values)| values.split_once(" but current is "));
    let (wanted, found) = match values {
        Some((wanted, found)) => (value(wanted), value(found)),
        None => (Some("something else".to_owned()), Some("a value that the broker did not name".to_owned())),
    };
    Some(Difference { argument, wanted, found })
}

/// `none`, `'fanout'` or `the value '7' of type 'signedint'`.
fn value(text: &str) -> Option<String> {
    if text.starts_with("none") {
        return None;
    }
    let quoted =
        text.split_once('\'').map(|(_, rest)| rest.split_once('\'').map_or(rest, |(value, _)| value));
    Some(quoted.unwrap_or(text).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_brokers_text_about_a_difference_is_understood() {
        let read =
            |text: &str| inequivalent(text).map(|d| (d.argument, d.wanted, d.found)).unwrap_or_default();
        let some = |text: &str| Some(text.to_owned());

        let text = "PRECONDITION_FAILED - inequivalent arg 'x-max-priority' for queue 'q' in vhost '/': received the value '9' of type 'long' but current is the value '7' of type 'long'";
        assert_eq!(read(text), ("x-max-priority".to_owned(), some("9"), some("7")));
        let text = "PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'q' in vhost '/': received none but current is the value '7' of type 'long'";
        assert_eq!(read(text), ("x-message-ttl".to_owned(), None, some("7")));
        let text = "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'e' in vhost '/': received 'fanout' but current is 'direct'";
        assert_eq!(read(text), ("type".to_owned(), some("fanout"), some("direct")));
        assert_eq!(inequivalent("PRECONDITION_FAILED - invalid arg"), None);
        let cut = "PRECONDITION_FAILED - inequivalent arg 'x-max-priority' for queue 'qqqqq";
        assert_eq!(read(cut).0, "x-max-priority");
    }
}
