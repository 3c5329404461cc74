//! Tells a misspelt name of a setting from a name that is none of ours.

/// Nobody else's names begin so.
const PREFIX: &str = "USM_";
/// Most letters that a misspelt name has wrong.
const MOST_WRONG: usize = 2;

/// What to say of a name that is no setting; `None` when it does not look like one.
pub(super) fn remark(name: &str, known: &[&str]) -> Option<String> {
    let upper = name.to_uppercase();
    let nearest = known.iter().map(|known| (strsim::levenshtein(&upper, known), known)).min();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_letters_changed_or_left_out_is_told_with_the_one_meant() {
        let known = ["USM_PORT", "RABBITMQ_ENABLED"];

        for (name, meant) in [("USM_PROT", "USM_PORT"), ("RABBIT_ENABLED", "RABBITMQ_ENABLED")] {
            assert!(
                remark(name, &known).is_some_and(|told| told.contains(&format!("write {meant}"))),
                "{name}"
            );
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
