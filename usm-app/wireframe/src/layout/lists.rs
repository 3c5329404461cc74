//! Entries one under another or side by side: lists, trees, tabs, menus, bars, steps.

use story_map::columns::{centre, cut, longest_word, width as columns_of, wrap};

use super::{Canvas, Look, Node, Painter, fields::marked};

impl Painter {
    pub(super) fn list(self, node: &Node, width: usize) -> Canvas {
        let mut canvas = Canvas::lines(width, wrap(&node.text, width));
        for (index, item) in node.items.iter().enumerate().filter(|(_, item)| !item.is_empty()) {
            canvas.append(&bullet(&self.body(item), node.selected == Some(index), width));
        }
        for (index, row) in node.rows.iter().enumerate() {
            if index > 0 {
                canvas.append(&Canvas::lines(width, ["╌".repeat(width)]));
            }
            canvas.append(&self.list_row(row, width));
        }
        for child in &node.children {
            let drawn = self.draw(child, width.saturating_sub(2), 0);
            let top = canvas.height();
            canvas.place(2, top, &drawn);
            if drawn.height() > 0 && !super::stack::has_border(child) {
                canvas.text(0, top, "•");
            }
        }
        canvas
    }

    /// First cell at the left, the last at the right, those between them under the first.
    fn list_row(self, row: &[String], width: usize) -> Canvas {
        let Some((first, rest)) = row.split_first() else { return Canvas::new(width, 0) };
        let first = self.body(first);
        let Some((last, middle)) = rest.split_last() else {
            return bullet(&first, false, width);
        };
        let last = self.body(last);
        let mut canvas = Canvas::new(width, 0);
        canvas.append(&bullet(&first, false, width.saturating_sub(columns_of(&last) + 2)));
        if columns_of(&last) + 2 + longest_word(&first).max(columns_of(&first).min(16)) + 2 <= width {
            canvas.text_right(width, 0, &last);
        } else {
            canvas = bullet(&first, false, width);
            canvas.append(&Canvas::lines(width, marked(" ", &last, width)).marked(Look::Muted));
        }
        let middle: Vec<String> =
            middle.iter().filter(|cell| !cell.is_empty()).map(|cell| self.body(cell)).collect();
        if !middle.is_empty() {
            canvas.append(&Canvas::lines(width, marked(" ", &middle.join(" · "), width)).marked(Look::Muted));
        }
        canvas
    }

    pub(super) fn tree(self, node: &Node, width: usize) -> Canvas {
        let mut lines = Vec::new();
        lines.extend(wrap(&node.text, width));
        self.branches(node, "", width, &mut lines);
        Canvas::lines(width, lines)
    }

    fn branches(self, node: &Node, indent: &str, width: usize, lines: &mut Vec<String>) {
        let count = node.items.len() + node.children.len();
        for (index, label) in node.labels().into_iter().enumerate() {
            let is_last = index + 1 == count;
            let branch = format!("{indent}{}", if is_last { "└─" } else { "├─" });
            let below = format!("{indent}{}", if is_last { "   " } else { "│  " });
            lines.push(cut(&format!("{branch} {label}"), width));
            if let Some(child) = index.checked_sub(node.items.len()).map(|index| &node.children[index]) {
                self.branches(child, &below, width, lines);
            }
        }
    }

    /// `[ A ]│ B │ C`, a line, and what is in the chosen one.
    pub(super) fn tabs(self, node: &Node, width: usize) -> Canvas {
        let chosen = node.selected.unwrap_or(0);
        let label = |(index, label): (usize, &String)| match index == chosen {
            true => Piece { text: format!("[ {label} ]"), chosen: Some(label.clone()) },
            false => Piece { text: format!(" {label} "), chosen: None },
        };
        let labels: Vec<Piece> = node.items.iter().enumerate().map(label).collect();
        let mut canvas = Canvas::lines(width, wrap(&node.text, width));
        if !labels.is_empty() {
            canvas.append(&flow(&labels, "│", width));
            canvas.append(&Canvas::lines(width, ["─".repeat(width)]));
        }
        canvas.append(&self.column(&node.children, width, 0));
        canvas
    }

    /// Commands side by side, the chosen one in brackets.
    pub(super) fn menu(self, node: &Node, width: usize) -> Canvas {
        flow(&entries(node, true), "   ", width)
    }

