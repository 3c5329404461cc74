//! Statements made into stories, in the order of the text; what is no story of its own goes to the one it belongs to.

mod rules;
mod wording;

use std::collections::{BTreeSet, HashMap};

use story_map::{Language, Release, Source, Story, Unmapped, contradiction::Claim, words::content_stems};

use crate::{
    lexicon::{Lexicon, Part},
    reason::Reason,
    sentence::{Clause, calm, clauses, title},
    statements::{Sort, Statement, Statements, agreed, heading_release},
    who::{self, Kind, Known, Said, Who, key},
};

pub(crate) use wording::suggested;
use wording::{bare, begins_with_condition, is_infinitive, names_product, stems, without_notes};

/// Most stories of a draft.
pub const MOST_STORIES: usize = 400;
/// Weight of a word that only one story has.
const RARE: usize = 12;
/// Most criteria of a story.
const MOST_CRITERIA: usize = 12;
/// Words of a wish in a conversation.
const WISHES: &[&str] = &["чтоб", "чтобы", "should", "нужен", "нужна", "нужны"];

/// A story with what decides where it stands.
#[derive(Debug)]
pub(crate) struct Card {
    pub(crate) story: Story,
    pub(crate) section: Option<usize>,
    /// The heading that a column names.
    pub(crate) group: String,
    /// What the text says of its release.
    pub(crate) release: Option<Release>,
    /// Whether somebody does something, so that it can be a step of the way.
    pub(crate) is_step: bool,
    stems: BTreeSet<String>,
    claim: Claim,
}

/// Everything a text gives.
#[derive(Debug)]
pub(crate) struct Cards<'a> {
    pub(crate) cards: Vec<Card>,
    pub(crate) unmapped: Vec<Unmapped>,
    pub(crate) questions: Vec<String>,
    statements: &'a Statements,
    known: &'a Known,
    /// `None` for a language that is not read.
    language: Option<Language>,
    labels: Language,
    is_chat: bool,
    last: Option<String>,
    last_section: Option<usize>,
    /// The heading that named a story for its criteria, and that story.
    named: Option<(Option<usize>, usize)>,
    /// Cards by persona and title, so that nothing stands twice.
    seen: HashMap<(String, String), usize>,
}

/// A rule that waits until all stories are there.
struct Rule {
    statement: Statement,
    said: Said,
    /// Cards that stood before it.
    before: usize,
}

impl<'a> Cards<'a> {
    pub(crate) fn of(
        statements: &'a Statements,
        known: &'a Known,
        language: Option<Language>,
        is_chat: bool,
    ) -> Self {
        let mut cards = Self {
            cards: Vec::new(),
            unmapped: Vec::new(),
            questions: Vec::new(),
            statements,
            known,
            language,
            labels: language.unwrap_or(Language::English),
            is_chat,
            last: None,
            last_section: None,
            named: None,
            seen: HashMap::new(),
        };
        let mut asked: Option<&Statement> = None;
        let (mut rules, mut criteria) = (Vec::new(), Vec::new());
        for statement in &statements.all {
            let answered = asked.take();
            match statement.sort {
                Sort::Aside(reason) => cards.leave(&statement.text, reason),
                Sort::Question if is_chat && statement.text.split_whitespace().count() < 3 => {
                    cards.leave(&statement.text, Reason::Talk);
                }
                Sort::Question => {
                    cards.questions.push(statement.text.clone());
                    asked = Some(statement);
                }
                Sort::Remark(release) => {
                    if let Some(question) = answered {
                        // Asked and agreed upon.
                        cards.questions.retain(|known| *known != question.text);
                        cards.read(&Statement { release: Some(release), ..question.clone() });
                    }
                    if let Some(card) = cards.cards.last_mut() {
                        card.release = Some(release);
                    }
                }
                Sort::Criterion => criteria.push((statement, cards.cards.len())),
                Sort::Requirement => match cards.rule(statement) {
                    Some(said) => {
                        rules.push(Rule { statement: statement.clone(), said, before: cards.cards.len() })
                    }
                    None => cards.read(statement),
                },
            }
        }
        criteria.into_iter().for_each(|(statement, before)| cards.attach(statement, before));
        rules.into_iter().for_each(|rule| cards.settle(rule));
        cards.suggest();
        cards
    }

