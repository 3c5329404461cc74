//! Wireframes from a story's words alone: what the offline provider answers.
//!
//! The words choose a screen pattern, the patterns and the vocabulary are data, and what is on the screen comes
//! from the story: its action on the button, its things and properties in fields and columns, its criteria in
//! the error and empty states. What the story does not say is listed as an assumption.

mod facts;
mod parts;
mod patterns;
mod told;
mod vocabulary;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use ::wireframe::{Kind, Node, Platform, Role, Screen, State, Style, Wireframe};
use facts::{Facts, capitalised};
use parts::Targets;
use story_map::columns::{clean, cut, wrap_into};

/// A story with what is around it, and how it should be drawn.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct WireframeInput {
    /// Title of the story.
    pub title: String,
    /// Who wants what, and why.
    pub description: String,
    /// Who uses the screen.
    pub persona: String,
    /// What must hold when it is done.
    pub acceptance_criteria: Vec<String>,
    /// The big step it belongs to.
    pub activity: String,
    /// The task it belongs to.
    pub task: String,
    /// What it is drawn for.
    pub platform: Platform,
    /// How detailed it is drawn.
    pub style: Style,
}

/// Id of the screen that confirms the main action.
const RESULT: &str = "done";

/// Screens for the story: the main one, and the states its criteria speak of.
pub fn draft_wireframe(input: &WireframeInput) -> Wireframe {
    let facts = Facts::of(input);
    let chrome = Chrome { input, facts: &facts };
    let mut screens = vec![chrome.main()];
    screens.extend(chrome.state(State::Error, facts.problem.as_deref()));
    screens.extend(chrome.state(State::Empty, facts.nothing.as_deref()));
    if let Some(confirmation) = chrome.confirmed() {
        screens.push(chrome.confirmation(confirmation));
    }
    Wireframe {
        screens,
        layout_description: layout_description(input, &facts),
        navigation: vec![],
        notes: notes(input, &facts),
        assumptions: assumptions(&facts),
    }
}

/// Puts a body into what surrounds every screen of a platform.
struct Chrome<'a> {
    input: &'a WireframeInput,
    facts: &'a Facts,
}

impl Chrome<'_> {
    fn main(&self) -> Screen {
        let targets = Targets { result: self.confirmed().map(|_| RESULT), back: None };
        let mut body = Vec::new();
        if self.input.platform != Platform::Mobile || self.facts.title != self.screen_title() {
            body.push(Node::new(Kind::Header, self.facts.title.clone()));
        }
        for part in self.facts.pattern.parts {
            body.extend(parts::nodes(*part, self.facts, self.input.platform, &targets));
        }
        Screen {
            id: self.facts.pattern.id.to_owned(),
            title: self.screen_title(),
            state: State::Default,
            root: Node::of(Kind::Column, self.around(body)),
        }
    }

    /// The main screen in a state that a criterion speaks of, without what is the same as before.
    fn state(&self, state: State, criterion: Option<&str>) -> Option<Screen> {
        let criterion = criterion?;
        let id = self.facts.pattern.id;
        let role = if state == State::Error { Role::Danger } else { Role::Info };
        let can_repeat =
            state == State::Error && matches!(id, "payment" | "login" | "upload" | "scan" | "form");
        let way_on = if can_repeat {
            ("Попробовать ещё раз", "Try again")
        } else {
            ("Назад", "Back")
        };
        let way_on = self.facts.say(way_on);
        let message = quoted(criterion).unwrap_or(criterion);
        let button = Node::new(Kind::Button, way_on).role(Role::Primary).goto(id);
        let root = Node::of(Kind::Column, vec![Node::new(Kind::Alert, message).role(role), button]);
        Some(Screen { id: format!("{id}-{}", state.as_str()), title: self.screen_title(), state, root })
    }

    /// What a criterion says about a confirmation, where the main screen has an action to confirm.
    fn confirmed(&self) -> Option<&str> {
        let acts = |part: &patterns::Part| matches!(part, patterns::Part::Actions | patterns::Part::Question);
        let can_act = !self.facts.looks && self.facts.pattern.parts.iter().any(acts);
        self.facts.confirmation.as_deref().filter(|_| can_act)
    }

    fn confirmation(&self, criterion: &str) -> Screen {
        let told = Node::new(Kind::Alert, quoted(criterion).unwrap_or(criterion)).role(Role::Success);
        let back = Node::new(Kind::Link, self.facts.say(("Вернуться", "Back"))).goto(self.facts.pattern.id);
        Screen {
            id: RESULT.to_owned(),
            title: self.screen_title(),
            state: State::Success,
            root: Node::of(Kind::Column, vec![told, back]),
        }
    }

    fn screen_title(&self) -> String {
        let names = [&self.input.task, &self.input.activity, &self.facts.title];
        let name = names.into_iter().map(|name| clean(name)).find(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| self.facts.say(("Экран", "Screen")).to_owned());
        cut(&capitalised(&name), 48)
    }

    fn section(&self) -> String {
        let activity = clean(&self.input.activity);
        let name = if activity.is_empty() { self.screen_title() } else { activity };
        cut(&capitalised(&name), 24)
    }

    /// For a third of a phone's width.
    fn short_section(&self) -> String {
        wrap_into(&self.section(), 10, 1).pop().unwrap_or_default()
    }

    /// The bars of the platform around a body.
    fn around(&self, body: Vec<Node>) -> Vec<Node> {
        let facts = self.facts;
        let persona = clean(&self.input.persona);
        let is_guest = persona.is_empty() || facts.pattern.id == "login";
        let person =
            if is_guest { facts.say(("Гость", "Guest")).to_owned() } else { capitalised(&persona) };
        let help = facts.say(("Помощь", "Help"));
        match self.input.platform {
            Platform::Web => {
                let bar = Node::new(Kind::Navbar, facts.say(("Логотип", "Logo")))
                    .items([self.section(), help.to_owned()]);
                let bar = bar.select(0).with(vec![Node::new(Kind::Icon, cut(&person, 16))]);
                std::iter::once(bar).chain(body).collect()
            }
            Platform::Mobile => {
                let bar = Node::new(Kind::Navbar, self.screen_title());
                let home = facts.say(("Главная", "Home")).to_owned();
                let profile = facts.say(("Профиль", "Profile")).to_owned();
                let below =
                    Node::new(Kind::BottomNav, "").items([home, self.short_section(), profile]).select(1);
                std::iter::once(bar).chain(body).chain([below]).collect()
            }
            Platform::Desktop => {
                let menu = facts.say(("Файл|Правка|Вид|Справка", "File|Edit|View|Help"));
                let tools = [facts.say(("Создать", "New")), facts.say(("Обновить", "Refresh")), help];
                let tools = Node::of(Kind::Row, tools.map(|tool| Node::new(Kind::Button, tool)).into());
                let side = Node::new(Kind::Sidebar, self.section()).items([self.screen_title()]).select(0);
                let status = Node::new(Kind::BottomNav, "")
                    .items([person, facts.say(("Готово к работе", "Ready")).to_owned()]);
                let bars = [
                    Node::new(Kind::Menu, "").items(menu.split('|')),
                    side,
                    tools,
                    Node::new(Kind::Divider, ""),
                ];
                bars.into_iter().chain(body).chain([status]).collect()
            }
        }
    }
}

