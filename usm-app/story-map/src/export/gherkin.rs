//! Feature files for Cucumber and its kin: a scenario for each story, and steps where a criterion has the words for
//! them. Steps are never invented: any other criterion is a comment in the scenario of its story.

use crate::Language;
use crate::columns::clean;
use crate::export::{file_name, markdown::language};
use crate::place::Place;
use crate::{Activity, Release, Story, StoryMap, UserTask};

/// A feature with the name of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureFile {
    /// Such as `1-2-Найти-ресторан.feature`.
    pub name: String,
    /// The whole file.
    pub text: String,
}

/// The whole map as one feature, with a rule for each task.
pub fn write(map: &StoryMap) -> String {
    let map = &map.tidied();
    let words = Words::of(map);
    let mut out = words.head(&map.name);
    for (place, activity, task) in tasks(map) {
        let title = [activity.title.as_str(), task.title.as_str()].join(" — ");
        out.push_str(&format!("\n  {}\n", titled(words.rule, &title)));
        task.stories.iter().enumerate().for_each(|(index, story)| {
            scenarios(&mut out, words, "    ", &place.of_story(index, story), story);
        });
    }
    out
}

/// The same as one file for each task, which is how test suites keep them.
pub fn files(map: &StoryMap) -> Vec<FeatureFile> {
    let map = &map.tidied();
    let words = Words::of(map);
    let file = |(place, activity, task): (Place, &Activity, &UserTask)| {
        let mut text = words.head(&task.title);
        text.push_str(&format!("  # {} · {}\n", map.name, activity.title));
        task.stories.iter().enumerate().for_each(|(index, story)| {
            scenarios(&mut text, words, "  ", &place.of_story(index, story), story);
        });
        FeatureFile { name: file_name::of(&format!("{} {}", place.number, task.title), "feature"), text }
    };
    tasks(map).map(file).collect()
}

/// Tasks that have stories.
fn tasks(map: &StoryMap) -> impl Iterator<Item = (Place, &Activity, &UserTask)> {
    let activities = map.activities.iter().enumerate();
    let all = activities.flat_map(|(index, activity)| {
        let above = Place::of_activity(index, activity);
        activity
            .tasks
            .iter()
            .enumerate()
            .map(move |(index, task)| (above.of_task(index, task), activity, task))
    });
    all.filter(|(_, _, task)| !task.stories.is_empty())
}

fn scenarios(out: &mut String, words: &Words, indent: &str, place: &Place, story: &Story) {
    let tags = format!("{indent}{} @story-{}\n", tag(story.release), place.number);
    let title = if story.title.is_empty() { &place.number } else { &story.title };
    let (told, plain): (Vec<_>, Vec<_>) = story
        .acceptance_criteria
        .iter()
        .map(|criterion| (criterion, steps(criterion, words)))
        .partition(|(_, steps)| steps.is_some());
    // The story stands once without steps where there is something to say that is no step.
    if told.is_empty() || !plain.is_empty() {
        out.push_str(&format!("\n{tags}{indent}{}\n", titled(words.scenario, title)));
        out.push_str(&comments(indent, &story.description));
        out.push_str(&comments(indent, &story.origin().unwrap_or_default()));
        for (criterion, _) in plain {
            out.push_str(&format!("{indent}  # - {}\n", clean(criterion)));
        }
    }
    for (number, (_, steps)) in told.iter().enumerate() {
        let title = if told.len() == 1 { title.clone() } else { format!("{title} ({})", number + 1) };
        out.push_str(&format!("\n{tags}{indent}{}\n", titled(words.scenario, &title)));
        for step in steps.iter().flatten() {
            out.push_str(&format!("{indent}  {step}\n"));
        }
    }
}

fn titled(keyword: &str, title: &str) -> String {
    format!("{keyword}: {title}").trim_end().to_owned()
}

fn comments(indent: &str, text: &str) -> String {
    text.lines().map(|line| format!("{indent}  # {line}\n")).collect()
}

fn tag(release: Release) -> &'static str {
    match release {
        Release::Mvp => "@mvp",
        Release::Release1 => "@release-1",
        Release::Later => "@later",
    }
}

/// Keywords of one language, as Gherkin has them.
struct Words {
    code: &'static str,
    feature: &'static str,
    rule: &'static str,
    scenario: &'static str,
    /// Words that begin a step, by the order in which steps may follow.
    steps: [&'static [&'static str]; 3],
}

const RUSSIAN: Words = Words {
    code: "ru",
    feature: "Функция",
    rule: "Правило",
    scenario: "Сценарий",
    steps: [&["Дано", "Допустим", "Пусть"], &["Когда", "Если"], &["Тогда", "То"]],
};

const ENGLISH: Words = Words {
    code: "en",
    feature: "Feature",
    rule: "Rule",
    scenario: "Scenario",
    steps: [&["Given"], &["When"], &["Then"]],
};

