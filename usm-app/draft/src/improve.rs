//! The improvement of one story from its own words: details, sharper criteria, edge cases.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::clause::{Action, Clause, Context, TITLE_LENGTH, analyse, core, shortened, stops};
use super::criteria::{filled, quotable, step, steps_of};
use super::figures::limit;
use super::grammar::english::with_article;
use super::language::Language;
use super::lexicon::{EdgeCase, Lexicon};
use super::personas::Cast;
use super::text::Document;
use super::words::{
    capitalised, content_stems, coverage, normal, uncapitalised, without_final_punctuation, words,
};
use ::story_map::{columns::clean, improvement::ImproveAction};

/// Longest criterion, in characters; the API refuses longer ones.
const CRITERION_LENGTH: usize = 500;
/// Most criteria after an improvement; more would mean that the story has to be split.
const MOST_CRITERIA: usize = 10;
/// Share of stems from which a criterion is already said by another.
const SAID: f64 = 0.8;

/// A story as it stands.
#[derive(Debug, Clone, Copy)]
pub struct StoryToImprove<'a> {
    /// Its title.
    pub title: &'a str,
    /// Who wants what, and why; may be empty.
    pub description: &'a str,
    /// Whose story it is; empty when nobody is named.
    pub persona: &'a str,
    /// Its criteria.
    pub acceptance_criteria: &'a [String],
    /// What the person who asked wrote, if anything.
    pub prompt: Option<&'a str>,
}

/// The story improved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImprovedStory {
    /// Its title, at most 80 characters.
    pub title: String,
    /// Its description.
    pub description: String,
    /// Its criteria, those it had among them.
    pub acceptance_criteria: Vec<String>,
    /// One line on what was changed.
    pub suggestion: String,
}

/// Improves one story from its own words; the same story gives the same improvement, and nothing is taken away.
///
/// `language` is that of the story unless given. A story is split by [`split_story`](super::split_story); here
/// [`ImproveAction::Split`] changes nothing.
pub fn improve_story(
    story: &StoryToImprove<'_>,
    action: ImproveAction,
    language: Option<Language>,
) -> ImprovedStory {
    let all = format!("{} {} {}", story.title, story.description, story.acceptance_criteria.join(" "));
    let language = language.unwrap_or_else(|| Language::detect(&all));
    let phrases = &Lexicon::of(language).improvement;
    let unchanged = ImprovedStory {
        title: shortened(story.title, TITLE_LENGTH, stops(language)),
        description: story.description.trim().to_owned(),
        acceptance_criteria: story.acceptance_criteria.to_vec(),
        suggestion: phrases.nothing.to_owned(),
    };
    let Some(told) = Told::of(story, language) else {
        return ImprovedStory { suggestion: phrases.untold.to_owned(), ..unchanged };
    };
    match action {
        ImproveAction::Details => told.with_details(story, unchanged),
        ImproveAction::Criteria => told.with_sharper_criteria(unchanged),
        ImproveAction::EdgeCases => told.with_edge_cases(unchanged),
        ImproveAction::Split => unchanged,
    }
}

/// What the words of a story say.
struct Told {
    clause: Clause,
    title: String,
    role: String,
    words: String,
    language: Language,
}

impl Told {
    fn of(story: &StoryToImprove<'_>, language: Language) -> Option<Self> {
        let source = if story.title.trim().is_empty() { story.description } else { story.title };
        let document = Document::parse(source);
        let sentence = document.statements.first().map(|statement| statement.text.clone());
        let sentence = sentence.or(document.title).or_else(|| document.sections.into_iter().next())?;
        let cast = Cast::of(&Document::parse(&sentence), language);
        let owner = cast.main();
        let context =
            Context { cast: &cast, lead_actor: Some(owner), last_actor: None, is_item: true, owner };
        let clause = analyse(&sentence, language, context).into_iter().next()?;
        clause.title.chars().any(char::is_alphanumeric).then_some(())?;
        let role = match story.persona.trim() {
            "" => Lexicon::of(language).phrases.user.to_owned(),
            persona => capitalised(persona),
        };
        let title = shortened(without_final_punctuation(&sentence), TITLE_LENGTH, stops(language));
        let words = format!("{} {} {}", story.title, story.description, story.acceptance_criteria.join(" "));
        Some(Self { clause, title, role, words, language })
    }

