//! Which element serves which acceptance criterion.
//!
//! An AI says it with the elements themselves; what it leaves open is looked for by the words that a criterion and
//! an element share. What neither finds is listed as not covered.

use std::collections::{BTreeSet, HashSet};

use rust_stemmers::{Algorithm, Stemmer};
use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation;

use super::{
    Language, elements,
    tree::{Kind, Node, Screen, State, Wireframe},
};

/// Most elements named for one criterion.
const MAX_ELEMENTS: usize = 4;
/// Words shorter than this say little, in characters.
const SHORT: usize = 3;
/// Words that stand in every criterion.
const COMMON: &[&str] = &[
    "если",
    "когда",
    "после",
    "перед",
    "того",
    "этот",
    "есть",
    "быть",
    "можно",
    "нельзя",
    "нужно",
    "должен",
    "должна",
    "пользователь",
    "система",
    "система",
    "этого",
    "через",
    "чтобы",
    "только",
    "каждый",
    "каждая",
    "который",
    "показано",
    "виден",
    "видно",
    "экран",
    "then",
    "when",
    "given",
    "that",
    "this",
    "with",
    "from",
    "must",
    "should",
    "shall",
    "user",
    "system",
    "shown",
    "after",
    "before",
    "have",
    "been",
    "will",
    "each",
    "every",
    "only",
    "cannot",
    "there",
    "their",
    "screen",
    "into",
    "than",
];

/// An acceptance criterion and the elements that serve it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CriterionCoverage {
    /// Its number, counted from 1; the badge in the pictures.
    pub number: u32,
    /// The criterion itself.
    pub criterion: String,
    /// Whether any element serves it.
    pub covered: bool,
    /// These elements, with the screen they are on.
    pub elements: Vec<String>,
}

impl CriterionCoverage {
    /// One line for a person.
    pub(crate) fn line(&self, language: Language) -> String {
        let by = match self.covered {
            true => self.elements.join("; "),
            false => language.pick("не покрыт", "not covered").to_owned(),
        };
        format!("{}. {} → {by}", self.number, self.criterion)
    }
}

/// Says for every criterion which elements serve it, and writes into the elements what the words alone tell.
pub fn cover(wireframe: &mut Wireframe, criteria: &[String], language: Language) -> Vec<CriterionCoverage> {
    forget_unknown(wireframe, criteria.len());
    let words = Words::new(language);
    let named: HashSet<u32> = nodes(wireframe).flat_map(|(_, node)| node.serves.iter().copied()).collect();
    for (number, criterion) in (1..).zip(criteria) {
        if !named.contains(&number) {
            let others = criteria.iter().filter(|other| *other != criterion).map(String::as_str).collect();
            serve_by_words(wireframe, number, (&words.of(criterion), &others), &words);
        }
    }
    let lines = |number: u32| -> Vec<String> {
        let serving = nodes(wireframe).filter(|(_, node)| node.serves.contains(&number));
        let said: BTreeSet<String> = serving.map(|(screen, node)| said(screen, node, language)).collect();
        said.into_iter().take(MAX_ELEMENTS).collect()
    };
    let covered = (1..).zip(criteria).map(|(number, criterion)| {
        let elements = lines(number);
        CriterionCoverage { number, criterion: criterion.clone(), covered: !elements.is_empty(), elements }
    });
    covered.collect()
}

/// The same for elements that are only named, as in an answer in text.
pub fn cover_named(criteria: &[String], elements: &[String], language: Language) -> Vec<CriterionCoverage> {
    let words = Words::new(language);
    let named: Vec<HashSet<String>> = elements.iter().map(|element| words.of(element)).collect();
    let coverage = (1..).zip(criteria).map(|(number, criterion)| {
        let wanted = words.of(criterion);
        let best = named.iter().enumerate().map(|(index, has)| (fit(&wanted, has), index));
        let best =
            best.filter(|(fit, _)| *fit > 0).max_by_key(|(fit, index)| (*fit, std::cmp::Reverse(*index)));
        let elements: Vec<String> = best.map(|(_, index)| elements[index].clone()).into_iter().collect();
        CriterionCoverage { number, criterion: criterion.clone(), covered: !elements.is_empty(), elements }
    });
    coverage.collect()
}

