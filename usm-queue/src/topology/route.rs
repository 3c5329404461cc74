//! Topic patterns.

/// Whether a topic binding `pattern` takes `routing_key`.
///
/// ```
/// # use usm_queue::topic_matches;
/// assert!(topic_matches("ai.task.map.#", "ai.task.map"));
/// assert!(topic_matches("ai.*.map", "ai.task.map"));
/// assert!(!topic_matches("ai.*.map", "ai.map"));
/// ```
pub fn topic_matches(pattern: &str, routing_key: &str) -> bool {
    let pattern: Vec<&str> = words(pattern);
    let key: Vec<&str> = words(routing_key);
    // `reach[k]`: the pattern read so far can have consumed the first k words.
    let mut reach = vec![false; key.len() + 1];
    reach[0] = true;
    for word in pattern {
        let mut next = vec![false; key.len() + 1];
        for (consumed, _) in reach.iter().enumerate().filter(|(_, reached)| **reached) {
            if word == "#" {
                next[consumed..].fill(true);
                break;
            }
            if key.get(consumed).is_some_and(|have| word == "*" || word == *have) {
                next[consumed + 1] = true;
            }
        }
        reach = next;
    }
    reach[key.len()]
}

/// The empty key has no words, as in RabbitMQ.
fn words(key: &str) -> Vec<&str> {
    if key.is_empty() { Vec::new() } else { key.split('.').collect() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn naive(pattern: &[&str], key: &[&str]) -> bool {
        match (pattern.split_first(), key.split_first()) {
            (None, None) => true,
            (Some((&"#", rest)), _) => (0..=key.len()).any(|skip| naive(rest, &key[skip..])),
            (Some((word, rest)), Some((have, tail))) => (*word == "*" || word == have) && naive(rest, tail),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn topic_matching_agrees_with_a_naive_matcher(
            pattern in prop::collection::vec(prop::sample::select(vec!["a", "b", "*", "#"]), 0..7),
            key in prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 0..7),
        ) {
            prop_assert_eq!(topic_matches(&pattern.join("."), &key.join(".")), naive(&pattern, &key));
        }
    }

    #[test]
    fn many_hashes_are_matched_in_time() {
        let pattern = vec!["#"; 100].join(".") + ".never";

        assert!(!topic_matches(&pattern, &vec!["a"; 100].join(".")));
    }
}
