//! What the tree says beside the picture: the list of elements and the ways between screens.

use super::{
    Language,
    tree::{Kind, Navigation, Node, Role, Screen, State, Wireframe},
};

/// Every element a user sees, as `[Type] Label (details)`, in reading order, each once.
pub fn list(wireframe: &Wireframe, language: Language) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for screen in &wireframe.screens {
        for node in screen.root.walk() {
            if let Some(line) = line(node, wireframe, language)
                && !lines.contains(&line)
            {
                lines.push(line);
            }
        }
    }
    lines
}

/// A way from one screen to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Title of the screen it starts from.
    pub from: String,
    /// What the user does.
    pub on: String,
    /// Title of the screen it leads to, or the id that was given when there is no such screen.
    pub to: String,
    /// Whether it leads to a screen that does not exist.
    pub is_broken: bool,
}

/// Every way between screens: by elements that say where they lead, then those declared beside the tree.
pub fn navigation(wireframe: &Wireframe, language: Language) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut add = |from: &str, on: &str, to: &str| {
        let target = find(wireframe, to);
        let step = Step {
            from: find(wireframe, from).map_or_else(|| from.to_owned(), |screen| name(screen, language)),
            on: on.to_owned(),
            to: target.map_or_else(|| to.to_owned(), |screen| name(screen, language)),
            is_broken: target.is_none(),
        };
        if !steps.contains(&step) {
            steps.push(step);
        }
    };
    for screen in &wireframe.screens {
        for node in screen.root.walk() {
            if let Some(target) = &node.goto {
                add(&screen.id, if node.text.is_empty() { node.kind.as_str() } else { &node.text }, target);
            }
        }
    }
    for Navigation { from, on, to } in &wireframe.navigation {
        add(from, on, to);
    }
    steps
}

fn find<'a>(wireframe: &'a Wireframe, id: &str) -> Option<&'a Screen> {
    wireframe.screens.iter().find(|screen| !id.is_empty() && screen.id == id)
}

/// A screen's title, or its id, with the state it shows unless that is the usual one.
pub(super) fn name(screen: &Screen, language: Language) -> String {
    let title = if screen.title.is_empty() { &screen.id } else { &screen.title };
    match screen.state {
        State::Default => title.clone(),
        state => format!("{title} · {}", state_name(state, language)),
    }
}

fn line(node: &Node, wireframe: &Wireframe, language: Language) -> Option<String> {
    let kind = kind_name(node.kind, language)?;
    let entries = node.labels().join(", ");
    let (label, mut details) = match node.kind {
        Kind::Tabs | Kind::Menu | Kind::BottomNav => (entries, vec![]),
        _ if !node.text.is_empty() => (node.text.clone(), vec![node.items.join(", ")]),
        _ if !node.items.is_empty() => (node.items.join(", "), vec![]),
        _ => (node.hint.clone(), vec![]),
    };
    if label.is_empty() {
        return None;
    }
    if node.hint != label {
        details.push(node.hint.clone());
    }
    details.push(role_name(node, language).to_owned());
    if node.required {
        details.push(language.pick("обязательное", "required").to_owned());
    }
    if node.state != State::Default {
        details.push(state_name(node.state, language).to_owned());
    }
    if let Some(target) = &node.goto {
        let screen = find(wireframe, target).map(|screen| name(screen, language));
        details.push(format!("→ {}", screen.as_ref().unwrap_or(target)));
    }
    details.retain(|detail| !detail.is_empty());
    let details = if details.is_empty() { String::new() } else { format!(" ({})", details.join("; ")) };
    Some(format!("[{kind}] {label}{details}"))
}