    /// A set phrase filled with the step, or with the title where nobody acts.
    fn say(&self, for_step: &str, for_event: &str, for_thing: &str) -> String {
        let template = match &self.clause.action {
            Action::Does { .. } => for_step,
            Action::Happens { .. } => for_event,
            Action::Exists { .. } | Action::Rule(_) => for_thing,
        };
        let phrase = match &self.clause.action {
            Action::Does { third, .. } => third.as_str(),
            _ => self.title.as_str(),
        };
        let text = step(template, phrase, &self.role, self.language);
        filled(
            &text,
            &[("Title", &quotable(&self.title, self.language)), ("thing", &uncapitalised(&self.title))],
        )
    }

    fn with_details(&self, story: &StoryToImprove<'_>, unchanged: ImprovedStory) -> ImprovedStory {
        let lexicon = Lexicon::of(self.language);
        let phrases = &lexicon.improvement;
        let [works, _] = steps_of(self.clause.class, self.language);
        let outcome = self.outcome(works);
        let mut details = vec![filled(
            &self.say(phrases.course, phrases.event_course, phrases.thing_course),
            &[("outcome", &outcome)],
        )];
        let prompt = clean(story.prompt.unwrap_or_default());
        let wish = without_final_punctuation(&prompt);
        // Those of the wish too, or they would be found in the description the next time.
        details.extend(
            limit(&format!("{} {wish}", self.words), lexicon)
                .map(|limit| filled(phrases.limit, &[("limit", &limit.text)])),
        );
        let known = content_stems(&unchanged.description, self.language);
        details.retain(|detail| {
            let is_quoted = unchanged.description.contains(detail.as_str());
            !is_quoted && coverage(&content_stems(detail, self.language), &known) < 1.0
        });
        let mut done: Vec<&str> = Vec::new();
        if !details.is_empty() {
            done.push(phrases.details_done);
        }
        if !normal(&clean(&unchanged.description)).contains(&normal(wish)) {
            details.push(filled(phrases.wish, &[("text", wish)]));
            done.push(phrases.wish_done);
        }
        if done.is_empty() {
            return unchanged;
        }
        let mut description = match unchanged.description.is_empty() {
            true => format!("{}.", without_final_punctuation(&self.title)),
            false => unchanged.description.clone(),
        };
        for detail in details {
            description.push(' ');
            description.push_str(&detail);
        }
        ImprovedStory { description, suggestion: done.join(". "), ..unchanged }
    }

    /// What is so when a step is done: the second half of its first criterion, with the role where it has no subject.
    fn outcome(&self, works: &str) -> String {
        let half = works.rsplit_once("{phrase}").map_or("", |(_, half)| half);
        let has_subject = half.starts_with(',');
        let half = half.trim_start_matches([',', ' ']);
        let half = ["и ", "and "].iter().find_map(|joint| half.strip_prefix(joint)).unwrap_or(half);
        let role = match self.language {
            Language::Russian => uncapitalised(&self.role),
            Language::English => with_article(&uncapitalised(&self.role)),
        };
        if has_subject || half.starts_with("without") || half.starts_with("без") {
            half.to_owned()
        } else {
            format!("{role} {half}")
        }
    }

    fn with_sharper_criteria(&self, unchanged: ImprovedStory) -> ImprovedStory {
        let phrases = &Lexicon::of(self.language).improvement;
        let mut changed = 0;
        let mut criteria: Vec<String> = Vec::new();
        for criterion in &unchanged.acceptance_criteria {
            let sharper = self.sharper(criterion);
            changed += usize::from(sharper != *criterion);
            criteria.push(sharper);
        }
        let [works, fails] = steps_of(self.clause.class, self.language);
        let lexicon = Lexicon::of(self.language);
        let rule = lexicon.phrases.ruled.first().copied().unwrap_or_default();
        let cases = phrases.edge_cases.iter().rev().map(|case| (case.step, case.event, case.thing));
        let set = lexicon.phrases;
        let first = [(works, rule, set.thing), (fails, set.event_fails, set.thing_fails)];
        for (for_step, for_event, for_thing) in first.into_iter().chain(cases) {
            let text =
                filled(&self.say(for_step, for_event, for_thing), &[("Text", &capitalised(&self.title))]);
            if criteria.len() < 2 && !text.is_empty() && !self.is_said(&text, &criteria) {
                criteria.push(limited(&text, self.language));
                changed += 1;
            }
        }
        if changed == 0 {
            return unchanged;
        }
        let suggestion = filled(phrases.criteria_done, &[("count", &changed.to_string())]);
        ImprovedStory { acceptance_criteria: criteria, suggestion, ..unchanged }
    }

