//! Every rule on a map that breaks it, and on maps that break none.

use super::{
    rules::RULES,
    words::{Compound, compound, vague, vague_wish},
    *,
};
use crate::{Activity, Release, Story, UserTask, VERSION};

fn story(title: &str, release: Release) -> Story {
    Story {
        title: title.into(),
        description: "Как клиент, я хочу этого, чтобы поесть".into(),
        persona: "Клиент".into(),
        release,
        acceptance_criteria: vec![format!("Виден знак {}", sign(title))],
        source: None,
    }
}

/// A word that no other title gives.
fn sign(title: &str) -> u64 {
    title.bytes().fold(7, |sum, byte| sum * 31 % 1_000_003 + u64::from(byte))
}

fn task(title: &str, stories: Vec<Story>) -> UserTask {
    UserTask { title: title.into(), stories }
}

fn activity(title: &str, tasks: Vec<UserTask>) -> Activity {
    Activity { title: title.into(), tasks }
}

/// A map that breaks no rule.
fn sound() -> StoryMap {
    let choose = vec![
        story("Найти ресторан по адресу", Release::Mvp),
        story("Отсортировать по цене", Release::Release1),
    ];
    StoryMap {
        version: VERSION,
        name: "Еда".into(),
        personas: vec!["Клиент".into()],
        releases: Release::all(),
        activities: vec![
            activity("Выбор блюд", vec![task("Найти ресторан", choose)]),
            activity("Доставка", vec![task("Отвезти заказ", vec![story("Принять заказ", Release::Mvp)])]),
        ],
        notes: Vec::new(),
        questions: Vec::new(),
        unmapped: Vec::new(),
    }
}

/// The rules that a changed map breaks, each with its place.
fn broken(change: impl FnOnce(&mut StoryMap)) -> Vec<(Rule, String)> {
    let mut map = sound();
    change(&mut map);
    check(&map).issues.into_iter().map(|issue| (issue.rule, issue.place.number)).collect()
}

fn first(map: &mut StoryMap) -> &mut Story {
    &mut map.activities[0].tasks[0].stories[0]
}

#[test]
fn a_sound_map_has_all_points_and_no_issue() {
    assert_eq!(check(&sound()), Report { score: 100, issues: Vec::new() });
}

#[test]
fn every_rule_notices_what_it_is_for_and_says_where() {
    let at = |rule, place: &str| vec![(rule, place.to_owned())];

    assert_eq!(broken(|map| map.activities.clear()), at(Rule::NoStories, ""));
    assert_eq!(
        broken(|map| map.activities.push(activity("Оплата картой", vec![task("Оплатить", vec![])]))),
        at(Rule::EmptyActivity, "3")
    );
    assert_eq!(
        broken(|map| map.activities[1].tasks.push(task("Связаться", Vec::new()))),
        at(Rule::EmptyTask, "2.2")
    );
    assert_eq!(broken(|map| first(map).release = Release::Release1), at(Rule::ActivityWithoutMvp, "1"));
    assert_eq!(broken(|map| first(map).description = " \n".into()), at(Rule::MissingDescription, "1.1.1"));
    assert_eq!(
        broken(|map| first(map).acceptance_criteria = vec![" ".into()]),
        at(Rule::MissingCriteria, "1.1.1")
    );
    assert_eq!(broken(|map| first(map).title = "Вход".into()), at(Rule::ShortTitle, "1.1.1"));
    assert_eq!(
        broken(|map| first(map).title = "принять заказ!".into()),
        at(Rule::DuplicateTitle, "2.1.1"),
        "the second of the two"
    );
    assert_eq!(
        broken(|map| first(map).acceptance_criteria = vec!["Список открывается быстро".into()]),
        at(Rule::VagueWord, "1.1.1")
    );
    assert_eq!(
        broken(|map| first(map).title = "Найти ресторан и оплатить заказ".into()),
        at(Rule::CompoundTitle, "1.1.1")
    );
    assert_eq!(broken(|map| map.personas.push("Курьер".into())), at(Rule::UnusedPersona, ""));
    assert_eq!(
        broken(|map| map.activities[0].tasks[0].stories[1].release = Release::Later),
        at(Rule::SkippedRelease, "")
    );
}

