//! What must hold for every draft of a wireframe.

use proptest::{collection::vec, prelude::*};

use super::*;
use ::wireframe::{criteria, elements, render};

fn story(title: &str, criteria: &[&str]) -> WireframeInput {
    WireframeInput {
        title: title.into(),
        description: title.into(),
        acceptance_criteria: criteria.iter().map(|text| (*text).into()).collect(),
        ..WireframeInput::default()
    }
}

fn texts(wireframe: &Wireframe) -> Vec<String> {
    let nodes = wireframe.screens.iter().flat_map(|screen| screen.root.walk());
    nodes
        .flat_map(|node| std::iter::once(node.text.clone()).chain(node.items.clone()))
        .filter(|text| !text.is_empty())
        .collect()
}

#[test]
fn what_the_story_does_chooses_the_screen() {
    for (title, id) in [
        ("Search the catalogue by title, author or ISBN", "search"),
        ("Видит расписание на неделю", "list"),
        ("Pays by card or Apple Pay", "payment"),
        ("Загружает фото результата", "upload"),
        ("Approve or reject a report with a reason", "decision"),
        ("Отменить заказ, пока ресторан не начал готовить", "confirm"),
        ("Rates the walk from 1 to 5", "rating"),
        ("Glazes a bun", "form"),
        ("Задаёт комиссию для каждого", "form"),
        ("Logs in with a code", "login"),
        ("Log every repair with a photo", "form"),
        ("Signs the contract", "form"),
        ("Card numbers are tokenised", "details"),
        ("团长发布每日商品和价格", "details"),
    ] {
        assert_eq!(draft_wireframe(&story(title, &[])).screens[0].id, id, "{title}");
    }
}

#[test]
fn fields_options_and_buttons_are_the_story_s_own_nouns() {
    let said = |title: &str| texts(&draft_wireframe(&story(title, &[])));

    assert!(
        said("Search the catalogue by title, author or ISBN").contains(&"Title, Author, ISBN".to_owned())
    );
    assert!(said("Enter the date, amount and currency").contains(&"Amount".to_owned()));
    let paid = said("Pays by card or Apple Pay");
    assert!(paid.contains(&"Card".to_owned()) && paid.contains(&"Apple Pay".to_owned()), "{paid:?}");
    let decided = said("Approve or reject a report with a reason");
    assert!(decided.contains(&"Approve".to_owned()) && decided.contains(&"Reject".to_owned()), "{decided:?}");
    assert_eq!(
        said("Rates the walk from 1 to 5").iter().filter(|text| text.parse::<u8>().is_ok()).count(),
        5
    );
}

#[test]
fn nothing_of_another_domain_is_on_a_screen() {
    let labels = [
        "Найти",
        "Отмена",
        "Сохранить",
        "Подтвердить",
        "Выбрать файл",
        "Загрузить",
        "Выбрать",
        "Оплатить",
        "Готово",
        "Отправить",
        "Скачать",
    ];
    for title in [
        "Ищет улей по номеру",
        "Загружает снимок улья",
        "Оплачивает взнос",
        "Назначает пасечника",
        "Осматривает улей",
        "Отменяет осмотр",
    ] {
        let own = title.to_lowercase();
        for text in texts(&draft_wireframe(&story(title, &[]))) {
            let bare = text.trim_end_matches(|c: char| c.is_ascii_digit() || c == ' ').to_lowercase();
            assert!(own.contains(&bare) || labels.contains(&text.as_str()), "{title}: {text}");
        }
    }
}

#[test]
fn a_criterion_is_covered_by_what_serves_it_and_not_by_its_own_sentence() {
    let wanted =
        ["a declined payment is reported and nothing is charged", "The receipt is kept for ten years"];
    let mut wireframe = draft_wireframe(&story("Pays by card or cash", &wanted));

    assert!(texts(&wireframe).iter().all(|text| !wanted.contains(&text.as_str())));
    let wanted: Vec<String> = wanted.iter().map(|text| (*text).to_owned()).collect();
    let covered = criteria::cover(&mut wireframe, &wanted, Language::English);
    assert_eq!(covered.iter().map(|one| one.covered).collect::<Vec<_>>(), [true, false], "{covered:?}");
}

#[test]
fn only_states_that_a_criterion_names_are_drawn() {
    let states = |title, criteria: &[&str]| {
        draft_wireframe(&story(title, criteria)).screens.iter().map(|screen| screen.state).collect::<Vec<_>>()
    };

    assert_eq!(
        states("Ищет дом", &["если ничего не найдено, об этом сказано"]),
        [State::Default, State::Empty]
    );
    assert_eq!(states("Оплачивает дом", &["об отклонённом платеже сказано"]), [State::Default, State::Error]);
    assert_eq!(states("Видит дом", &["Дом виден"]), [State::Default]);
}

#[test]
fn every_way_leads_to_a_screen_that_exists() {
    let wireframe = draft_wireframe(&story("Uploads a photo", &["a file that cannot be read is refused"]));
    let known: Vec<&str> = wireframe.screens.iter().map(|screen| screen.id.as_str()).collect();

    assert_eq!(known, ["upload", "upload-error"]);
    assert!(elements::navigation(&wireframe, Language::English).iter().all(|step| !step.is_broken));
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
        prop_assert!(picture.lines().count() > 3);
        for row in picture.lines() {
            prop_assert_eq!(story_map::columns::width(row), input.platform.columns());
        }
    }
}
