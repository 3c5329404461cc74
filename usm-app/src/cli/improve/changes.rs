//! What a change did to a story, line by line: what went with `-`, what came with `+`.

use story_map::improvement::StoryText;

/// The lines of the story that differ, each after a line break; nothing where nothing does.
pub(super) fn told(before: &StoryText, after: &StoryText) -> String {
    let mut lines = Vec::new();
    for (old, new) in [(&before.title, &after.title), (&before.description, &after.description)] {
        if old != new {
            lines.extend([format!("- {old}"), format!("+ {new}")].into_iter().filter(|line| line.len() > 2));
        }
    }
    let (old, new) = (&before.acceptance_criteria, &after.acceptance_criteria);
    lines.extend(old.iter().filter(|text| !new.contains(text)).map(|text| format!("- [ ] {text}")));
    lines.extend(new.iter().filter(|text| !old.contains(text)).map(|text| format!("+ [ ] {text}")));
    lines.into_iter().map(|line| format!("\n    {line}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_told() {
        let text = |title: &str, criteria: &[&str]| StoryText {
            title: title.to_owned(),
            description: "As a customer, I pay".to_owned(),
            acceptance_criteria: criteria.iter().map(|text| (*text).to_owned()).collect(),
        };

        let told = told(&text("Pay", &["A receipt", "A sum"]), &text("Pay by card", &["A sum", "A refusal"]));

        assert_eq!(told, "\n    - Pay\n    + Pay by card\n    - [ ] A receipt\n    + [ ] A refusal");
    }
}