    fn leave(&mut self, text: &str, reason: Reason) {
        self.unmapped.push(Unmapped { text: text.to_owned(), reason: reason.text(self.labels).to_owned() });
    }

    fn said(&self, text: &str) -> Said {
        let Some(language) = self.language else {
            return Said { who: Who::Nobody, does: text.to_owned(), kind: Kind::Act };
        };
        // A sentence of Latin letters alone has English grammar.
        let is_latin = !text.chars().any(story_map::words::is_cyrillic);
        let own = if is_latin { Language::English } else { language };
        who::said(text, own, self.known)
    }

    /// What a statement says when it is no step of its own: what is forbidden, what holds of a thing.
    fn rule(&self, statement: &Statement) -> Option<Said> {
        if who::wish(&statement.text).is_some()
            || !statement.id.is_empty()
            || statement.who.is_some()
            || self.language.is_none()
            || self.is_chat
        {
            return None;
        }
        let said = self.said(&self.wording(statement));
        let is_rule = match said.kind {
            Kind::Prohibition => true,
            Kind::Fact => !matches!(said.who, Who::Named(_)),
            Kind::Act | Kind::Fragment => false,
        };
        let of_all = self.statements.above(statement.section).any(|section| section.part == Part::Qualities);
        (is_rule && !of_all && statement.criteria.is_empty()).then_some(said)
    }

    /// The words of a statement without what they say of its release.
    fn wording(&self, statement: &Statement) -> String {
        let text = calm(agreed(&statement.text).unwrap_or(&statement.text));
        self.language.map_or(text.clone(), |language| without_notes(&text, language))
    }

    /// The role that stands above a list.
    fn lead(&self, statement: &Statement) -> Option<String> {
        let language = self.language?;
        let heading = &self.statements.above(statement.section).next()?.title;
        let heading = calm(heading);
        if let Some(name) = who::before_modal(&heading, language) {
            return Some(name);
        }
        let first: Vec<&str> = heading.split_whitespace().collect();
        if let Some(count) =
            (1..first.len().min(4)).rev().find(|count| self.known.has(&first[..*count].join(" ")))
            && statement.is_item
        {
            return Some(first[..count].join(" "));
        }
        let is_short = heading.split_whitespace().count() <= 4;
        let acts = who::begins_with_verb(&calm(&statement.text), language);
        let is_role = self.known.has(&heading)
            || acts
                && self.known.judge(&heading, heading.split_whitespace().last()?, language) == who::Is::Role;
        let is_role = is_role
            || acts
                && is_short
                && statement.is_item
                && self.third_person(&statement.text, language)
                && self.known.judge(&heading, &heading, language) != who::Is::Thing
                && heading.split_whitespace().count() <= 2;
        (is_short && is_role).then(|| who::lead_name(&heading, language))
    }

    /// Whether a line begins with what "he does", so that it is about somebody named above.
    fn third_person(&self, text: &str, language: Language) -> bool {
        let first = text.split_whitespace().next().map(crate::lexicon::bare).unwrap_or_default();
        who::begins_with_verb(&first, language) && !story_map::words::is_step(&first)
    }

