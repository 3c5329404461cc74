//! Screens from a story's words alone: what the story does chooses the pattern, its own nouns are fields, columns and rows.
//!
//! Nothing is put on a screen that the story does not name but the labels of controls. A criterion is served by an element that
//! makes it true, such as a field, a choice or a state; one that no element serves stays uncovered.

mod patterns;
mod phrase;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use story_map::{
    Language,
    columns::{clean, cut},
};
use wireframe::{Kind, Node, Platform, Role, Screen, State, Style, Wireframe};

use patterns::{Outcome, Part, Pattern, pattern};
use phrase::Phrase;

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

/// Rows of a list whose contents nobody knows.
const ROWS: usize = 3;
/// Longest title of a screen, in columns.
const TITLE: usize = 48;

/// Screens for the story: the main one, and the states its criteria speak of.
pub fn draft_wireframe(input: &WireframeInput) -> Wireframe {
    let title = clean(&input.title);
    let language = Language::of(&format!("{title} {}", input.description));
    let phrase = Phrase::of(&title, language);
    let drawing = Drawing { input, language, pattern: pattern(&phrase), phrase, title };
    let mut screens = vec![drawing.main()];
    screens.extend(drawing.states());
    Wireframe {
        screens,
        layout_description: drawing.layout(),
        navigation: Vec::new(),
        notes: drawing.notes(),
        assumptions: drawing.assumptions(),
    }
}

struct Drawing<'a> {
    input: &'a WireframeInput,
    language: Language,
    pattern: &'static Pattern,
    phrase: Phrase,
    title: String,
}

