//! Criteria and rules that stand apart in the text, brought to the stories they are of.

use std::collections::BTreeSet;

use story_map::contradiction::Claim;

use super::{Card, Cards, MOST_CRITERIA, RARE, Rule, wording::stems};
use crate::{lexicon::Part, reason::Reason, statements::Statement, who::Who};

impl Cards<'_> {
    /// A criterion goes to the story it is of: the one its heading names, else the nearest before it.
    pub(super) fn attach(&mut self, statement: &Statement, before: usize) {
        let section = self.statements.above(statement.section).next();
        let named = section.map(|section| stems(&section.title, "")).unwrap_or_default();
        let own = stems(&statement.text, "");
        let near: Vec<usize> = (0..before).filter(|at| self.is_near(*at, statement)).collect();
        let shared = |at: usize, stems: &BTreeSet<String>| self.cards[at].stems.intersection(stems).count();
        let by_name = (0..self.cards.len()).filter(|at| shared(*at, &named) > 0);
        let again = self.named.filter(|(section, _)| *section == statement.section).map(|(_, at)| at);
        let by_name = by_name.rev().max_by_key(|at| shared(*at, &named) * 2 + shared(*at, &own));
        let by_words =
            near.iter().copied().filter(|at| shared(*at, &own) > 0).max_by_key(|at| (shared(*at, &own), *at));
        let by_name = again.or(by_name);
        self.named = by_name.map(|at| (statement.section, at)).or(self.named);
        let at = by_name.or(by_words).or_else(|| near.last().copied()).or_else(|| before.checked_sub(1));
        match at.and_then(|at| self.cards.get_mut(at)) {
            Some(card) if card.story.acceptance_criteria.len() < MOST_CRITERIA => {
                card.story.acceptance_criteria.push(statement.text.trim_end_matches(['.', ';']).to_owned());
            }
            _ => self.leave(&statement.text, Reason::NoStory),
        }
    }

    /// Whether a card stands under the same heading, or under the one above a line over a list.
    pub(super) fn is_near(&self, at: usize, statement: &Statement) -> bool {
        let of = |section: Option<usize>| -> Option<usize> {
            let outer = std::iter::successors(section, |at| self.statements.sections[*at].parent);
            outer.into_iter().find(|at| {
                self.statements.sections[*at].level < 7
                    && self.statements.sections[*at].part != Part::Criteria
            })
        };
        of(self.cards[at].section) == of(statement.section)
    }

    /// A rule goes to the story of the same thing, or stands for itself.
    pub(super) fn settle(&mut self, rule: Rule) {
        let statement = &rule.statement;
        if statement.is_intro && self.introduces(&rule.said) {
            return self.leave(&statement.text, Reason::Background);
        }
        let persona = match &rule.said.who {
            Who::Named(name) => self.known.shown(name),
            Who::Before | Who::Nobody => String::new(),
        };
        let own = stems(&statement.text, &persona);
        let among = |stem: &String| self.cards.iter().filter(|card| card.stems.contains(stem)).count();
        let weights: Vec<(&String, usize)> =
            own.iter().map(|stem| (stem, RARE / among(stem).max(1))).collect();
        let score = |at: usize| -> usize {
            let card = &self.cards[at];
            let shared: Vec<usize> = weights
                .iter()
                .filter(|(stem, _)| card.stems.contains(*stem))
                .map(|(_, weight)| *weight)
                .collect();
            let is_next = at + 1 == rule.before;
            let near = self.is_near(at, statement) && (card.section.is_some() || is_next);
            let same = !persona.is_empty() && card.story.persona == persona;
            // Far away, more than one word must be the same.
            let enough = if near || same { 1 } else { 2 };
            let total: usize = shared.iter().sum();
            if !card.is_step || shared.len() < enough {
                0
            } else {
                total + if is_next { RARE / 2 } else { 0 } + if same { RARE } else { 0 }
            }
        };
        let claim = Claim::of(&statement.text);
        let denied = |card: &Card| card.claim.contradicts(&claim);
        if self.cards.iter().any(denied) {
            return self.leave(&statement.text, Reason::Contradiction);
        }
        let best = (0..self.cards.len()).rev().max_by_key(|at| score(*at)).filter(|at| score(*at) > 0);
        match best.map(|at| &mut self.cards[at].story.acceptance_criteria) {
            Some(criteria) if criteria.len() < MOST_CRITERIA => {
                criteria.push(statement.text.trim_end_matches(['.', ';']).to_owned())
            }
            _ => self.read(statement),
        }
    }
}