    fn read(&mut self, statement: &Statement) {
        if self.cards.len() >= MOST_STORIES {
            return self.leave(&statement.text, Reason::TooMany);
        }
        if self.last_section != statement.section {
            (self.last, self.last_section) = (None, statement.section);
        }
        let text = self.wording(statement);
        if let Some(wish) = who::wish(&text).filter(|_| self.language.is_some()) {
            let persona = self.known.shown(&wish.who);
            self.add(statement, &wish.what, persona, Kind::Act);
            return;
        }
        let said = self.said(&text);
        let lexicon = Lexicon::of(self.labels);
        if statement.is_intro && self.introduces(&said)
            || !statement.is_item && self.tells_of_us(&text, &said)
        {
            return self.leave(&statement.text, Reason::Background);
        }
        if statement.release.is_none() && self.statements.all.len() > 1 && names_product(&text, lexicon) {
            return self.leave(&statement.text, Reason::Background);
        }
        let release = statement.release.or_else(|| lexicon.release(&statement.text));
        let is_bare = said.kind == Kind::Fragment || text.split_whitespace().count() < 3;
        if self.is_chat && self.language.is_some() && is_bare && release.is_none() {
            let wish = WISHES
                .iter()
                .any(|wish| who::opened(&text, lexicon.openers).to_lowercase().starts_with(wish));
            if wish && let Some(card) = self.cards.last_mut() {
                card.story.acceptance_criteria.push(who::opened(&statement.text, lexicon.openers).to_owned());
                return;
            }
            let wished =
                text.split_whitespace().map(crate::lexicon::bare).any(|word| WISHES.contains(&word.as_str()));
            if !wished {
                return self.leave(&statement.text, Reason::Talk);
            }
        }
        let unmeasured = Lexicon::says(&text, lexicon.vague) && !text.chars().any(|c| c.is_ascii_digit());
        let measured = content_stems(&text)
            .into_iter()
            .filter(|stem| !lexicon.vague.iter().any(|word| word.starts_with(stem.as_str())))
            .count();
        if unmeasured && measured <= 2 && !matches!(said.who, Who::Named(_)) && statement.id.is_empty() {
            self.questions.push(
                self.labels
                    .pick("Что это значит в числах: «", "What does this mean in figures: “")
                    .to_owned()
                    + statement.text.trim_end_matches(['.', '!'])
                    + self.labels.pick("»?", "”?"),
            );
            return self.leave(&statement.text, Reason::Vague);
        }
        let named = match &said.who {
            Who::Named(name) => Some(self.known.shown(name)),
            // An infinitive in running text belongs to nobody in particular.
            Who::Before
                if !statement.is_item
                    && is_infinitive(&said.does)
                    && text.ends_with(&said.does)
                    && text.len() == said.does.len() =>
            {
                None
            }
            Who::Before => {
                self.lead(statement).map(|name| self.known.shown(&name)).or_else(|| self.last.clone())
            }
            Who::Nobody if said.kind == Kind::Fragment => {
                self.lead(statement).map(|name| self.known.shown(&name))
            }
            Who::Nobody => None,
        };
        let persona = statement.who.as_ref().map(|name| self.known.shown(name)).or(named).unwrap_or_default();
        self.add(statement, &said.does, persona, said.kind);
    }

    /// Whether a sentence before the first part only introduces the rest: nobody acts in it, or the product does.
    fn introduces(&self, said: &Said) -> bool {
        let is_role = |name: &str| {
            self.known.judge(name, name.split_whitespace().last().unwrap_or(name), self.labels)
                == who::Is::Role
        };
        match &said.who {
            Who::Named(name) => self.cards.is_empty() && !is_role(name) && self.statements.all.len() > 4,
            Who::Before | Who::Nobody => self.statements.is_parted(),
        }
    }

    /// "We run a chain of halls": the author speaks of himself and wishes nothing.
    fn tells_of_us(&self, text: &str, said: &Said) -> bool {
        let first = text.split_whitespace().next().map(crate::lexicon::bare).unwrap_or_default();
        matches!(first.as_str(), "we" | "i" | "мы" | "я")
            && said.kind == Kind::Fact
            && said.who == Who::Nobody
            && self.statements.all.len() > 1
    }