impl Drawing<'_> {
    fn main(&self) -> Screen {
        let mut body = vec![Node::new(Kind::Header, self.heading())];
        body.extend(self.pattern.parts.iter().flat_map(|part| self.part(*part)));
        self.screen(State::Default, body)
    }

    fn screen(&self, state: State, body: Vec<Node>) -> Screen {
        let id = match state {
            State::Default => self.pattern.id.to_owned(),
            state => format!("{}-{}", self.pattern.id, state.as_str()),
        };
        let bar = Node::new(Kind::Navbar, cut(&self.place(), TITLE));
        let root = Node::of(Kind::Column, std::iter::once(bar).chain(body).collect());
        Screen { id, title: cut(&self.heading(), TITLE), state, root }
    }

    /// The title of the story, or what else names it.
    fn heading(&self) -> String {
        let names = [&self.title, &self.input.task, &self.input.activity];
        let name = names.into_iter().map(|name| clean(name)).find(|name| !name.is_empty());
        name.unwrap_or_else(|| self.say(("Экран", "Screen")).to_owned())
    }

    /// Where in the product the screen is.
    fn place(&self) -> String {
        let activity = clean(&self.input.activity);
        if activity.is_empty() { self.heading() } else { activity }
    }

    fn say(&self, texts: (&'static str, &'static str)) -> &'static str {
        self.language.pick(texts.0, texts.1)
    }

    fn part(&self, part: Part) -> Vec<Node> {
        let thing = self.phrase.object();
        match part {
            Part::Search => {
                let by = self.phrase.by.join(", ");
                let field = Node::new(Kind::Input, if by.is_empty() { thing } else { by });
                vec![Node::of(Kind::Row, vec![field, self.button(("Найти", "Search"), Role::Primary)])]
            }
            Part::Rows => vec![self.rows()],
            Part::Choices => {
                let named = self.phrase.options.clone();
                let options = if named.len() > 1 { named } else { self.numbered(&thing) };
                vec![Node::new(Kind::Radio, thing).items(options).select(0)]
            }
            Part::Options if self.phrase.by.len() > 1 => {
                vec![Node::new(Kind::Radio, "").items(self.phrase.by.clone()).select(0)]
            }
            Part::Options => Vec::new(),
            Part::Fields => {
                self.phrase.nouns().into_iter().map(|noun| Node::new(Kind::Input, noun)).collect()
            }
            Part::Subject => vec![Node::new(Kind::Text, thing)],
            Part::Details => {
                let properties =
                    self.phrase.with.iter().map(|noun| Node::new(Kind::Text, format!("{noun}: …")));
                vec![Node::new(Kind::Card, thing).with(properties.collect())]
            }
            Part::File => vec![
                Node::new(Kind::Image, thing),
                self.button(("Выбрать файл", "Choose a file"), Role::Secondary),
            ],
            Part::Camera => {
                vec![Node::new(Kind::Image, thing), Node::new(Kind::Input, self.say(("Код", "Code")))]
            }
            Part::Scale => {
                let (from, to) = self.phrase.scale.unwrap_or((1, 5));
                vec![Node::new(Kind::Radio, thing).items((from..=to).map(|step| step.to_string()))]
            }
            Part::Credentials => vec![
                Node::new(
                    Kind::Input,
                    self.phrase
                        .by
                        .first()
                        .cloned()
                        .unwrap_or_else(|| self.say(("Имя для входа", "Name")).to_owned()),
                ),
                Node::new(Kind::Input, self.say(("Пароль или код", "Password or code"))),
            ],
            Part::Message => vec![Node::new(Kind::Alert, self.title.clone()).role(Role::Info)],
            Part::Decision if self.phrase.verbs.len() > 1 => {
                let buttons = self.phrase.verbs.iter().enumerate().map(|(at, verb)| {
                    Node::new(Kind::Button, verb.clone()).role(if at == 0 {
                        Role::Primary
                    } else {
                        Role::Secondary
                    })
                });
                vec![Node::of(Kind::Row, buttons.collect())]
            }
            Part::Decision | Part::Action => {
                let main = self.button(self.pattern.action, Role::Primary);
                vec![Node::of(Kind::Row, vec![main, self.button(("Отмена", "Cancel"), Role::Secondary)])]
            }
        }
    }

    fn button(&self, label: (&'static str, &'static str), role: Role) -> Node {
        Node::new(Kind::Button, self.say(label)).role(role)
    }

    /// A table where the story names what is seen of each thing, else a list.
    fn rows(&self) -> Node {
        let thing = self.phrase.object();
        let columns: Vec<String> =
            std::iter::once(thing.clone()).chain(self.phrase.with.iter().cloned()).collect();
        if columns.len() == 1 {
            return Node::new(Kind::List, "").items(self.numbered(&thing));
        }
        let row = |first: String| {
            std::iter::once(first).chain(self.phrase.with.iter().map(|_| "…".to_owned())).collect()
        };
        Node {
            rows: self.numbered(&thing).into_iter().map(row).collect(),
            ..Node::new(Kind::Table, "").items(columns)
        }
    }

    fn numbered(&self, thing: &str) -> Vec<String> {
        (1..=ROWS).map(|number| format!("{thing} {number}")).collect()
    }

    /// The states that criteria speak of, as far as the pattern has them. The state serves the criterion, not its sentence.
    fn states(&self) -> Vec<Screen> {
        let numbers = |outcome: Outcome| -> Vec<u32> {
            let criteria = (1u32..).zip(&self.input.acceptance_criteria);
            criteria
                .filter(|(_, text)| Outcome::of(text) == Some(outcome))
                .map(|(number, _)| number)
                .collect()
        };
        let (empty, refused) = (numbers(Outcome::Nothing), numbers(Outcome::Refused));
        let mut screens = Vec::new();
        if self.pattern.has_rows() && !empty.is_empty() {
            let told = Node {
                serves: empty,
                ..Node::new(Kind::Alert, self.say(("Ничего нет", "Nothing here"))).role(Role::Info)
            };
            let search =
                if self.pattern.parts.contains(&Part::Search) { self.part(Part::Search) } else { Vec::new() };
            screens.push(self.screen(State::Empty, search.into_iter().chain([told]).collect()));
        }
        if self.pattern.asks() && !refused.is_empty() {
            let told = Node {
                serves: refused,
                ..Node::new(Kind::Alert, self.say(("Не принято", "Not accepted"))).role(Role::Danger)
            };
            let again =
                self.button(("Попробовать ещё раз", "Try again"), Role::Primary).goto(self.pattern.id);
            screens.push(self.screen(State::Error, vec![told, again]));
        }
        screens
    }

    fn layout(&self) -> String {
        let parts: Vec<&str> = self.pattern.parts.iter().map(|part| self.say(part.purpose())).collect();
        let above = self.say(("Сверху вниз: заголовок", "From top to bottom: a heading"));
        format!("{above}, {}.", parts.join(", "))
    }

    fn notes(&self) -> Vec<String> {
        let draft = (
            "Черновик без ИИ: слова взяты из истории.",
            "A draft without AI: its words are those of the story.",
        );
        vec![self.say(draft).to_owned()]
    }

    fn assumptions(&self) -> Vec<String> {
        let platform = match self.input.platform {
            Platform::Web | Platform::Desktop => None,
            Platform::Mobile => Some(("экран телефона держат вертикально", "the phone is held upright")),
        };
        let contents = (
            "строки и поля без содержания: история его не называет",
            "rows and fields are without contents: the story names none",
        );
        let plain = (self.pattern.id == patterns::PLAIN.id).then_some((
            "вид экрана история не подсказывает",
            "the story does not tell what kind of screen it is",
        ));
        platform.into_iter().chain([contents]).chain(plain).map(|texts| self.say(texts).to_owned()).collect()
    }
}

#[cfg(test)]
mod tests;