#[test]
fn releases_out_of_balance_are_told_once_for_the_map() {
    let all_later = |map: &mut StoryMap| {
        for task in map.activities.iter_mut().flat_map(|activity| &mut activity.tasks) {
            task.stories.iter_mut().for_each(|story| story.release = Release::Release1);
        }
    };
    assert_eq!(broken(all_later), [(Rule::EmptyMvp, String::new())]);

    let mvp = |count: usize| {
        move |map: &mut StoryMap| {
            let stories = (1..=count).map(|n| story(&format!("Показать отчёт {n}"), Release::Mvp));
            map.activities[1].tasks[0].stories = stories.collect();
        }
    };
    assert_eq!(broken(mvp(15)), [(Rule::LargeMvp, String::new())]);
    assert_eq!(broken(mvp(14)), [], "fifteen stories are never too many");
}

#[test]
fn duplicates_are_looked_for_where_one_must_be_enough() {
    let same_task_elsewhere = |map: &mut StoryMap| map.activities[1].tasks[0].title = "Найти ресторан".into();
    assert_eq!(broken(same_task_elsewhere), []);
    let same_activity = |map: &mut StoryMap| map.activities[1].title = "Выбор  блюд".into();
    assert_eq!(broken(same_activity), [(Rule::DuplicateTitle, "2".to_owned())]);
}

#[test]
fn a_message_names_the_thing_and_the_fix_what_to_do() {
    let mut map = sound();
    first(&mut map).title = "Найти {words} и оплатить заказ".into();

    let issue = check(&map).issues.remove(0);

    assert_eq!(issue.message, "В названии «Найти {words} и оплатить заказ» через «и» соединены две вещи");
    assert_eq!(issue.fix, "Если это две истории, разделите: «Найти {words}» и «Оплатить заказ»");
    assert_eq!(issue.place.activity.as_deref(), Some("Выбор блюд"));
}

#[test]
fn the_report_speaks_the_language_of_the_map() {
    let map = StoryMap {
        name: "Shop".into(),
        personas: vec!["Customer".into(), "Clerk".into()],
        activities: vec![activity(
            "Ordering",
            vec![task(
                "Pay for it",
                vec![Story { persona: "Customer".into(), ..story("Pay by card", Release::Mvp) }],
            )],
        )],
        ..sound()
    };

    let messages: Vec<String> = check(&map).issues.into_iter().map(|issue| issue.message).collect();
    assert_eq!(
        messages,
        ["The map has hardly any stories: 1", "Persona “Clerk” has no story"].map(str::to_owned)
    );
}

#[test]
fn the_score_goes_by_shares_and_not_by_size() {
    let spoiled = |copies: usize| {
        let mut map = sound();
        let one = map.activities.clone();
        map.activities = (0..copies)
            .flat_map(|copy| one.iter().cloned().map(move |activity| (copy, activity)))
            .map(|(copy, mut activity)| {
                activity.title = format!("{} {copy}", activity.title);
                for story in activity.tasks.iter_mut().flat_map(|task| &mut task.stories) {
                    story.title = format!("{} {copy}", story.title);
                    story.acceptance_criteria = vec![format!("Виден знак {}", sign(&story.title))];
                }
                activity.tasks[0].stories[0].acceptance_criteria.clear();
                activity
            })
            .collect();
        check(&map).score
    };

    assert_eq!(spoiled(1), 80, "two of three stories have no criteria, which has a weight of 30");
    assert_eq!(spoiled(5), 80);
}

#[test]
fn one_small_issue_in_a_large_map_still_costs_a_point() {
    let mut map = sound();
    let stories = (0..400).map(|n| story(&format!("Показать отчёт {n}"), Release::Release1));
    map.activities[1].tasks[0].stories.extend(stories);
    first(&mut map).title = "Найти ресторан и кафе".into();

    assert_eq!(check(&map).score, 99);
}

#[test]
fn a_map_where_everything_is_wrong_has_no_points_left() {
    let nothing = Story {
        title: "a".into(),
        description: String::new(),
        persona: String::new(),
        release: Release::Later,
        acceptance_criteria: Vec::new(),
        source: None,
    };
    let mut map = sound();
    map.activities = vec![activity("a", vec![task("b", vec![nothing; 3])])];

    assert_eq!(check(&map).score, 0);
}

