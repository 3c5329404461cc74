//! Roles found by what they do, and how much each is spoken of.

use super::Cast;
use crate::clause::user_story;
use crate::grammar::{english, russian};
use crate::language::Language;
use crate::lexicon::{Lexicon, RoleKind};
use crate::text::Document;
use crate::words::{Word, words};

/// Words at the head of a sentence among which a role is looked for.
const LOOKED_AT: usize = 60;
/// Most members of a cast, those of the lexicon included.
const MOST_MEMBERS: usize = 400;

/// Words before a role that do not narrow it.
#[rustfmt::skip]
const NOT_MODIFIERS: &[&str] = &[
    "new", "existing", "registered", "active", "other", "another", "next", "current", "first", "second",
    "regular", "authorised", "authorized", "late", "many", "most", "individual", "chosen", "selected",
    "both", "two", "three", "these", "those", "such", "some", "all", "any", "no", "our", "your", "their",
    "his", "her", "its", "this", "that", "only", "paying", "private", "public", "the", "a", "an", "each",
    "every", "when", "if", "and", "or",
];

/// Words that open a noun phrase.
const DETERMINERS: &[&str] = &["a", "an", "the", "each", "every", "any", "our"];

/// Words that make another role of a role.
const RANKS: &[&str] = &["head", "chief", "senior", "lead", "main", "deputy"];

/// What people are said to do before the verb that says what.
#[rustfmt::skip]
const RUSSIAN_MODALS: &[&str] = &[
    "может", "могут", "должен", "должна", "должны", "хочет", "хотят", "сможет", "смогут", "обязан",
    "обязаны", "вправе", "сам", "сами", "обязательно",
];

/// What people are said to do before the verb that says what.
#[rustfmt::skip]
const ENGLISH_MODALS: &[&str] = &[
    "can", "could", "may", "must", "should", "shall", "will", "wants", "want", "needs",
];

impl Cast {
    /// Adds roles the lexicon does not know: nouns for doers that act in this sentence.
    pub(super) fn discover(&mut self, sentence: &[Word], is_lead: bool) {
        let lexicon = Lexicon::of(self.language);
        if let Some((name, end, _)) = user_story::parts(sentence)
            && (name..end).all(|index| self.raw_at(sentence, index).is_none())
            && self.members.len() < MOST_MEMBERS
        {
            let words: Vec<&str> = sentence[name..end].iter().map(|word| word.lower.as_str()).collect();
            let name = words.join(" ");
            let index = self.add(&name, RoleKind::Consumer);
            self.recognise(&name, index);
        }
        for position in 0..sentence.len().min(LOOKED_AT) {
            let word = &sentence[position];
            let known = self.raw_at(sentence, position);
            let singular = match self.language {
                Language::Russian => russian::singular_noun(&word.lower),
                Language::English => english::singular_noun(&word.lower),
            };
            let is_doer = || {
                singular.chars().nth(4).is_some()
                    && lexicon.role_endings.iter().any(|ending| singular.ends_with(ending))
                    && !lexicon.not_roles.contains(&singular.as_str())
                    && !lexicon.product_nouns.contains(&singular.as_str())
                    && !lexicon.stop_words.contains(&word.lower.as_str())
                    && singular.chars().all(|c| c.is_alphabetic() || c == '-')
                    && !is_verb(self.language, &word.lower)
            };
            if known.is_none()
                && (is_lead && position > 0 || self.members.len() >= MOST_MEMBERS || !is_doer())
            {
                continue;
            }
            if !is_lead && (word.ends_with_comma() || !acts(self.language, sentence, position + 1)) {
                continue;
            }
            let kind = match known {
                Some((index, 1)) => self.members[index].kind,
                Some(_) => continue,
                None => {
                    let index = self.add(&singular, RoleKind::Staff);
                    self.recognise(&singular, index);
                    RoleKind::Staff
                }
            };
            self.discover_compound(sentence, position, &singular, kind);
        }
    }

