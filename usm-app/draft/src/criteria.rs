//! Acceptance criteria of one story, made of the words of its own sentence.

use std::collections::{BTreeSet, HashSet};

use super::clause::{Action, Clause, core, shortened, stops};
use super::figures::{limit, variants};
use super::grammar::english::with_article;
use super::language::Language;
use super::lexicon::{Check, Lexicon, RoleKind, Topic, VerbClass};
use super::personas::Member;
use super::topics::begins_with_any;
use super::words::{capitalised, content_stems, normal, uncapitalised, without_final_punctuation, words};

/// Most criteria of a story.
const MOST: usize = 4;
/// Fewest criteria of a story.
const FEWEST: usize = 2;
/// Longest quotation of a title inside a criterion, in characters.
const QUOTED_LENGTH: usize = 70;

/// Fills the places of a set phrase.
pub(super) fn filled(template: &str, places: &[(&str, &str)]) -> String {
    let mut text = template.to_owned();
    for (name, value) in places {
        text = text.replace(&format!("{{{name}}}"), value);
    }
    text
}

/// What the criteria of one story are made of.
#[derive(Debug)]
pub(super) struct Source<'a> {
    /// What the story is about.
    pub(super) clause: &'a Clause,
    /// Its topic.
    pub(super) topic: &'a Topic,
    /// Whose story it is.
    pub(super) persona: &'a Member,
    /// Title of the story as it stands on the map.
    pub(super) title: &'a str,
    /// The sentence it was taken from.
    pub(super) sentence: &'a str,
    /// Its language.
    pub(super) language: Language,
}

impl Source<'_> {
    /// Two to four criteria; none of them is in `taken`, and all are added to it.
    pub(super) fn criteria(&self, taken: &mut HashSet<String>) -> Vec<String> {
        let own = content_stems(&format!("{} {}", self.sentence, self.clause.text), self.language);
        let mut criteria: Vec<String> = Vec::new();
        for candidate in self.candidates() {
            if criteria.len() == MOST {
                break;
            }
            self.take(candidate, &own, taken, &mut criteria);
        }
        let rules = Lexicon::of(self.language).phrases.ruled;
        for rule in rules.iter().chain(rules) {
            if criteria.len() >= FEWEST {
                break;
            }
            let text = capitalised(without_final_punctuation(self.sentence));
            let rule = filled(rule, &[("Text", &text), ("Title", &text)]);
            self.take(rule, &own, taken, &mut criteria);
        }
        criteria
    }

    /// Takes a candidate that speaks of this story; one that stands elsewhere already is told apart by the title.
    fn take(
        &self,
        candidate: String,
        own: &BTreeSet<String>,
        taken: &mut HashSet<String>,
        criteria: &mut Vec<String>,
    ) {
        let candidate = candidate.trim().to_owned();
        let speaks_of_it = !content_stems(&candidate, self.language).is_disjoint(own) || own.is_empty();
        let repeats = criteria.iter().any(|other| normal(other) == normal(&candidate));
        if !speaks_of_it || repeats {
            return;
        }
        let told_apart = format!("{candidate} ({})", uncapitalised(self.title));
        let unique = [candidate, told_apart].into_iter().find(|text| !taken.contains(&normal(text)));
        if let Some(text) = unique {
            taken.insert(normal(&text));
            criteria.push(text);
        }
    }

    fn candidates(&self) -> Vec<String> {
        let phrases = Lexicon::of(self.language).phrases;
        let mut candidates = Vec::new();
        let condition = self.clause.condition.as_deref();
        match &self.clause.action {
            Action::Does { third, setting, .. } => {
                let [works, fails] = steps_of(self.clause.class, self.language);
                let whole = placed(third, setting, condition, self.language);
                candidates.push(self.step(works, &whole));
                candidates.extend(self.figures());
                candidates.extend(self.conditional(phrases.step_conditions, third));
                let check = self.check(phrases.checks);
                candidates.push(self.step(check.unwrap_or(fails), third));
                let lower = normal(&self.clause.text);
                let is_open = phrases.open_to_all.iter().any(|words| lower.contains(words));
                let serves = !is_open && !matches!(self.persona.kind, RoleKind::Consumer | RoleKind::Generic);
                candidates.extend(serves.then(|| self.step(phrases.only_role, third)));
            }
            Action::Happens { statement, .. } => {
                candidates.push(self.under_condition(statement));
                candidates.extend(self.figures());
                candidates.extend(self.conditional(phrases.event_conditions, statement));
                candidates.push(self.event(self.check(phrases.event_checks).unwrap_or(phrases.event_fails)));
            }
            Action::Exists { thing, .. } => {
                let check = self.check(phrases.event_checks);
                candidates.push(filled(phrases.thing, &[("thing", thing)]));
                candidates.extend(self.figures());
                candidates.push(self.event(check.unwrap_or(phrases.thing_fails)));
            }
            Action::Rule(text) => {
                let [rule, breach] =
                    [0, 1].map(|index| phrases.ruled.get(index).copied().unwrap_or_default());
                candidates.push(filled(rule, &[("Text", &capitalised(text))]));
                candidates.extend(self.figures());
                candidates.push(self.event(breach));
            }
        }
        candidates
    }

    /// The first check that fits the topic, the step and the words.
    fn check(&self, checks: &'static [Check]) -> Option<&'static str> {
        let words = match &self.clause.action {
            Action::Happens { statement, .. } => words(statement),
            Action::Exists { thing, .. } => words(thing),
            _ => words(&self.clause.text),
        };
        let fits = |check: &&Check| {
            (check.topics.is_empty() || check.topics.split('|').any(|key| key == self.topic.key))
                && (check.classes.is_empty() || check.classes.contains(&self.clause.class))
                && (check.words.is_empty()
                    || words.iter().any(|word| begins_with_any(&word.lower, check.words)))
        };
        checks.iter().find(fits).map(|check| check.template)
    }

    /// What follows when the condition of the sentence does not hold.
    fn conditional(&self, templates: &[(&str, &str)], phrase: &str) -> Option<String> {
        let condition = self.clause.condition.as_deref()?;
        let (conjunction, rest) = condition.split_once(' ')?;
        let (_, template) = templates
            .iter()
            .find(|(of, _)| of.is_empty() || normal(conjunction).trim_end_matches(',') == *of)?;
        let template = template.replace("{condition}", rest);
        Some(self.step(&template, phrase))
    }

    /// Criteria for the limit and the variants the sentence names.
    fn figures(&self) -> Vec<String> {
        let lexicon = Lexicon::of(self.language);
        let mut figures = Vec::new();
        if let Some(limit) = limit(&self.clause.text, lexicon) {
            let template =
                if limit.is_time { lexicon.phrases.time_limit } else { lexicon.phrases.count_limit };
            figures.push(filled(template, &[("limit", &limit.text)]));
        }
        let variants = variants(without_final_punctuation(&self.clause.text), self.language);
        if !variants.is_empty() {
            let (open, close) = quotes(self.language);
            let items: Vec<String> = variants.iter().map(|item| format!("{open}{item}{close}")).collect();
            figures.push(filled(lexicon.phrases.each_of, &[("items", &items.join(", "))]));
        }
        figures
    }

    fn under_condition(&self, statement: &str) -> String {
        capitalised(&match &self.clause.condition {
            Some(condition) => format!("{condition}, {statement}"),
            None => statement.to_owned(),
        })
    }

    fn step(&self, template: &str, phrase: &str) -> String {
        step(template, phrase, &self.persona.name, self.language)
    }

    fn event(&self, template: &str) -> String {
        filled(template, &[("Title", &quotable(self.title, self.language))])
    }
}

