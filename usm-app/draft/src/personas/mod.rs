//! Who walks the map: roles a text names, known from the lexicon or recognised by what they do.

use std::collections::{HashMap, HashSet};

mod discovery;

use super::grammar::{english, russian};
use super::language::Language;
use super::lexicon::{Lexicon, RoleKind};
use super::text::Document;
use super::words::{Word, capitalised, normal, stem, words};
use discovery::acts;

/// How a sentence opens that names the parties of a contract, who do not use the product.
const PARTIES: &[&str] = &[
    "заказчиком является",
    "исполнителем является",
    "заказчиком выступает",
    "the client is",
    "the customer is",
];

/// A role of the text.
#[derive(Debug)]
pub(super) struct Member {
    /// Singular, capitalised, as it stands on the map.
    pub(super) name: String,
    /// How it stands to the product.
    pub(super) kind: RoleKind,
    /// How often the text mentions it.
    mentions: usize,
    /// Whether it acts anywhere, rather than only being spoken of.
    acts: bool,
}

/// Everybody a text names.
#[derive(Debug)]
pub(super) struct Cast {
    language: Language,
    members: Vec<Member>,
    /// First word of a name, as a key, to patterns that begin with it, longest first.
    patterns: HashMap<String, Vec<(Vec<String>, usize)>>,
    /// First letters of the keys.
    beginnings: HashSet<String>,
    main: usize,
    /// "User", when a better name for the same people is known, is this member.
    generic: usize,
}

impl Cast {
    /// Finds the roles of a document. There is always at least one: "user".
    pub(super) fn of(document: &Document, language: Language) -> Self {
        let lexicon = Lexicon::of(language);
        let user = Member {
            name: lexicon.phrases.user.to_owned(),
            kind: RoleKind::Generic,
            mentions: 0,
            acts: false,
        };
        let mut cast = Self {
            language,
            members: vec![user],
            patterns: HashMap::new(),
            beginnings: HashSet::new(),
            main: 0,
            generic: 0,
        };
        for role in lexicon.roles {
            let index = match role.kind {
                RoleKind::Generic => 0,
                kind => cast.add(role.name, kind),
            };
            cast.recognise(role.name, index);
            if language == Language::Russian {
                // The stemmer takes "рестораны" for a verb, so plurals are recognised by their own stem.
                cast.recognise(&russian::plural_noun(role.name), index);
            }
            role.forms
                .split('|')
                .filter(|form| !form.is_empty())
                .for_each(|form| cast.recognise(form, index));
        }
        let texts: Vec<(Vec<Word>, bool)> = document
            .statements
            .iter()
            .filter(|statement| !PARTIES.iter().any(|party| normal(&statement.text).starts_with(party)))
            .flat_map(|statement| {
                let lead = statement.lead.iter().map(|lead| (words(lead), true));
                lead.chain([(words(&statement.text), false)])
            })
            .collect();
        for (sentence, is_lead) in &texts {
            cast.discover(sentence, *is_lead);
        }
        let speaks_in_person = texts.iter().any(|(sentence, _)| cast.count(sentence));
        cast.count_headings(document);
        cast.settle(speaks_in_person);
        cast
    }

    /// The member named at this word and how many words the name takes.
    pub(super) fn at(&self, sentence: &[Word], position: usize) -> Option<(usize, usize)> {
        let (found, length) = self.raw_at(sentence, position)?;
        Some((if found == 0 { self.generic } else { found }, length))
    }

    /// As [`Self::at`], with "user" told apart from whoever it means.
    fn raw_at(&self, sentence: &[Word], position: usize) -> Option<(usize, usize)> {
        let lower = &sentence.get(position)?.lower;
        // Most words are ruled out by their first letters, without the cost of a stem.
        if !self.beginnings.contains(&beginning(lower)) {
            return None;
        }
        self.patterns.get(&self.key(lower))?.iter().find_map(|(pattern, index)| {
            let found = sentence.get(position..position + pattern.len())?;
            let joined = found[..found.len() - 1].iter().all(|word| !word.ends_with_comma());
            let matches =
                joined && found.iter().zip(pattern).all(|(word, part)| self.key(&word.lower) == *part);
            matches.then_some((*index, pattern.len()))
        })
    }

    /// Whether the words are a name in the nominative, so that it can be a subject.
    pub(super) fn is_subject_form(&self, name: &[Word]) -> bool {
        if self.language == Language::English {
            return true;
        }
        name.iter().any(|word| {
            let Some((index, 1)) = self.raw_at(std::slice::from_ref(word), 0) else { return false };
            let lexicon = Lexicon::of(self.language);
            let single = normal(&self.members[index].name);
            let is_form = |role: &str| word.lower == role || word.lower == russian::plural_noun(role);
            let nominative_forms = [
                "мастера",
                "учителя",
                "люди",
                "админ",
                "админы",
                "владельцы",
                "продавцы",
                "хозяева",
                "соседи",
                "граждане",
            ];
            is_form(&single)
                || nominative_forms.contains(&word.lower.as_str())
                || lexicon.roles.iter().any(|role| role.kind == RoleKind::Generic && is_form(role.name))
        }) || name.len() > 1 && {
            let joined: Vec<&str> = name.iter().map(|word| word.lower.as_str()).collect();
            self.members.iter().any(|member| normal(&member.name) == joined.join(" "))
        }
    }

    /// The first member a line names.
    pub(super) fn first_in(&self, line: &[Word]) -> Option<usize> {
        (0..line.len().min(8)).find_map(|index| self.at(line, index)).map(|(member, _)| member)
    }