impl Words {
    fn of(map: &StoryMap) -> &'static Self {
        match language(map) {
            Language::Russian => &RUSSIAN,
            Language::English => &ENGLISH,
        }
    }

    /// The first line names the language in English files too, so that no text can stand in that place.
    fn head(&self, title: &str) -> String {
        format!("# language: {}\n{}\n", self.code, titled(self.feature, title))
    }

    /// The keyword that a word is, with its place in the order of steps.
    fn step(&self, word: &str) -> Option<(usize, &'static str)> {
        let lower = word.to_lowercase();
        let of = |order: usize| self.steps[order].iter().find(|keyword| keyword.to_lowercase() == lower);
        (0..self.steps.len()).find_map(|order| of(order).map(|keyword| (order, *keyword)))
    }
}

/// The steps of a criterion such as “Given …, when …, then …” or «Если …, то …»; `None` for any other form.
///
/// A keyword counts where a clause begins: at the start, behind a comma or the like, or where it is capitalised.
fn steps(criterion: &str, words: &Words) -> Option<Vec<String>> {
    let mut steps: Vec<(usize, &str, String)> = Vec::new();
    for line in criterion.lines() {
        let mut begins = true;
        for word in line.split_whitespace() {
            let capital = word.chars().next().is_some_and(char::is_uppercase);
            match words.step(word).filter(|_| begins || capital) {
                Some((order, keyword)) => steps.push((order, keyword, String::new())),
                None => {
                    let (_, _, text) = steps.last_mut()?;
                    if !text.is_empty() {
                        text.push(' ');
                    }
                    text.push_str(word);
                }
            }
            begins = word.ends_with([',', ';', ':', '.', '—']);
        }
    }
    let orders: Vec<usize> = steps.iter().map(|(order, _, _)| *order).collect();
    let in_order = orders.is_sorted() && orders.first()? < &2 && orders.last() == Some(&2);
    let text = |text: &str| text.trim_end_matches([',', ';', ':', '.', '—', ' ']).to_owned();
    let steps: Vec<(&str, String)> =
        steps.iter().map(|(_, keyword, words)| (*keyword, text(words))).collect();
    let all_told = steps.iter().all(|(_, text)| !text.is_empty());
    (in_order && all_told)
        .then(|| steps.into_iter().map(|(keyword, text)| format!("{keyword} {text}")).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::export::{
        sample,
        tests::{any_map, golden},
    };

    fn with_steps() -> StoryMap {
        let mut map = sample::map();
        let criteria = &mut map.activities[1].tasks[0].stories[0].acceptance_criteria;
        criteria.push("Дано: курьер на смене, когда заказ оплачен, тогда курьер видит его".into());
        criteria.push("Если курьер занят, то заказ видит следующий курьер.".into());
        map
    }

    #[test]
    fn the_files_are_what_they_were() {
        golden("story-map.feature", &write(&with_steps()));
        let files = files(&with_steps());
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["1-1-Найти-ресторан.feature", "2-1-Отвезти-заказ.feature"]);
        golden("2-1-Отвезти-заказ.feature", &files[1].text);
    }

    #[test]
    fn criteria_with_the_words_for_it_become_steps() {
        let told = |text: &str, words: &Words| steps(text, words).unwrap_or_default().join(" / ");

        assert_eq!(
            told("Given a cart, when I pay, then I see a receipt.", &ENGLISH),
            "Given a cart / When I pay / Then I see a receipt"
        );
        assert_eq!(
            told("Given a cart When I pay Then I see it", &ENGLISH),
            "Given a cart / When I pay / Then I see it"
        );
        assert_eq!(
            told("Когда заказ готов,\nто курьер\nвидит его", &RUSSIAN),
            "Когда заказ готов / То курьер видит его"
        );
        assert_eq!(
            told("ЕСЛИ банк отказал, тогда корзина цела", &RUSSIAN),
            "Если банк отказал / Тогда корзина цела"
        );
    }

    #[test]
    fn no_step_is_invented() {
        for text in [
            "Заказ виден, когда он оплачен, то есть сразу",
            "Если ресторанов нет, показано «Пока не возим сюда»",
            "То, что сейчас недоступно, отмечено",
            "Когда заказ готов",
            "Когда, то",
            "Тогда курьер видит его, если оплачен",
            "",
        ] {
            assert_eq!(steps(text, &RUSSIAN), None, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_text_becomes_a_line_of_its_own(map in any_map()) {
            let stories = map.stories().count();
            for text in std::iter::once(write(&map)).chain(files(&map).into_iter().map(|file| file.text)) {
                let words = Words::of(&map.tidied());
                let keywords: Vec<&str> = words.steps.iter().flat_map(|step| step.iter().copied()).collect();
                let head = format!("# language: {}\n{}:", words.code, words.feature);
                prop_assert!(text.starts_with(&head), "{}", text);
                for line in text.lines().skip(2).map(str::trim).filter(|line| !line.is_empty()) {
                    let known = line.starts_with("# ")
                        || line == "#"
                        || line.starts_with(&format!("{}:", words.rule))
                        || line.starts_with(&format!("{}:", words.scenario))
                        || ["@mvp @story-", "@release-1 @story-", "@later @story-"].iter().any(|tag| line.starts_with(tag))
                        || keywords.iter().any(|keyword| line.strip_prefix(keyword).is_some_and(|rest| rest.starts_with(' ')));
                    prop_assert!(known, "{}", line);
                }
            }
            prop_assert!(write(&map).matches("@story-").count() >= stories);
        }
    }
}