#[test]
fn every_rule_has_one_row_whose_languages_say_the_same() {
    for row in RULES {
        assert_eq!(RULES.iter().filter(|other| other.rule == row.rule).count(), 1, "{row:?}");
        assert_eq!(row.rule.row().rule, row.rule);
        let [russian, english] = row.templates();
        for (russian, english) in russian.iter().zip(english) {
            let places = |text: &str| {
                let mut names: Vec<String> = text
                    .split('{')
                    .skip(1)
                    .filter_map(|rest| rest.split_once('}'))
                    .map(|(name, _)| name.to_owned())
                    .collect();
                names.sort();
                names
            };
            assert!(!russian.is_empty() && !english.is_empty());
            assert_eq!(places(russian), places(english));
        }
    }
}

#[test]
fn vague_words_are_found_in_any_form_but_not_in_names_or_beside_numbers() {
    assert_eq!(vague("Удобный и простой поиск, и т. д."), ["удобный", "простой", "и т д"]);
    assert_eq!(vague("Easily find it, etc."), ["easily", "etc"]);
    assert_eq!(vague("A user-friendly page"), ["friendly"]);
    assert_eq!(vague("Список открывается быстро: не дольше 2 секунд"), Vec::<String>::new());
    assert_eq!(vague("Подборка «Быстро» и раздел \"Easy\""), Vec::<String>::new());
    assert_eq!(vague("Свободное пространство, как можно скорее"), Vec::<String>::new());
}

#[test]
fn words_that_only_look_like_vague_ones_are_none() {
    for text in [
        "Choose the date and time",
        "Follow friends in real time",
        "Optimize images of the beauty salon",
        "See the energy efficiency and pay the convenience fee",
        "Order fast food",
        "Записаться на удобное время",
        "Предложить удобные даты и удобный способ оплаты",
        "Указать максимальную сумму",
    ] {
        assert_eq!(vague(text), Vec::<String>::new(), "{text}");
    }
    assert_eq!(vague("Находить быстрее, платить проще"), ["быстрее", "проще"]);
    assert_eq!(vague("The search is faster"), ["faster"]);
}

#[test]
fn what_a_story_is_good_for_may_be_vague() {
    for description in [
        "Как пациент, я хочу найти врача, чтобы быстрее найти подходящее.",
        "Как клиент, я хочу, чтобы корзина хранилась: так я смогу просто продолжить.",
        "As a customer, I want to pay by card so that checkout is fast.",
    ] {
        assert_eq!(vague_wish(description), Vec::<String>::new(), "{description}");
    }
    assert_eq!(vague_wish("Как клиент, я хочу, чтобы поиск был удобным, чтобы найти еду"), ["удобным"]);
    assert_eq!(vague_wish("I want an easy search, so that I find food. It is quick."), ["easy", "quick"]);
}

#[test]
fn the_backbone_may_have_short_names() {
    assert_eq!(broken(|map| map.activities[0].title = "Еда".into()), []);
    assert_eq!(broken(|map| map.activities[0].tasks[0].title = "Pay".into()), []);
    assert_eq!(broken(|map| map.activities[0].title = "ab".into()), [(Rule::ShortTitle, "1".to_owned())]);
}

#[test]
fn a_joined_title_is_split_at_the_joining_word() {
    let joined = |word: &str, first: &str, second: &str| {
        Some(Compound { word: word.into(), first: first.into(), second: second.into() })
    };

    assert_eq!(compound("Войти и выйти"), joined("и", "Войти", "Выйти"));
    assert_eq!(
        compound("Find a book, as well as reserve it"),
        joined("as well as", "Find a book", "Reserve it")
    );
    assert_eq!(compound("Search & filter"), joined("&", "Search", "Filter"));
}

#[test]
fn what_two_things_share_is_left_to_the_reader() {
    let halves = |title: &str| compound(title).map(|joined| format!("{} / {}", joined.first, joined.second));

    for (title, expected) in [
        ("Обновлять меню и цены в кабинете", "Обновлять меню / … цены в кабинете"),
        ("Назначить анализы и повторный приём", "Назначить анализы / … повторный приём"),
        ("Get the tickets by email and in the app", "Get the tickets by email / … in the app"),
        ("Set limits per category and per trip", "Set limits per category / … per trip"),
    ] {
        assert_eq!(halves(title).as_deref(), Some(expected));
    }
}

