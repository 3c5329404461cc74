//! What every draft promises, held against the ten example texts and against arbitrary ones.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::language::Language;
use super::lexicon::Lexicon;
use super::map::{Draft, draft};
use super::product::Kind;
use super::words::{content_stems, coverage, normal};
use super::{DraftError, MOST_STORIES, draft_story_map};
use story_map::{Release, Story, StoryMap};

macro_rules! example {
    ($name:literal) => {
        ($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/requirements/", $name)))
    };
}

const EXAMPLES: [(&str, &str); 10] = [
    example!("food-delivery.ru.md"),
    example!("clinic-booking.ru.md"),
    example!("school-diary.ru.txt"),
    example!("warehouse.ru.txt"),
    example!("repair-marketplace.ru.md"),
    example!("library.en.md"),
    example!("fitness-studio.en.md"),
    example!("expense-approval.en.txt"),
    example!("event-tickets.en.txt"),
    example!("smart-home.en.txt"),
];

fn text_of(story: &Story) -> String {
    format!("{} {} {}", story.title, story.description, story.acceptance_criteria.join(" "))
}

/// What holds for every draft of every text.
fn check_invariants(map: &StoryMap) -> Result<(), String> {
    let mut titles = BTreeSet::new();
    let mut criteria = BTreeSet::new();
    let mut activities = BTreeSet::new();
    if map.name.trim().is_empty() || map.personas.is_empty() || map.notes.is_empty() {
        return Err("a name, a persona and the note about the draft are always there".into());
    }
    for activity in &map.activities {
        let mut tasks = BTreeSet::new();
        if !activities.insert(normal(&activity.title)) || activity.title.is_empty() {
            return Err(format!("activity stands twice or has no title: {}", activity.title));
        }
        if activity.tasks.is_empty() || activity.tasks.iter().any(|task| task.stories.is_empty()) {
            return Err(format!("empty activity or task: {}", activity.title));
        }
        if !activity.tasks.iter().flat_map(|task| &task.stories).any(|story| story.release == Release::Mvp) {
            return Err(format!("activity without a story of the MVP: {}", activity.title));
        }
        for task in &activity.tasks {
            if !tasks.insert(normal(&task.title)) || task.stories.len() > 5 {
                return Err(format!("task stands twice or is too big: {}", task.title));
            }
        }
    }
    for (_, _, story) in map.stories() {
        if !titles.insert(normal(&story.title)) || story.title.trim().is_empty() {
            return Err(format!("title stands twice or is empty: {}", story.title));
        }
        if story.title.chars().count() > 80 || story.title.contains('…') {
            return Err(format!("title is too long: {}", story.title));
        }
        if !map.personas.contains(&story.persona) {
            return Err(format!("unknown persona {} of {}", story.persona, story.title));
        }
        if !(2..=4).contains(&story.acceptance_criteria.len()) {
            return Err(format!("{} criteria: {}", story.acceptance_criteria.len(), story.title));
        }
        for criterion in &story.acceptance_criteria {
            if !criteria.insert(normal(criterion)) {
                return Err(format!("criterion stands twice: {criterion}"));
            }
        }
    }
    match titles.len() {
        1..=MOST_STORIES => Ok(()),
        count => Err(format!("{count} stories")),
    }
}

fn stories_by_title(map: &StoryMap) -> BTreeMap<&str, &Story> {
    map.stories().map(|(_, _, story)| (story.title.as_str(), story)).collect()
}

#[test]
fn the_examples_keep_every_promise() {
    for (name, text) in EXAMPLES {
        let map = draft_story_map(text).unwrap();

        assert_eq!(check_invariants(&map), Ok(()), "{name}");
    }
}

#[test]
fn every_requirement_can_be_traced_to_a_story_that_carries_its_words() {
    for (name, text) in EXAMPLES {
        let language = Language::detect(text);
        let Draft { map, trace } = draft(text).unwrap();
        let stories = stories_by_title(&map);

        for entry in trace {
            if entry.kind == Kind::Context {
                // A long introduction is not repeated in full; the reader has the text.
                let lead = Lexicon::of(language).phrases.context.split('{').next().unwrap();
                assert!(map.notes.iter().any(|note| note.starts_with(lead)), "{name}: {}", entry.statement);
                continue;
            }
            if entry.kind != Kind::Requirement {
                let noted = map.notes.iter().any(|note| note.contains(entry.statement.trim_end_matches('.')));
                assert!(noted, "{name}: neither story nor note: {}", entry.statement);
                continue;
            }
            assert!(!entry.stories.is_empty(), "{name}: no story for: {}", entry.statement);
            let told: String = entry.stories.iter().map(|title| text_of(stories[title.as_str()])).collect();
            let share = coverage(&content_stems(&entry.statement, language), &content_stems(&told, language));
            assert!(share >= 0.6, "{name}: {share:.2} of the words of: {}", entry.statement);
        }
    }
}

#[test]
fn introductions_are_few_beside_requirements() {
    for (name, text) in EXAMPLES {
        let trace = draft(text).unwrap().trace;
        let required = trace.iter().filter(|entry| entry.kind == Kind::Requirement).count();

        assert!(
            required * 5 >= trace.len() * 4 || trace.len() - required <= 3 || name.starts_with("repair"),
            "{name}"
        );
    }
}

#[test]
fn every_criterion_speaks_of_the_sentence_its_story_was_taken_from() {
    for (name, text) in EXAMPLES {
        let language = Language::detect(text);
        let Draft { map, trace } = draft(text).unwrap();
        let mut sentences: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for entry in &trace {
            for title in &entry.stories {
                sentences.entry(title).or_default().extend(content_stems(&entry.statement, language));
            }
        }

        for (_, _, story) in map.stories() {
            let own = &sentences[story.title.as_str()];
            for criterion in &story.acceptance_criteria {
                assert!(!content_stems(criterion, language).is_disjoint(own), "{name}: filler: {criterion}");
            }
        }
    }
}

#[test]
fn the_backbones_have_three_to_eight_activities_and_a_small_mvp() {
    for (name, text) in EXAMPLES {
        let map = draft_story_map(text).unwrap();
        let in_mvp = map.stories().filter(|(_, _, story)| story.release == Release::Mvp).count();
        let all = map.stories().count();

        assert!((3..=8).contains(&map.activities.len()), "{name}: {}", map.activities.len());
        assert!(in_mvp <= 20 && (all < 15 || in_mvp * 3 <= all * 2), "{name}: {in_mvp} of {all} in the MVP");
    }
}

#[test]
fn drafts_speak_the_language_of_the_text_and_say_what_they_are() {
    for (name, text) in EXAMPLES {
        let map = draft_story_map(text).unwrap();
        let expected = if name.contains(".ru.") { Language::Russian } else { Language::English };

        assert_eq!(Language::detect(&map.notes[0]), expected, "{name}");
        assert!(map.notes[0].contains("без ИИ") || map.notes[0].contains("without AI"), "{name}");
        for (_, _, story) in map.stories() {
            assert_eq!(Language::detect(&story.description), expected, "{name}: {}", story.description);
        }
    }
}

#[test]
fn the_same_text_gives_the_same_map() {
    for (_, text) in EXAMPLES {
        assert_eq!(draft_story_map(text), draft_story_map(text));
    }
}

#[test]
fn a_text_without_a_sentence_is_refused_with_advice() {
    assert_eq!(draft_story_map(" \n\t "), Err(DraftError::Empty));
    assert_eq!(draft_story_map("12345 !!! ---"), Err(DraftError::NoSentence));
    assert_eq!(draft_story_map("привет"), Err(DraftError::NoSentence));
    assert!(DraftError::NoSentence.to_string().contains("write at least one"));
}

#[test]
fn one_sentence_is_enough_for_a_map() {
    let map = draft_story_map("Приложение для доставки еды").unwrap();

    assert_eq!(check_invariants(&map), Ok(()));
    assert_eq!(map.name, "Приложение для доставки еды");
}

#[test]
fn sentences_already_told_as_user_stories_keep_their_roles() {
    let english = "As a courier I want to see the address. As a florist, I want to track my order so that I know when it comes.";
    let russian = "Как клиент, я хочу видеть статус заказа, чтобы знать, когда он приедет. Я как менеджер хочу получать отчёты.";

    let english = draft_story_map(english).unwrap();
    let russian = draft_story_map(russian).unwrap();

    assert_eq!(
        english.personas.iter().map(String::as_str).collect::<BTreeSet<_>>(),
        ["Courier", "Florist"].into()
    );
    assert!(
        stories_by_title(&english)["Track my order"].description.ends_with("so that I know when it comes.")
    );
    assert_eq!(
        stories_by_title(&russian)["Видеть статус заказа"].description,
        "Как клиент, я хочу видеть статус заказа, чтобы знать, когда он приедет."
    );
    assert_eq!(stories_by_title(&russian)["Получать отчёты"].persona, "Менеджер");
}

#[test]
fn a_list_behind_the_name_of_the_product_becomes_a_backbone() {
    let text =
        "Приложение для доставки еды: регистрация, каталог ресторанов, корзина, оплата онлайн, отзывы.";

    let map = draft_story_map(text).unwrap();

    assert_eq!(map.personas, ["Пользователь"]);
    let activities: Vec<&str> = map.activities.iter().map(|activity| activity.title.as_str()).collect();
    assert_eq!(activities, ["Регистрация", "Каталог", "Корзина", "Оплата", "Отзывы"]);
}

#[test]
fn what_the_text_excludes_or_asks_is_noted_and_not_planned() {
    let text = "Клиент платит картой. Вход через соцсети не делаем. Нужен ли чек? Работать должно быстро.";

    let map = draft_story_map(text).unwrap();

    assert!(map.stories().all(|(_, _, story)| !text_of(story).contains("соцсети")));
    assert!(map.notes.iter().any(|note| note.contains("соцсети")), "{:?}", map.notes);
    assert!(map.notes.iter().any(|note| note.contains("Нужен ли чек?")), "{:?}", map.notes);
    assert!(map.notes.iter().any(|note| note.contains("«быстро»")), "{:?}", map.notes);
}

#[test]
fn words_of_urgency_decide_the_release() {
    let text = "- Клиент обязательно оставляет отзыв\n- Клиент платит картой (желательно)\n- Клиент ищет товар\n- Вход по паролю — в следующей версии";

    let map = draft_story_map(text).unwrap();
    let release = |title: &str| stories_by_title(&map)[title].release;

    assert_eq!(release("Оставить отзыв"), Release::Mvp);
    assert_eq!(release("Заплатить картой"), Release::Later);
    assert_eq!(release("Вход по паролю"), Release::Release1);
}

#[test]
fn what_does_not_fit_is_counted_in_a_note() {
    let text: String = (0..1000)
        .map(|number| format!("- Клиент заказывает товар номер {number} со склада {number}\n"))
        .collect();

    let map = draft_story_map(&text).unwrap();

    assert_eq!(check_invariants(&map), Ok(()));
    assert_eq!(map.stories().count(), MOST_STORIES);
    assert!(map.notes.iter().any(|note| note.contains("600")), "{:?}", map.notes);
}

#[test]
fn a_megabyte_of_text_is_drafted_in_seconds() {
    let prose = EXAMPLES.iter().map(|(_, text)| *text).collect::<Vec<_>>().join("\n\n").repeat(40);
    let one_line = "слово ".repeat(90_000);
    let one_word = "щ".repeat(500_000);

    let started = std::time::Instant::now();
    for text in [prose, one_line, format!("Клиент видит {one_word}")] {
        if let Ok(map) = draft_story_map(&text) {
            assert_eq!(check_invariants(&map), Ok(()));
        }
    }

    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}

/// Text that looks like requirements more often than chance has it.
fn requirement_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("Клиент "),
        Just("Курьер может "),
        Just("система "),
        Just("отправляет "),
        Just("если "),
        Just("заказ, "),
        Just("и "),
        Just("оплатить "),
        Just("нельзя "),
        Just("до 5 "),
        Just("чтобы "),
        Just(": "),
        Just("; "),
        Just(". "),
        Just("\n- "),
        Just("\n## "),
        Just("\n| "),
        Just(" | "),
        Just("```\n"),
        Just("users "),
        Just("can "),
        Just("the "),
        Just("pays "),
        Just("so that "),
        Just("unless "),
        Just("«"),
        Just("»"),
        Just("( "),
        Just("— "),
        Just("? "),
        Just("I "),
        Just("it "),
        Just("его "),
        Just("который "),
        Just("нужен "),
        Just("\n\n"),
        Just("1. "),
        Just("must be "),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_at_all_is_drafted_or_refused(text in "\\PC{0,400}") {
        if let Ok(map) = draft_story_map(&text) {
            prop_assert_eq!(check_invariants(&map), Ok(()));
        }
    }

    #[test]
    fn any_text_that_looks_like_requirements_keeps_the_promises(text in requirement_like()) {
        if let Ok(Draft { map, trace }) = draft(&text) {
            prop_assert_eq!(check_invariants(&map), Ok(()));
            let stories = stories_by_title(&map);
            for entry in trace.iter().filter(|entry| entry.kind == Kind::Requirement) {
                prop_assert!(!entry.stories.is_empty(), "no story for: {}", entry.statement);
                prop_assert!(entry.stories.iter().all(|title| stories.contains_key(title.as_str())));
            }
        }
    }
}