fn nodes(wireframe: &Wireframe) -> impl Iterator<Item = (&Screen, &Node)> {
    wireframe.screens.iter().flat_map(|screen| screen.root.walk().map(move |node| (screen, node)))
}

fn said(screen: &Screen, node: &Node, language: Language) -> String {
    let label = [&node.text, &node.hint, &node.value].into_iter().find(|text| !text.is_empty()).cloned();
    let label = label.or_else(|| node.items.first().cloned()).unwrap_or_default();
    let kind = elements::kind_name(node.kind, language)
        .unwrap_or_else(|| language.pick("Часть экрана", "Part of the screen"));
    format!("[{kind}] {label} — {}", elements::name(screen, language)).replace("]  —", "] —")
}

/// Numbers that no criterion has.
fn forget_unknown(wireframe: &mut Wireframe, count: usize) {
    fn forget(node: &mut Node, count: usize) {
        let mut seen = HashSet::new();
        node.serves.retain(|number| *number > 0 && *number as usize <= count && seen.insert(*number));
        node.children.iter_mut().for_each(|child| forget(child, count));
    }
    wireframe.screens.iter_mut().for_each(|screen| forget(&mut screen.root, count));
}

/// Gives the criterion to the element that shares most words with it; one that says another criterion in full is that
/// one's.
fn serve_by_words(
    wireframe: &mut Wireframe,
    number: u32,
    (wanted, others): (&HashSet<String>, &HashSet<&str>),
    words: &Words,
) {
    let mut best: Option<(usize, usize, usize)> = None;
    for (screen_index, screen) in wireframe.screens.iter().enumerate() {
        // A criterion printed on a screen is a sentence, and makes nothing true.
        let is_printed =
            |node: &Node| matches!(node.kind, Kind::Text | Kind::Alert) && words.of(&node.text) == *wanted;
        let may = |node: &Node| can_serve(node) && !others.contains(node.text.as_str()) && !is_printed(node);
        for (index, node) in screen.root.walk().enumerate().filter(|(_, node)| may(node)) {
            let texts = [&node.text, &node.hint, &node.value].into_iter().chain(&node.items);
            let has: HashSet<String> = texts.flat_map(|text| words.of(text)).collect();
            // A message on a screen that shows a state is there for a criterion as a rule.
            let state = usize::from(screen.state != State::Default && node.kind == Kind::Alert);
            let found = fit(wanted, &has);
            let found = if found > 0 { found + state } else { 0 };
            if found > best.map_or(0, |(fit, ..)| fit) {
                best = Some((found, screen_index, index));
            }
        }
    }
    let Some((_, screen, index)) = best else { return };
    if let Some(node) = nth(&mut wireframe.screens[screen].root, &mut { index }) {
        node.serves.push(number);
    }
}

/// The element at a place in the order of [`Node::walk`].
fn nth<'a>(node: &'a mut Node, left: &mut usize) -> Option<&'a mut Node> {
    if *left == 0 {
        return Some(node);
    }
    *left -= 1;
    node.children.iter_mut().find_map(|child| nth(child, left))
}

/// Bars, headings and what only arranges others serve no criterion by themselves.
fn can_serve(node: &Node) -> bool {
    let bars = matches!(node.kind, Kind::Navbar | Kind::Sidebar | Kind::BottomNav | Kind::Menu | Kind::Icon);
    let arranging =
        matches!(node.kind, Kind::Column | Kind::Row | Kind::Divider | Kind::Spacer | Kind::Header);
    !bars && !arranging
}

/// Words of a criterion that one word of an element may be enough for.
const FEW: usize = 3;

