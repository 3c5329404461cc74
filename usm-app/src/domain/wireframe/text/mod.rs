//! Draws a screen with characters: always aligned, whatever is in the tree.
//!
//! Every element becomes a canvas of exactly the width it was given and as high as it needs; containers put
//! the canvases of their children together. No element can push another one's border.

mod boxes;
mod canvas;
mod component;
mod fields;
mod frame;
mod lists;
mod measure;
mod stack;
mod table;
#[cfg(test)]
mod tests;

use crate::domain::columns::{centre, drawable};

use super::{
    language::Language,
    options::{Platform, Style},
    tidy,
    tree::{Kind, Node, Screen, Wireframe},
};
use canvas::Canvas;

/// The picture of one screen. Every row has exactly [`Platform::columns`] columns.
pub fn render(screen: &Screen, platform: Platform, style: Style) -> String {
    let screen = pictured(screen);
    let painter = Painter::new(&screen, platform, style);
    let canvas = match style {
        Style::Component => painter.component(&screen, &[]),
        _ => painter.frame(&screen),
    };
    canvas.into_lines().join("\n")
}

/// The picture of all screens one under another, in component style that of the main component in its states.
/// Every row has exactly [`Platform::columns`] columns; without screens the picture is empty.
pub fn render_all(wireframe: &Wireframe, platform: Platform, style: Style) -> String {
    let screens: Vec<Screen> = wireframe.screens.iter().map(pictured).collect();
    let Some((main, others)) = screens.split_first() else { return String::new() };
    if style == Style::Component {
        return Painter::new(main, platform, style).component(main, others).into_lines().join("\n");
    }
    let columns = platform.columns();
    let mut lines = Vec::new();
    for screen in &screens {
        if !lines.is_empty() {
            lines.push(centre(&arrow_to(screen, &screens), columns));
        }
        lines.extend(Painter::new(screen, platform, style).frame(screen).into_lines());
    }
    lines.join("\n")
}

/// What stands between two pictures: the action that leads to the lower one, if an element says so.
fn arrow_to(screen: &Screen, screens: &[Screen]) -> String {
    let action = screens
        .iter()
        .filter(|from| from.id != screen.id)
        .flat_map(|from| from.root.walk())
        .find(|node| !screen.id.is_empty() && node.goto.as_deref() == Some(screen.id.as_str()));
    match action.map(|node| node.text.as_str()).filter(|text| !text.is_empty()) {
        Some(action) => format!("▼ {action}"),
        None => "▼".to_owned(),
    }
}

/// What every element needs to know about the picture it is in.
#[derive(Debug, Clone, Copy)]
struct Painter {
    platform: Platform,
    style: Style,
    language: Language,
    /// In a row where one field has its label above, all have.
    labels_above: bool,
    /// A field in a row takes all the room it is given, so that what follows stands beside it.
    in_row: bool,
}

impl Painter {
    fn new(screen: &Screen, platform: Platform, style: Style) -> Self {
        let words: Vec<&str> = screen.root.walk().map(|node| node.text.as_str()).collect();
        let language = Language::of(&format!("{} {}", screen.title, words.join(" ")));
        Self { platform, style, language, labels_above: platform == Platform::Mobile, in_row: false }
    }

    fn is_mobile(self) -> bool {
        self.platform == Platform::Mobile
    }

    /// Whether body text, data and content are shown as grey blocks.
    fn is_grey(self) -> bool {
        self.style == Style::LowFidelity
    }

    /// The words as they are, or a grey block per word in a picture that shows no content.
    fn body(self, text: &str) -> String {
        if self.is_grey() { grey(text) } else { text.to_owned() }
    }

    /// The element at exactly this width. `height` is what its neighbours have; a box grows to it.
    fn draw(self, node: &Node, width: usize, height: usize) -> Canvas {
        match node.kind {
            Kind::Column => self.column(&node.children, width, height),
            Kind::Row => self.row(&node.children, width),
            Kind::Card => self.card(node, width, height),
            Kind::Modal => self.modal(node, width),
            Kind::Alert => self.alert(node, width),
            Kind::Image => self.image(node, width, height),
            Kind::Header => self.header(node, width),
            Kind::Text => self.paragraph(node, width),
            Kind::Button | Kind::Link | Kind::Icon => self.button(node, width),
            Kind::Input | Kind::Select | Kind::Textarea => self.field(node, width, None),
            Kind::Checkbox | Kind::Radio | Kind::Toggle => self.choice(node, width, None),
            Kind::Tabs => self.tabs(node, width),
            Kind::Menu | Kind::BottomNav => self.menu(node, width),
            Kind::Navbar => self.navbar(node, width),
            Kind::Sidebar => self.sidebar(node, width),
            Kind::List => self.list(node, width),
            Kind::Tree => self.tree(node, width),
            Kind::Table => self.table(node, width),
            Kind::Progress => self.progress(node, width),
            Kind::Divider => self.divider(node, width),
            Kind::Spacer => Canvas::new(width, 1),
        }
    }
}

/// A grey block as wide as each word.
fn grey(text: &str) -> String {
    let blocks: Vec<_> =
        text.split_whitespace().map(|word| "░".repeat(crate::domain::columns::width(word))).collect();
    blocks.join(" ")
}

/// The screen, safe to draw, with texts that fit into a grid of columns.
fn pictured(screen: &Screen) -> Screen {
    let mut screen = tidy::screen(screen.clone(), &mut Vec::new());
    screen.title = drawable(&screen.title);
    picture(&mut screen.root);
    screen
}

fn picture(node: &mut Node) {
    let cells = node.rows.iter_mut().flatten();
    for text in
        [&mut node.text, &mut node.value, &mut node.hint].into_iter().chain(&mut node.items).chain(cells)
    {
        *text = drawable(text);
    }
    node.children.iter_mut().for_each(picture);
}
