//! Parts of screens, filled from the facts of a story.

use unicode_segmentation::UnicodeSegmentation;

use super::{
    facts::Facts,
    patterns::Part,
    vocabulary::{PROPERTIES, Property, Thing},
};
use ::wireframe::{Kind, Node, Platform, Role};

/// Most fields a drafted form asks for; more would be guessing.
const MAX_FIELDS: usize = 6;
/// Most columns of a drafted table.
const MAX_COLUMNS: usize = 3;

/// What is entered where something is done "with a code".
const CODES: &[&str] = &["код", "кодом", "коду", "code"];

/// Screens that a part can lead to.
pub(super) struct Targets {
    /// Where the main action leads; none where the story does not say.
    pub(super) result: Option<&'static str>,
    /// Where going back leads, none on the first screen.
    pub(super) back: Option<&'static str>,
}

/// The nodes of one part.
pub(super) fn nodes(part: Part, facts: &Facts, platform: Platform, targets: &Targets) -> Vec<Node> {
    match part {
        Part::Search => search(facts),
        Part::Filters => filters(facts),
        Part::Tabs => tabs(facts),
        Part::Objects => vec![objects(facts, platform)],
        Part::Details => details(facts),
        Part::Form => vec![card("", form(facts))],
        Part::Payment => payment(facts),
        Part::Steps => steps(facts),
        Part::Map => vec![Node::new(Kind::Image, map_label(facts))],
        Part::Chat => chat(facts),
        Part::Figures => figures(facts),
        Part::Chart => vec![Node::new(Kind::Image, facts.say(("График по дням", "Chart by day")))],
        Part::Calendar => calendar(facts),
        Part::Rating => rating(facts),
        Part::Switches => switches(facts),
        Part::Messages => messages(facts),
        Part::Upload => upload(facts),
        Part::Camera => camera(facts),
        Part::Plan => vec![Node::new(
            Kind::Image,
            facts.say(("Схема мест: свободные и занятые", "Plan: free and taken")),
        )],
        Part::Preview => {
            vec![Node::new(Kind::Image, facts.say(("Документ перед сохранением", "The document")))]
        }
        Part::Question => question(facts, targets),
        Part::Credentials => credentials(facts),
        Part::Actions => actions(facts, platform, targets),
    }
}

fn card(title: &str, children: Vec<Node>) -> Node {
    Node::new(Kind::Card, title).with(children)
}

fn sample(property: &Property, facts: &Facts, index: usize) -> String {
    nth(facts.say(property.samples), index)
}

fn nth(list: &str, index: usize) -> String {
    list.split('|').nth(index).unwrap_or("").to_owned()
}

fn thing_label(facts: &Facts) -> &'static str {
    facts.thing.map_or(facts.say(("Запись", "Item")), |thing| facts.say(thing.label))
}

fn thing_sample(facts: &Facts, index: usize) -> String {
    let numbered = |_: ()| format!("{} {}", facts.say(("Пример", "Sample")), index + 1);
    facts.thing.map_or_else(|| numbered(()), |thing: &Thing| nth(facts.say(thing.samples), index))
}

/// A field for a property, with sample content as its placeholder or its options.
fn field(property: &Property, facts: &Facts) -> Node {
    let node = Node::new(property.kind, facts.say(property.label));
    match property.kind {
        Kind::Select => node.items(facts.say(property.samples).split('|')),
        _ => node.hint(sample(property, facts, 0)),
    }
}

fn search(facts: &Facts) -> Vec<Node> {
    let by = facts.search_by.as_deref().unwrap_or("");
    let hint = format!("{} {by}", facts.say(("Поиск", "Search")));
    let button = Node::new(Kind::Button, facts.say(("Найти", "Search"))).role(Role::Primary);
    vec![Node::of(Kind::Row, vec![Node::new(Kind::Input, "").hint(hint.trim()), button])]
}

fn filters(facts: &Facts) -> Vec<Node> {
    let mut choices: Vec<Node> = (facts.properties.iter())
        .filter(|property| property.kind == Kind::Select)
        .take(3)
        .map(|property| field(property, facts))
        .collect();
    if facts.pattern.id == "report"
        && !choices.iter().any(|choice| choice.text == facts.say(("Период", "Period")))
    {
        let period = facts.say(("День|Неделя|Месяц", "Day|Week|Month"));
        choices.insert(
            0,
            Node::new(Kind::Select, facts.say(("Период", "Period"))).items(period.split('|')).select(1),
        );
    }
    if choices.is_empty() { vec![] } else { vec![Node::of(Kind::Row, choices)] }
}