#[test]
fn what_is_one_thing_is_not_split() {
    for one in [
        "Вопросы и ответы",
        "Видеть меню с составом, фото и ценами",
        "Выбрать дату и время приёма",
        "Изменить время и день доставки",
        "Указать имя и фамилию",
        "Войти по логину и паролю",
        "Работает на iOS и Android",
        "Drag and drop cards",
        "Accept the terms & conditions",
        "Choose date and time",
        "Sign in with email and password",
        "Book a slot between 9 and 18",
        "Switch the lights on and off",
        "Enter first and last name",
        "Personal and health data are encrypted",
        "Раздел «Еда и вино»",
        "И снова заказ",
        "Android",
        "Искать (и находить)",
    ] {
        assert_eq!(compound(one), None, "{one}");
    }
}

/// Stories of a map that a critical reader would send back.
fn poor(stories: &[(&str, &str, &[&str])]) -> u8 {
    let stories = stories.iter().map(|(persona, title, criteria)| Story {
        persona: (*persona).into(),
        acceptance_criteria: criteria.iter().map(|text| (*text).into()).collect(),
        ..story(title, Release::Mvp)
    });
    let mut map = sound();
    map.personas.clear();
    map.activities = vec![activity("Отчёты", vec![task("Собрать отчёт", stories.collect())])];
    check(&map).score
}

#[test]
fn maps_that_a_reader_would_send_back_score_far_below_ninety() {
    let fillers =
        poor(&[("User", "string", &["TBD"]), ("User", "Story 2", &["It works"]), ("User", "TODO", &["N/A"])]);
    let everywhere: &[&str] = &["Данные сохранены"];
    let boilerplate = poor(&[
        ("Клиент", "Найти дом", everywhere),
        ("Клиент", "Купить дом", everywhere),
        ("Клиент", "Продать дом", everywhere),
        ("Клиент", "Сдать дом", everywhere),
    ]);
    let framed = poor(&[
        (
            "Клиент",
            "Всем привет",
            &["Предусмотрено: всем привет", "Если возможность «Всем привет» недоступна, показана причина"],
        ),
        ("Клиент", "Ага", &["Предусмотрено: ага", "Если возможность «Ага» недоступна, показана причина"]),
        (
            "Клиент",
            "Купить дом",
            &["Предусмотрено: купить дом", "Если возможность «Купить дом» недоступна, показана причина"],
        ),
    ]);
    let nobody = poor(&[
        ("Never", "Show the votes before the end", &["Votes are hidden"]),
        ("Адрес", "Видит только мастер", &["Адрес скрыт"]),
        ("", "Всё, до завтра, я на обед", &["Обед идёт"]),
    ]);
    let junk = poor(&[
        ("Клиент", "<|im_start|>system", &["a"]),
        ("Клиент", "From: Ann <ann@example.com>", &["b"]),
        ("Клиент", "Найти дом", &["Дом показан"]),
    ]);

    for (score, most) in [(fillers, 30), (boilerplate, 65), (framed, 65), (nobody, 75), (junk, 60)] {
        assert!(score <= most, "{score} > {most}");
    }
}

#[test]
fn what_has_no_role_no_source_or_only_suggestions_is_told() {
    let at = |rule, place: &str| vec![(rule, place.to_owned())];
    assert_eq!(broken(|map| first(map).persona.clear()), at(Rule::MissingPersona, "1.1.1"));
    assert_eq!(broken(|map| first(map).persona = "Никогда".into())[0], (Rule::NoRole, "1.1.1".to_owned()));
    assert_eq!(
        broken(|map| first(map).acceptance_criteria = vec!["Предложение: пусто".into()]),
        at(Rule::OnlySuggestions, "1.1.1")
    );
    assert_eq!(
        broken(|map| first(map).acceptance_criteria.push("Всё работает".into())),
        at(Rule::FillerCriterion, "1.1.1")
    );
    let known = |map: &mut StoryMap| {
        for story in map
            .activities
            .iter_mut()
            .flat_map(|activity| &mut activity.tasks)
            .flat_map(|task| &mut task.stories)
        {
            story.source = Some(crate::Source { sentence: story.title.clone(), requirement: String::new() });
        }
        first(map).source = None;
    };
    assert_eq!(broken(known), at(Rule::MissingSource, "1.1.1"));
    let both = |map: &mut StoryMap| {
        first(map).acceptance_criteria.push("Любой может голосовать без регистрации".into());
        first(map).acceptance_criteria.push("Только зарегистрированные могут голосовать".into());
    };
    assert_eq!(broken(both), at(Rule::Contradiction, ""));
}
