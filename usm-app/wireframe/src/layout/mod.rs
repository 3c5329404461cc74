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

use story_map::columns::drawable;

use super::{
    Language, elements,
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
    /// The title of the screen it shows, with its state.
    pub(super) title: String,
    /// What leads to it; none for the first.
    pub(super) way: Option<Way>,
    /// The picture, [`Platform::columns`] wide.
    pub(super) canvas: Canvas,
}

/// What leads to a screen, as far as an element of another one says so.
#[derive(Debug, Default)]
pub(super) struct Way {
    /// Title of the screen it starts from.
    pub(super) from: String,
    /// The words of the element.
    pub(super) on: String,
    /// Whether that screen is the one drawn before.
    pub(super) is_next: bool,
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
        title: elements::name(screen, Painter::new(screen, platform, style).language),
        way,
        canvas,
    };
    if style == Style::Component {
        let painter = Painter::new(main, platform, style);
        let (title, _) = painter.variants(main, others);
        return vec![Plate { title, way: None, canvas: painter.component(main, others) }];
    }
    let drawn = screens.iter().enumerate().map(|(index, screen)| {
        let way = (index > 0).then(|| way_to(index, &screens));
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

/// What leads to the screen at this place: rather from the one before than from others.
fn way_to(index: usize, screens: &[Screen]) -> Way {
    let to = screens[index].id.as_str();
    let before = (index > 0).then(|| &screens[index - 1]);
    let others = before.into_iter().chain(screens).filter(|from| from.id != to && !to.is_empty());
    let found = others.flat_map(|from| from.root.walk().map(move |node| (from, node)));
    let mut found = found.filter(|(_, node)| node.goto.as_deref() == Some(to));
    let Some((from, node)) = found.next() else { return Way::default() };
    let is_next = before.is_some_and(|before| before.id == from.id);
    Way { from: from.title.clone(), on: node.text.clone(), is_next }
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
        text.split_whitespace().map(|word| "░".repeat(story_map::columns::width(word))).collect();
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
