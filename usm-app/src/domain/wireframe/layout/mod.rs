//! Where everything on a screen stands: a grid of columns and rows, always aligned, whatever is in the tree.
//!
//! Every element becomes a canvas of exactly the width it was given and as high as it needs; containers put
//! the canvases of their children together. No element can push another one's border. The renderers draw this one
//! grid with characters, or its marks with shapes.

mod boxes;
mod canvas;
mod component;
mod fields;
mod frame;
mod lists;
mod look;
mod measure;
mod stack;
mod table;
#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;

use crate::domain::columns::drawable;

use super::{
    language::Language,
    options::{Platform, Style},
    tidy,
    tree::{Kind, Node, Screen, State, Wireframe},
};
pub(super) use canvas::{Canvas, Cell, DOWN, LEFT, Line, RIGHT, UP, Voice};
pub(super) use frame::Parts;
pub(super) use look::{Look, Mark};

/// One picture of a wireframe.
#[derive(Debug)]
pub(super) struct Plate {
    /// The screen it shows.
    pub(super) id: String,
    /// The title of that screen.
    pub(super) title: String,
    /// The action that leads to it; empty when no element says so, none for the first.
    pub(super) way: Option<String>,
    /// The picture, [`Platform::columns`] wide.
    pub(super) canvas: Canvas,
}

/// The layout of one screen.
pub(super) fn screen(screen: &Screen, platform: Platform, style: Style) -> Canvas {
    let screen = pictured(screen);
    let painter = Painter::new(&screen, platform, style);
    match style {
        Style::Component => painter.component(&screen, &[]),
        _ => painter.frame(&screen),
    }
}

/// The layout of a drawing that came as text: its lines are lines, the rest are words.
pub(super) fn drawing(text: &str) -> Canvas {
    Canvas::of_text(text)
}

/// The layout of all screens, in component style that of the main component in its states.
pub(super) fn plates(wireframe: &Wireframe, platform: Platform, style: Style) -> Vec<Plate> {
    let screens: Vec<Screen> = wireframe.screens.iter().map(pictured).collect();
    let Some((main, others)) = screens.split_first() else { return Vec::new() };
    let plate = |screen: &Screen, way, canvas| Plate {
        id: screen.id.clone(),
        title: screen.title.clone(),
        way,
        canvas,
    };
    if style == Style::Component {
        return vec![plate(main, None, Painter::new(main, platform, style).component(main, others))];
    }
    let drawn = screens.iter().enumerate().map(|(index, screen)| {
        let way = (index > 0).then(|| way_to(screen, &screens));
        plate(screen, way, Painter::new(screen, platform, style).frame(screen))
    });
    drawn.collect()
}

/// The main component of the first screen in its states, each with its name, and the name of the component.
pub(super) fn variants(wireframe: &Wireframe, platform: Platform) -> (String, Vec<(State, Node)>) {
    let screens: Vec<Screen> = wireframe.screens.iter().map(pictured).collect();
    let Some((main, others)) = screens.split_first() else { return (String::new(), Vec::new()) };
    Painter::new(main, platform, Style::Component).variants(main, others)
}

/// The action that leads to a screen, if an element of another one says so.
fn way_to(screen: &Screen, screens: &[Screen]) -> String {
    let action = screens
        .iter()
        .filter(|from| from.id != screen.id)
        .flat_map(|from| from.root.walk())
        .find(|node| !screen.id.is_empty() && node.goto.as_deref() == Some(screen.id.as_str()));
    action.map(|node| node.text.clone()).unwrap_or_default()
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
        let canvas = self.drawn(node, width, height);
        let says_it =
            node.kind.is_field() || matches!(node.kind, Kind::Checkbox | Kind::Radio | Kind::Toggle);
        if says_it { canvas } else { self.with_service(node, canvas) }
    }

    /// Says which criteria an element serves, where the picture shows details at all.
    fn with_service(self, node: &Node, canvas: Canvas) -> Canvas {
        if node.serves.is_empty() || self.is_grey() { canvas } else { canvas.serving(&node.serves) }
    }

    fn drawn(self, node: &Node, width: usize, height: usize) -> Canvas {
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
pub(super) fn pictured(screen: &Screen) -> Screen {
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
