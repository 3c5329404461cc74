//! Stories written from clauses: title, description and criteria, each story once.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::clause::{Action, Clause, TITLE_LENGTH, shortened, stops};
use super::criteria::{Source, filled, placed};
use super::grammar::english::with_article;
use super::language::Language;
use super::lexicon::{Lexicon, RoleKind, Stage, Topic};
use super::personas::{Cast, Member};
use super::words::{content_stems, coverage, normal, uncapitalised, without_final_punctuation};
use story_map::{Release, Story};

/// Share of the stems of a sentence that must stand in its stories.
pub(super) const TRACEABLE: f64 = 0.6;
/// Share of stems from which two clauses of one persona say the same.
const SAME: f64 = 0.85;

/// A story with what is needed to place it on the map.
#[derive(Debug)]
pub(super) struct Card {
    /// The story; its release may still change where the text does not name one.
    pub(super) story: Story,
    /// What it is about.
    pub(super) topic: &'static Topic,
    /// The release the text names.
    pub(super) named_release: Option<Release>,
    /// The heading it stands under.
    pub(super) section: Option<usize>,
    /// Index of the persona in the cast.
    pub(super) persona: usize,
    /// Whether it is something the persona does, not a rule or an event.
    pub(super) is_step: bool,
    /// Stems of the clause, to recognise the same wish said again.
    stems: BTreeSet<String>,
}

/// A clause with everything decided about its story.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    /// What is wished.
    pub(super) clause: &'a Clause,
    /// The sentence it stands in.
    pub(super) sentence: &'a str,
    /// Whose story it becomes.
    pub(super) persona: usize,
    /// What it is about.
    pub(super) topic: &'static Topic,
    /// The release the text names.
    pub(super) named_release: Option<Release>,
    /// The heading it stands under.
    pub(super) section: Option<usize>,
}

/// Writes stories and remembers them.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    language: Language,
    cast: &'a Cast,
    /// The stories so far, in the order of the text.
    pub(super) cards: Vec<Card>,
    titles: HashMap<String, usize>,
    criteria: HashSet<String>,
}

impl<'a> Writer<'a> {
    /// A writer without stories.
    pub(super) fn new(language: Language, cast: &'a Cast) -> Self {
        Self { language, cast, cards: Vec::new(), titles: HashMap::new(), criteria: HashSet::new() }
    }

    /// Writes the story of a clause, or finds the one that says the same; answers its index.
    pub(super) fn write(&mut self, plan: &Plan<'_>) -> usize {
        let stems = content_stems(&plan.clause.text, self.language);
        if let Some(same) = self.same(plan, &stems) {
            return same;
        }
        let persona = self.cast.member(plan.persona);
        let title = self.free_title(&plan.clause.title, &persona.name);
        let source = Source {
            clause: plan.clause,
            topic: plan.topic,
            persona,
            title: &title,
            sentence: plan.sentence,
            language: self.language,
        };
        let acceptance_criteria = source.criteria(&mut self.criteria);
        let description = self.description(plan.clause, persona, plan.topic);
        let release = plan.named_release.unwrap_or(plan.topic.release);
        let story = Story { title, description, persona: persona.name.clone(), release, acceptance_criteria };
        let index = self.cards.len();
        self.titles.insert(normal(&story.title), index);
        self.cards.push(Card {
            story,
            topic: plan.topic,
            named_release: plan.named_release,
            section: plan.section,
            persona: plan.persona,
            is_step: matches!(plan.clause.action, Action::Does { .. }),
            stems,
        });
        index
    }

    /// Sees to it that the stories of a sentence carry its words; what they lack is quoted in the first of them.
    pub(super) fn keep_words(&mut self, sentence: &str, stories: &[usize]) {
        let stems = content_stems(sentence, self.language);
        let told: BTreeSet<String> = stories.iter().flat_map(|index| self.story_stems(*index)).collect();
        if coverage(&stems, &told) >= TRACEABLE {
            return;
        }
        if let Some(card) = stories.first().and_then(|index| self.cards.get_mut(*index)) {
            let text = without_final_punctuation(sentence);
            let quote = filled(Lexicon::of(self.language).phrases.in_the_text, &[("text", text)]);
            card.story.description = format!("{} {quote}", card.story.description);
        }
    }