    /// Name at the left, entries after it, fields and buttons at the right.
    pub(super) fn navbar(self, node: &Node, width: usize) -> Canvas {
        let back = if self.is_mobile() { "<" } else { "≡" };
        let mut pieces = vec![Piece::plain(format!("{back} {}", node.text).trim_end())];
        pieces.extend(entries(node, false));
        let separator = if self.is_mobile() { "  " } else { "   " };
        let gaps = self.gap() * node.children.len().saturating_sub(1);
        let extents: Vec<_> = node.children.iter().map(|child| self.measure(child)).collect();
        let needed: usize = extents.iter().map(|one| one.min).sum::<usize>() + gaps;
        let wanted: usize = extents.iter().map(|one| one.pref).sum::<usize>() + gaps;
        let left: usize = pieces.iter().map(|piece| columns_of(&piece.text) + columns_of(separator)).sum();
        if left + needed <= width {
            let mut canvas = flow(&pieces, separator, width);
            if !node.children.is_empty() {
                let room = wanted.min(width - left);
                canvas.place(width - room, 0, &self.row(&node.children, room));
            }
            return canvas;
        }
        let mut canvas = flow(&pieces, separator, width);
        canvas.append(&self.row(&node.children, width));
        canvas
    }

    /// Entries one under another, the chosen one marked.
    pub(super) fn sidebar(self, node: &Node, width: usize) -> Canvas {
        if self.is_mobile() {
            let mut canvas = Canvas::lines(width, wrap(&node.text, width));
            canvas.append(&flow(&entries(&Node { children: vec![], ..node.clone() }, true), "  ", width));
            canvas.append(&self.column(&node.children, width, 0));
            return canvas;
        }
        let mut canvas = Canvas::lines(width, wrap(&node.text, width)).marked(Look::Header);
        if canvas.height() > 0 && !node.items.is_empty() {
            canvas.append(&Canvas::lines(width, ["─".repeat(width)]));
        }
        for (index, item) in node.items.iter().enumerate() {
            let chosen = node.selected == Some(index);
            let entry = Canvas::lines(width, marked(if chosen { "▸" } else { " " }, item, width));
            canvas.append(&if chosen { entry.standing_for(Look::Chosen(item.clone())) } else { entry });
        }
        canvas.append(&self.column(&node.children, width, 0));
        canvas
    }

    /// A line, with a word in its middle if there is one.
    pub(super) fn divider(self, node: &Node, width: usize) -> Canvas {
        let mut canvas = Canvas::lines(width, ["─".repeat(width)]);
        if !node.text.is_empty() {
            let text = cut(&format!(" {} ", node.text), width);
            canvas.text((width - columns_of(&text)) / 2, 0, &text);
        }
        canvas
    }

    /// Entries in cells of equal width, for the bottom edge of a phone; the frame draws the lines between them.
    /// `None` if they do not fit side by side.
    pub(super) fn cells(self, node: &Node, width: usize) -> Option<Canvas> {
        let labels = node.labels();
        let count = labels.len();
        let longest = labels.iter().map(|label| columns_of(label)).max().unwrap_or(0).min(10);
        if count == 0 || width + 1 < (longest + 3) * count {
            return None;
        }
        let mut canvas = Canvas::new(width, 1);
        let mut x = 0;
        for (index, label) in labels.iter().enumerate() {
            let end = (width + 1) * (index + 1) / count;
            let size = end - x - 1;
            let is_chosen = node.selected == Some(index);
            let text = if is_chosen {
                format!("[{}]", cut(label, size.saturating_sub(2)))
            } else {
                cut(label, size)
            };
            canvas.text(x, 0, &centre(&text, size));
            if is_chosen {
                canvas.stand_for(x, 0, (size, 1), Look::Chosen(label.to_string()));
            } else {
                canvas.mark(x, 0, (size, 1), Look::Centred);
            }
            x = end;
        }
        Some(canvas)
    }