    /// Puts a story and those of the other clauses of its sentence.
    fn add(&mut self, statement: &Statement, does: &str, persona: String, kind: Kind) {
        let (head, rest) = match self.language {
            Some(language) => clauses(does, language, self.known),
            None => (does.to_owned(), Vec::new()),
        };
        let shares = rest.iter().any(|clause| !matches!(clause, Clause::Outcome(_)));
        let at = self.put(statement, &head, &persona, kind, true);
        if shares {
            // Several stories of one sentence are told apart by their parts of it.
            self.cards[at].story.description.clone_from(&head);
        }
        if !persona.is_empty() {
            self.last = Some(persona.clone());
        }
        let mut latest = at;
        for clause in rest {
            match clause {
                Clause::Step(text) => {
                    let does = self.said(&text).does;
                    latest = self.put(&bare(statement), &does, &persona, kind, false);
                    self.cards[latest].story.description = text;
                }
                Clause::Outcome(text) => {
                    let criteria = &mut self.cards[latest].story.acceptance_criteria;
                    if criteria.len() < MOST_CRITERIA {
                        criteria.push(text);
                    }
                }
                Clause::Other(text) => {
                    let said = self.said(&text);
                    let other = match &said.who {
                        Who::Named(name) => self.known.shown(name),
                        Who::Before | Who::Nobody => persona.clone(),
                    };
                    latest = self.put(&bare(statement), &said.does, &other, said.kind, false);
                    self.cards[latest].story.description = text;
                }
            }
        }
    }

    /// One card; where it is already, what is new goes to it.
    fn put(&mut self, statement: &Statement, does: &str, persona: &str, kind: Kind, is_first: bool) -> usize {
        let head = title(does);
        let head = if head.chars().any(char::is_alphanumeric) { head } else { title(&statement.text) };
        let shown = (persona.to_owned(), key(&head));
        if let Some(at) = self.seen.get(&shown).copied() {
            self.cards[at].story.acceptance_criteria.extend(statement.criteria.clone());
            self.leave(&statement.text, Reason::Repeated);
            return at;
        }
        let mut criteria = statement.criteria.clone();
        let whole = statement.text.trim_end_matches(['.', '!', ';', ' ', '。']);
        let is_cut = head.ends_with('…') || does.chars().count() > head.chars().count() + 3;
        let has_condition = is_first
            && self.language.is_some()
            && begins_with_condition(whole)
            && !begins_with_condition(does);
        if criteria.is_empty() && (is_cut || has_condition) {
            criteria.push(calm(whole));
        }
        let lexicon = Lexicon::of(self.labels);
        let told = statement.release.or_else(|| lexicon.release(&statement.text)).or_else(|| {
            self.statements.above(statement.section).find_map(|section| self.of_heading(&section.title))
        });
        let told = told.or_else(|| self.listed(&statement.group)).or_else(|| self.listed(&statement.id));
        let card = Card {
            story: Story {
                title: self.unique(&head, persona),
                description: statement.text.clone(),
                persona: persona.to_owned(),
                release: Release::Later,
                acceptance_criteria: criteria.into_iter().take(MOST_CRITERIA).collect(),
                source: Some(Source { sentence: statement.text.clone(), requirement: statement.id.clone() }),
            },
            section: statement.section,
            group: statement.group.clone(),
            release: told,
            is_step: kind == Kind::Act,
            stems: stems(&statement.text, persona),
            claim: Claim::of(&statement.text),
        };
        self.cards.push(card);
        self.seen.insert(shown, self.cards.len() - 1);
        self.cards.len() - 1
    }

    /// The same words of another persona are told apart by who says them.
    fn unique(&self, head: &str, persona: &str) -> String {
        let taken = self.cards.iter().any(|card| key(&card.story.title) == key(head));
        if taken && !persona.is_empty() { format!("{head} ({persona})") } else { head.to_owned() }
    }

    fn of_heading(&self, title: &str) -> Option<Release> {
        let named = || Lexicon::of(self.labels).release(title);
        heading_release(title).flatten().or_else(named).or_else(|| self.listed(title))
    }

    /// The release that a table of the text gives to a heading or a name.
    fn listed(&self, name: &str) -> Option<Release> {
        if name.is_empty() {
            return None;
        }
        self.statements
            .releases
            .iter()
            .find(|(known, _)| key(known) == key(name))
            .map(|(_, release)| *release)
    }

    /// Gives a story without criteria the one that its kind of step makes concrete, marked as a suggestion.
    fn suggest(&mut self) {
        let Some(language) = self.language else { return };
        for card in
            self.cards.iter_mut().filter(|card| card.is_step && card.story.acceptance_criteria.is_empty())
        {
            card.story.acceptance_criteria.extend(suggested(&card.story.title, language));
        }
    }
}
