//! The word tables behind the drafts: roles, verbs, topics and set phrases, one module per language.
//!
//! To teach the drafts a word, add a row; no code needs to change.

mod english;
mod russian;

pub(super) use english::{IRREGULAR_PARTICIPLES, VERBS as ENGLISH_VERBS};
pub(super) use russian::{
    INFINITIVES_IN_CH_AND_TI, NOT_INFINITIVES, NOT_VERBS, STATE_VERBS, VERBS as RUSSIAN_VERBS,
};

use super::language::Language;
use story_map::Release;

/// Tables of one language.
#[derive(Debug)]
pub(super) struct Lexicon {
    /// Words that carry no meaning of their own, in `normal` form.
    pub(super) stop_words: &'static [&'static str],
    /// People and organisations that use products.
    pub(super) roles: &'static [Role],
    /// Endings that make a noun the name of a doer.
    pub(super) role_endings: &'static [&'static str],
    /// Nouns with such an ending that name things.
    pub(super) not_roles: &'static [&'static str],
    /// Words for the product itself.
    pub(super) product_nouns: &'static [&'static str],
    /// What a text is about, in the order a user lives it.
    pub(super) topics: &'static [Topic],
    /// Words that put a requirement off.
    pub(super) later: &'static [&'static str],
    /// Words that put a requirement into the release after the first.
    pub(super) next_release: &'static [&'static str],
    /// Words that make a requirement part of the first release.
    pub(super) must: &'static [&'static str],
    /// Words that say that something will not be built.
    pub(super) out_of_scope: &'static [&'static str],
    /// Words that cannot be tested without a number.
    pub(super) vague: &'static [&'static str],
    /// Words before a number that make it a limit.
    pub(super) limits: &'static [&'static str],
    /// Units of time.
    pub(super) time_units: &'static [&'static str],
    /// Headings that gather what fits nowhere else.
    pub(super) mixed_headings: &'static [&'static str],
    /// Headings that introduce, not require.
    pub(super) context_headings: &'static [&'static str],
    /// Beginnings of sentences that introduce the product, not require something of it.
    pub(super) context_openings: &'static [&'static str],
    /// Questions a map needs answered.
    pub(super) questions: &'static [Question],
    /// Set phrases of notes, stories and criteria.
    pub(super) phrases: &'static Phrases,
    /// Set phrases for the improvement of one story.
    pub(super) improvement: Improvement,
}

impl Lexicon {
    /// The tables of a language.
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::Russian => &russian::LEXICON,
            Language::English => &english::LEXICON,
        }
    }

    /// The topic with this key; keys are the same in every language.
    pub(super) fn topic(&self, key: &str) -> Option<&'static Topic> {
        self.topics.iter().find(|topic| topic.key == key)
    }
}

/// How a role stands to the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RoleKind {
    /// Whom the product is for.
    Consumer,
    /// Who works with it.
    Staff,
    /// Who runs it.
    Admin,
    /// An organisation; a persona only where it acts.
    Organisation,
    /// "User": whoever the product is for, when nobody better is named.
    Generic,
}

/// A role and the forms it is recognised by.
#[derive(Debug)]
pub(super) struct Role {
    /// Singular, lower case.
    pub(super) name: &'static str,
    /// How it stands to the product.
    pub(super) kind: RoleKind,
    /// Further forms, where stemming does not find them; `|` between them.
    pub(super) forms: &'static str,
}

/// What kind of step a verb is; criteria and edge cases follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum VerbClass {
    /// Register, sign in.
    Enter,
    /// Search, filter, sort.
    Find,
    /// See, open, compare.
    View,
    /// Choose, pick.
    Choose,
    /// Get, receive.
    Receive,
    /// Add, fill in, attach.
    Create,
    /// Edit, set, mark.
    Change,
    /// Cancel, delete, block.
    Remove,
    /// Pay, refund.
    Pay,
    /// Send, notify, write.
    Send,
    /// Rate, review.
    Rate,
    /// Approve, reject, accept.
    Decide,
    /// Export, download, print.
    Export,
    /// Scan, recognise.
    Scan,
    /// Book, reserve, schedule.
    Plan,
    /// Switch on and off, start.
    Control,
    /// Any other step.
    Work,
}

/// Where in a user's life with the product a topic stands; the order is that of the backbone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Getting to know the product, registering.
    Start,
    /// Searching, looking, choosing.
    Find,
    /// Ordering, booking, asking: what the user came for.
    Act,
    /// Paying.
    Pay,
    /// The work behind it, done by people.
    Fulfil,
    /// Following and hearing about it.
    Track,
    /// Afterwards: reviews, history, help.
    After,
    /// Running the product.
    Manage,
    /// How well it must work.
    Quality,
}