/// How well the words of an element fit a criterion; 0 for not at all. One word is enough where it is all that the
/// element says and the criterion says little more: the name of a thing serves not everything that is said of it.
fn fit(wanted: &HashSet<String>, has: &HashSet<String>) -> usize {
    let shared = wanted.intersection(has).count();
    let is_all = shared > 0 && shared == has.len();
    match shared {
        0 => 0,
        1 if !is_all || wanted.len() > FEW => 0,
        shared => shared * 10 + usize::from(is_all) * 5,
    }
}

struct Words {
    stemmers: [Stemmer; 2],
}

impl Words {
    fn new(language: Language) -> Self {
        let algorithms = match language {
            Language::Russian => [Algorithm::Russian, Algorithm::English],
            Language::English => [Algorithm::English, Algorithm::Russian],
        };
        Self { stemmers: algorithms.map(Stemmer::create) }
    }

    /// Stems of the words of a text that say something.
    fn of(&self, text: &str) -> HashSet<String> {
        let lower = text.to_lowercase().replace('ё', "е");
        let words =
            lower.unicode_words().filter(|word| word.chars().count() > SHORT && !COMMON.contains(word));
        words.map(|word| self.stemmers[0].stem(word).into_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wireframe(children: Vec<Node>) -> Wireframe {
        let root = Node::of(Kind::Column, children);
        let screens =
            vec![Screen { id: "pay".into(), title: "Оплата".into(), root, ..Screen::default() }];
        Wireframe { screens, ..Wireframe::default() }
    }

    fn covered(children: Vec<Node>, criteria: &[&str]) -> Vec<CriterionCoverage> {
        let criteria: Vec<String> = criteria.iter().map(|text| (*text).to_owned()).collect();
        cover(&mut wireframe(children), &criteria, Language::Russian)
    }

    #[test]
    fn what_the_ai_says_is_taken_and_numbers_without_a_criterion_are_not() {
        let button = Node { serves: vec![1, 7, 1], ..Node::new(Kind::Button, "Оплатить") };

        let coverage = covered(vec![button], &["Деньги списаны", "Чек приходит на почту"]);

        assert_eq!(coverage[0].elements, ["[Кнопка] Оплатить — Оплата"]);
        assert!(coverage[0].covered && !coverage[1].covered);
        assert_eq!(coverage[1].line(Language::Russian), "2. Чек приходит на почту → не покрыт");
    }

    #[test]
    fn shared_words_find_the_element_and_a_single_common_one_does_not() {
        let children = vec![
            Node::new(Kind::Header, "Номер карты обязателен"),
            Node::new(Kind::Input, "Номер карты"),
            Node::new(Kind::Input, "Номер телефона друга"),
        ];

        let coverage = covered(children, &["Без номера карты платёж не начинается", "Номер заказа назван"]);

        assert_eq!(coverage[0].elements, ["[Поле] Номер карты — Оплата"]);
        assert!(!coverage[1].covered, "{coverage:?}");
    }

    #[test]
    fn an_element_that_says_a_criterion_in_full_serves_no_other() {
        let criteria = ["Врач видит расписание на день", "Если расписание на день пусто, видно пояснение"];
        let children =
            vec![Node::new(Kind::Alert, criteria[1]), Node::new(Kind::Table, "Расписание на день")];

        let coverage = covered(children, &criteria);

        assert_eq!(coverage[0].elements, ["[Таблица] Расписание на день — Оплата"]);
        let printed = coverage[1].elements.iter().any(|element| element.starts_with("[Сообщение]"));
        assert!(!printed, "its own sentence does not serve it: {coverage:?}");
    }

    #[test]
    fn named_elements_of_a_text_are_found_by_their_words() {
        let elements = ["[Button] Pay now".to_owned(), "[Input] Card number (required)".to_owned()];
        let criteria = ["The card number is required".to_owned(), "A receipt is mailed".to_owned()];

        let coverage = cover_named(&criteria, &elements, Language::English);

        assert_eq!(coverage[0].elements, ["[Input] Card number (required)"]);
        assert!(!coverage[1].covered);
    }
}
