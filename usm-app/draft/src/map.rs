//! A story map drafted from the words of a text alone.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use thiserror::Error;

use super::backbone;
use super::clause::{Action, Clause, Context, analyse, user_story, verbatim};
use super::language::Language;
use super::lexicon::{Lexicon, RoleKind, Stage, TOPICS_OF_STEPS, Topic};
use super::notes::notes;
use super::personas::Cast;
use super::product::{Kind, kinds, name};
use super::release::named_release;
use super::story::{Plan, Writer};
use super::text::{Document, Statement};
use super::topics::{Hints, topic_of};
use super::words::{Word, without_final_punctuation, words};
use story_map::{Release, StoryMap, VERSION};

/// Most stories of a draft; a note says how many requirements did not fit.
pub const MOST_STORIES: usize = 400;

/// Fewest words from which the language of one sentence can be told.
const FOREIGN_WORDS: usize = 4;

/// Why no map could be drafted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DraftError {
    /// There is no text.
    #[error("the requirements text is empty; describe in a few sentences who uses the product and what for")]
    Empty,
    /// There is text, but no sentence in it.
    #[error(
        "the requirements text has no sentence to work with; write at least one, for example \"a customer can order a \
         pizza\" or «клиент может заказать пиццу»"
    )]
    NoSentence,
    /// Stories were asked for an activity that the draft of this text does not have.
    #[error("the draft of this text has no activity \"{0}\"; make the map anew")]
    NoActivity(String),
}

/// A draft with the way each statement took.
#[derive(Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "the trace is what the tests hold the map against"))]
pub(super) struct Draft {
    /// The map.
    pub(super) map: StoryMap,
    /// Statements of the text and the titles of the stories they became; none for those that stand in the notes.
    pub(super) trace: Vec<Trace>,
}

/// What became of one statement.
#[derive(Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "the trace is what the tests hold the map against"))]
pub(super) struct Trace {
    /// Its words.
    pub(super) statement: String,
    /// What it is for.
    pub(super) kind: Kind,
    /// Titles of its stories.
    pub(super) stories: Vec<String>,
}

/// Drafts a story map from a text in Russian or English, plain or Markdown; the same text gives the same map.
///
/// Every requirement of the text becomes a story, and what is no requirement stands in the notes. Every activity has
/// a story in the MVP, every story two to four criteria taken from its own sentence. At most [`MOST_STORIES`].
pub fn draft_story_map(text: &str) -> Result<StoryMap, DraftError> {
    draft(text).map(|draft| draft.map)
}

pub(super) fn draft(text: &str) -> Result<Draft, DraftError> {
    if text.trim().is_empty() {
        return Err(DraftError::Empty);
    }
    let language = Language::detect(text);
    let lexicon = Lexicon::of(language);
    let mut document = Document::parse(text);
    document.statements.retain(is_usable);
    if document.statements.is_empty() {
        return Err(DraftError::NoSentence);
    }
    let cast = Cast::of(&document, language);
    let name = name(&document, language);
    let mut reader =
        Reader { language, lexicon, cast: &cast, last_actor: None, last_section: None, last_topic: None };
    let kinds = kinds(&document, &name, language, |statement| cast.somebody_acts(&words(&statement.text)));
    let mut writer = Writer::new(language, &cast);
    let mut traces: Vec<(usize, Vec<usize>)> = Vec::new();
    let mut left_out = 0;
    let mut read: HashMap<_, Vec<usize>> = HashMap::new();
    for (index, (statement, kind)) in document.statements.iter().zip(&kinds).enumerate() {
        if *kind != Kind::Requirement {
            continue;
        }
        if writer.cards.len() >= MOST_STORIES {
            left_out += 1;
            continue;
        }
        // Pasted texts repeat themselves; what was read under the same heading says the same again.
        let place = (statement.lead.as_deref(), document.section_of(statement));
        let stories = match read.entry((statement.text.as_str(), place)) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(new) => {
                let stories = reader.read(statement, &document, &mut writer);
                writer.keep_words(&statement.text, &stories);
                new.insert(stories).clone()
            }
        };
        traces.push((index, stories));
    }
    let cards = writer.cards;
    if cards.is_empty() {
        return Err(DraftError::NoSentence);
    }
    let topics: BTreeSet<&'static str> = cards.iter().map(|card| card.topic.key).collect();
    let titles: Vec<String> = cards.iter().map(|card| card.story.title.clone()).collect();
    let mut trace: BTreeMap<usize, Vec<String>> = traces
        .into_iter()
        .map(|(index, stories)| (index, stories.iter().map(|s| titles[*s].clone()).collect()))
        .collect();
    let activities = backbone::arrange(cards, &document, &cast, lexicon);
    let notes = notes(&document, &kinds, &topics, left_out, lexicon);
    let mut map = StoryMap {
        version: VERSION,
        name,
        personas: Vec::new(),
        releases: Release::all(),
        activities,
        notes,
    };
    map.personas = personas(&map);
    let trace = document
        .statements
        .into_iter()
        .zip(kinds)
        .enumerate()
        .map(|(index, (statement, kind))| Trace {
            statement: statement.text,
            kind,
            stories: trace.remove(&index).unwrap_or_default(),
        })
        .collect();
    Ok(Draft { map, trace })
}

