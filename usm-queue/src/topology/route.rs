//! Topic patterns.

/// Whether a topic binding `pattern` takes `routing_key`.
///
/// ```
/// # use usm_queue::topology::topic_matches;
/// assert!(topic_matches("ai.task.map.#", "ai.task.map"));
/// assert!(topic_matches("ai.*.map", "ai.task.map"));
/// assert!(!topic_matches("ai.*.map", "ai.map"));
/// ```
pub fn topic_matches(pattern: &str, routing_key: &str) -> bool {
    let (mut pattern, mut key) = (words(pattern), words(routing_key));
    // The pattern behind the last `#`, and the words that this one has not taken yet.
    let mut behind_hash = None;
    loop {
        let (mut next_pattern, mut next_key) = (pattern.clone(), key.clone());
        match (next_pattern.next(), next_key.next()) {
            (None, None) => return true,
            (Some("#"), _) if next_pattern.clone().next().is_none() => return true,
            (Some("#"), _) => {
                behind_hash = Some((next_pattern.clone(), key.clone()));
                pattern = next_pattern;
            }
            (Some(word), Some(have)) if word == "*" || word == have => {
                (pattern, key) = (next_pattern, next_key);
            }
            _ => {
                // Only the last `#` has to take more: what the ones before it took was enough to come this far.
                let Some((rest, untaken)) = &mut behind_hash else { return false };
                if untaken.next().is_none() {
                    return false;
                }
                (pattern, key) = (rest.clone(), untaken.clone());
            }
        }
    }
}

/// The empty key has no words, as in RabbitMQ.
fn words(key: &str) -> impl Iterator<Item = &str> + Clone {
    key.split('.').filter(move |_| !key.is_empty())
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
