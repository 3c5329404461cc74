//! Every renderer against its golden file, and what must hold for all of them whatever the tree says.
//!
//! `USM_UPDATE_GOLDEN=1 cargo test -p wireframe golden` writes the files anew.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{env, fs, path::Path};

use proptest::prelude::*;

use super::{
    super::{
        StoryWireframe, Subject,
        layout::testing::any_screen,
        options::{Platform, Style},
        tree::{Kind, Navigation, Node, Role, Screen, State, Wireframe},
    },
    ascii, html, svg, unicode,
};
use story_map::columns;

const CRITERIA: [&str; 4] = [
    "Без номера карты платёж не начинается",
    "Если банк отклонил платёж, корзина сохраняется",
    "Итоговая сумма видна до оплаты",
    "Чек приходит на почту за пять минут",
];

fn field(kind: Kind, label: &str) -> Node {
    Node::new(kind, label)
}

/// One of everything, in Russian.
fn sample() -> Wireframe {
    let card = field(Kind::Card, "Способ оплаты").with(vec![
        field(Kind::Radio, "").items(["Картой", "Через СБП", "Наличными"]).select(0),
        Node {
            required: true,
            serves: vec![1],
            ..field(Kind::Input, "Номер карты").hint("0000 0000 0000 0000")
        },
        field(Kind::Select, "Адрес").items(["ул. Садовая, 12", "пр. Мира, 5"]).select(0),
        field(Kind::Textarea, "Комментарий").hint("Домофон, этаж"),
        field(Kind::Checkbox, "Сохранить карту").value("true"),
        field(Kind::Toggle, "Чек на почту").value("true"),
    ]);
    let bill = Node {
        rows: vec![vec!["Борщ".into(), "350 ₽".into()], vec!["漢字 суши".into(), "890 ₽".into()]],
        ..field(Kind::List, "")
    };
    let total = Node { serves: vec![3], ..field(Kind::Text, "Итого: 1 240 ₽") };
    let bill = field(Kind::Card, "К оплате").with(vec![bill, field(Kind::Divider, ""), total]);
    let table = Node {
        rows: vec![
            vec!["№ 17".into(), "вчера".into(), "890 ₽".into()],
            vec!["№ 12".into(), "3 мая".into(), "1 120 ₽".into()],
        ],
        ..field(Kind::Table, "Прошлые заказы").items(["Заказ", "Когда", "Сумма"])
    };
    let actions = Node::of(
        Kind::Row,
        vec![
            field(Kind::Button, "Оплатить").role(Role::Primary).goto("paid"),
            field(Kind::Button, "Отмена").role(Role::Secondary),
            Node { state: State::Disabled, ..field(Kind::Button, "Разделить счёт") },
            field(Kind::Link, "Помощь").goto("help"),
        ],
    );
    let body = vec![
        field(Kind::Navbar, "Горячо")
            .items(["Меню", "Заказы"])
            .select(1)
            .with(vec![field(Kind::Icon, "Клиент")]),
        field(Kind::Header, "Оплата заказа"),
        field(Kind::Progress, "").items(["Корзина", "Оплата", "Готово"]).select(1),
        Node::of(Kind::Row, vec![card, bill]),
        field(Kind::Tabs, "").items(["Новые", "Завершённые"]).select(0).with(vec![table]),
        field(Kind::Image, "Карта с пунктами выдачи"),
        field(Kind::Progress, "Скидка").value("60"),
        actions,
        field(Kind::BottomNav, "").items(["Главная", "Заказы", "Профиль"]).select(1),
    ];
    let refused = vec![
        Node {
            serves: vec![2],
            ..field(Kind::Alert, "Банк отклонил платёж, корзина сохранена").role(Role::Danger)
        },
        Node {
            state: State::Error,
            required: true,
            ..field(Kind::Input, "Номер карты").hint("Проверьте номер")
        },
        field(Kind::Button, "Попробовать ещё раз").role(Role::Primary).goto("pay"),
    ];
    let sure = field(Kind::Modal, "Заказ оплачен").with(vec![
        field(Kind::Alert, "Спасибо! Курьер выехал.").role(Role::Success),
        field(Kind::Button, "К заказам").role(Role::Primary).goto("pay"),
    ]);
    let screen =
        |id: &str, title: &str, state, root| Screen { id: id.into(), title: title.into(), state, root };
    Wireframe {
        screens: vec![
            screen("pay", "Оплата", State::Default, Node::of(Kind::Column, body)),
            screen("pay-error", "Оплата", State::Error, Node::of(Kind::Column, refused)),
            screen("paid", "Готово", State::Success, sure),
        ],
        layout_description: "Сверху панель сайта, ниже шаги, способ оплаты и сумма рядом.".into(),
        navigation: vec![Navigation {
            from: "pay".into(), on: "отказ банка".into(), to: "pay-error".into()
        }],
        notes: vec!["Сумма не меняется после нажатия кнопки".into()],
        assumptions: vec!["данные на экранах — примеры".into()],
    }
}