    /// "Studio manager", "finance controller": a noun before an English role narrows it.
    fn discover_compound(&mut self, sentence: &[Word], position: usize, head: &str, kind: RoleKind) {
        if self.language != Language::English || position == 0 {
            return;
        }
        let modifier = &sentence[position - 1];
        let opens = match position.checked_sub(2).map(|before| &sentence[before]) {
            None => true,
            Some(before) => DETERMINERS.contains(&before.lower.as_str()) || before.ends_with_comma(),
        };
        let fits = opens
            && modifier.lower.chars().count() > 2
            && modifier.lower.chars().all(|c| c.is_ascii_alphabetic() || c == '-')
            && !modifier.ends_with_comma()
            && !NOT_MODIFIERS.contains(&modifier.lower.as_str())
            && !is_verb(self.language, &modifier.lower)
            && !modifier.lower.ends_with("ly");
        let known = self.raw_at(sentence, position - 1).is_some_and(|(_, length)| length > 1);
        if fits && !known {
            let name = format!("{} {head}", modifier.lower);
            let index = self.add(&name, if kind == RoleKind::Generic { RoleKind::Consumer } else { kind });
            self.recognise(&name, index);
        }
    }

    /// Counts who is mentioned; answers whether the text speaks as "I".
    pub(super) fn count(&mut self, sentence: &[Word]) -> bool {
        let story = user_story::parts(sentence);
        let mut position = 0;
        while position < sentence.len() {
            let Some((index, length)) = self.raw_at(sentence, position) else {
                position += 1;
                continue;
            };
            let next = position + length;
            let must_act = index == 0 || self.members[index].kind == RoleKind::Organisation;
            let is_label = position == 0
                && sentence.get(next - 1).is_some_and(|word| word.text.ends_with(':'))
                && next == sentence.len();
            let subject =
                self.is_subject_form(&sentence[position..next]) && acts(self.language, sentence, next);
            let acts = is_label || subject || story.is_some_and(|(name, _, _)| name == position);
            self.members[index].mentions += usize::from(acts || !must_act);
            self.members[index].acts |= acts;
            position = next;
        }
        story.is_none()
            && sentence.iter().any(|word| matches!(word.lower.as_str(), "i" | "i'd" | "я" | "мне"))
    }

    pub(super) fn count_headings(&mut self, document: &Document) {
        for section in &document.sections {
            let heading = words(section);
            if let Some((index, length)) = self.raw_at(&heading, 0).filter(|(index, _)| *index != 0) {
                self.members[index].mentions += usize::from(length == heading.len());
            }
        }
    }

    /// Where only one kind of manager is named, "the manager" is that one.
    pub(super) fn fold_heads_into_compounds(&mut self) {
        if self.language == Language::Russian {
            return;
        }
        for index in 1..self.members.len() {
            let head = self.members[index].name.to_lowercase();
            if self.members[index].mentions == 0 || head.contains(' ') {
                continue;
            }
            let compounds: Vec<usize> = (1..self.members.len())
                .filter(|other| self.members[*other].mentions > 0)
                .filter(|other| {
                    let name = self.members[*other].name.to_lowercase();
                    name.strip_suffix(&head)
                        .is_some_and(|rest| rest.ends_with(' ') && !RANKS.contains(&rest.trim()))
                })
                .collect();
            if let [only] = compounds[..] {
                self.members[only].mentions += self.members[index].mentions;
                self.members[index].mentions = 0;
                for patterns in self.patterns.values_mut() {
                    patterns
                        .iter_mut()
                        .filter(|(_, target)| *target == index)
                        .for_each(|(_, target)| *target = only);
                }
            }
        }
    }
}

/// Whether somebody acts with the word at this position: a modal or a verb people are the subject of.
pub(super) fn acts(language: Language, sentence: &[Word], position: usize) -> bool {
    let next =
        |offset: usize| sentence.get(position + offset).map(|word| word.lower.as_str()).unwrap_or_default();
    match language {
        Language::Russian => {
            let verb = if matches!(next(0), "не" | "также" | "—" | "" | "сам" | "сама") {
                next(1)
            } else {
                next(0)
            };
            RUSSIAN_MODALS.contains(&next(0))
                || RUSSIAN_MODALS.contains(&verb)
                || russian::finite(verb).is_some_and(|verb| !verb.state)
        }
        Language::English => {
            ENGLISH_MODALS.contains(&next(0))
                || english::base_of(next(0)).is_some()
                || english::class_of(next(0)).is_some()
        }
    }
}

fn is_verb(language: Language, lower: &str) -> bool {
    match language {
        Language::Russian => russian::finite(lower).is_some() || russian::is_infinitive(lower),
        Language::English => english::class_of(lower).is_some() || english::base_of(lower).is_some(),
    }
}