/// What stands in quotation marks behind "a message": the words the screen itself uses. Other quotations name the
/// story or its limits.
fn quoted(text: &str) -> Option<&str> {
    [('«', '»'), ('“', '”'), ('"', '"')].iter().find_map(|(open, close)| {
        let (before, rest) = text.split_once(*open)?;
        let (inside, _) = rest.split_once(*close)?;
        let before = before.to_lowercase();
        let is_message = ["сообщени", "текст", "надпис", "пишет", "message", "says", "text", "reads"]
            .iter()
            .any(|word| before.contains(word));
        (is_message && inside.chars().count() > 3).then_some(inside)
    })
}

fn layout_description(input: &WireframeInput, facts: &Facts) -> String {
    let zones: Vec<&str> = facts.pattern.parts.iter().map(|part| facts.say(part.purpose())).collect();
    let around = match input.platform {
        Platform::Web => {
            ("Верхняя панель сайта; под ней сверху вниз", "The site's bar; below it from top to bottom")
        }
        Platform::Mobile => (
            "Сверху название экрана, снизу панель разделов; между ними сверху вниз",
            "The screen's name at the top, sections at the bottom; between them from top to bottom",
        ),
        Platform::Desktop => (
            "Меню, панель разделов слева, инструменты и строка состояния; в рабочей области сверху вниз",
            "Menu, sections at the left, tools and a status bar; in the working area from top to bottom",
        ),
    };
    let what = facts.say(("заголовок", "a heading"));
    format!("{}: {what}, {}.", facts.say(around), zones.join(", "))
}

/// Criteria are what the screen is checked against; those shown as states say where.
fn notes(input: &WireframeInput, facts: &Facts) -> Vec<String> {
    let mut notes = Vec::new();
    for criterion in input.acceptance_criteria.iter().map(|text| clean(text)).filter(|text| !text.is_empty())
    {
        let shown = if Some(&criterion) == facts.problem.as_ref() {
            facts.say((" (экран ошибки)", " (error screen)"))
        } else if Some(&criterion) == facts.nothing.as_ref() {
            facts.say((" (пустой экран)", " (empty screen)"))
        } else {
            ""
        };
        notes.push(format!("{}: {criterion}{shown}", facts.say(("Критерий", "Criterion"))));
    }
    notes.push(
        facts
            .say((
                "Офлайн-черновик: составлен по словам истории, без ИИ.",
                "Offline draft: made from the words of the story, without AI.",
            ))
            .to_owned(),
    );
    notes
}

fn assumptions(facts: &Facts) -> Vec<String> {
    let mut assumptions =
        vec![facts.say(("данные на экранах — примеры", "the data on the screens are samples"))];
    assumptions.push(facts.say((
        "панели вокруг экрана обычны для платформы, история о них не говорит",
        "the bars around the screen are usual for the platform, the story does not mention them",
    )));
    if facts.properties.is_empty() {
        assumptions
            .push(facts.say(("поля и столбцы в истории не названы", "the story names no fields or columns")));
    }
    if facts.pattern.id == "payment" && facts.payments.is_empty() {
        assumptions.push(
            facts.say(("способ оплаты не назван, показана карта", "no way to pay is named, a card is shown")),
        );
    }
    if facts.pattern.id == "tracking" {
        assumptions.push(facts.say(("названия шагов — примеры", "the names of the steps are samples")));
    }
    if facts.pattern.id == "login" {
        assumptions.push(facts.say((
            "вход по данным, названным в истории, или по почте",
            "credentials as named in the story, else email",
        )));
    }
    assumptions.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