    /// A criterion as condition and outcome; a vague one asks for its number.
    fn sharper(&self, criterion: &str) -> String {
        let lexicon = Lexicon::of(self.language);
        let phrases = &lexicon.improvement;
        let text = without_final_punctuation(criterion);
        let tokens = words(text);
        let first = tokens.first().map(|word| word.lower.clone()).unwrap_or_default();
        // A criterion that names its step says under which condition it is tested.
        let own = match &self.clause.action {
            Action::Does { third, .. } => core(third, self.language),
            _ => self.title.clone(),
        };
        let names_step = normal(text).contains(&normal(&own));
        let has_condition = names_step || phrases.conditions.contains(&first.as_str()) || text.contains(": ");
        let conditional = match has_condition || text.is_empty() {
            true => text.to_owned(),
            false => filled(
                &self.say(phrases.step_given, phrases.event_given, phrases.event_given),
                &[("criterion", &uncapitalised(text))],
            ),
        };
        let measured = text.contains(|c: char| c.is_ascii_digit());
        let vague = tokens.iter().find(|word| {
            !measured
                && lexicon.vague.iter().any(|vague| word.lower.starts_with(vague))
                && !text.contains(" — ")
        });
        let sharper = match vague {
            Some(word) => filled(phrases.vague, &[("criterion", &conditional), ("word", &word.lower)]),
            None => conditional,
        };
        if sharper == text { criterion.to_owned() } else { limited(&sharper, self.language) }
    }

    fn with_edge_cases(&self, unchanged: ImprovedStory) -> ImprovedStory {
        let lexicon = Lexicon::of(self.language);
        let phrases = &lexicon.improvement;
        let fits = |case: &&EdgeCase| match &self.clause.action {
            Action::Does { .. } => case.classes.is_empty() || case.classes.contains(&self.clause.class),
            Action::Happens { .. } => !case.event.is_empty(),
            Action::Exists { .. } | Action::Rule(_) => !case.thing.is_empty(),
        };
        let mut criteria = unchanged.acceptance_criteria.clone();
        let mut names: Vec<String> = Vec::new();
        if let Some(limit) = limit(&self.words, lexicon).filter(|limit| !limit.is_time) {
            let text = filled(lexicon.phrases.count_limit, &[("limit", &limit.text)]);
            if !self.is_said(&text, &criteria) && criteria.len() < MOST_CRITERIA {
                criteria.push(text);
                names.push(limit.text);
            }
        }
        for case in phrases.edge_cases.iter().filter(fits) {
            let text = limited(&self.say(case.step, case.event, case.thing), self.language);
            if !self.is_said(&text, &criteria) && criteria.len() < MOST_CRITERIA {
                criteria.push(text);
                names.push(case.name.to_owned());
            }
        }
        if names.is_empty() {
            return unchanged;
        }
        let suggestion = filled(phrases.edges_done, &[("names", &names.join(", "))]);
        ImprovedStory { acceptance_criteria: criteria, suggestion, ..unchanged }
    }

    fn is_said(&self, text: &str, criteria: &[String]) -> bool {
        let stems = content_stems(text, self.language);
        criteria.iter().any(|criterion| {
            normal(criterion) == normal(text)
                || coverage(&stems, &content_stems(criterion, self.language)) >= SAID
        })
    }
}