    /// A bar with its percentage, or steps of which some are done.
    pub(super) fn progress(self, node: &Node, width: usize) -> Canvas {
        let mut canvas = Canvas::lines(width, wrap(&node.text, width));
        let steps = &node.items;
        if steps.is_empty() {
            let percent =
                node.value.trim_end_matches('%').trim().parse::<f64>().unwrap_or(0.0).clamp(0.0, 100.0);
            let bar = width.saturating_sub(6).clamp(1, 50);
            let done = ((bar as f64) * percent / 100.0).round() as usize;
            let blocks = "█".repeat(done) + &"░".repeat(bar.saturating_sub(done));
            let mut line = Canvas::lines(width, [cut(&format!("{blocks} {percent:.0}%"), width)]);
            // At most 100.
            line.stand_for(0, 0, (bar, 1), Look::Percent(percent.round() as u8));
            canvas.append(&line);
            let is_number = node.value.trim_end_matches('%').trim().parse::<f64>().is_ok();
            let more = if is_number { "" } else { node.value.as_str() };
            canvas.append(&Canvas::lines(width, wrap(&format!("{more} {}", node.hint), width)));
            return canvas;
        }
        let now = node.selected.unwrap_or(0);
        let size = width / steps.len();
        let fits = steps.iter().all(|step| longest_word(step) + 2 <= size);
        canvas.append(&if fits {
            steps_across(steps, now, size, width)
        } else {
            steps_down(steps, now, width)
        });
        canvas.append(&Canvas::lines(width, wrap(&format!("{} {}", node.value, node.hint), width)));
        canvas
    }
}

fn step_mark(index: usize, now: usize) -> &'static str {
    match index.cmp(&now) {
        std::cmp::Ordering::Less => "●",
        std::cmp::Ordering::Equal => "◉",
        std::cmp::Ordering::Greater => "○",
    }
}

fn steps_across(steps: &[String], now: usize, size: usize, width: usize) -> Canvas {
    let mut canvas = Canvas::new(width, 1);
    let middle = |index: usize| index * size + size / 2;
    for (index, step) in steps.iter().enumerate() {
        if index > 0 {
            let (from, to) = (middle(index - 1) + 1, middle(index));
            let line = if index <= now { "━" } else { "┄" };
            canvas.text(from, 0, &line.repeat(to - from));
        }
        canvas.text(middle(index), 0, step_mark(index, now));
        for (row, line) in wrap(step, size.saturating_sub(2).max(1)).iter().enumerate() {
            canvas.grow((row + 2).saturating_sub(canvas.height()));
            canvas.text(index * size, row + 1, centre(line, size).trim_end());
            // As many columns on both sides of the sign above.
            let side = size.saturating_sub(1) / 2;
            canvas.mark(middle(index) - side, row + 1, (2 * side + 1, 1), Look::Centred);
        }
    }
    canvas
}

fn steps_down(steps: &[String], now: usize, width: usize) -> Canvas {
    let mut lines = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        if index > 0 {
            lines.push(if index <= now { "┃" } else { "┊" }.to_owned());
        }
        lines.extend(marked(step_mark(index, now), step, width));
    }
    Canvas::lines(width, lines)
}

/// A line with a sign before it.
fn bullet(text: &str, chosen: bool, width: usize) -> Canvas {
    let mut canvas = Canvas::lines(width, marked(if chosen { "▸" } else { "•" }, text, width));
    canvas.stand_for(0, 0, (1, 1), Look::Bullet(chosen));
    canvas
}

/// Something in a row of things.
pub(super) struct Piece {
    text: String,
    /// The label alone, of the chosen one.
    chosen: Option<String>,
}

impl Piece {
    fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), chosen: None }
    }
}

/// Labels, the chosen one marked.
fn entries(node: &Node, all: bool) -> Vec<Piece> {
    let labels = if all { node.labels() } else { node.items.iter().map(String::as_str).collect() };
    let piece = |(index, label): (usize, &str)| match node.selected == Some(index) {
        true => Piece { text: format!("[{label}]"), chosen: Some(label.to_owned()) },
        false => Piece::plain(label),
    };
    labels.into_iter().enumerate().filter(|(_, label)| !label.is_empty()).map(piece).collect()
}

/// Pieces side by side in as few lines as they need; a piece wider than a line is cut.
fn flow(pieces: &[Piece], separator: &str, width: usize) -> Canvas {
    let mut canvas = Canvas::new(width, 0);
    let mut x = 0;
    for piece in pieces {
        let text = cut(&piece.text, width);
        let size = columns_of(&text);
        if x > 0 && x + columns_of(separator) + size <= width {
            canvas.text(x, canvas.height() - 1, separator);
            x += columns_of(separator);
        } else {
            canvas.grow(1);
            x = 0;
        }
        let row = canvas.height() - 1;
        canvas.text(x, row, &text);
        if let Some(label) = &piece.chosen {
            canvas.stand_for(x, row, (size, 1), Look::Chosen(label.clone()));
        }
        x += size;
    }
    canvas
}