/// A bullet may be a single word; a sentence has two.
fn is_usable(statement: &Statement) -> bool {
    let count = words(&statement.text)
        .iter()
        .filter(|word| {
            word.lower.chars().filter(|c| c.is_alphabetic()).nth(1).is_some()
                && word.lower.chars().count() <= 60
        })
        .count();
    count >= if statement.is_item { 1 } else { 2 }
}

/// Personas of the stories, those with most stories first.
fn personas(map: &StoryMap) -> Vec<String> {
    let mut counted: Vec<(&str, usize)> = Vec::new();
    for (_, _, story) in map.stories() {
        match counted.iter_mut().find(|(name, _)| *name == story.persona) {
            Some((_, count)) => *count += 1,
            None => counted.push((&story.persona, 1)),
        }
    }
    counted.sort_by_key(|(_, count)| usize::MAX - count);
    counted.into_iter().map(|(name, _)| name.to_owned()).collect()
}

/// Reads statements one after another and remembers whom and what they were about.
struct Reader<'a> {
    language: Language,
    lexicon: &'static Lexicon,
    cast: &'a Cast,
    last_actor: Option<usize>,
    last_section: Option<usize>,
    last_topic: Option<&'static Topic>,
}

impl Reader<'_> {
    /// Writes the stories of one statement; answers their indices, at least one.
    fn read(&mut self, statement: &Statement, document: &Document, writer: &mut Writer<'_>) -> Vec<usize> {
        if self.last_section != statement.section || !statement.is_item && !statement.continues {
            self.last_topic = None;
        }
        if self.last_section != statement.section {
            self.last_actor = None;
            self.last_section = statement.section;
        }
        let heading = document.section_of(statement);
        let lead = statement.lead.as_deref();
        let lead_actor = lead.and_then(|lead| self.cast.first_in(&words(lead))).or_else(|| {
            heading.filter(|_| statement.is_item).and_then(|heading| self.cast.whole(&words(heading)))
        });
        let sentence = match lead {
            Some(lead) if lead_actor.is_none() => joined(lead, &statement.text),
            _ => statement.text.clone(),
        };
        let context = Context {
            cast: self.cast,
            lead_actor,
            last_actor: self.last_actor,
            is_item: statement.is_item,
            owner: self.cast.admin(),
        };
        // A sentence in another language than the rest is kept as it is: its grammar is another one.
        let is_foreign =
            words(&sentence).len() >= FOREIGN_WORDS && Language::detect(&sentence) != self.language;
        let mut clauses = match is_foreign {
            true => vec![verbatim(&sentence, self.language)],
            false => analyse(&sentence, self.language, context),
        };
        clauses.retain(|clause| clause.title.chars().any(char::is_alphanumeric));
        if clauses.is_empty() {
            clauses.push(verbatim(&sentence, self.language));
        }
        let mut stories = Vec::new();
        for clause in &clauses {
            let around = [lead.unwrap_or_default(), heading.unwrap_or_default()];
            let remark = if clauses.len() == 1 { statement.text.as_str() } else { "" };
            let named = named_release(&[&clause.scope, remark, around[0], around[1]], self.lexicon);
            let topic = self.topic(clause, lead, heading, lead_actor);
            let persona = self.persona(clause, topic, statement, lead_actor);
            let plan = Plan {
                clause,
                sentence: &sentence,
                persona,
                topic,
                named_release: named,
                section: statement.section,
            };
            stories.push(writer.write(&plan));
            self.last_topic = Some(topic);
            self.last_actor = clause.actor.or(self.last_actor);
        }
        if user_story::parts(&words(&statement.text)).is_some() {
            // A user story says whose it is; the sentence behind it is no part of it.
            self.last_actor = None;
            self.last_topic = None;
        }
        stories.dedup();
        stories
    }

    fn topic(
        &self,
        clause: &Clause,
        lead: Option<&str>,
        heading: Option<&str>,
        lead_actor: Option<usize>,
    ) -> &'static Topic {
        let actor = clause.actor.or(lead_actor);
        let by_staff = actor.is_some_and(|actor| {
            matches!(self.cast.member(actor).kind, RoleKind::Staff | RoleKind::Admin | RoleKind::Organisation)
        });
        let does = matches!(clause.action, Action::Does { .. });
        let of = |text: &str, is_heading, around| {
            let words: Vec<Word> = words(text);
            let names = self.cast.names(&words);
            let hints = Hints { does, by_staff, class: clause.class, is_heading, around };
            topic_of(self.lexicon, &words, |index| names.get(index).copied().unwrap_or_default(), hints)
        };
        let around = lead
            .and_then(|lead| of(lead, true, None))
            .or_else(|| heading.and_then(|heading| of(heading, true, None)));
        let fallback =
            || self.lexicon.topic(self.lexicon.phrases.fallback_topic).unwrap_or(&self.lexicon.topics[0]);
        let own = match &clause.action {
            Action::Does { phrase, setting, .. } => {
                format!("{} {setting}", phrase.split(" (").next().unwrap_or(phrase))
            }
            Action::Happens { statement, .. } => statement.clone(),
            Action::Exists { thing, .. } => thing.clone(),
            Action::Rule(text) => text.clone(),
        };
        let labelled = !own.to_lowercase().contains(&clause.title.to_lowercase());
        let own = if labelled { format!("{} {own}", clause.title) } else { own };
        // What it is for is another matter: "unlock a bike so that I need not call" is not about calling.
        let text =
            clause.purpose.as_deref().map_or(clause.text.clone(), |purpose| clause.text.replace(purpose, ""));
        let told = of(&own, false, around).or_else(|| of(&text, false, around));
        // What a persona does is seldom about quality: "signs on a tablet" is about signing.
        let (sure, unsure) = match told {
            Some(topic) if does && topic.stage == Stage::Quality => (None, told),
            _ => (told, None),
        };
        let of_step = TOPICS_OF_STEPS.iter().find(|(class, _)| *class == clause.class);
        let of_step = of_step.filter(|_| does).and_then(|(_, key)| self.lexicon.topic(key));
        sure.or(of_step).or(self.last_topic).or(around).or(unsure).unwrap_or_else(fallback)
    }

    fn persona(
        &self,
        clause: &Clause,
        topic: &Topic,
        statement: &Statement,
        lead_actor: Option<usize>,
    ) -> usize {
        let main = self.cast.main();
        let near = self.last_actor.filter(|_| statement.continues || statement.is_item);
        // A thing is wished for by whom the product is for, whoever the sentence before it was about.
        let near =
            near.filter(|_| !matches!(clause.action, Action::Exists { .. }) || !self.cast.serves_somebody());
        let chosen = clause.actor.or(lead_actor).unwrap_or_else(|| match topic.stage {
            Stage::Manage => self.cast.admin(),
            Stage::Quality => main,
            _ => near.unwrap_or(main),
        });
        // Nobody wishes to be kept from something: that is the wish of whoever runs the product.
        if clause.about == Some(chosen) && clause.actor.is_none() { self.cast.admin() } else { chosen }
    }
}

/// A bullet that only completes the line before it, put together with that line.
fn joined(lead: &str, text: &str) -> String {
    let lead_words = words(lead);
    let fragment = words(text).len() <= 3;
    if lead.ends_with(':') && fragment && lead_words.len() <= 12 {
        format!("{} {}", without_final_punctuation(lead), text)
    } else {
        text.to_owned()
    }
}
