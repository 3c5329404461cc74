//! Tells a misspelt name of a setting from a name that is none of ours.

/// Nobody else's names begin so.
const PREFIX: &str = "USM_";
/// Most letters that a misspelt name has wrong.
const MOST_WRONG: usize = 2;

/// What to say of a name that is no setting; `None` when it does not look like one.
pub(super) fn remark(name: &str, known: &[&str]) -> Option<String> {
    let upper = name.to_uppercase();
    let nearest = known.iter().map(|known| (distance(&upper, known), known)).min();
    match nearest {
        Some((wrong, meant)) if wrong <= MOST_WRONG => {
            Some(format!("{name} in .env is not a setting and has no effect; write {meant} if that is meant"))
        }
        _ if upper.starts_with(PREFIX) => Some(format!(
            "{name} in .env is not a setting and has no effect; .env.example lists those that are"
        )),
        _ => None,
    }
}

/// How many letters must be changed, added or left out.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, letter) in one.chars().enumerate() {
        let mut corner = above;
        let mut left = above + 1;
        for (place, wanted) in row.iter_mut().zip(std::iter::once(None).chain(other.iter().map(Some))) {
            let Some(wanted) = wanted else {
                *place = left;
                continue;
            };
            let best = (corner + usize::from(letter != *wanted)).min(*place + 1).min(left + 1);
            corner = std::mem::replace(place, best);
            left = best;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_changed_added_and_left_out_letters() {
        for (one, other, wrong) in [
            ("USM_PORT", "USM_PORT", 0),
            ("USM_PROT", "USM_PORT", 2),
            ("RABBIT_ENABLED", "RABBITMQ_ENABLED", 2),
            ("kitten", "sitting", 3),
            ("", "abc", 3),
            ("abc", "", 3),
        ] {
            assert_eq!(distance(one, other), wrong, "{one} {other}");
        }
    }

    #[test]
    fn names_of_others_are_left_alone() {
        let known = ["USM_PORT", "RABBITMQ_ENABLED"];

        for name in ["PATH", "POSTGRES_PASSWORD", "RUST_LOG", "PORT"] {
            assert_eq!(remark(name, &known), None);
        }
        assert!(remark("USM_COLOUR", &known).is_some_and(|told| told.contains(".env.example")));
        assert!(remark("usm_port", &known).is_some_and(|told| told.contains("write USM_PORT")));
    }
}
