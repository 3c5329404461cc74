//! The main component of a screen alone, enlarged, in its states.

use super::{
    super::{
        elements::state_name,
        tree::{Role, State},
    },
    Canvas, Kind, Line, Look, Node, Painter, Screen,
};

impl Painter {
    /// The main component of `main` as first seen, with an error, empty or loading, and disabled, as far as
    /// these make sense for it. Messages come from the `others`: screens that show such a state.
    pub(super) fn component(self, main: &Screen, others: &[Screen]) -> Canvas {
        let width = self.platform.columns();
        let (name, variants) = self.variants(main, others);
        let margin = if self.is_mobile() { 2 } else { 4 };
        let mut canvas = Canvas::new(width, 1);
        if !self.is_mobile() {
            canvas.grow(1);
        }
        for (state, shown) in variants {
            let label = state_name(state, self.language);
            let body = self.draw(&shown, width - 2 * margin, 0);
            canvas.grow(1);
            let row = canvas.height() - 1;
            canvas.text(margin, row, &format!("▌ {label}"));
            canvas.silence(margin, row, (2, 1));
            canvas.mark(margin, row, (2 + story_map::columns::width(label), 1), Look::StateName);
            canvas.place(margin, canvas.height(), &body);
            canvas.grow(1);
        }
        canvas.grow(1);
        let height = canvas.height();
        let line = if self.is_mobile() { Line::Round } else { Line::Light };
        canvas.rect(0, 0, (width, height), line);
        canvas.silence(0, 0, (width, height.min(1)));
        for row in 0..height {
            canvas.silence(0, row, (1, 1));
            canvas.silence(width - 1, row, (1, 1));
        }
        canvas.silence(0, height - 1, (width, 1));
        canvas.mark_below(0, 0, (width, height), Look::Frame(self.platform));
        if !name.is_empty() {
            canvas.text(2, 0, &story_map::columns::cut(&format!(" {name} "), width - 4));
            // Where shapes are drawn, the name stands above the frame.
            canvas.silence(0, 0, (width, 1));
        }
        canvas
    }

    /// What [`Painter::component`] shows: the name of the component, and each of its states.
    pub(super) fn variants(self, main: &Screen, others: &[Screen]) -> (String, Vec<(State, Node)>) {
        let component = main_component(&main.root);
        let name = match component.text.is_empty() || component.text == main.title {
            true => main.title.clone(),
            false => format!("{} / {}", main.title, component.text),
        };
        let shown = |state| (state, self.in_state(&component, state, message(state, main, others)));
        (name, states(&component).into_iter().map(shown).collect())
    }

    /// The component as it looks in that state.
    fn in_state(self, component: &Node, state: State, message: Option<&str>) -> Node {
        let mut shown = component.clone();
        let empty_field = self.language.pick("Проверьте это поле", "Check this field");
        change(&mut shown, state, empty_field);
        let role = match state {
            State::Error => Some(Role::Danger),
            State::Empty => Some(Role::Info),
            _ => None,
        };
        if let (Some(role), Some(message)) = (role, message) {
            let alert = Node::new(Kind::Alert, message).role(role);
            if matches!(shown.kind, Kind::Table | Kind::List) {
                shown = Node::of(Kind::Column, vec![shown, alert]);
            } else {
                shown.children.insert(0, alert);
            }
        }
        shown
    }
}

/// The part of the screen that the story is about: the bordered part, list or table with most to do in it,
/// else everything that is not navigation.
fn main_component(root: &Node) -> Node {
    let parts: Vec<&Node> = match root.kind {
        Kind::Column => root.children.iter().collect(),
        _ => vec![root],
    };
    let body: Vec<&Node> = parts.into_iter().filter(|part| !is_navigation(part)).collect();
    let candidates = body.iter().flat_map(|part| part.walk()).filter(|node| is_component(node));
    // Of equals the first is meant, the outer one.
    let best = candidates.reduce(|best, node| if weight(node) > weight(best) { node } else { best });
    let whole = body.iter().map(|part| weight(part)).sum::<usize>();
    match best {
        Some(best) if weight(best) * 4 >= whole => best.clone(),
        _ => Node::of(Kind::Card, body.into_iter().cloned().collect()),
    }
}

fn is_navigation(node: &Node) -> bool {
    matches!(node.kind, Kind::Navbar | Kind::Sidebar | Kind::BottomNav | Kind::Menu)
}

fn is_component(node: &Node) -> bool {
    matches!(node.kind, Kind::Card | Kind::Modal | Kind::Table | Kind::List)
}

fn weight(node: &Node) -> usize {
    let own = |node: &Node| match node.kind {
        _ if node.kind.is_field() => 3,
        Kind::Button | Kind::Checkbox | Kind::Radio | Kind::Toggle => 2,
        Kind::Table | Kind::List | Kind::Tree | Kind::Progress => 3 + node.rows.len().max(node.items.len()),
        Kind::Text | Kind::Image | Kind::Alert | Kind::Link => 1,
        _ => 0,
    };
    node.walk().map(own).sum()
}

/// The states that make sense for a component.
fn states(component: &Node) -> Vec<State> {
    let has = |test: fn(&Node) -> bool| component.walk().any(test);
    let mut states = vec![State::Default];
    if has(|node| node.kind.is_field() || matches!(node.kind, Kind::Checkbox | Kind::Radio)) {
        states.push(State::Error);
    }
    if matches!(component.kind, Kind::Table | Kind::List) || states.len() == 1 && has(is_data) {
        states.extend([State::Empty, State::Loading]);
    } else if has(|node| node.kind.is_field() || matches!(node.kind, Kind::Button | Kind::Toggle)) {
        states.push(State::Disabled);
    }
    states
}

fn is_data(node: &Node) -> bool {
    matches!(node.kind, Kind::Table | Kind::List)
}

/// The words in which a screen that shows this state says so.
fn message<'a>(state: State, main: &'a Screen, others: &'a [Screen]) -> Option<&'a str> {
    let shows = |screen: &&Screen| screen.state == state;
    let screen = std::iter::once(main).chain(others).find(shows).filter(|_| state != State::Default)?;
    let words = |node: &&Node| matches!(node.kind, Kind::Alert | Kind::Text) && !node.text.is_empty();
    let alert = screen.root.walk().find(|node| node.kind == Kind::Alert && !node.text.is_empty());
    alert.or_else(|| screen.root.walk().find(words)).map(|node| node.text.as_str())
}

fn change(node: &mut Node, state: State, problem: &str) {
    match state {
        State::Error if node.kind.is_field() && node.required && node.state != State::Error => {
            node.state = State::Error;
            node.hint = problem.to_owned();
        }
        State::Disabled | State::Loading if node.kind.is_field() || node.kind == Kind::Button => {
            node.state = state
        }
        State::Disabled if matches!(node.kind, Kind::Checkbox | Kind::Radio | Kind::Toggle) => {
            node.state = state
        }
        State::Empty if node.kind == Kind::List => {
            node.rows.clear();
            node.items.clear();
        }
        State::Empty if node.kind == Kind::Table => node.rows.clear(),
        State::Loading if matches!(node.kind, Kind::List | Kind::Table) => {
            let waiting = |text: &mut String| *text = super::grey(text);
            node.rows.iter_mut().flatten().for_each(waiting);
            if node.kind == Kind::List {
                node.items.iter_mut().for_each(waiting);
            }
        }
        _ => {}
    }
    node.children.iter_mut().for_each(|child| change(child, state, problem));
}