fn limited(text: &str, language: Language) -> String {
    shortened(text, CRITERION_LENGTH, stops(language))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use story_map::wording::{DESCRIPTION, bounded};

    const ACTIONS: [ImproveAction; 3] =
        [ImproveAction::Details, ImproveAction::Criteria, ImproveAction::EdgeCases];

    fn improved(title: &str, criteria: &[String], action: ImproveAction) -> ImprovedStory {
        let persona = if Language::detect(title) == Language::Russian { "Клиент" } else { "Customer" };
        let story =
            StoryToImprove { title, description: "", persona, acceptance_criteria: criteria, prompt: None };
        improve_story(&story, action, None)
    }

    #[test]
    fn edge_cases_fit_the_step_and_keep_what_was_there() {
        let had = vec!["Оплата проходит".to_owned()];

        let pay = improved("Оплатить заказ картой", &had, ImproveAction::EdgeCases);
        let find = improved("Найти ресторан по названию", &[], ImproveAction::EdgeCases);

        assert_eq!(pay.acceptance_criteria[0], had[0]);
        assert!(
            pay.acceptance_criteria.iter().any(|c| c.contains("Двойное нажатие при попытке оплатить заказ"))
        );
        assert!(pay.suggestion.contains("повтор") && pay.suggestion.contains("нет связи"));
        assert!(find.acceptance_criteria.iter().any(|c| c.contains("показывать нечего")));
        assert!(!find.acceptance_criteria.iter().any(|c| c.contains("Двойное нажатие")));
    }

    #[test]
    fn criteria_become_condition_and_outcome() {
        let criteria =
            ["Чек приходит быстро".to_owned(), "Если банк отказал, деньги не списываются".to_owned()];

        let story = improved("Оплатить заказ картой", &criteria, ImproveAction::Criteria);

        assert_eq!(
            story.acceptance_criteria[0],
            "Когда клиент хочет оплатить заказ картой: чек приходит быстро — назвать число вместо слова «быстро»"
        );
        assert_eq!(story.acceptance_criteria[1], criteria[1]);
    }

    #[test]
    fn a_story_without_criteria_gets_two() {
        let english = improved("Book a table for two", &[], ImproveAction::Criteria);
        let event = improved("The system sends a reminder", &[], ImproveAction::Criteria);

        assert_eq!(english.acceptance_criteria.len(), 2, "{english:?}");
        assert!(english.acceptance_criteria[0].starts_with("A customer can book a table"), "{english:?}");
        assert_eq!(event.acceptance_criteria.len(), 2, "{event:?}");
    }

    #[test]
    fn details_say_how_a_step_begins_and_ends_and_keep_the_wish() {
        let story = StoryToImprove {
            title: "Сохранить до 5 адресов",
            description: "Как клиент, я хочу сохранить до 5 адресов.",
            persona: "Клиент",
            acceptance_criteria: &[],
            prompt: Some("подумай о подъезде и этаже"),
        };

        let improved = improve_story(&story, ImproveAction::Details, None);

        assert_eq!(
            improved.description,
            "Как клиент, я хочу сохранить до 5 адресов. Начинается, когда клиент хочет сохранить до 5 адресов; \
             заканчивается, когда введённое видно после повторного входа. Ограничение: «до 5 адресов». Учесть \
             пожелание: «подумай о подъезде и этаже»."
        );
    }

    #[test]
    fn a_wish_is_added_once_and_reported_as_what_it_is() {
        for (title, wishes, noted) in [
            (
                "Оплатить заказ картой",
                ["до 3 попыток,  и сообщить\nбанку!", "Подумай о «возврате»"],
                "Пожелание дописано",
            ),
            ("Track the courier", ["at most 3 couriers at once", "Mention  the\nguests."], "Added the wish"),
        ] {
            let mut description = String::new();
            let mut improve = |prompt| {
                let story = StoryToImprove {
                    title,
                    description: &description,
                    persona: "",
                    acceptance_criteria: &[],
                    prompt: Some(prompt),
                };
                let improved = improve_story(&story, ImproveAction::Details, None);
                // As it is saved.
                let saved = bounded(&improved.description, DESCRIPTION);
                let is_changed = saved != description;
                description = saved;
                (is_changed, improved.suggestion)
            };
            let nothing = Lexicon::of(Language::detect(title)).improvement.nothing;

            let (is_changed, suggestion) = improve(wishes[0]);
            assert!(is_changed && suggestion.contains(noted) && suggestion.contains(". "), "{suggestion}");
            assert_eq!(improve(wishes[0]), (false, nothing.to_owned()));
            let (is_changed, suggestion) = improve(wishes[1]);
            assert!(is_changed && suggestion.starts_with(noted), "{suggestion}");
            assert_eq!(improve(wishes[1]), (false, nothing.to_owned()));
            assert_eq!(improve(wishes[0]), (false, nothing.to_owned()));
        }
    }

    #[test]
    fn an_empty_story_is_answered_with_advice() {
        assert!(improved(" ", &[], ImproveAction::Details).suggestion.contains("empty"));
    }

    #[test]
    fn improving_twice_adds_nothing_the_second_time() {
        for title in ["Оплатить заказ картой", "Track the courier on the map", "Система отправляет письмо"]
        {
            for action in [ImproveAction::Criteria, ImproveAction::EdgeCases] {
                let once = improved(title, &[], action);
                let twice = improved(title, &once.acceptance_criteria, action);

                assert_eq!(once.acceptance_criteria, twice.acceptance_criteria, "{title}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_story_is_improved_without_panic_and_loses_nothing(
            title in "\\PC{0,120}",
            description in "\\PC{0,120}",
            criteria in prop::collection::vec("\\PC{0,60}", 0..4),
        ) {
            for action in ACTIONS {
                let story = StoryToImprove {
                    title: &title,
                    description: &description,
                    persona: "",
                    acceptance_criteria: &criteria,
                    prompt: Some(&description),
                };
                let improved = improve_story(&story, action, None);

                prop_assert!(improved.acceptance_criteria.len() >= criteria.len());
                prop_assert!(improved.description.starts_with(description.trim()));
                prop_assert!(!improved.suggestion.is_empty() && !improved.suggestion.contains('\n'));
            }
        }
    }
}
