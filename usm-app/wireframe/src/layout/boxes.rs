//! Elements with a border: cards, dialogues, messages, pictures.

use story_map::columns::{cut, width as columns_of, wrap, wrap_into};

use super::{super::tree::Role, Canvas, Line, Look, Node, Painter};

/// Narrower than this, a border would take more room than what is inside it.
const NARROWEST: usize = 9;

impl Painter {
    /// `┌─ Title ───┐` around the children, as high as its neighbours.
    pub(super) fn card(self, node: &Node, width: usize, height: usize) -> Canvas {
        self.bordered(node, width, height, (Line::Light, Look::Card))
    }

    fn bordered(self, node: &Node, width: usize, height: usize, edge: (Line, Look)) -> Canvas {
        if width < NARROWEST {
            let mut canvas = Canvas::lines(width, wrap(&node.text, width));
            canvas.append(&self.column(&node.children, width, 0));
            return canvas;
        }
        let mut inside = Canvas::new(width - 4, 0);
        let title_fits = columns_of(&node.text) + 6 <= width;
        if !title_fits {
            inside.append(&Canvas::lines(width - 4, wrap(&node.text, width - 4)));
        }
        inside.append(&self.column(&node.children, width - 4, height.saturating_sub(2 + inside.height())));
        inside.grow(height.saturating_sub(inside.height() + 2).max(usize::from(inside.height() == 0)));
        let mut canvas = framed(&inside, edge.0, edge.1);
        if title_fits && !node.text.is_empty() {
            canvas.text(2, 0, &format!(" {} ", node.text));
            canvas.stand_for(2, 0, (columns_of(&node.text) + 2, 1), Look::Title(node.text.clone()));
        }
        canvas
    }

    /// A dialogue: double border over a shaded screen.
    pub(super) fn modal(self, node: &Node, width: usize) -> Canvas {
        let margin = if width >= 60 { 8 } else { 2 };
        if width < NARROWEST + 2 * margin {
            return self.bordered(node, width, 0, (Line::Double, Look::Modal));
        }
        let inner = self.measure(node).pref.clamp(width / 2, width - 2 * margin);
        let dialogue = self.bordered(node, inner, 0, (Line::Double, Look::Modal));
        let mut canvas = Canvas::new(width, dialogue.height() + 2);
        canvas.fill(0, 0, (width, dialogue.height() + 2), "░");
        canvas.stand_for(0, 0, (width, dialogue.height() + 2), Look::Shade);
        let x = (width - inner) / 2;
        canvas.fill(x, 1, (inner, dialogue.height()), " ");
        canvas.place(x, 1, &dialogue);
        canvas
    }

    /// A message with a mark for its nature.
    pub(super) fn alert(self, node: &Node, width: usize) -> Canvas {
        let mark = match node.role {
            Role::Danger => "(x)",
            Role::Warning => "(!)",
            Role::Success => "(v)",
            Role::Normal | Role::Primary | Role::Secondary | Role::Info => "(i)",
        };
        let text = [&node.text, &node.value, &node.hint].map(String::as_str).join(" ");
        if width < NARROWEST {
            let mut canvas = Canvas::lines(width, wrap(&format!("{mark} {text}"), width));
            canvas.append(&self.column(&node.children, width, 0));
            return canvas;
        }
        let mut inside = Canvas::new(width - 4, 0);
        for (index, line) in wrap(&text, width.saturating_sub(8).max(1)).iter().enumerate() {
            inside.grow(1);
            if index == 0 {
                inside.text(0, 0, mark);
                inside.silence(0, 0, (3, 1));
            }
            inside.text(4, index, line);
        }
        inside.append(&self.column(&node.children, width - 4, 0));
        framed(&inside, Line::Light, Look::Alert(node.role))
    }

    /// A grey area with what it shows in its middle.
    pub(super) fn image(self, node: &Node, width: usize, height: usize) -> Canvas {
        let text = [&node.text, &node.value, &node.hint].map(String::as_str).join(" ");
        if width < NARROWEST {
            return Canvas::lines(width, wrap(&format!("[img] {text}"), width));
        }
        let label = wrap_into(&text, width.saturating_sub(6).max(1), 3);
        let rows = (if width >= 50 { 7 } else { 5 }).max(height).max(label.len() + 2);
        let mut canvas = Canvas::new(width, rows);
        canvas.rect(0, 0, (width, rows), Line::Light);
        canvas.fill(1, 1, (width - 2, rows - 2), "░");
        let top = (rows - label.len()) / 2;
        for (index, line) in label.iter().enumerate() {
            let line = cut(&format!(" {line} "), width - 2);
            canvas.text((width - columns_of(&line)) / 2, top + index, &line);
        }
        canvas.stand_for(0, 0, (width, rows), Look::Image(label));
        canvas
    }
}

/// A border around a canvas, with one column of room at the sides.
pub(super) fn framed(inside: &Canvas, line: Line, look: Look) -> Canvas {
    let size = (inside.width() + 4, inside.height() + 2);
    let mut canvas = Canvas::new(size.0, size.1);
    canvas.rect(0, 0, size, line);
    canvas.stand_for(0, 0, size, look);
    canvas.place(2, 1, inside);
    canvas
}