fn drawn(platform: Platform, style: Style) -> (StoryWireframe, Wireframe) {
    let mut wireframe = sample();
    let criteria = CRITERIA.map(str::to_owned);
    let subject =
        Subject { story_id: Some(7), title: "Оплатить заказ картой", criteria: &criteria };
    let story = StoryWireframe::new(subject, &mut wireframe, platform, style);
    (story, wireframe)
}

/// Compares with the file of that name, or writes it.
fn check(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/golden").join(name);
    if env::var_os("USM_UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        return fs::write(path, text).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == text, "{name} differs from what is drawn; USM_UPDATE_GOLDEN=1 writes it anew:\n{text}");
}

#[test]
fn golden_texts_of_every_platform_and_style() {
    for platform in Platform::ALL {
        for style in Style::ALL {
            check(&format!("{platform}-{style}.txt"), &(unicode::render(&sample(), platform, style) + "\n"));
        }
        let ascii = ascii::render(&sample(), platform, Style::HighFidelity);
        check(&format!("{platform}-ascii.txt"), &(ascii + "\n"));
    }
}

#[test]
fn golden_images_of_every_platform_and_style() {
    for platform in Platform::ALL {
        for style in Style::ALL {
            let (story, tree) = drawn(platform, style);
            check(
                &format!("{platform}-{style}.svg"),
                &svg::render(&tree, &story.story_title, platform, style),
            );
        }
    }
}

#[test]
fn golden_pages_and_markdown() {
    for (platform, style) in [
        (Platform::Web, Style::HighFidelity),
        (Platform::Mobile, Style::LowFidelity),
        (Platform::Desktop, Style::Component),
    ] {
        let (story, tree) = drawn(platform, style);
        check(&format!("{platform}-{style}.html"), &html::render(&story, &tree));
        check(&format!("{platform}-{style}.md"), &story.full_text);
    }
}

#[test]
fn golden_image_and_page_of_what_a_model_drew() {
    let answer = "```\n┌─ Оплата ─────────────┬───────────────┐\n│ Номер карты [______] │ К оплате │\n\
                  ├──────────────────────┼───────────────┤\n│ (•) Картой ( ) СБП   │ Борщ    350 ₽ │\n\
                  │ [ Оплатить ]         │ 漢字     890 ₽ │\n└──────────────────────┴───────────────┘\n```\n\
                  ## UI Elements\n- [Input] Номер карты\n- [Button] Оплатить\n## Notes\n- чек на почту";
    let criteria = CRITERIA.map(str::to_owned);
    let subject =
        Subject { story_id: Some(7), title: "Оплатить заказ картой", criteria: &criteria };
    let read = super::super::parse::read(answer).unwrap();

    let drawn = StoryWireframe::from_text(subject, &read, Platform::Web, Style::HighFidelity);

    check("drawn-by-a-model.svg", &svg::render_text(&drawn.ascii_wireframe, &drawn.story_title));
    check("drawn-by-a-model.html", &html::render(&drawn, &Wireframe::default()));
    check("drawn-by-a-model.md", &drawn.full_text);
}

#[test]
fn every_platform_and_style_looks_different() {
    let mut pictures = Vec::new();
    for platform in Platform::ALL {
        for style in Style::ALL {
            pictures.push(unicode::render(&sample(), platform, style));
        }
    }
    let count = pictures.len();
    pictures.sort();
    pictures.dedup();
    assert_eq!(pictures.len(), count);
    for (platform, sign) in
        [(Platform::Web, "( /pay"), (Platform::Mobile, "9:41"), (Platform::Desktop, "Справка")]
    {
        let picture = unicode::render(&sample(), platform, Style::LowFidelity);
        assert!(picture.contains(sign), "{sign} in\n{picture}");
    }
}

#[test]
fn bold_words_that_fill_a_row_are_told_how_wide_to_be() {
    let heading = field(Kind::Header, "Записаться на приём себе или ребёнку");
    let screens =
        vec![Screen { id: "s".into(), root: Node::of(Kind::Column, vec![heading]), ..Screen::default() }];
    let wireframe = Wireframe { screens, ..Wireframe::default() };

    let image = svg::render(&wireframe, "", Platform::Mobile, Style::LowFidelity);

    let row = image.lines().find(|line| line.contains("class=\"header\"")).unwrap();
    assert!(row.contains("textLength=\"324\""), "{row}");
}

#[test]
fn a_component_that_waits_for_its_data_shows_blocks_on_the_page_too() {
    let (drawn, mut tree) = drawn(Platform::Web, Style::Component);
    let list = Node { rows: vec![vec!["Борщ".into()]], ..field(Kind::List, "") };
    tree.screens = vec![Screen { root: Node::of(Kind::Column, vec![list]), ..tree.screens.remove(0) }];

    let page = html::render(&drawn, &tree);

    assert!(page.contains("class=\"grey\"") && !page.contains("<span>░"), "{page}");
}

#[test]
fn every_criterion_is_served_or_said_to_be_open() {
    let (story, _) = drawn(Platform::Web, Style::HighFidelity);

    let covered: Vec<bool> = story.coverage.iter().map(|one| one.covered).collect();
    assert_eq!(covered, [true, true, true, false], "{:?}", story.coverage);
    assert_eq!(story.unknown_screens, ["help"]);
    assert!(story.full_text.contains("не покрыт") && story.full_text.contains("такого экрана нет"));
}

#[test]
fn the_spelling_in_ascii_has_no_other_characters_of_its_own() {
    let root = Node::of(
        Kind::Column,
        vec![field(Kind::Card, "Card").with(vec![field(Kind::Radio, "").items(["a", "b"])])],
    );
    let wireframe = Wireframe {
        screens: vec![Screen { id: "s".into(), title: "Screen".into(), root, ..Screen::default() }],
        ..Wireframe::default()
    };
    for platform in Platform::ALL {
        for style in Style::ALL {
            let picture = ascii::render(&wireframe, platform, style);
            assert!(picture.is_ascii(), "{picture}");
        }
    }
}

/// What a story may hold to break out of its place.
const HOSTILE: &str = "</title></text><script>alert(1)</script>\"'><img src=x onerror=alert(1)><!--]]>&{}</style>javascript:alert(1)";

fn hostile() -> Wireframe {
    fn poison(node: &mut Node) {
        for text in [&mut node.text, &mut node.value, &mut node.hint]
            .into_iter()
            .chain(&mut node.items)
            .chain(node.rows.iter_mut().flatten())
        {
            *text = HOSTILE.to_owned();
        }
        node.goto = Some(HOSTILE.to_owned());
        node.children.iter_mut().for_each(poison);
    }
    let mut wireframe = sample();
    for screen in &mut wireframe.screens {
        (screen.id, screen.title) = (HOSTILE.into(), HOSTILE.into());
        poison(&mut screen.root);
    }
    wireframe.layout_description = HOSTILE.into();
    wireframe.notes = vec![HOSTILE.into()];
    wireframe
}

#[test]
fn stored_text_never_becomes_markup() {
    for platform in Platform::ALL {
        for style in Style::ALL {
            let mut tree = hostile();
            let criteria = [HOSTILE.to_owned()];
            let subject = Subject { story_id: None, title: HOSTILE, criteria: &criteria };
            let story = StoryWireframe::new(subject, &mut tree, platform, style);
            let page = html::render(&story, &tree);
            let image = svg::render(&tree, HOSTILE, platform, style);
            let text = svg::render_text(HOSTILE, HOSTILE);
            for markup in [&page, &image, &text] {
                for danger in ["<script", "<img", "onerror=alert(1)>", "<!--", "]]>", "href=\"java"] {
                    assert!(!markup.contains(danger), "{danger} in {platform} {style}");
                }
            }
            assert!(page.contains("default-src 'none'"));
            well_formed(&image);
            well_formed(&text);
        }
    }
}

/// Every tag is closed, in order, and attributes are quoted.
fn well_formed(markup: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = markup;
    while let Some(start) = rest.find('<') {
        let end = start + rest[start..].find('>').unwrap();
        let tag = &rest[start + 1..end];
        assert!(!tag.contains('<'), "{tag}");
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if tag.ends_with('/') => {}
            None => open.push(tag.split_whitespace().next().unwrap()),
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty(), "{open:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_screen_is_drawn_by_every_renderer(screen in any_screen(), index in 0usize..9) {
        let (platform, style) = (Platform::ALL[index % 3], Style::ALL[index / 3]);
        let mut tree = Wireframe { screens: vec![screen], ..Wireframe::default() };
        let subject = Subject { story_id: None, title: "Экран", criteria: &[] };
        let story = StoryWireframe::new(subject, &mut tree, platform, style);

        let ascii = ascii::render(&tree, platform, style);
        for row in ascii.lines() {
            prop_assert_eq!(columns::width(row), platform.columns(), "{}", &ascii);
        }
        well_formed(&svg::render(&tree, &story.story_title, platform, style));
        prop_assert!(html::render(&story, &tree).ends_with("</html>\n"));
    }

    #[test]
    fn what_is_drawn_here_needs_no_repair(screen in any_screen(), index in 0usize..9) {
        let (platform, style) = (Platform::ALL[index % 3], Style::ALL[index / 3]);
        let picture = unicode::screen(&screen, platform, style);
        let (again, _) = super::super::parse::repair::repair(&picture);
        let once_more = super::super::parse::repair::repair(&again).0;
        prop_assert_eq!(again, once_more);
    }
}