fn titles_and_texts(text: &str) -> (Vec<String>, String) {
    let map = draft_story_map(text).unwrap();
    assert_eq!(check_invariants(&map), Ok(()), "{text}");
    let titles = map.stories().map(|(_, _, story)| story.title.clone()).collect();
    let texts = map.stories().map(|(_, _, story)| text_of(story)).collect::<Vec<_>>().join(" | ");
    (titles, format!("{texts} | {}", map.notes.join(" | ")))
}

#[test]
fn a_pasted_chat_gives_stories_of_what_was_said_not_of_who_said_it() {
    let (titles, texts) = titles_and_texts(
        "[10:02] Marta: volunteers should be able to grab a slot from their phone\n\
         [10:03] Jonas: if nobody grabs a dog by 3pm the coordinator gets a ping\n\
         [10:06] Jonas: coordinators want to see who walked what, last 30 days\n\
         [10:06] Jonas: we expect to add cats later, not now",
    );

    assert!(!texts.contains("Marta") && !texts.contains("Jonas"), "{texts}");
    assert!(titles.contains(&"Grab a slot from my phone".to_owned()), "{titles:?}");
    assert!(titles.contains(&"See who walked what, last 30 days".to_owned()), "{titles:?}");
    assert!(titles.contains(&"Cats".to_owned()), "{titles:?}");
    assert!(texts.contains("If nobody grabs a dog by 3pm"), "{texts}");
    assert!(!texts.contains("I want we"), "{texts}");
}