fn tabs(facts: &Facts) -> Vec<Node> {
    let names = facts.say(("Новые|В работе|Завершённые", "New|In progress|Done"));
    vec![Node::new(Kind::Tabs, "").items(names.split('|')).select(0)]
}

/// A table where there are properties to show and room for them, else a list.
fn objects(facts: &Facts, platform: Platform) -> Node {
    let columns: Vec<&Property> = (facts.properties.iter().copied())
        .filter(|property| !matches!(property.label.1, "Period" | "Comment"))
        .filter(|property| facts.thing.is_none() || property.label.1 != "Title")
        .take(MAX_COLUMNS)
        .collect();
    let row = |index: usize| {
        let cells = columns.iter().map(|property| sample(property, facts, index));
        std::iter::once(thing_sample(facts, index)).chain(cells).collect::<Vec<_>>()
    };
    let rows = (0..3).map(row).collect();
    if platform == Platform::Mobile || columns.is_empty() {
        let more = |mut row: Vec<String>| {
            row.push(
                if platform == Platform::Mobile { ">" } else { facts.say(("Открыть >", "Open >")) }
                    .to_owned(),
            );
            row
        };
        let rows: Vec<Vec<String>> = rows;
        return Node { rows: rows.into_iter().map(more).collect(), ..Node::new(Kind::List, "") };
    }
    let heads = columns.iter().map(|property| facts.say(property.label));
    Node { rows, ..Node::new(Kind::Table, "") }.items(std::iter::once(thing_label(facts)).chain(heads))
}

fn details(facts: &Facts) -> Vec<Node> {
    // Where the steps are shown, a status beside them would say it twice.
    let mut lines: Vec<Node> = (facts.properties.iter())
        .filter(|property| facts.pattern.id != "tracking" || property.label.1 != "Status")
        .filter(|property| facts.pattern.id != "confirm" || property.label.1 != "Reason")
        .take(MAX_FIELDS)
        .map(|property| {
            Node::new(Kind::Text, format!("{}: {}", facts.say(property.label), sample(property, facts, 0)))
        })
        .collect();
    if lines.is_empty() {
        let outcomes = facts.outcomes.iter().take(3);
        lines.extend(outcomes.map(|text| Node::new(Kind::Text, text.clone())));
    }
    if lines.is_empty() {
        lines.push(Node::new(Kind::Text, facts.title.clone()));
    }
    let title = match facts.thing {
        Some(_) => format!("{} {}", thing_label(facts), thing_sample(facts, 0)),
        None => facts.say(("Подробности", "Details")).to_owned(),
    };
    let picture = Node::new(Kind::Image, facts.say(("Фото", "Photo")));
    let about = card(&title, lines);
    // A picture helps for what can be seen, not for an order or a request.
    match facts.pattern.id == "details" {
        true => vec![Node::of(Kind::Row, vec![picture, about])],
        false => vec![about],
    }
}

fn form(facts: &Facts) -> Vec<Node> {
    // A status or a rating is the system's to set.
    let asked = facts
        .properties
        .iter()
        .filter(|property| !matches!(property.label.1, "Status" | "Rating" | "Period"));
    let mut fields: Vec<Node> = asked.take(MAX_FIELDS).map(|property| field(property, facts)).collect();
    if fields.is_empty() {
        let label =
            facts.thing.map_or(facts.say(("Название", "Name")), |thing| facts.say(thing.label));
        fields.push(Node::new(Kind::Input, label).hint(thing_sample(facts, 0)));
        fields.push(Node::new(Kind::Textarea, facts.say(("Комментарий", "Comment"))));
    }
    if let Some(first) = fields.first_mut() {
        first.required = true;
    }
    fields
}

fn payment(facts: &Facts) -> Vec<Node> {
    let named: Vec<&str> = facts.payments.iter().map(|payment| facts.say(payment.label)).collect();
    let mut way = Vec::new();
    match named.as_slice() {
        [] => way.push(Node::new(Kind::Text, facts.say(("Способ оплаты", "Way to pay")))),
        [one] => way.push(Node::new(Kind::Radio, "").items([*one]).select(0)),
        several => way.push(Node::new(Kind::Radio, "").items(several.to_vec()).select(0)),
    }
    if named.is_empty() || facts.payments.iter().any(|payment| payment.label.1 == "Card") {
        let card =
            Node::new(Kind::Input, facts.say(("Номер карты", "Card number"))).hint("0000 0000 0000 0000");
        way.push(Node { required: true, ..card });
    }
    let asked = facts
        .properties
        .iter()
        .filter(|property| !matches!(property.label.1, "Amount" | "Rating" | "Status"));
    way.extend(asked.take(3).map(|property| field(property, facts)));

    let prices = facts.say(("890 ₽|360 ₽|1 250 ₽", "€8.90|€3.60|€12.50"));
    let rows = (0..2).map(|index| vec![thing_sample(facts, index), nth(prices, index)]).collect();
    let total = format!("{}: {}", facts.say(("Итого", "Total")), nth(prices, 2));
    let bill = vec![
        Node { rows, ..Node::new(Kind::List, "") },
        Node::new(Kind::Divider, ""),
        Node::new(Kind::Text, total),
    ];
    let way = card(facts.say(("Способ оплаты", "Payment")), way);
    vec![Node::of(Kind::Row, vec![way, card(facts.say(("К оплате", "To pay")), bill)])]
}

