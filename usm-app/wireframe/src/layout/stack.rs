//! Columns and rows: children one under another, or side by side as far as they fit.

use story_map::columns::{cut, width as columns_of, wrap, wrap_into};

use super::{
    Canvas, Kind, Look, Node, Painter, fields, grey,
    measure::{Extent, share},
};

/// Widest column of labels before the fields of a form.
const MAX_LABEL: usize = 24;

impl Painter {
    /// Children one under another.
    pub(super) fn column(self, children: &[Node], width: usize, height: usize) -> Canvas {
        // A column of its own decides anew where its labels stand.
        let this = Self { labels_above: self.is_mobile(), in_row: false, ..self };
        this.stacked(children, width, height)
    }

    fn stacked(self, children: &[Node], width: usize, height: usize) -> Canvas {
        let labels = self.label_column(children, width);
        let mut canvas = Canvas::new(width, 0);
        let mut before: Option<&Node> = None;
        for (index, child) in children.iter().enumerate() {
            let is_last = index + 1 == children.len();
            let rest = if is_last { height.saturating_sub(canvas.height()) } else { 0 };
            let drawn = match child.kind {
                kind if kind.is_field() => {
                    let mut field = self.field(child, width, labels);
                    let options = self.options(child, width, labels);
                    field.append(&options);
                    field
                }
                Kind::Checkbox | Kind::Radio | Kind::Toggle => self.choice(child, width, labels),
                _ => self.draw(child, width, rest),
            };
            if drawn.height() == 0 {
                continue;
            }
            canvas.grow(before.map_or(0, |before| self.space_between(before, child)));
            canvas.append(&drawn);
            before = Some(child);
        }
        canvas
    }

    /// One width for the labels of a form's fields, so that the fields stand under one another.
    fn label_column(self, children: &[Node], width: usize) -> Option<usize> {
        if self.is_mobile() {
            return None;
        }
        let fields = children.iter().filter(|child| child.kind.is_field());
        let widest = fields.map(fields::label_width).max()?.min(MAX_LABEL);
        (widest > 0 && widest + 20 <= width).then_some(widest)
    }

    fn space_between(self, above: &Node, below: &Node) -> usize {
        let bordered = |node: &Node| has_border(node);
        let open = |kind| matches!(kind, Kind::Spacer | Kind::Divider);
        if open(above.kind) || open(below.kind) || above.kind == Kind::Header {
            return 0;
        }
        if bordered(above) || bordered(below) {
            return 0;
        }
        if above.kind.is_field() && below.kind.is_field() {
            return usize::from(self.is_mobile());
        }
        let alike =
            |kind| matches!(kind, Kind::Text | Kind::Checkbox | Kind::Radio | Kind::Toggle | Kind::Button);
        usize::from(!(alike(above.kind) && above.kind == below.kind))
    }

    /// Children side by side; those that do not fit go into further lines.
    pub(super) fn row(self, children: &[Node], width: usize) -> Canvas {
        let mut canvas = Canvas::new(width, 0);
        let mut rest = children;
        while !rest.is_empty() {
            let (line, after) = rest.split_at(self.fitting(rest, width));
            canvas.append(&self.line(line, width));
            rest = after;
        }
        canvas
    }

    /// How many of the children fit into one line, at least one.
    fn fitting(self, children: &[Node], width: usize) -> usize {
        let mut used = 0;
        let fits = children.iter().take_while(|child| {
            used += self.measure(child).min + self.gap();
            used <= width + self.gap()
        });
        fits.count().max(1)
    }

    fn line(self, children: &[Node], width: usize) -> Canvas {
        let gaps = self.gap() * (children.len() - 1);
        let wanted: Vec<Extent> = children.iter().map(|child| self.measure(child)).collect();
        let sizes = share(width.saturating_sub(gaps), &wanted);
        let above =
            |(child, size): (&Node, &usize)| child.kind.is_field() && !fields::fits_beside(child, *size);
        let labels_above = self.labels_above || children.iter().zip(&sizes).any(above);
        let pen = Self { labels_above, in_row: true, ..self };
        let drawn: Vec<Canvas> =
            children.iter().zip(&sizes).map(|(child, size)| pen.draw(child, *size, 0)).collect();
        let height = drawn.iter().map(Canvas::height).max().unwrap_or(0);
        // Fields with a label above and the buttons beside them stand on one line.
        let at_bottom = height <= 3 && !children.iter().any(has_border);

        let mut canvas = Canvas::new(width, height);
        let mut x = 0;
        for ((child, size), drawn) in children.iter().zip(&sizes).zip(drawn) {
            let y = if at_bottom { height - drawn.height() } else { 0 };
            let grown =
                if drawn.height() < height && !at_bottom { pen.draw(child, *size, height) } else { drawn };
            canvas.place(x, y, &grown);
            x += size + self.gap();
        }
        canvas
    }

    pub(super) fn header(self, node: &Node, width: usize) -> Canvas {
        let mut lines = wrap(&node.text, width);
        let said = lines.len();
        if let Some(longest) = lines.iter().map(|line| columns_of(line)).max() {
            lines.push("═".repeat(longest));
        }
        let mut canvas = Canvas::lines(width, lines);
        canvas.silence(0, said, (width, 1));
        canvas.mark(0, 0, (width, said), Look::Header);
        canvas
    }

    pub(super) fn paragraph(self, node: &Node, width: usize) -> Canvas {
        if !self.is_grey() {
            return Canvas::lines(
                width,
                wrap(&[&node.text, &node.value, &node.hint].map(String::as_str).join(" "), width),
            );
        }
        let lines = wrap_into(&node.text, width, 2);
        Canvas::lines(width, lines.iter().map(|line| cut(&grey(line), width)))
    }
}

/// Whether an element brings a border of its own and needs no room around it.
pub(super) fn has_border(node: &Node) -> bool {
    match node.kind {
        Kind::Card | Kind::Modal | Kind::Alert | Kind::Image | Kind::Textarea => true,
        Kind::Table => true,
        Kind::Row | Kind::Column => node.children.iter().any(has_border),
        _ => false,
    }
}