/// A template for a step filled with the verb phrase and the role.
pub(super) fn step(template: &str, phrase: &str, role: &str, language: Language) -> String {
    let lower = uncapitalised(role);
    let mut short = core(phrase, language);
    // A subordinate clause inside the phrase has to be closed before the sentence goes on.
    let closes = short.contains(", ") && template.contains("{short} ");
    if closes && language == Language::Russian {
        short.push(',');
    }
    filled(
        template,
        &[
            ("Role", role),
            ("role", &lower),
            ("A role", &capitalised(&with_article(&lower))),
            ("a role", &with_article(&lower)),
            ("phrase", phrase),
            ("short", &short),
            ("Short", &capitalised(&quotable(short.trim_end_matches(','), language))),
        ],
    )
}

/// A verb phrase with its place or time, and its condition.
pub(super) fn placed(phrase: &str, setting: &str, condition: Option<&str>, language: Language) -> String {
    let mut text = match (language, setting.is_empty()) {
        (_, true) => phrase.to_owned(),
        (Language::Russian, false) => format!("{setting} {phrase}"),
        (Language::English, false) => format!("{phrase} {setting}"),
    };
    if let Some(condition) = condition {
        text.push_str(if language == Language::Russian { ", " } else { " " });
        text.push_str(condition);
    }
    text
}

/// A title fit to stand between quotation marks: short, with inner marks of the other kind.
pub(super) fn quotable(title: &str, language: Language) -> String {
    let short = shortened(title, QUOTED_LENGTH, stops(language));
    match language {
        Language::Russian => short.replace('«', "„").replace('»', "“"),
        Language::English => short.replace('“', "‘").replace('”', "’"),
    }
}

/// Criteria templates for a kind of step: that it works, and what happens when it does not.
pub(super) fn steps_of(class: VerbClass, language: Language) -> [&'static str; 2] {
    let steps = Lexicon::of(language).phrases.steps;
    steps.iter().find(|(of, _)| *of == class).or(steps.last()).map_or(["", ""], |(_, templates)| *templates)
}

fn quotes(language: Language) -> (char, char) {
    match language {
        Language::Russian => ('«', '»'),
        Language::English => ('“', '”'),
    }
}