fn steps(facts: &Facts) -> Vec<Node> {
    let names = facts.say(("Принят|Готовится|В пути|Готово", "Accepted|Prepared|On its way|Done"));
    vec![Node::new(Kind::Progress, "").items(names.split('|')).select(2)]
}

fn map_label(facts: &Facts) -> String {
    let map = facts.say(("Карта", "Map"));
    match facts.thing {
        Some(_) => format!("{map}: {}", thing_label(facts).to_lowercase()),
        None => map.to_owned(),
    }
}

fn chat(facts: &Facts) -> Vec<Node> {
    let says = |text: &str| Node::of(Kind::Card, vec![Node::new(Kind::Text, text)]);
    let asked = Node::of(Kind::Row, vec![Node::new(Kind::Spacer, ""), says(&facts.title)]);
    let answer = facts.say(("Здравствуйте! Уже смотрим.", "Hello! We are looking into it."));
    let answered = Node::of(Kind::Row, vec![says(answer), Node::new(Kind::Spacer, "")]);
    let field = Node::new(Kind::Input, "").hint(facts.say(("Сообщение", "Message")));
    let send = Node::new(Kind::Button, facts.say(("Отправить", "Send"))).role(Role::Primary);
    vec![asked, answered, Node::new(Kind::Divider, ""), Node::of(Kind::Row, vec![field, send])]
}

fn figures(facts: &Facts) -> Vec<Node> {
    let figure = |title: &str, value: &str| card(title, vec![Node::new(Kind::Text, value)]);
    let sum = facts.say(("48 200 ₽", "€482.00"));
    let change = facts.say(("+8 % к прошлому", "+8 % to the last"));
    vec![Node::of(
        Kind::Row,
        vec![
            figure(facts.say(("Всего", "Total")), "128"),
            figure(facts.say(("Сумма", "Amount")), sum),
            figure(facts.say(("Изменение", "Change")), change),
        ],
    )]
}

fn calendar(facts: &Facts) -> Vec<Node> {
    let heads = facts.say(("Пн 12|Вт 13|Ср 14|Чт 15", "Mon 12|Tue 13|Wed 14|Thu 15"));
    let hours = ["10:00|10:00|—|10:00", "11:30|—|11:30|11:30", "—|15:00|15:00|15:00"];
    let rows = hours.map(|row| row.split('|').map(str::to_owned).collect()).into();
    let days = Node { rows, ..Node::new(Kind::Table, "").items(heads.split('|')) };
    let asked =
        facts.properties.iter().filter(|property| !matches!(property.label.1, "Date" | "Time" | "Period"));
    let mut parts: Vec<Node> = asked.take(3).map(|property| field(property, facts)).collect();
    parts.push(days);
    let chosen = facts.say(("Выбрано: вт 13, 10:00", "Chosen: Tue 13, 10:00"));
    parts.push(Node::new(Kind::Text, chosen));
    parts
}

fn rating(facts: &Facts) -> Vec<Node> {
    let comment = Node::new(Kind::Textarea, facts.say(("Отзыв", "Review")));
    let mut parts = vec![
        Node::new(Kind::Text, format!("{} {}", thing_label(facts), thing_sample(facts, 0))),
        Node::new(Kind::Radio, facts.say(("Оценка", "Rating"))).items(["1", "2", "3", "4", "5"]).select(4),
        comment.hint(facts.say(("Что понравилось, что нет", "What was good, what was not"))),
    ];
    if facts.uses(&["фото", "фотографию", "фотографией", "фотографии", "photo", "photos"])
    {
        parts.push(Node::new(Kind::Button, facts.say(("Добавить фото", "Add a photo"))));
    }
    vec![card("", parts)]
}

