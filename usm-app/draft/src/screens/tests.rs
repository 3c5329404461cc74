//! What must hold for every draft of a wireframe.

use proptest::{collection::vec, prelude::*};

use super::*;
use ::wireframe::{Language, elements, render};

fn story(title: &str, persona: &str, criteria: &[&str]) -> WireframeInput {
    WireframeInput {
        title: title.into(),
        description: match Language::of(title) {
            Language::Russian => format!("Как {persona}, я хочу {}.", title.to_lowercase()),
            Language::English => format!("As a {persona}, I want to {}.", title.to_lowercase()),
        },
        persona: persona.into(),
        acceptance_criteria: criteria.iter().map(|text| (*text).into()).collect(),
        ..WireframeInput::default()
    }
}

fn stories() -> Vec<(&'static str, WireframeInput)> {
    vec![
        (
            "list",
            story(
                "Искать ресторан по названию, кухне или блюду",
                "клиент",
                &["Если ничего не найдено, показано «Пока не возим сюда»"],
            ),
        ),
        (
            "payment",
            story(
                "Оплатить заказ картой, через СБП или наличными курьеру",
                "клиент",
                &["Если банк отклонил платёж, корзина сохраняется", "Чек приходит на почту"],
            ),
        ),
        ("tracking", story("Отслеживать курьера на карте", "клиент", &[])),
        (
            "review",
            story(
                "Оценить ресторан и курьера по шкале от 1 до 5",
                "клиент",
                &["Нельзя оставить отзыв дважды"],
            ),
        ),
        (
            "confirm",
            story(
                "Отменить заказ, пока ресторан не начал готовить",
                "клиент",
                &["Причина отмены обязательна"],
            ),
        ),
        ("report", story("Видеть отчёт по заказам и выручке за день", "администратор", &[])),
        ("schedule", story("Записаться на приём к врачу", "пациент", &["Занятое время выбрать нельзя"])),
        (
            "login",
            story(
                "Зарегистрироваться по номеру телефона",
                "клиент",
                &["Неверный код даёт сообщение «Код не подошёл»"],
            ),
        ),
        ("chat", story("Написать в поддержку из карточки заказа", "клиент", &[])),
        ("form", story("Указать время приготовления", "ресторан", &["Время не больше 120 минут"])),
        (
            "list",
            story(
                "Search the catalogue by title, author or ISBN",
                "reader",
                &["When nothing is found, similar books are offered"],
            ),
        ),
        ("schedule", story("Book a spot up to 14 days ahead", "member", &["A full class cannot be booked"])),
        (
            "decision",
            story("Approve an expense claim", "manager", &["A claim above the budget cannot be approved"]),
        ),
        ("notifications", story("Receive a reminder 3 days before the due date", "reader", &[])),
        (
            "upload",
            story("Upload a receipt photo", "employee", &["A file that is too large fails with an error"]),
        ),
        ("settings", story("Turn the heating down when nobody is home", "resident", &[])),
        ("payment", story("Pay a late fee by card", "reader", &["A declined card shows an error"])),
    ]
}

fn all_texts(wireframe: &Wireframe) -> String {
    let mut texts = vec![wireframe.layout_description.clone()];
    texts.extend(wireframe.notes.iter().chain(&wireframe.assumptions).cloned());
    for node in wireframe.screens.iter().flat_map(|screen| screen.root.walk()) {
        texts.extend([node.text.clone(), node.value.clone(), node.hint.clone()]);
        texts.extend(node.items.iter().chain(node.rows.iter().flatten()).cloned());
    }
    texts.join("\n")
}

#[test]
fn the_words_of_a_story_choose_its_screen() {
    for (id, story) in stories() {
        assert_eq!(draft_wireframe(&story).screens[0].id, id, "{}", story.title);
    }
}

#[test]
fn the_main_button_says_what_the_title_says() {
    for (title, persona, label) in [
        ("Оплатить заказ картой или через СБП", "клиент", "Оплатить заказ"),
        ("Указать время приготовления", "ресторан", "Указать время"),
        ("Approve an expense claim", "manager", "Approve an expense claim"),
        ("Регистрация нового клиента", "клиент", "Войти"),
    ] {
        let wireframe = draft_wireframe(&story(title, persona, &[]));

        let main = wireframe.screens[0]
            .root
            .walk()
            .find(|node| node.role == Role::Primary)
            .map(|node| node.text.clone());
        assert_eq!(main.as_deref(), Some(label), "{title}");
    }
}

