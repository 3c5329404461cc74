//! Pairs that are found, pairs that are not, and maps of a size that would hurt.

use proptest::prelude::*;

use super::*;
use crate::{Activity, Release, Story, UserTask, VERSION};

fn map(stories: &[(&str, &str)]) -> StoryMap {
    let stories = stories.iter().map(|(title, description)| Story {
        title: (*title).into(),
        description: (*description).into(),
        persona: "Клиент".into(),
        release: Release::Mvp,
        acceptance_criteria: Vec::new(),
        source: None,
    });
    let task = UserTask { title: "Задача".into(), stories: stories.collect() };
    StoryMap {
        version: VERSION,
        name: "Еда".into(),
        personas: Vec::new(),
        releases: Release::all(),
        activities: vec![Activity { title: "Активность".into(), tasks: vec![task] }],
        notes: Vec::new(),
        questions: Vec::new(),
        unmapped: Vec::new(),
    }
}

fn found(map: &StoryMap) -> Vec<(String, String, Kind)> {
    similar(map).into_iter().map(|pair| (pair.first.number, pair.second.number, pair.kind)).collect()
}

const OTHERS: [(&str, &str); 6] = [
    ("Оплатить картой", "Как клиент, я хочу оплатить покупку картой, чтобы не искать наличные"),
    ("Отследить курьера на карте", "Как клиент, я хочу отследить курьера, чтобы знать время приезда"),
    ("Оставить отзыв с фотографией", "Как клиент, я хочу оставить отзыв, чтобы помочь соседям"),
    ("Pay by card", "As a customer, I want to pay by card"),
    ("Sort books by author", "As a reader, I want to sort the catalogue"),
    ("Применить промокод", "Как клиент, я хочу применить промокод, чтобы платить меньше"),
];

#[test]
fn the_same_in_other_forms_and_order_is_a_duplicate() {
    let mut stories = OTHERS.to_vec();
    stories.push((
        "Курьера на карте отследить",
        "Как клиенту, мне нужно отследить курьера и знать время приезда",
    ));
    stories.push(("Sorting the books by their author", "A reader sorts the catalogue"));

    assert_eq!(
        found(&map(&stories)),
        [
            ("1.1.2".to_owned(), "1.1.7".to_owned(), Kind::Duplicate),
            ("1.1.5".to_owned(), "1.1.8".to_owned(), Kind::Duplicate)
        ]
    );
}

#[test]
fn much_in_common_is_similar_and_little_is_nothing() {
    let mut stories = OTHERS.to_vec();
    stories.push(("Отследить курьера и позвонить ему", "Как клиент, я хочу отследить курьера"));

    let pairs = similar(&map(&stories));

    assert_eq!(pairs.len(), 1, "{pairs:?}");
    assert_eq!((pairs[0].kind, pairs[0].first.title()), (Kind::Similar, "Отследить курьера на карте"));
    assert!((SIMILAR..DUPLICATE).contains(&pairs[0].score));
    assert!(similar(&map(&OTHERS)).is_empty());
}

#[test]
fn stories_without_words_are_like_nothing() {
    assert!(similar(&map(&[("", ""), ("", ""), ("и", "the"), ("!", "?")])).is_empty());
}

#[test]
fn copies_are_paired_with_the_first_of_them() {
    let stories = [OTHERS[0], OTHERS[0], OTHERS[1], OTHERS[0]];

    let pairs = similar(&map(&stories));

    let numbers: Vec<_> =
        pairs.iter().map(|pair| (pair.first.number.as_str(), pair.second.number.as_str())).collect();
    assert_eq!(numbers, [("1.1.1", "1.1.2"), ("1.1.1", "1.1.4")]);
    assert!(pairs.iter().all(|pair| pair.score == 1.0));
}

#[test]
fn work_is_bounded_where_thousands_of_stories_are_nearly_the_same() {
    let words =
        |n: usize| [n % 20, n / 20 % 20, n / 400 % 20, n / 8000].map(|word| format!("слово{word}")).join(" ");
    let texts: Vec<String> = (0..2000).map(|n| words(n * 13)).collect();
    let stories: Vec<(&str, &str)> = texts.iter().map(|text| (text.as_str(), "отчёт о продажах")).collect();
    let map = map(&stories);
    let vectors = vectors(map.stories().map(|(_, _, story)| story));

    let found = pairs(&vectors);

    assert!(!found.is_empty() && found.len() <= 2000 * MOST_COMPARED * 5, "{}", found.len());
    assert_eq!(similar(&map).len(), MOST_PAIRS);
}

/// Every pair compared with every other.
fn all_pairs(vectors: &[Vector]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for second in 0..vectors.len() {
        found.extend(
            (0..second)
                .filter(|first| vectors[*first].cosine(&vectors[second]) >= SIMILAR)
                .map(|first| (first, second)),
        );
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_index_finds_what_comparing_everything_finds(
        stories in proptest::collection::vec(proptest::collection::vec(0..30usize, 0..8), 0..40)
    ) {
        const WORDS: [&str; 30] = [
            "заказ", "ресторан", "курьер", "карта", "оплата", "адрес", "меню", "отзыв", "фото", "чек", "город", "скидка",
            "order", "book", "reader", "branch", "card", "fine", "loan", "shelf", "search", "author", "title", "email",
            "room", "guest", "light", "door", "code", "energy",
        ];
        let texts: Vec<String> =
            stories.iter().map(|story| story.iter().map(|word| WORDS[*word]).collect::<Vec<_>>().join(" ")).collect();
        let stories: Vec<(&str, &str)> = texts.iter().map(|text| (text.as_str(), "")).collect();
        let vectors = vectors(map(&stories).stories().map(|(_, _, story)| story));

        let mut found: Vec<(usize, usize)> = pairs(&vectors).into_iter().map(|(_, pair)| pair).collect();
        found.sort_unstable();

        // Copies stand for one another there.
        let firsts: Vec<usize> = vectors
            .iter()
            .enumerate()
            .map(|(this, vector)| {
                let same = |other: &&Vector| other.terms().eq(vector.terms());
                vectors[..this].iter().position(|other| same(&other)).unwrap_or(this)
            })
            .collect();
        let mut expected: Vec<(usize, usize)> = all_pairs(&vectors)
            .into_iter()
            .filter(|(first, second)| {
                if firsts[*second] != *second { firsts[*second] == *first } else { firsts[*first] == *first }
            })
            .collect();
        expected.sort_unstable();
        prop_assert_eq!(found, expected);
    }
}