/// What a statement is about: a task of the map.
#[derive(Debug)]
pub(super) struct Topic {
    /// Name for the code and the questions; the same in every language.
    pub(super) key: &'static str,
    /// Place on the backbone.
    pub(super) stage: Stage,
    /// Noun phrase for the titles of activities.
    pub(super) name: &'static str,
    /// Verb phrase for the title of the task.
    pub(super) task: &'static str,
    /// Why whoever is served wants it, as an infinitive; used where the text does not say.
    pub(super) benefit: &'static str,
    /// Why whoever works with the product wants it.
    pub(super) staff_benefit: &'static str,
    /// The slice it belongs to unless the text says otherwise.
    pub(super) release: Release,
    /// Topic to use in its place when staff change things, and behind a `|` the one when they do anything else;
    /// empty for none.
    pub(super) for_staff: &'static str,
    /// Beginnings of words that speak of it, in `normal` form, `|` between them; those behind `~` speak of other
    /// things as often and count less.
    pub(super) words: &'static str,
}

/// A criterion that fits some kinds of stories.
#[derive(Debug)]
pub(super) struct Check {
    /// Keys of the topics it fits, `|` between them; empty for any.
    pub(super) topics: &'static str,
    /// Kinds of steps it fits; empty for any.
    pub(super) classes: &'static [VerbClass],
    /// Beginnings of words one of which the sentence must have, `|` between them; empty for none needed.
    pub(super) words: &'static str,
    /// The criterion. Who acts: `{role}`, `{phrase}`, `{short}`; what happens: `{Title}`.
    pub(super) template: &'static str,
}

/// A question asked when a text speaks of a topic but leaves out what a map needs to know.
#[derive(Debug)]
pub(super) struct Question {
    /// Topics that raise it, `|` between them; empty for every text.
    pub(super) topics: &'static str,
    /// Beginnings of words that answer it, `|` between them.
    pub(super) answered_by: &'static str,
    /// The question.
    pub(super) text: &'static str,
}

/// What a step is about where its words do not tell: keys of topics by kind of step.
pub(super) const TOPICS_OF_STEPS: &[(VerbClass, &str)] = &[
    (VerbClass::Enter, "register"),
    (VerbClass::Find, "search"),
    (VerbClass::Pay, "payment"),
    (VerbClass::Rate, "reviews"),
    (VerbClass::Plan, "booking"),
    (VerbClass::Export, "documents"),
];

/// Something that can go wrong with a step or an event.
#[derive(Debug)]
pub(super) struct EdgeCase {
    /// What it is called.
    pub(super) name: &'static str,
    /// Steps it can go wrong with; empty for any.
    pub(super) classes: &'static [VerbClass],
    /// The criterion for a step; `{role}`, `{short}`.
    pub(super) step: &'static str,
    /// The criterion for an event, `{Title}`; empty when it cannot go wrong this way.
    pub(super) event: &'static str,
    /// The criterion for a thing that is there, `{Title}`; empty when it cannot go wrong this way.
    pub(super) thing: &'static str,
}

/// Set phrases for the improvement of one story.
#[derive(Debug)]
pub(super) struct Improvement {
    /// How a step begins and ends; `{role}`, `{short}`, `{outcome}`.
    pub(super) course: &'static str,
    /// How an event goes; `{Title}`, `{role}`.
    pub(super) event_course: &'static str,
    /// How a thing is used; `{Title}`, `{Role}`.
    pub(super) thing_course: &'static str,
    /// A limit the story names; `{limit}`.
    pub(super) limit: &'static str,
    /// What the person who asked wrote; `{text}`.
    pub(super) wish: &'static str,
    /// First words of criteria that already name a condition.
    pub(super) conditions: &'static [&'static str],
    /// Condition put before a criterion of a step; `{role}`, `{short}`, `{criterion}`.
    pub(super) step_given: &'static str,
    /// Condition put before a criterion of an event; `{Title}`, `{criterion}`.
    pub(super) event_given: &'static str,
    /// A criterion with a word that cannot be tested; `{criterion}`, `{word}`.
    pub(super) vague: &'static str,
    /// What can go wrong, in the order it is asked.
    pub(super) edge_cases: &'static [EdgeCase],
    /// Said when the description was completed.
    pub(super) details_done: &'static str,
    /// What was done with a wish, in one line.
    pub(super) wish_done: &'static str,
    /// Said when criteria were sharpened; `{count}`.
    pub(super) criteria_done: &'static str,
    /// Said when edge cases were added; `{names}`.
    pub(super) edges_done: &'static str,
    /// Said when there was nothing to do.
    pub(super) nothing: &'static str,
    /// Said when there is no story to improve.
    pub(super) untold: &'static str,
}

