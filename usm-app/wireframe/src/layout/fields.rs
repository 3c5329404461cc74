//! What a user touches: buttons, links, fields, choices.

use story_map::columns::{centre, cut, pad, width as columns_of, wrap};

use super::{
    super::tree::{Role, State},
    Canvas, Kind, Line, Look, Node, Painter,
};

/// A field stops growing here; a longer one does not look like a field any more.
const MAX_FIELD: usize = 56;

/// Narrower than this, a field has its label above it.
const NARROWEST_FIELD: usize = 16;

/// A button or link in one piece.
pub(super) fn button_or_link(node: &Node) -> String {
    let text = if node.text.is_empty() { &node.hint } else { &node.text };
    match (node.kind, node.state, node.role) {
        (Kind::Link, ..) => format!("<{text}>"),
        (Kind::Icon, ..) => format!("({text})"),
        (_, State::Disabled, _) => format!("[░ {text} ░]"),
        (_, State::Loading, _) => format!("[ {text} ··· ]"),
        (.., Role::Primary) => format!("[[ {text} ]]"),
        (.., Role::Secondary) => format!("( {text} )"),
        (.., Role::Danger) => format!("[! {text} !]"),
        _ => format!("[ {text} ]"),
    }
}

/// A field's label, with the star of a field that must be filled.
pub(super) fn label(node: &Node) -> String {
    if node.required && !node.text.is_empty() { format!("{} *", node.text) } else { node.text.clone() }
}

/// Columns of the label.
pub(super) fn label_width(node: &Node) -> usize {
    columns_of(&label(node))
}

/// Whether a field has room for its label before it.
pub(super) fn fits_beside(node: &Node, width: usize) -> bool {
    let own = label_width(node);
    own == 0 || own + 1 + NARROWEST_FIELD <= width
}

impl Painter {
    pub(super) fn button(self, node: &Node, width: usize) -> Canvas {
        let whole = button_or_link(node);
        let size = columns_of(&whole);
        let is_wide = self.is_mobile() && node.role == Role::Primary && node.kind == Kind::Button;
        if is_wide && size < width {
            let (open, close) = if node.state == State::Disabled { ("[░", "░]") } else { ("[[", "]]") };
            let bar = Canvas::lines(width, [format!("{open}{}{close}", centre(&node.text, width - 4))]);
            return bar.standing_for(look(node, &node.text));
        }
        let shown = if node.text.is_empty() { &node.hint } else { &node.text };
        if size <= width {
            return Canvas::lines(width, [whole]).standing_for(look(node, shown));
        }
        // The label is cut, not the brackets that make it a button.
        let brackets = size - columns_of(&node.text);
        let shortened = Node { text: cut(&node.text, width.saturating_sub(brackets)), ..node.clone() };
        let look = look(node, if shortened.text.is_empty() { shown } else { &shortened.text });
        Canvas::lines(width, [cut(&button_or_link(&shortened), width)]).standing_for(look)
    }

    /// A field with its label before it, or above it where there is not enough room. `labels` is the width
    /// that a form keeps for all its labels.
    pub(super) fn field(self, node: &Node, width: usize, labels: Option<usize>) -> Canvas {
        let own = label_width(node);
        let before = labels.unwrap_or(own);
        let beside = own == 0 && labels.is_none()
            || (!self.labels_above && own <= before && before + 1 + NARROWEST_FIELD <= width);
        let x = if beside && before > 0 { before + 1 } else { 0 };
        let takes_all = self.in_row || self.is_mobile();
        let body = self.field_body(node, if takes_all { width - x } else { (width - x).min(MAX_FIELD) });

        let mut canvas = Canvas::new(width, 0);
        if own > 0 && !beside {
            canvas.append(&Canvas::lines(width, wrap(&label(node), width)));
        }
        let top = canvas.height();
        canvas.place(x, top, &body);
        if own > 0 && beside {
            // Beside a box the label stands at its first line of content.
            canvas.text(0, top + usize::from(node.kind == Kind::Textarea && body.height() > 2), &label(node));
        }
        for line in self.help(node, width - x) {
            canvas.grow(1);
            let row = canvas.height() - 1;
            canvas.text(x, row, &line);
            let is_problem = node.state == State::Error && !node.hint.is_empty();
            canvas.mark(x, row, (width - x, 1), if is_problem { Look::Problem } else { Look::Muted });
        }
        self.with_service(node, canvas)
    }

    fn field_body(self, node: &Node, width: usize) -> Canvas {
        let content = self.content(node);
        let fill = if node.state == State::Disabled { "░" } else { "_" };
        let filled = node.kind == Kind::Select && content != node.hint
            || node.kind != Kind::Select && !node.value.is_empty();
        let look =
            |text: &str| Look::Field { kind: node.kind, text: text.to_owned(), filled, state: node.state };
        match node.kind {
            _ if width < 7 => Canvas::lines(width, [cut(&format!("[{content}]"), width)]),
            Kind::Textarea if width >= 9 => {
                let mut inside = Canvas::lines(width - 4, wrap(&content, width - 4));
                inside.grow(2usize.saturating_sub(inside.height()));
                if !filled {
                    inside.mark(0, 0, (width - 4, inside.height()), Look::Muted);
                }
                super::boxes::framed(&inside, Line::Light, Look::Area(node.state))
            }
            Kind::Select => {
                let content = pad(&content, width - 6);
                Canvas::lines(width, [format!("[ {content} ▼ ]")]).standing_for(look(content.trim_end()))
            }
            _ => {
                let content = cut(&content, width - 4);
                let left = width - 4 - columns_of(&content);
                Canvas::lines(width, [format!("[ {content}{} ]", fill.repeat(left))])
                    .standing_for(look(&content))
            }
        }
    }