    /// The member a heading names and nothing else.
    pub(super) fn whole(&self, heading: &[Word]) -> Option<usize> {
        self.at(heading, 0).filter(|(_, length)| *length == heading.len()).map(|(member, _)| member)
    }

    /// Which of the words belong to the name of a member.
    pub(super) fn names(&self, sentence: &[Word]) -> Vec<bool> {
        let mut named = vec![false; sentence.len()];
        for index in 0..sentence.len() {
            let Some((member, length)) = self.raw_at(sentence, index) else { continue };
            // An organisation is also a thing one looks for.
            if self.members[member].mentions > 0 && self.members[member].kind != RoleKind::Organisation {
                named[index..index + length].fill(true);
            }
        }
        named
    }

    /// Whether a member is the subject of a verb in this sentence.
    pub(super) fn somebody_acts(&self, sentence: &[Word]) -> bool {
        (0..sentence.len().min(20)).any(|index| {
            self.raw_at(sentence, index).is_some_and(|(member, length)| {
                let next = sentence.get(index + length).map(|word| word.lower.as_str()).unwrap_or_default();
                let is_owner = self.members[member].kind == RoleKind::Organisation;
                let wishes = matches!(next, "хочет" | "хотят" | "wants" | "want");
                self.is_subject_form(&sentence[index..index + length])
                    && acts(self.language, sentence, index + length)
                    && !(is_owner && wishes)
            })
        })
    }

    /// A member by its index, which comes from this cast.
    pub(super) fn member(&self, index: usize) -> &Member {
        &self.members[index.min(self.members.len() - 1)]
    }

    /// Whom the product is for in the first place.
    pub(super) fn main(&self) -> usize {
        self.main
    }

    /// Whether the product has people it is for, besides those who work with it.
    pub(super) fn serves_somebody(&self) -> bool {
        matches!(self.members[self.main].kind, RoleKind::Consumer | RoleKind::Generic)
    }

    /// Who runs the product: named in the text, or else whoever works with it most, or else implied.
    pub(super) fn admin(&self) -> usize {
        let name = Lexicon::of(self.language).phrases.admin;
        let implied = self.members.iter().position(|member| member.name == name).unwrap_or(self.main);
        let named = self.most(&[RoleKind::Admin]);
        named.or_else(|| self.most(&[RoleKind::Staff, RoleKind::Organisation])).unwrap_or(implied)
    }

    /// The member of these kinds the text mentions most, the first of equals.
    fn most(&self, kinds: &[RoleKind]) -> Option<usize> {
        (1..self.members.len())
            .filter(|index| self.members[*index].mentions > 0 && kinds.contains(&self.members[*index].kind))
            .max_by_key(|index| (self.members[*index].mentions, usize::MAX - index))
    }

    fn add(&mut self, name: &str, kind: RoleKind) -> usize {
        self.members.push(Member { name: capitalised(name), kind, mentions: 0, acts: false });
        self.members.len() - 1
    }

    /// How a word of a name is compared: by stem in Russian; in English by singular, since "manager" and "manage"
    /// share a stem.
    fn key(&self, lower: &str) -> String {
        match self.language {
            Language::Russian => stem(lower),
            Language::English => english::singular_noun(lower),
        }
    }

    fn recognise(&mut self, name: &str, index: usize) {
        let pattern: Vec<String> = name.split_whitespace().map(|word| self.key(&normal(word))).collect();
        let Some(first) = pattern.first().cloned() else { return };
        self.beginnings.insert(beginning(&first));
        let patterns = self.patterns.entry(first).or_default();
        patterns.push((pattern, index));
        patterns.sort_by_key(|(pattern, _)| usize::MAX - pattern.len());
    }

    /// Decides who is main and who is meant by general names.
    fn settle(&mut self, speaks_in_person: bool) {
        self.fold_heads_into_compounds();
        let consumer = self.most(&[RoleKind::Consumer]);
        if speaks_in_person {
            return;
        }
        if let Some(consumer) = consumer {
            self.generic = consumer;
            self.main = consumer;
        } else if self.members[0].mentions == 0 {
            self.main = self
                .most(&[RoleKind::Staff, RoleKind::Organisation, RoleKind::Admin])
                .filter(|index| self.members[*index].acts)
                .unwrap_or(0);
            self.generic = self.main;
        }
    }
}

/// The first letters of a word or a stem.
fn beginning(word: &str) -> String {
    word.chars().take(3).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let language = Language::detect(text);
        let cast = Cast::of(&Document::parse(text), language);
        let named = cast.members.iter().filter(|member| member.mentions > 0);
        named.map(|member| member.name.clone()).collect()
    }

    #[test]
    fn roles_outside_the_lexicon_are_found_by_what_they_do() {
        assert_eq!(names("Настройщик может отметить рояль. Сервер хранит данные."), ["Настройщик"]);
        assert_eq!(names("Beekeepers can log a hive. The order is kept."), ["Beekeeper"]);
    }

    #[test]
    fn an_organisation_is_a_persona_only_where_it_acts() {
        assert_eq!(names("Клиент видит рестораны."), ["Клиент"]);
        assert_eq!(names("Ресторан принимает заказ от клиента."), ["Клиент", "Ресторан"]);
    }

    #[test]
    fn a_bare_head_is_the_only_compound_named() {
        assert_eq!(names("The studio manager sets prices. The manager sees revenue."), ["Studio manager"]);
        assert_eq!(
            names("A librarian lends books. The head librarian orders titles."),
            ["Librarian", "Head librarian"]
        );
    }
}
