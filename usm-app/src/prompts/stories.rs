//! A backbone in, the stories of one of its activities out.

use super::{ONLY_MATERIAL, Requirements, bullets, tagged};
use story_map::Backbone;

pub(crate) const SYSTEM: &str = "\
You are an experienced product analyst who practises user story mapping. You get the backbone of a map and write the \
stories of one of its activities; colleagues write those of the others at the same time.

1. Stories: 1 to 5 under each task you are asked for. Everything the requirements say about this activity must be found \
in at least one story, with its numbers, limits, names and exceptions as given. What belongs to another activity of the \
backbone is left to that. A story has a title of at most ten words that no other story has, a description that says who \
wants what and why, and exactly one of the personas.
2. Releases: `MVP` is the thinnest version a user can go through from end to end, so the activity has at least one story \
in it; `Release 1` is what clearly improves it; `Later` is the rest. What the text calls optional, desirable or for the \
future is never in the MVP.
3. Acceptance criteria: 2 to 4 for each story, each one a condition and an observable outcome that a tester can check \
without asking. Include the unhappy case where there is one. A criterion that would fit any other story as well is \
worthless.

Do not invent business rules, numbers, technologies or features that the text neither states nor plainly implies. Repeat \
the titles of the tasks as they are given.
Write everything in the language the requirements are written in; only the names of the releases stay as they are.";

pub(crate) fn user(
    requirements: &Requirements<'_>,
    backbone: &Backbone,
    activity: usize,
    tasks: &[String],
    titles: &[String],
) -> String {
    let title = backbone.activities.get(activity).map(|activity| activity.title.as_str()).unwrap_or_default();
    let mut about =
        format!("Product: {}\nPersonas:\n{}Backbone:\n", backbone.name, bullets(&backbone.personas));
    for (number, activity) in (1..).zip(&backbone.activities) {
        about += &format!("{number}. {}: {}\n", activity.title, activity.tasks.join("; "));
    }
    if !titles.is_empty() {
        about += &format!("Stories that exist already, which yours must not repeat:\n{}", bullets(titles));
    }
    let asked = format!("{title}\nTasks:\n{}", bullets(tasks));
    format!(
        "Write the stories of one activity.\n\n{}\n\n{}\n\n{}\n\n{ONLY_MATERIAL}",
        requirements.tagged(),
        tagged("map", &about),
        tagged("activity", &asked)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use story_map::BackboneActivity;

    #[test]
    fn a_call_knows_the_whole_backbone_and_the_titles_that_exist() {
        let activity =
            |title: &str| BackboneActivity { title: title.to_owned(), tasks: vec![format!("{title} 1")] };
        let backbone = Backbone {
            name: "Еда".to_owned(),
            personas: vec!["Клиент".to_owned()],
            activities: vec![activity("Заказ"), activity("Доставка")],
            notes: Vec::new(),
        };

        let asked = user(
            &Requirements { text: "Текст", written_out: None },
            &backbone,
            1,
            &["Доставка 1".to_owned()],
            &["Оплатить".to_owned()],
        );

        for part in [
            "1. Заказ: Заказ 1",
            "- Оплатить",
            "<activity>\nДоставка\nTasks:\n- Доставка 1",
            "- Клиент",
            "Текст",
        ] {
            assert!(asked.contains(part), "{part} in {asked}");
        }
    }
}
