//! Tables: a grid where the columns fit, a card per row where they do not.

use story_map::columns::{longest_word, pad, width as columns_of, wrap};

use super::{
    Canvas, Line, Look, Node, Painter,
    measure::{Extent, proportions, share},
};

/// Widest column of a table.
const MAX_COLUMN: usize = 32;
/// A column is not squeezed below this while there are other ways.
const MIN_COLUMN: usize = 6;
/// Grey rows say "rows"; more of them would say no more.
const GREY_ROWS: usize = 3;

/// How wide each column would like to be.
pub(super) fn column_widths(node: &Node) -> Vec<usize> {
    let count = node.rows.iter().map(Vec::len).max().unwrap_or(0).max(node.items.len());
    let column = |index: usize| {
        let cells = node.rows.iter().filter_map(|row| row.get(index));
        cells
            .chain(node.items.get(index))
            .map(|cell| columns_of(cell))
            .max()
            .unwrap_or(0)
            .clamp(1, MAX_COLUMN)
    };
    (0..count).map(column).collect()
}

impl Painter {
    pub(super) fn table(self, node: &Node, width: usize) -> Canvas {
        let mut canvas = Canvas::lines(width, wrap(&node.text, width));
        let preferred = column_widths(node);
        if preferred.is_empty() {
            return canvas;
        }
        let frame = preferred.len() * 3 + 1;
        let heads = |index: usize| node.items.get(index).map_or(0, |head| longest_word(head));
        let wanted: Vec<Extent> = (preferred.iter().enumerate())
            .map(|(index, pref)| {
                let min = (*pref).min(MIN_COLUMN.max(heads(index).min(12)));
                Extent { min, pref: *pref, grows: true }
            })
            .collect();
        let needed = wanted.iter().map(|one| one.min).sum::<usize>() + frame;
        let drawn = if needed <= width {
            let room = width - frame;
            let wished = preferred.iter().sum::<usize>();
            let sizes = match room.checked_sub(wished) {
                Some(left) => preferred
                    .iter()
                    .zip(proportions(left, &vec![1; preferred.len()]))
                    .map(|(pref, more)| pref + more)
                    .collect(),
                None => share(room, &wanted),
            };
            self.grid(node, &sizes, width)
        } else {
            self.records(node, width)
        };
        canvas.append(&drawn);
        canvas
    }

    fn shown_rows(self, node: &Node) -> &[Vec<String>] {
        if self.is_grey() { &node.rows[..node.rows.len().min(GREY_ROWS)] } else { &node.rows }
    }

    fn grid(self, node: &Node, sizes: &[usize], width: usize) -> Canvas {
        let rows = self.shown_rows(node);
        let head = usize::from(!node.items.is_empty());
        let height = rows.len() + head + 2 + usize::from(head == 1 && !rows.is_empty());
        let mut canvas = Canvas::new(width, height);
        canvas.rect(0, 0, (width, height), Line::Light);
        let mut x = 0;
        for size in &sizes[..sizes.len() - 1] {
            x += size + 3;
            canvas.vline(x, 0, height - 1, Line::Light);
        }
        let mut y = 1;
        if head == 1 {
            canvas.mark(0, 0, (width, 3.min(height)), Look::TableHead);
            cells(&mut canvas, y, sizes, |index| node.items.get(index).cloned());
            y += 1;
            if !rows.is_empty() {
                canvas.hline(0, width - 1, y, Line::Light);
                y += 1;
            }
        }
        for (index, row) in rows.iter().enumerate() {
            cells(&mut canvas, y + index, sizes, |column| row.get(column).map(|cell| self.body(cell)));
        }
        canvas
    }

    /// One box per row, each cell under its column's name.
    fn records(self, node: &Node, width: usize) -> Canvas {
        if node.rows.is_empty() {
            return Canvas::lines(width, wrap(&node.items.join(" · "), width));
        }
        let mut canvas = Canvas::new(width, 0);
        let inner = if width >= 12 { width - 4 } else { width };
        for row in self.shown_rows(node) {
            let mut inside = Canvas::new(inner, 0);
            for (index, cell) in row.iter().enumerate() {
                let head = node.items.get(index).map_or("", String::as_str);
                let cell = self.body(cell);
                let line = if head.is_empty() { cell } else { format!("{head}: {cell}") };
                inside.append(&Canvas::lines(inner, wrap(&line, inner)));
            }
            match inner < width {
                true => canvas.append(&super::boxes::framed(&inside, Line::Light, Look::Card)),
                false => canvas.append(&inside),
            }
        }
        let longest = node.rows.iter().map(Vec::len).max().unwrap_or(0);
        let unused: Vec<&str> = node.items.iter().skip(longest).map(String::as_str).collect();
        canvas.append(&Canvas::lines(width, wrap(&unused.join(" · "), width)));
        canvas
    }
}

fn cells(canvas: &mut Canvas, y: usize, sizes: &[usize], cell: impl Fn(usize) -> Option<String>) {
    let mut x = 2;
    for (index, size) in sizes.iter().enumerate() {
        canvas.text(x, y, pad(&cell(index).unwrap_or_default(), *size).trim_end());
        x += size + 3;
    }
}