/// The name of a kind for a person; none for those that only arrange others.
pub(super) fn kind_name(kind: Kind, language: Language) -> Option<&'static str> {
    let (russian, english) = match kind {
        Kind::Column | Kind::Row | Kind::Divider | Kind::Spacer => return None,
        Kind::Card => ("Карточка", "Card"),
        Kind::Header => ("Заголовок", "Header"),
        Kind::Text => ("Текст", "Text"),
        Kind::Button => ("Кнопка", "Button"),
        Kind::Input => ("Поле", "Input"),
        Kind::Textarea => ("Многострочное поле", "Textarea"),
        Kind::Select => ("Выбор из списка", "Select"),
        Kind::Checkbox => ("Флажок", "Checkbox"),
        Kind::Radio => ("Переключатель", "Radio"),
        Kind::Toggle => ("Тумблер", "Toggle"),
        Kind::Link => ("Ссылка", "Link"),
        Kind::Tabs => ("Вкладки", "Tabs"),
        Kind::Menu => ("Меню", "Menu"),
        Kind::List => ("Список", "List"),
        Kind::Table => ("Таблица", "Table"),
        Kind::Tree => ("Дерево", "Tree"),
        Kind::Image => ("Изображение", "Image"),
        Kind::Icon => ("Значок", "Icon"),
        Kind::Progress => ("Прогресс", "Progress"),
        Kind::Alert => ("Сообщение", "Alert"),
        Kind::Modal => ("Диалог", "Modal"),
        Kind::Navbar => ("Верхняя панель", "Navbar"),
        Kind::Sidebar => ("Боковая панель", "Sidebar"),
        Kind::BottomNav => ("Нижняя панель", "Bottom bar"),
    };
    Some(language.pick(russian, english))
}

fn role_name(node: &Node, language: Language) -> &'static str {
    match (node.kind, node.role) {
        (_, Role::Normal) => "",
        (_, Role::Primary) => language.pick("основное действие", "primary"),
        (_, Role::Secondary) => language.pick("второстепенное действие", "secondary"),
        (Kind::Button | Kind::Link, Role::Danger) => language.pick("необратимое действие", "destructive"),
        (_, Role::Danger) => language.pick("ошибка", "error"),
        (_, Role::Info) => language.pick("сведения", "info"),
        (_, Role::Success) => language.pick("успех", "success"),
        (_, Role::Warning) => language.pick("предупреждение", "warning"),
    }
}

/// The name of a state for a person.
pub(crate) fn state_name(state: State, language: Language) -> &'static str {
    match state {
        State::Default => language.pick("обычное состояние", "default"),
        State::Error => language.pick("ошибка", "error"),
        State::Empty => language.pick("пусто", "empty"),
        State::Disabled => language.pick("недоступно", "disabled"),
        State::Loading => language.pick("загрузка", "loading"),
        State::Success => language.pick("готово", "done"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wireframe() -> Wireframe {
        let root = Node::of(
            Kind::Column,
            vec![
                Node { required: true, ..Node::new(Kind::Input, "Email").hint("name@example.com") },
                Node::new(Kind::Button, "Войти").role(Role::Primary).goto("home"),
                Node::new(Kind::Link, "Забыли пароль?").goto("reset"),
            ],
        );
        let login = Screen { id: "login".into(), title: "Вход".into(), root, ..Screen::default() };
        let home = Screen { id: "home".into(), title: "Главная".into(), ..Screen::default() };
        Wireframe { screens: vec![login, home], ..Wireframe::default() }
    }

    #[test]
    fn elements_are_listed_with_type_label_and_details() {
        assert_eq!(
            list(&wireframe(), Language::Russian),
            [
                "[Поле] Email (name@example.com; обязательное)",
                "[Кнопка] Войти (основное действие; → Главная)",
                "[Ссылка] Забыли пароль? (→ reset)",
            ]
        );
    }

    #[test]
    fn a_way_to_a_screen_that_does_not_exist_is_broken() {
        let steps = navigation(&wireframe(), Language::Russian);

        let broken: Vec<_> = steps.iter().map(|step| (step.to.as_str(), step.is_broken)).collect();
        assert_eq!(broken, [("Главная", false), ("reset", true)]);
    }
}