fn switches(facts: &Facts) -> Vec<Node> {
    let mut parts = vec![Node::new(Kind::Toggle, facts.title.clone()).value("true")];
    parts.extend(facts.properties.iter().take(4).map(|property| field(property, facts)));
    vec![card("", parts)]
}

fn messages(facts: &Facts) -> Vec<Node> {
    let new = Node::new(Kind::Alert, facts.title.clone()).role(Role::Info);
    let times = facts.say(("сейчас|10:40|вчера", "now|10:40|yesterday"));
    let about = |index: usize| match facts.thing {
        Some(_) => format!("{} {}", thing_label(facts), thing_sample(facts, index)),
        None => format!("{} {}", facts.say(("Уведомление", "Notification")), index + 1),
    };
    let row = |index: usize| vec![about(index), nth(times, index)];
    let list = Node { rows: (0..3).map(row).collect(), ..Node::new(Kind::List, "") };
    vec![new, list, Node::new(Kind::Link, facts.say(("Отметить все прочитанными", "Mark all as read")))]
}

fn upload(facts: &Facts) -> Vec<Node> {
    let place = facts.say(("Перетащите файл или выберите на устройстве", "Drop a file or choose one"));
    vec![
        Node::new(Kind::Image, place),
        Node::new(Kind::Progress, facts.say(("Загрузка", "Uploading"))).value("60"),
    ]
}

fn camera(facts: &Facts) -> Vec<Node> {
    let sees = facts.say(("Камера: наведите на код", "Camera: point it at the code"));
    let by_hand = facts.say(("Или введите код", "Or enter the code"));
    vec![Node::new(Kind::Image, sees), Node::new(Kind::Input, by_hand).hint("0000 0000")]
}

fn question(facts: &Facts, targets: &Targets) -> Vec<Node> {
    let asked: Vec<Node> = (facts.properties.iter())
        .filter(|property| property.label.1 == "Reason")
        .map(|property| field(property, facts))
        .collect();
    let yes = main_button(facts, targets).role(Role::Danger);
    let no = Node::new(Kind::Button, facts.say(("Назад", "Back"))).role(Role::Secondary);
    let text = Node::new(Kind::Text, facts.say(("Подтвердите действие.", "Please confirm.")));
    let inside = std::iter::once(text).chain(asked).chain([Node::of(Kind::Row, vec![no, yes])]).collect();
    vec![Node::new(Kind::Modal, format!("{}?", facts.action_label())).with(inside)]
}

fn credentials(facts: &Facts) -> Vec<Node> {
    let identifies = |property: &&&Property| matches!(property.label.1, "Phone" | "Email" | "Name");
    let mut fields: Vec<Node> =
        facts.properties.iter().filter(identifies).map(|property| field(property, facts)).collect();
    if fields.is_empty() {
        fields.extend(
            PROPERTIES.iter().filter(|property| property.label.1 == "Email").map(|email| field(email, facts)),
        );
    }
    let by_code = facts.uses(&["код", "кодом", "кода", "sms", "смс", "code"]);
    let secret = if by_code { ("Код из SMS", "Code") } else { ("Пароль", "Password") };
    fields.push(Node::new(Kind::Input, facts.say(secret)).hint(if by_code {
        "0000"
    } else {
        "••••••••"
    }));
    fields.iter_mut().for_each(|field| field.required = true);
    vec![card("", fields)]
}

fn main_button(facts: &Facts, targets: &Targets) -> Node {
    Node { goto: targets.result.map(str::to_owned), ..Node::new(Kind::Button, facts.action_label()) }
}

fn actions(facts: &Facts, platform: Platform, targets: &Targets) -> Vec<Node> {
    if facts.looks {
        return vec![];
    }
    let by_code = matches!(facts.pattern.id, "details" | "decision")
        && facts.title.unicode_words().any(|word| CODES.contains(&word.to_lowercase().as_str()));
    let code = by_code.then(|| Node::new(Kind::Input, facts.say(("Код", "Code"))).hint("0000"));
    let mut buttons = vec![main_button(facts, targets).role(Role::Primary)];
    if facts.pattern.id == "decision" {
        buttons.push(Node::new(Kind::Button, facts.say(("Отклонить", "Decline"))).role(Role::Secondary));
    } else {
        let back = Node::new(Kind::Button, facts.say(("Отмена", "Cancel"))).role(Role::Secondary);
        buttons.push(Node { goto: targets.back.map(str::to_owned), ..back });
    }
    let buttons = match platform {
        Platform::Mobile => buttons,
        Platform::Web | Platform::Desktop => vec![Node::of(Kind::Row, buttons)],
    };
    code.into_iter().chain(buttons).collect()
}