    /// What stands in a field: its value, else the chosen option or the placeholder.
    fn content(self, node: &Node) -> String {
        let chosen = node.selected.and_then(|index| node.items.get(index));
        let placeholder = Some(&node.hint).filter(|_| node.state != State::Error);
        let shown = match node.kind {
            Kind::Select => {
                Some(&node.value).filter(|value| !value.is_empty()).or(chosen).or(node.items.first())
            }
            _ => Some(&node.value),
        };
        let shown = shown.filter(|value| !value.is_empty()).or(placeholder).map_or("", String::as_str);
        if self.is_grey() && node.kind != Kind::Select { String::new() } else { shown.to_owned() }
    }

    /// Lines under a field: its error, its help, and the options that are not shown in it.
    fn help(self, node: &Node, width: usize) -> Vec<String> {
        let mut lines = Vec::new();
        if node.state == State::Error && !node.hint.is_empty() {
            lines.extend(wrap(&format!("! {}", node.hint), width));
        } else if !self.is_grey() && !node.hint.is_empty() && self.content(node) != node.hint {
            lines.extend(wrap(&node.hint, width));
        }
        lines
    }

    /// The options a field does not show, under it. A row has no room for them, they stay in the closed list.
    pub(super) fn options(self, node: &Node, width: usize, labels: Option<usize>) -> Canvas {
        let shown = self.content(node);
        let others: Vec<&str> = node.items.iter().map(String::as_str).filter(|item| *item != shown).collect();
        if others.is_empty() || self.is_grey() {
            return Canvas::new(width, 0);
        }
        let x = labels.filter(|_| label_width(node) > 0).map_or(0, |labels| labels + 1);
        let lines = wrap(&format!("· {}", others.join(" / ")), width - x);
        let mut canvas = Canvas::new(width, 0);
        canvas.place(x, 0, &Canvas::lines(width - x, lines).marked(Look::Muted));
        canvas
    }

    /// Boxes to tick, one of several, switches: label first, then the entries, in as few lines as possible.
    pub(super) fn choice(self, node: &Node, width: usize, labels: Option<usize>) -> Canvas {
        let set = is_set(&node.value);
        let mut canvas = Canvas::new(width, 0);
        if node.items.is_empty() {
            canvas.append(&self.entry(node, &label(node), set || node.selected.is_some(), width));
        } else {
            let chosen = |index: usize, item: &String| node.selected == Some(index) || *item == node.value;
            let sign = if node.kind == Kind::Toggle { 5 } else { 4 };
            let together = node.items.iter().map(|item| columns_of(item) + sign + 3).sum::<usize>() - 3;
            let beside = labels.filter(|labels| (1..=*labels).contains(&label_width(node)));
            let beside = beside.filter(|labels| labels + 1 + together <= width);
            if beside.is_none() {
                canvas.append(&Canvas::lines(width, wrap(&label(node), width)));
            }
            if beside.is_some() || together <= width {
                let mut x = beside.map_or(0, |labels| labels + 1);
                let row = canvas.height();
                canvas.grow(1);
                canvas.text(0, row, beside.map(|_| label(node)).unwrap_or_default().as_str());
                for (index, item) in node.items.iter().enumerate() {
                    let size = columns_of(item) + sign;
                    canvas.place(x, row, &self.entry(node, item, chosen(index, item), size));
                    x += size + 3;
                }
            } else {
                for (index, item) in node.items.iter().enumerate() {
                    canvas.append(&self.entry(node, item, chosen(index, item), width));
                }
            }
        }
        if !self.is_grey() || node.state == State::Error {
            let shown_as_value = set || is_unset(&node.value) || node.items.contains(&node.value);
            let more = if shown_as_value { "" } else { node.value.as_str() };
            let look = if node.state == State::Error { Look::Problem } else { Look::Muted };
            canvas.append(&Canvas::lines(width, wrap(&format!("{more} {}", node.hint), width)).marked(look));
        }
        self.with_service(node, canvas)
    }

    /// A box to tick and what it is for.
    fn entry(self, node: &Node, text: &str, set: bool, width: usize) -> Canvas {
        let disabled = node.state == State::Disabled;
        let mark = match (node.kind, set) {
            _ if disabled => "[░]",
            (Kind::Checkbox, true) => "[x]",
            (Kind::Checkbox, false) => "[ ]",
            (Kind::Radio, true) => "(•)",
            (Kind::Radio, false) => "( )",
            (_, true) => "[─●]",
            (_, false) => "[●─]",
        };
        let mut canvas = Canvas::lines(width, marked(mark, text, width));
        canvas.stand_for(0, 0, (columns_of(mark), 1), Look::Choice { kind: node.kind, set, disabled });
        canvas
    }
}

/// What a button is where shapes are drawn.
fn look(node: &Node, label: &str) -> Look {
    Look::Button { kind: node.kind, label: label.to_owned(), role: node.role, state: node.state }
}

/// `mark` and the text beside it, further lines under the text.
pub(super) fn marked(mark: &str, text: &str, width: usize) -> Vec<String> {
    let indent = columns_of(mark) + 1;
    let lines = wrap(text, width.saturating_sub(indent).max(1));
    if lines.is_empty() {
        return vec![cut(mark, width)];
    }
    let first = |index: usize| if index == 0 { format!("{mark} ") } else { " ".repeat(indent) };
    lines.iter().enumerate().map(|(index, line)| format!("{}{line}", first(index))).collect()
}

fn is_set(value: &str) -> bool {
    matches!(value.to_lowercase().as_str(), "true" | "x" | "on" | "yes" | "1" | "checked" | "да" | "вкл")
}

fn is_unset(value: &str) -> bool {
    matches!(value.to_lowercase().as_str(), "" | "false" | "off" | "no" | "0" | "нет" | "выкл")
}
