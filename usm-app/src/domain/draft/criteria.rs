//! Acceptance criteria of one story, made of the words of its own sentence.

use std::collections::{BTreeSet, HashSet};

use super::clause::{Action, Clause, shortened};
use super::figures::{limit, variants};
use super::grammar::english::with_article;
use super::language::Language;
use super::lexicon::{Lexicon, RoleKind, VerbClass};
use super::personas::Member;
use super::words::{capitalised, content_stems, normal, uncapitalised, without_final_punctuation};

/// Most criteria of a story.
const MOST: usize = 4;
/// Fewest criteria of a story.
const FEWEST: usize = 2;

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
        let figures = self.figures();
        match &self.clause.action {
            Action::Does { third, setting, .. } => {
                let steps = steps_of(self.clause.class, self.language);
                let whole = self.in_place(third, setting, condition);
                candidates.push(self.step(steps.first().copied().unwrap_or_default(), &whole));
                candidates.extend(figures);
                candidates.extend(steps.get(1).map(|step| self.step(step, third)));
                candidates.extend(
                    condition.map(|condition| filled(phrases.condition, &[("condition", condition)])),
                );
                let serves = !matches!(self.persona.kind, RoleKind::Consumer | RoleKind::Generic);
                candidates.extend(serves.then(|| self.step(phrases.only_role, third)));
            }
            Action::Happens { statement, .. } => {
                let whole = self.under_condition(statement);
                candidates.push(filled(phrases.happened, &[("Statement", &capitalised(&whole))]));
                candidates.extend(figures);
                candidates.extend(
                    condition.map(|condition| filled(phrases.condition, &[("condition", condition)])),
                );
                candidates.push(filled(phrases.failed, &[("Title", self.title)]));
            }
            Action::Exists { thing, .. } => {
                let [open, closed] =
                    [0, 1].map(|index| phrases.thing.get(index).copied().unwrap_or_default());
                candidates.push(self.thing(open, thing));
                candidates.extend(figures);
                candidates.push(self.thing(closed, thing));
            }
            Action::Rule(text) => {
                for (index, rule) in phrases.ruled.iter().enumerate() {
                    candidates.push(filled(rule, &[("Text", &capitalised(text)), ("Title", self.title)]));
                    if index == 0 {
                        candidates.extend(self.figures());
                    }
                }
            }
        }
        candidates
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
        let variants = variants(without_final_punctuation(&self.clause.text));
        if !variants.is_empty() {
            let (open, close) = quotes(self.language);
            let items: Vec<String> = variants.iter().map(|item| format!("{open}{item}{close}")).collect();
            figures.push(filled(lexicon.phrases.each_of, &[("items", &items.join(", "))]));
        }
        figures
    }

    fn in_place(&self, phrase: &str, setting: &str, condition: Option<&str>) -> String {
        let mut text = match (self.language, setting.is_empty()) {
            (_, true) => phrase.to_owned(),
            (Language::Russian, false) => format!("{setting} {phrase}"),
            (Language::English, false) => format!("{phrase} {setting}"),
        };
        if let Some(condition) = condition {
            text.push_str(if self.language == Language::Russian { ", " } else { " " });
            text.push_str(condition);
        }
        text
    }

    fn under_condition(&self, statement: &str) -> String {
        match &self.clause.condition {
            Some(condition) => format!("{condition}, {statement}"),
            None => statement.to_owned(),
        }
    }

    fn step(&self, template: &str, phrase: &str) -> String {
        let role = self.role();
        let short = core(phrase, self.language);
        filled(
            template,
            &[
                ("Role", &self.persona.name),
                ("role", &role),
                ("A role", &capitalised(&self.role_with_article())),
                ("a role", &self.role_with_article()),
                ("phrase", phrase),
                ("short", &short),
            ],
        )
    }

    fn thing(&self, template: &str, thing: &str) -> String {
        filled(
            template,
            &[
                ("Role", &self.persona.name),
                ("A role", &capitalised(&self.role_with_article())),
                ("thing", thing),
                ("Thing", &capitalised(&shortened(thing, 60, stops(self.language)))),
            ],
        )
    }

    fn role(&self) -> String {
        uncapitalised(&self.persona.name)
    }

    fn role_with_article(&self) -> String {
        with_article(&self.role())
    }
}

/// Criteria templates for a kind of step.
pub(super) fn steps_of(class: VerbClass, language: Language) -> &'static [&'static str] {
    let steps = Lexicon::of(language).phrases.steps;
    steps.iter().find(|(of, _)| *of == class).map_or(&[], |(_, templates)| templates)
}

/// A verb phrase down to its verb and object.
pub(super) fn core(phrase: &str, language: Language) -> String {
    let stops = stops(language);
    let tokens: Vec<&str> = phrase.split_whitespace().collect();
    let is_stop = |token: &str| stops.contains(&normal(token).trim_end_matches([',', ';', ':']));
    let cut = (2..tokens.len()).find(|index| {
        let ended = tokens[index - 1].ends_with([',', ':', ';']);
        (ended || is_stop(tokens[*index])) && !is_stop(tokens[index - 1])
    });
    let text = cut.map_or_else(|| tokens.join(" "), |cut| tokens[..cut].join(" "));
    shortened(&text, 60, stops)
}

fn stops(language: Language) -> &'static [&'static str] {
    super::clause::stops(language)
}

fn quotes(language: Language) -> (char, char) {
    match language {
        Language::Russian => ('«', '»'),
        Language::English => ('“', '”'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_of_a_phrase_is_its_verb_and_object() {
        assert_eq!(core("найти ресторан по названию, кухне или блюду", Language::Russian), "найти ресторан");
        assert_eq!(core("войти по телефону и паролю", Language::Russian), "войти по телефону");
        assert_eq!(core("browse the timetable and the trainers", Language::English), "browse the timetable");
    }
}
