//! Statements made into stories, in the order of the text; what is no story of its own goes to the one it belongs to.

use std::collections::{BTreeSet, HashMap};

use story_map::{
    Language, Release, Source, Story, Unmapped, contradiction::Claim, suggestion, words::content_stems,
};

use crate::{
    lexicon::{Lexicon, Part, position},
    reason::Reason,
    sentence::{Clause, calm, clauses, title},
    statements::{Sort, Statement, Statements, agreed, heading_release},
    who::{self, Kind, Known, Said, Who, key},
};

/// Most stories of a draft.
pub const MOST_STORIES: usize = 400;
/// Weight of a word that only one story has.
const RARE: usize = 12;
/// Words of time and number, by stem, that say nothing of what a story is about.
const GENERAL: &[&str] = &[
    "day",
    "week",
    "month",
    "year",
    "hour",
    "minut",
    "second",
    "time",
    "automat",
    "day",
    "дн",
    "ден",
    "недел",
    "месяц",
    "год",
    "лет",
    "час",
    "минут",
    "секунд",
    "течен",
    "автоматическ",
    "сутк",
    "врем",
    "system",
    "систем",
    "нов",
    "new",
    "last",
    "максимальн",
];
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

    /// A criterion goes to the story it is of: the one its heading names, else the nearest before it.
    fn attach(&mut self, statement: &Statement, before: usize) {
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
    fn is_near(&self, at: usize, statement: &Statement) -> bool {
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
    fn settle(&mut self, rule: Rule) {
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

/// What can go wrong with a step of this kind, as a marked suggestion.
pub(crate) fn suggested(title: &str, language: Language) -> Option<String> {
    let of_kind = |(verbs, _): &&(&str, &str)| {
        verbs.split('|').any(|verb| position(title, verb).is_some_and(|(at, _)| at == 0))
    };
    let (_, text) = Lexicon::of(language).suggestions.iter().find(of_kind)?;
    Some(suggestion::marked(text, language))
}

fn is_infinitive(does: &str) -> bool {
    does.split_whitespace()
        .next()
        .is_some_and(|first| story_map::words::is_step(&crate::lexicon::bare(first)))
}

/// A statement without what belongs to its first story alone.
fn bare(statement: &Statement) -> Statement {
    Statement { criteria: Vec::new(), ..statement.clone() }
}

/// Stems that say what a text is about, without those of the persona.
fn stems(text: &str, persona: &str) -> BTreeSet<String> {
    let persona: BTreeSet<String> = content_stems(persona).into_iter().collect();
    let says = |stem: &String| {
        !persona.contains(stem) && !GENERAL.contains(&stem.as_str()) && !stem.chars().all(char::is_numeric)
    };
    content_stems(text).into_iter().filter(says).collect()
}

/// "We need an app for dog walkers": what the whole is, no part of it.
fn names_product(text: &str, lexicon: &Lexicon) -> bool {
    let words: Vec<String> = text.split_whitespace().map(crate::lexicon::bare).collect();
    let wishes = [
        "нам нужен",
        "нам нужна",
        "нам нужно",
        "we need",
        "we want",
        "i need",
        "i want",
        "хочу",
        "хотим",
        "нужен",
        "нужна",
        "нужно",
        "an app",
        "мы делаем",
        "делаем",
    ];
    let opens = wishes.iter().any(|wish| words.join(" ").starts_with(wish));
    opens
        && words
            .iter()
            .skip(1)
            .take(4)
            .any(|word| lexicon.products.iter().any(|product| word.starts_with(product)))
        && !words.iter().any(|word| word == "to" || word == "чтобы")
}

fn begins_with_condition(text: &str) -> bool {
    let first = text.split_whitespace().next().map(crate::lexicon::bare).unwrap_or_default();
    matches!(
        first.as_str(),
        "if" | "when"
            | "while"
            | "after"
            | "before"
            | "once"
            | "unless"
            | "until"
            | "если"
            | "когда"
            | "после"
            | "при"
            | "до"
            | "пока"
    )
}

/// A sentence without what it says of its release.
fn without_notes(text: &str, language: Language) -> String {
    let lexicon = Lexicon::of(language);
    let mut text = text.trim_end_matches(['.', ';', ' ']).to_owned();
    if let Some(open) = text.rfind('(').filter(|_| text.ends_with(')')) {
        let inner = text[open + 1..text.len() - 1].to_owned();
        if lexicon.release(&inner).is_some() && inner.split_whitespace().count() <= 4 {
            text.truncate(open);
        }
    }
    let notes =
        lexicon.releases.iter().map(|(phrase, _)| *phrase).filter(|phrase| phrase.chars().count() > 2);
    for phrase in notes {
        let words: Vec<&str> = text.split_whitespace().collect();
        let Some((at, count)) = position(&text, phrase) else { continue };
        let (first, last) = (at == 0, at + count == words.len());
        let rest = if first {
            &words[count..]
        } else if last {
            &words[..at]
        } else {
            continue;
        };
        let loose = |word: &&&str| {
            matches!(
                crate::lexicon::bare(word).as_str(),
                "" | "in"
                    | "a"
                    | "the"
                    | "can"
                    | "could"
                    | "would"
                    | "be"
                    | "is"
                    | "come"
                    | "в"
                    | "во"
                    | "на"
                    | "это"
                    | "и"
                    | "и это"
            )
        };
        let kept = rest.len() - rest.iter().rev().take_while(loose).count();
        if kept >= 2 || first && kept >= 1 {
            text = rest[..kept].join(" ");
        }
    }
    text.trim().trim_matches([',', ' ', '.', '—', '–', ';']).to_owned()
}
