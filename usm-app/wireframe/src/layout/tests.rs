//! What must hold for every picture, whatever is on the screen.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use proptest::{collection::vec, prelude::*, sample::select};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::{
    super::{render::unicode, tree::State},
    testing::{any_node, any_text},
    *,
};

/// Counted here in its own way: by cluster, narrow rules.
fn columns(row: &str) -> usize {
    row.graphemes(true).map(|cluster| cluster.width()).sum()
}

fn assert_aligned(picture: &str, platform: Platform) {
    assert!(!picture.is_empty());
    for row in picture.lines() {
        assert_eq!(columns(row), platform.columns(), "row {row:?} of\n{picture}");
    }
}

fn any_platform() -> impl Strategy<Value = Platform> {
    select(&Platform::ALL[..])
}

fn any_style() -> impl Strategy<Value = Style> {
    select(&Style::ALL[..])
}

fn screen(root: Node) -> Screen {
    Screen { id: "заказ".into(), title: "Экран".into(), root, ..Screen::default() }
}

/// Every text of a tree that a detailed picture must show.
fn texts(node: &Node) -> Vec<String> {
    let shown = |node: &Node| {
        let cells = node.rows.iter().flatten();
        // What can be chosen is inside a closed list.
        let items = if node.kind.is_field() { &[][..] } else { &node.items };
        [&node.text].into_iter().chain(items).chain(cells).map(|text| drawable(text)).collect::<Vec<_>>()
    };
    node.walk().flat_map(shown).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_row_has_the_width_of_the_platform(
        root in any_node(), title in any_text(), platform in any_platform(), style in any_style()
    ) {
        let screen = Screen { title, ..screen(root) };

        let picture = unicode::screen(&screen, platform, style);

        assert_aligned(&picture, platform);
        prop_assert_eq!(unicode::screen(&screen, platform, style), picture, "the same tree gives the same picture");
    }

    #[test]
    fn every_word_is_shown_or_its_text_is_cut_visibly(root in any_node(), platform in any_platform()) {
        let screen = pictured(&screen(root));

        let picture = unicode::screen(&screen, platform, Style::HighFidelity);

        let shown: std::collections::HashSet<&str> = words(&picture).collect();
        for text in texts(&screen.root) {
            for word in words(&text) {
                prop_assert!(
                    shown.contains(word) || is_cut_before_the_end_of(word, &text, &picture),
                    "{:?} of {:?} is missing in\n{}", word, text, picture
                );
            }
        }
    }

    #[test]
    fn a_plain_form_loses_no_word_on_any_platform(
        labels in vec("[а-яё]{1,12}( [а-яё]{1,12}){0,2}", 1..6), platform in any_platform()
    ) {
        let fields = labels.iter().map(|label| Node::new(Kind::Input, label.clone())).collect();
        let root = Node::of(Kind::Column, vec![Node::of(Kind::Card, fields)]);

        let picture = unicode::screen(&screen(root), platform, Style::HighFidelity);

        for word in labels.iter().flat_map(|label| words(label)) {
            prop_assert!(picture.contains(word), "{word} is missing in\n{picture}");
        }
        prop_assert!(!picture.contains('…'));
    }
}

/// Runs of letters and digits: what a picture must not lose, free of brackets and borders around it.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// Whether the picture has a cut right after some beginning of `text` that ends within or before `word`, which
/// is a slice of it.
fn is_cut_before_the_end_of(word: &str, text: &str, picture: &str) -> bool {
    let end = word.as_ptr() as usize - text.as_ptr() as usize + word.len();
    let last_shown = text[..end].chars().filter(|c| !c.is_whitespace());
    last_shown.chain([' ']).any(|last| picture.contains(&format!("{last}…")))
}

#[test]
fn tables_line_up_in_cyrillic() {
    let table = Node {
        rows: vec![vec!["Борщ".into(), "350 ₽".into()], vec!["Щи суточные".into(), "290 ₽".into()]],
        ..Node::new(Kind::Table, "").items(["Блюдо", "Цена"])
    };

    let picture = unicode::screen(&screen(table), Platform::Mobile, Style::HighFidelity);

    let rows: Vec<&str> = picture.lines().map(|row| row.trim_matches(['│', ' '])).collect();
    assert_eq!(
        &rows[2..8],
        [
            "┌───────────────────┬──────────────┐",
            "Блюдо             │ Цена",
            "├───────────────────┼──────────────┤",
            "Борщ              │ 350 ₽",
            "Щи суточные       │ 290 ₽",
            "└───────────────────┴──────────────┘",
        ],
        "{picture}"
    );
}