/// Set phrases with places for words of the text: `{role}`, `{phrase}`, `{benefit}` and so on.
#[derive(Debug)]
pub(super) struct Phrases {
    /// First note of a draft.
    pub(super) offline: &'static str,
    /// Note about statements that did not fit; `{count}`.
    pub(super) left_out: &'static str,
    /// Note about code blocks; `{count}`.
    pub(super) code_left_out: &'static str,
    /// Note about a sentence that introduces; `{text}`.
    pub(super) context: &'static str,
    /// Note about a sentence that excludes something; `{text}`.
    pub(super) excluded: &'static str,
    /// Note that repeats a question of the text; `{text}`.
    pub(super) question: &'static str,
    /// Question about a vague word; `{word}` and `{text}`.
    pub(super) vague: &'static str,
    /// Name of a product whose text does not name it.
    pub(super) unnamed: &'static str,
    /// Persona when nobody is named.
    pub(super) user: &'static str,
    /// Persona who runs a product when nobody is named for it.
    pub(super) admin: &'static str,
    /// Story about what a persona does; `{role}`, `{phrase}`, `{benefit}`.
    pub(super) does: &'static str,
    /// Story about what a persona does, with the purpose the text names; `{role}`, `{phrase}`, `{benefit}`.
    pub(super) does_for: &'static str,
    /// Story about what should happen; `{role}`, `{wish}`, `{benefit}`.
    pub(super) happens: &'static str,
    /// Story about what should happen, with the purpose the text names; `{role}`, `{wish}`, `{benefit}`.
    pub(super) happens_for: &'static str,
    /// Second sentence of a description that keeps words of the text; `{text}`.
    pub(super) in_the_text: &'static str,
    /// What is said of a rule that fits no form; `{text}`.
    pub(super) rule: &'static str,
    /// Title of a task of rules and events, where a task was too big; `{topic}`.
    pub(super) rules_of: &'static str,
    /// Title of a task of one persona, where a task was too big; `{task}`, `{role}`.
    pub(super) task_of: &'static str,
    /// Joins the last two names in the title of an activity.
    pub(super) and: &'static str,
    /// Key of the topic for statements that speak of no known one.
    pub(super) fallback_topic: &'static str,
    /// Why rules and events of a stage are wanted, as an infinitive.
    pub(super) stage_benefits: &'static [(Stage, &'static str)],
    /// Criteria by kind of step: that it works, and what happens when it does not.
    pub(super) steps: &'static [(VerbClass, [&'static str; 2])],
    /// Criteria for what a persona does; the first that fits is taken before that of the step.
    pub(super) checks: &'static [Check],
    /// Criteria for what happens or exists; the first that fits is taken before the general ones below.
    pub(super) event_checks: &'static [Check],
    /// Criterion for what happens; `{Title}`.
    pub(super) event_fails: &'static str,
    /// Criterion for what exists; `{Title}`.
    pub(super) thing_fails: &'static str,
    /// What follows when a condition does not hold for a step, by its conjunction; the last one fits all.
    pub(super) step_conditions: &'static [(&'static str, &'static str)],
    /// What follows when a condition does not hold for an event, by its conjunction; the last one fits all.
    pub(super) event_conditions: &'static [(&'static str, &'static str)],
    /// Criterion for a count limit; `{limit}`.
    pub(super) count_limit: &'static str,
    /// Criterion for a time limit; `{limit}`.
    pub(super) time_limit: &'static str,
    /// Criterion for listed variants; `{items}`.
    pub(super) each_of: &'static str,
    /// Criterion for a thing that should be there; `{thing}`.
    pub(super) thing: &'static str,
    /// Criterion that others may not do it; `{role}`, `{short}`.
    pub(super) only_role: &'static str,
    /// Words of a step that is open to everybody, so that nobody is kept from it.
    pub(super) open_to_all: &'static [&'static str],
    /// Said behind introductory words of which `{count}` sentences are not repeated.
    pub(super) context_more: &'static str,
    /// Criteria for a rule; `{Text}` and `{Title}`.
    pub(super) ruled: &'static [&'static str],
}