#[test]
fn a_specification_is_titled_by_what_the_system_does() {
    let (titles, texts) = titles_and_texts(
        "ТЕХНИЧЕСКОЕ ЗАДАНИЕ\nна создание системы учёта обращений граждан «Обращения-М»\n\n\
         1. Общие положения\n1.1. Заказчиком является администрация района.\n\
         1.2. Система предназначена для контроля сроков.\n\n2. Требования к функциям\n\
         2.1. Система должна обеспечивать автоматическую регистрацию обращения в течение 1 рабочего дня.\n\
         2.2. Гражданин должен иметь возможность отслеживать статус обращения без регистрации на портале.\n\
         2.3. Система должна формировать отчёт о просроченных обращениях.\n\
         2.4. Исполнитель может продлить срок.\n\n3. Требования к надёжности\n\
         3.1. Время восстановления после сбоя не более 4 часов.",
    );

    assert!(
        titles.iter().any(|title| title.starts_with("Автоматическая регистрация обращения")),
        "{titles:?}"
    );
    assert!(titles.contains(&"Формировать отчёт о просроченных обращениях".to_owned()), "{titles:?}");
    assert!(
        !titles.iter().any(|title| title.contains("ЗАДАНИЕ") || title.starts_with("Требования")),
        "{titles:?}"
    );
    assert!(texts.contains("Как гражданин"), "{texts}");
    assert!(!texts.contains("Как заказчик"), "{texts}");
    assert!(
        !titles.iter().any(|title| title.contains("предназначена") || title.starts_with("Заказчик")),
        "{titles:?}"
    );
}