#[test]
fn criteria_become_states_and_none_is_forgotten() {
    for (_, story) in stories() {
        let wireframe = draft_wireframe(&story);

        for criterion in &story.acceptance_criteria {
            assert!(wireframe.notes.iter().any(|note| note.contains(criterion.as_str())), "{criterion}");
        }
    }
    let state_of = |title: &str, criterion: &str, state: State| {
        let wireframe = draft_wireframe(&story(title, "клиент", &[criterion]));
        let screen = wireframe.screens.into_iter().find(|screen| screen.state == state);
        screen.and_then(|screen| screen.root.walk().next().map(|root| root.children[0].text.clone()))
    };
    assert_eq!(
        state_of("Войти по коду", "Неверный код даёт сообщение «Код не подошёл»", State::Error).as_deref(),
        Some("Код не подошёл")
    );
    assert_eq!(
        state_of("Search books", "There are no books: a hint is shown", State::Empty).as_deref(),
        Some("There are no books: a hint is shown")
    );
}

#[test]
fn only_what_the_story_names_is_offered_for_payment() {
    let named = all_texts(&draft_wireframe(&story("Оплатить заказ картой или через СБП", "клиент", &[])));
    let unnamed = draft_wireframe(&story("Оплатить подписку", "клиент", &[]));

    assert!(named.contains("Карта") && named.contains("СБП") && !named.contains("Наличные"), "{named}");
    assert!(unnamed.assumptions.iter().any(|text| text.contains("способ оплаты не назван")));
}

#[test]
fn a_draft_speaks_the_language_of_its_story() {
    for (_, story) in stories() {
        for platform in Platform::ALL {
            let texts = all_texts(&draft_wireframe(&WireframeInput { platform, ..story.clone() }));

            let is_cyrillic = |c: char| matches!(c, 'а'..='я' | 'А'..='Я');
            match Language::of(&story.title) {
                Language::English => assert!(!texts.contains(is_cyrillic), "{texts}"),
                Language::Russian => {
                    let foreign = texts.split(|c: char| !c.is_alphanumeric()).find(|word| {
                        word.len() > 1
                            && word.chars().all(|c| c.is_ascii_alphabetic())
                            && !["anna", "example", "com", "SMS", "ISBN"].contains(word)
                    });
                    assert_eq!(foreign, None, "{texts}");
                }
            }
        }
    }
}

#[test]
fn each_platform_has_its_own_bars() {
    let (_, story) = stories().remove(1);
    let kinds = |platform| {
        let wireframe = draft_wireframe(&WireframeInput { platform, ..story.clone() });
        wireframe.screens[0].root.children.iter().map(|node| node.kind).collect::<Vec<_>>()
    };

    assert!(kinds(Platform::Web).contains(&Kind::Navbar) && !kinds(Platform::Web).contains(&Kind::BottomNav));
    assert!(kinds(Platform::Mobile).contains(&Kind::BottomNav));
    assert!(
        kinds(Platform::Desktop).contains(&Kind::Menu) && kinds(Platform::Desktop).contains(&Kind::Sidebar)
    );
}

#[test]
fn every_way_leads_to_a_screen_that_exists() {
    for (_, story) in stories() {
        let steps = elements::navigation(&draft_wireframe(&story), Language::English);

        assert!(steps.iter().all(|step| !step.is_broken), "{steps:?}");
    }
}

fn drawn(title: &str, task: &str, persona: &str, criteria: &[&str]) -> Wireframe {
    draft_wireframe(&WireframeInput { task: task.to_owned(), ..story(title, persona, criteria) })
}

#[test]
fn words_of_refusals_and_devices_are_no_fields() {
    let address = drawn(
        "Сохранить до 5 адресов доставки",
        "Заполнить профиль",
        "клиент",
        &[
            "Клиент может сохранить до 5 адресов доставки, и введённое видно после повторного входа",
            "Если значение указано неверно, сохранить до 5 адресов доставки нельзя, и показана причина",
            "Граница «до 5 адресов» проверена: значение на границе принимается, за ней — нет, и показана причина",
        ],
    );
    let lights = drawn(
        "Change the colour of the lights from my phone",
        "Control devices",
        "resident",
        &[
            "A resident can change the colour of the lights from their phone, and the new state is visible at once",
        ],
    );

    assert!(all_texts(&address).contains("Адрес"));
    for (wireframe, invented) in [(&address, "Передумал"), (&lights, "Phone"), (&lights, "Status")] {
        let main =
            Wireframe { screens: vec![wireframe.screens[0].clone()], notes: vec![], ..wireframe.clone() };
        assert!(!all_texts(&main).contains(invented), "{invented}");
    }
}

#[test]
fn what_a_story_does_without_does_not_choose_its_screen() {
    let restaurants =
        drawn("Посмотреть рестораны без регистрации", "Зарегистрироваться и войти", "клиент", &[]);
    let checklist = drawn("Видеть чек-лист первого дня", "Оплатить", "сотрудник", &[]);
    let report = drawn("Видеть выручку по дням", "Изучить варианты", "директор", &[]);

    assert_eq!(restaurants.screens[0].id, "list");
    assert!(all_texts(&restaurants).contains("Хинкальная"));
    assert_eq!(checklist.screens[0].id, "list");
    assert_eq!(report.screens[0].id, "report");
}