    fn story_stems(&self, index: usize) -> BTreeSet<String> {
        self.cards.get(index).map_or_else(BTreeSet::new, |card| {
            let story = &card.story;
            let text =
                format!("{} {} {}", story.title, story.description, story.acceptance_criteria.join(" "));
            content_stems(&text, self.language)
        })
    }

    fn same(&self, plan: &Plan<'_>, stems: &BTreeSet<String>) -> Option<usize> {
        let numbers = |stems: &BTreeSet<String>| -> Vec<String> {
            stems.iter().filter(|stem| stem.chars().any(char::is_numeric)).cloned().collect()
        };
        self.cards.iter().position(|card| {
            let union = card.stems.union(stems).count();
            let shared = card.stems.intersection(stems).count();
            card.persona == plan.persona
                && union > 0
                && shared as f64 >= SAME * union as f64
                && numbers(&card.stems) == numbers(stems)
        })
    }

    /// The title, told apart from the ones in use by persona and then by number.
    fn free_title(&self, title: &str, persona: &str) -> String {
        if !self.titles.contains_key(&normal(title)) {
            return title.to_owned();
        }
        let apart = |tail: String| {
            let room = TITLE_LENGTH.saturating_sub(tail.chars().count());
            format!("{}{tail}", shortened(title, room, stops(self.language)))
        };
        let by_persona = apart(format!(" ({})", uncapitalised(persona)));
        let mut numbered = (2usize..).map(|number| apart(format!(" ({number})")));
        if persona.chars().count() <= TITLE_LENGTH / 2 && !self.titles.contains_key(&normal(&by_persona)) {
            return by_persona;
        }
        numbered.find(|title| !self.titles.contains_key(&normal(title))).unwrap_or_else(|| title.to_owned())
    }

    fn description(&self, clause: &Clause, persona: &Member, topic: &Topic) -> String {
        let phrases = Lexicon::of(self.language).phrases;
        let role = uncapitalised(&persona.name);
        let is_step = matches!(clause.action, Action::Does { .. });
        let condition = clause.condition.as_deref().map(|condition| match self.language {
            Language::English if is_step => in_first_person(condition),
            _ => condition.to_owned(),
        });
        let condition = condition.as_deref();
        let purpose = clause.purpose.as_ref().map(|purpose| match self.language {
            Language::Russian => purpose.clone(),
            Language::English => in_first_person(purpose),
        });
        let is_served = matches!(persona.kind, RoleKind::Consumer | RoleKind::Generic);
        let own_benefit = if is_served { topic.benefit } else { topic.staff_benefit };
        let stage_benefit = phrases.stage_benefits.iter().find(|(stage, _)| *stage == topic.stage);
        let is_rule = matches!(clause.action, Action::Happens { .. } | Action::Rule(_));
        let benefit = match stage_benefit {
            Some((_, benefit)) if is_rule && topic.stage != Stage::Quality => benefit,
            _ => own_benefit,
        };
        let fill = |wish: &str| {
            let template = match (is_step, purpose.is_some()) {
                (true, false) => phrases.does,
                (true, true) => phrases.does_for,
                (false, false) => phrases.happens,
                (false, true) => phrases.happens_for,
            };
            filled(
                template,
                &[
                    ("role", &role),
                    ("a role", &with_article(&role)),
                    ("phrase", wish),
                    ("wish", wish),
                    ("benefit", purpose.as_deref().unwrap_or(benefit)),
                ],
            )
        };
        match &clause.action {
            Action::Does { phrase, setting, .. } => fill(&placed(phrase, setting, condition, self.language)),
            Action::Happens { wish, .. } | Action::Exists { wish, .. } => {
                fill(&placed(wish, "", condition, self.language))
            }
            Action::Rule(text) => fill(&filled(phrases.rule, &[("text", text)])),
        }
    }
}

/// "when they leave" as whoever leaves would say it.
fn in_first_person(text: &str) -> String {
    let own = |word| match word {
        "they" => "I",
        "their" => "my",
        "themselves" => "myself",
        other => other,
    };
    text.split(' ').map(own).collect::<Vec<_>>().join(" ")
}