#[test]
fn what_is_open_to_all_is_kept_from_nobody() {
    let (_, texts) = titles_and_texts(
        "Диспетчер может посмотреть карту станций без регистрации.\nДиспетчер назначает рейс.",
    );

    assert!(!texts.contains("Никто, кроме роли «Диспетчер», не может посмотреть"), "{texts}");
    assert!(texts.contains("Никто, кроме роли «Диспетчер», не может назначить"), "{texts}");
}

#[test]
fn what_a_step_is_for_does_not_choose_its_topic() {
    let map = draft_story_map(
        "Как турист, я хочу разблокировать велосипед по QR-коду, чтобы не звонить оператору.\n\
         Как турист, я хочу найти станцию.\nКак механик, я хочу чинить велосипеды.",
    )
    .unwrap();

    let (_, task, _) = map.stories().find(|(_, _, story)| story.title.starts_with("Разблокировать")).unwrap();
    assert_ne!(task.title, "Связаться друг с другом");
}

#[test]
fn one_sentence_about_a_product_tells_what_people_do_in_it() {
    let (titles, texts) =
        titles_and_texts("Хочу приложение, где соседи отдают друг другу ненужные вещи бесплатно.");

    assert_eq!(titles.len(), 1);
    assert!(
        texts.contains("Как сосед, я хочу отдать") || texts.contains("Как сосед, я хочу отдавать"),
        "{texts}"
    );
    assert!(!titles[0].contains("приложение"), "{titles:?}");
}