#[test]
fn a_word_of_another_meaning_does_not_choose_the_screen() {
    for (id, title, task) in [
        ("tracking", "Отследить курьера на карте", "Следить за статусом"),
        ("list", "Журнал показывает, кто и когда открывал карту пациента", "Защитить данные"),
        ("form", "Записать домашнее задание один раз", "Выдать задания"),
        ("document", "Скачать справку для налогового вычета", "Получить документы"),
        ("review", "Написать отзыв", "Оставить отзыв"),
        ("list", "Сравнить отклики по цене, рейтингу и расстоянию", "Изучить варианты"),
        ("scan", "Отсканировать штрихкод", "Принять товар"),
        ("list", "Discover events by city, date and genre", "Find what fits"),
        ("places", "The hall plan shows free seats with prices", "Book a place"),
        ("report", "Watch sales in real time", "Read the reports"),
        ("document", "Download invoices as PDF", "Get documents"),
        ("refund", "Refund a payment, fully or in part", "Get money back"),
        ("details", "Place a hold on a book that is on loan", "Book a place"),
        ("decision", "Review reports that break a policy", "Decide on requests"),
        ("schedule", "Browse the timetable and the trainers without an account", "Find what fits"),
        ("scan", "Check members in by scanning a QR code from the app", "Check people in"),
    ] {
        assert_eq!(drawn(title, task, "user", &[]).screens[0].id, id, "{title}");
    }
}

#[test]
fn who_only_looks_gets_no_button() {
    let buttons = |title: &str| {
        let main = drawn(title, "", "ученик", &["Ученик получает подтверждение"]).screens.remove(0);
        main.root.walk().filter(|node| node.kind == Kind::Button).count()
    };

    assert_eq!((buttons("Видеть расписание на неделю"), buttons("Записаться на занятие")), (0, 2));
}

#[test]
fn a_button_is_a_whole_phrase() {
    for (title, label) in [
        ("Отметить, что заказ готов", "Отметить"),
        ("Оформить возврат полной или частичной суммы", "Оформить возврат"),
        ("Предложить дополнительные работы по дому", "Предложить"),
        ("Sign up with an email address", "Sign up"),
        ("Create the weekly timetable and copy it to the next week", "Create"),
        ("Split one receipt between several projects", "Split one receipt"),
    ] {
        let main = drawn(title, "", "user", &[]).screens.remove(0);
        let button = main.root.walk().find(|node| node.role == Role::Primary).map(|node| node.text.clone());
        assert_eq!(button.as_deref(), Some(label), "{title}");
    }
}

#[test]
fn only_states_that_a_criterion_names_are_drawn() {
    let states = |criteria: &[&str]| {
        let wireframe = drawn("Сохранить адрес", "Заполнить профиль", "клиент", criteria);
        wireframe.screens.iter().map(|screen| screen.state).collect::<Vec<_>>()
    };

    assert_eq!(states(&[]), [State::Default]);
    assert_eq!(states(&["Клиент может сохранить адрес, и введённое видно после входа"]), [State::Default]);
    assert_eq!(states(&["Никто, кроме роли «Клиент», не может сохранить адрес"]), [State::Default]);
    assert_eq!(states(&["Предел «до 5» соблюдён: шестой не допускается"]), [State::Default]);
    assert_eq!(
        states(&["Пока условие «ничего не найдено» не выполнено, этого не происходит"]),
        [State::Default]
    );
    assert_eq!(states(&["Клиент получает подтверждение с номером"]), [State::Default, State::Success]);
    assert_eq!(states(&["Если адрес указан неверно, видна ошибка"]), [State::Default, State::Error]);
    assert_eq!(
        states(&["Если сохранить не удалось, попытка ничего не меняет, и показана причина"]),
        [State::Default, State::Error]
    );
    assert_eq!(states(&["Клиент может сохранить адрес, если такого ещё нет, и видит его"]), [State::Default]);
    assert_eq!(states(&["После действия «Сохранить адрес» видно, кто им занят"]), [State::Default]);
    assert_eq!(states(&["«Отказ отклонён»: адрес остаётся"]), [State::Default]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_story_gets_a_picture(
        title in any::<String>(), persona in "\\PC{0,20}", criteria in vec("\\PC{0,40}", 0..4), choice in 0usize..9
    ) {
        let input = WireframeInput {
            description: title.clone(), title, persona, acceptance_criteria: criteria,
            platform: Platform::ALL[choice % 3], style: Style::ALL[choice / 3], ..WireframeInput::default()
        };

        let wireframe = draft_wireframe(&input);

        prop_assert_eq!(&draft_wireframe(&input), &wireframe, "the same story gives the same draft");
        let picture = render::unicode::render(&wireframe, input.platform, input.style);
        prop_assert!(picture.lines().count() > 4);
        for row in picture.lines() {
            prop_assert_eq!(story_map::columns::width(row), input.platform.columns());
        }
    }
}