#[test]
fn a_row_that_does_not_fit_a_phone_goes_on_below() {
    let buttons = ["Оформить заказ", "Продолжить покупки", "Очистить корзину"];
    let row = Node::of(Kind::Row, buttons.iter().map(|text| Node::new(Kind::Button, *text)).collect());

    let picture = unicode::screen(&screen(row), Platform::Mobile, Style::HighFidelity);

    for button in buttons {
        assert!(picture.contains(&format!("[ {button} ]")), "{picture}");
    }
}

#[test]
fn low_fidelity_names_actions_and_fields_and_hides_content() {
    let root = Node::of(
        Kind::Column,
        vec![
            Node::new(Kind::Text, "Секретный текст"),
            Node::new(Kind::Input, "Email").value("a@b.c"),
            Node::new(Kind::Button, "Войти"),
        ],
    );

    let picture = unicode::screen(&screen(root), Platform::Web, Style::LowFidelity);

    assert!(
        picture.contains("[ Войти ]") && picture.contains("Email") && picture.contains("░░░"),
        "{picture}"
    );
    assert!(!picture.contains("Секретный") && !picture.contains("a@b.c"), "{picture}");
}

#[test]
fn component_style_shows_the_states_of_the_main_part() {
    let form = Node { required: true, ..Node::new(Kind::Input, "Email") };
    let card = Node::new(Kind::Card, "Вход")
        .with(vec![form.hint("Укажите почту"), Node::new(Kind::Button, "Войти")]);
    let root = Node::of(Kind::Column, vec![Node::new(Kind::Navbar, "Сайт"), card]);

    let picture = unicode::screen(&screen(root), Platform::Web, Style::Component);

    for expected in ["обычное состояние", "ошибка", "недоступно", "! Проверьте это поле", "[░ Войти ░]"]
    {
        assert!(picture.contains(expected), "{expected} in\n{picture}");
    }
    assert!(!picture.contains("Сайт"), "{picture}");
    assert_aligned(&picture, Platform::Web);
}

#[test]
fn all_screens_are_drawn_with_the_way_between_them() {
    let first = screen(Node::new(Kind::Button, "Оплатить").goto("paid"));
    let second =
        Screen {
            id: "paid".into(), title: "Оплачено".into(), state: State::Success, ..Screen::default()
        };
    let wireframe = Wireframe { screens: vec![first, second], ..Wireframe::default() };

    let picture = unicode::render(&wireframe, Platform::Mobile, Style::HighFidelity);

    assert_aligned(&picture, Platform::Mobile);
    assert!(picture.contains("▼ Оплатить") && picture.contains("─ Оплачено · готово ─"), "{picture}");
    assert_eq!(unicode::render(&Wireframe::default(), Platform::Web, Style::LowFidelity), "");
}

#[test]
fn a_tree_of_the_greatest_depth_is_drawn_on_a_phone() {
    let deep = (0..60).fold(Node::new(Kind::Text, "дно"), |inside, _| {
        Node::new(Kind::Card, "К")
            .with(vec![Node::of(Kind::Row, vec![inside, Node::new(Kind::Button, "Да")])])
    });

    let picture = unicode::screen(&screen(deep), Platform::Mobile, Style::HighFidelity);

    assert_aligned(&picture, Platform::Mobile);
    assert!(picture.contains("дно"), "{picture}");
}

#[test]
fn a_tree_is_read_from_json_and_drawn() {
    let json = r#"{ "id": "login", "title": "Вход", "root": { "kind": "column", "children": [
        { "kind": "header", "text": "Вход в систему" },
        { "kind": "row", "children": [ { "kind": "button", "text": "Войти", "role": "primary" },
                                       { "kind": "link", "text": "Забыли пароль?" } ] } ] } }"#;

    let screen: Screen = serde_json::from_str(json).unwrap();

    let picture = unicode::screen(&screen, Platform::Web, Style::HighFidelity);
    assert!(picture.contains("[[ Войти ]]  <Забыли пароль?>"), "{picture}");
}