#[test]
fn english_facts_and_conditions_are_read_as_they_are_meant() {
    let (titles, texts) = titles_and_texts(
        "Right now orders come by phone. Drivers see their stops in order on a phone. If nobody is home the driver \
         leaves the box in the agreed place. Payouts to farmers are calculated every Friday. We expect to add two \
         more depots next year. Trainer pay is calculated monthly. Trainers see classes.",
    );

    assert!(!titles.iter().any(|title| title.starts_with("Right now")), "{titles:?}");
    assert!(!texts.contains("I can a phone"), "{texts}");
    assert!(titles.iter().any(|title| title.starts_with("Leave the box")), "{titles:?}");
    assert!(titles.contains(&"Two more depots".to_owned()), "{titles:?}");
    assert!(!texts.contains("If it fails (“Payouts"), "{texts}");
}

#[test]
fn a_sentence_in_another_language_is_kept_whole() {
    let (titles, texts) = titles_and_texts(
        "# Портал адаптации\n\nНовый сотрудник видит чек-лист первого дня.\n\
         Every employee signs the NDA electronically.\nРуководитель назначает наставника новому сотруднику.",
    );

    assert!(titles.contains(&"Every employee signs the NDA electronically".to_owned()), "{titles:?}");
    assert!(!texts.contains("предусмотрен every"), "{texts}");
    let map = draft_story_map("Сотрудник видит чек-лист первого дня.").unwrap();
    assert!(map.activities.iter().all(|activity| activity.title != "Оплата"));
}

#[test]
fn chatter_and_conditions_without_a_comma_do_not_break_a_wish() {
    let (titles, texts) = titles_and_texts(
        "[10:03] Jonas: +1. and if nobody grabs a dog by 3pm the coordinator gets a ping\n\
         [10:08] Marta: also after the walk you leave a short note + photo, e.g. \"limping a bit\"\n\
         [10:09] Marta: no payments, it's a charity\n\
         [10:10] Jonas: when the card is declined the app just spins\n\
         [10:11] Jonas: a volunteer can walk a dog",
    );

    assert!(!titles.iter().any(|title| title.contains("+1") || title.starts_with("E.g")), "{titles:?}");
    assert!(texts.contains("Out of scope, not on the map: “no payments"), "{texts}");
    assert!(!texts.contains("I want when the card"), "{texts}");
}
