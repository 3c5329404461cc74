//! A grid of columns and rows on which lines join by themselves.
//!
//! A line is stored as the arms that leave a cell, not as a character. Where lines meet, their arms add up
//! and the right junction follows, so a corner or crossing cannot be wrong.

use unicode_segmentation::UnicodeSegmentation;

use crate::domain::columns::{cut, width};

const UP: u8 = 1;
const RIGHT: u8 = 2;
const DOWN: u8 = 4;
const LEFT: u8 = 8;

const LIGHT: [&str; 16] = [" ", "╵", "╶", "└", "╷", "│", "┌", "├", "╴", "┘", "─", "┴", "┐", "┤", "┬", "┼"];
const DOUBLE: [&str; 16] = [" ", "║", "═", "╚", "║", "║", "╔", "╠", "═", "╝", "═", "╩", "╗", "╣", "╦", "╬"];
const ROUND: [&str; 16] = [" ", "╵", "╶", "╰", "╷", "│", "╭", "├", "╴", "╯", "─", "┴", "╮", "┤", "┬", "┼"];

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// `┌─┐`
    Light,
    /// `╔═╗`
    Double,
    /// `╭─╮`
    Round,
}

#[derive(Debug, Clone)]
enum Cell {
    Blank,
    /// A cluster, in the first of the columns it takes.
    Cluster(String),
    /// Further columns of the cluster to the left.
    Covered,
    Arms(u8, Line),
}

/// A picture, or part of one, of fixed width.
#[derive(Debug, Clone)]
pub(super) struct Canvas {
    width: usize,
    rows: Vec<Vec<Cell>>,
}

impl Canvas {
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self { width, rows: vec![vec![Cell::Blank; width]; height] }
    }

    /// One row per line of text.
    pub(super) fn lines<T: AsRef<str>>(width: usize, lines: impl IntoIterator<Item = T>) -> Self {
        let mut canvas = Self::new(width, 0);
        for line in lines {
            canvas.grow(1);
            canvas.text(0, canvas.height() - 1, line.as_ref());
        }
        canvas
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn height(&self) -> usize {
        self.rows.len()
    }

    /// Adds blank rows at the bottom.
    pub(super) fn grow(&mut self, rows: usize) {
        self.rows.extend(std::iter::repeat_n(vec![Cell::Blank; self.width], rows));
    }

    /// Writes from column `x` on; what does not fit is cut visibly.
    pub(super) fn text(&mut self, x: usize, y: usize, text: &str) {
        let room = self.width.saturating_sub(x);
        let mut at = x;
        for cluster in cut(text, room).graphemes(true) {
            let size = width(cluster);
            if size == 0 || at + size > self.width || y >= self.rows.len() {
                continue;
            }
            for column in at..at + size {
                self.clear(column, y);
                self.rows[y][column] = Cell::Covered;
            }
            self.rows[y][at] = Cell::Cluster(cluster.to_owned());
            at += size;
        }
    }

    /// Writes so that the last column used is `end - 1`.
    pub(super) fn text_right(&mut self, end: usize, y: usize, text: &str) {
        self.text(end.min(self.width).saturating_sub(width(text)), y, text);
    }

    /// Fills a rectangle with a character of width 1.
    pub(super) fn fill(&mut self, x: usize, y: usize, size: (usize, usize), glyph: &str) {
        for row in y..y + size.1 {
            self.text(x, row, &glyph.repeat(size.0.min(self.width.saturating_sub(x))));
        }
    }

    /// A line from column `x0` to column `x1`, both included.
    pub(super) fn hline(&mut self, x0: usize, x1: usize, y: usize, line: Line) {
        for x in x0..=x1 {
            let arms = if x > x0 { LEFT } else { 0 } | if x < x1 { RIGHT } else { 0 };
            self.join(x, y, arms, line);
        }
    }

    /// A line from row `y0` to row `y1`, both included.
    pub(super) fn vline(&mut self, x: usize, y0: usize, y1: usize, line: Line) {
        for y in y0..=y1 {
            let arms = if y > y0 { UP } else { 0 } | if y < y1 { DOWN } else { 0 };
            self.join(x, y, arms, line);
        }
    }

    /// A border along the edge of the rectangle.
    pub(super) fn rect(&mut self, x: usize, y: usize, size: (usize, usize), line: Line) {
        let (Some(right), Some(bottom)) = ((x + size.0).checked_sub(1), (y + size.1).checked_sub(1)) else {
            return;
        };
        self.hline(x, right, y, line);
        self.hline(x, right, bottom, line);
        self.vline(x, y, bottom, line);
        self.vline(right, y, bottom, line);
    }

    /// Puts another canvas on this one, growing downwards as needed; lines of both join.
    pub(super) fn place(&mut self, x: usize, y: usize, other: &Self) {
        self.grow((y + other.height()).saturating_sub(self.height()));
        for (dy, row) in other.rows.iter().enumerate() {
            for (dx, cell) in row.iter().enumerate().take(self.width.saturating_sub(x)) {
                match cell {
                    Cell::Blank => {}
                    Cell::Arms(arms, line) => self.join(x + dx, y + dy, *arms, *line),
                    Cell::Cluster(cluster) => self.text(x + dx, y + dy, cluster),
                    Cell::Covered => {}
                }
            }
        }
    }

    /// Puts another canvas under this one.
    pub(super) fn append(&mut self, other: &Self) {
        self.place(0, self.height(), other);
    }

    /// Whether the row shows nothing.
    pub(super) fn is_blank_row(&self, y: usize) -> bool {
        self.rows.get(y).is_none_or(|row| row.iter().all(|cell| matches!(cell, Cell::Blank)))
    }

    /// The rows as text, each of exactly the canvas' width.
    pub(super) fn into_lines(self) -> Vec<String> {
        self.rows.into_iter().map(|row| row.iter().map(glyph).collect()).collect()
    }

    fn join(&mut self, x: usize, y: usize, arms: u8, line: Line) {
        if x >= self.width || y >= self.rows.len() {
            return;
        }
        let joined = match self.rows[y][x] {
            Cell::Arms(there, line) => Cell::Arms(there | arms, line),
            _ => {
                self.clear(x, y);
                Cell::Arms(arms, line)
            }
        };
        self.rows[y][x] = joined;
    }

    /// Empties a cell, and with it the whole cluster that covers it.
    fn clear(&mut self, x: usize, y: usize) {
        let row = &mut self.rows[y];
        if !matches!(row[x], Cell::Cluster(_) | Cell::Covered) {
            row[x] = Cell::Blank;
            return;
        }
        let mut start = x;
        while start > 0 && matches!(row[start], Cell::Covered) {
            start -= 1;
        }
        row[start] = Cell::Blank;
        for cell in row.iter_mut().skip(start + 1).take_while(|cell| matches!(cell, Cell::Covered)) {
            *cell = Cell::Blank;
        }
    }
}

fn glyph(cell: &Cell) -> &str {
    match cell {
        Cell::Blank => " ",
        Cell::Cluster(cluster) => cluster,
        Cell::Covered => "",
        Cell::Arms(arms, line) => {
            let set = match line {
                Line::Light => &LIGHT,
                Line::Double => &DOUBLE,
                Line::Round => &ROUND,
            };
            set[usize::from(arms & 15)]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_meet_form_the_right_junctions() {
        let mut canvas = Canvas::new(7, 5);
        canvas.rect(0, 0, (7, 5), Line::Light);
        canvas.hline(0, 6, 2, Line::Light);
        canvas.vline(3, 0, 4, Line::Light);

        assert_eq!(canvas.into_lines(), ["┌──┬──┐", "│  │  │", "├──┼──┤", "│  │  │", "└──┴──┘"]);
    }

    #[test]
    fn writing_over_half_of_a_wide_cluster_keeps_the_width() {
        let mut canvas = Canvas::new(4, 1);
        canvas.text(0, 0, "漢字");
        canvas.text(1, 0, "x");

        assert_eq!(canvas.into_lines(), [" x字"]);
    }

    #[test]
    fn text_beyond_the_edge_is_cut_visibly() {
        let mut canvas = Canvas::new(6, 1);
        canvas.text(2, 0, "Привет");

        assert_eq!(canvas.into_lines(), ["  При…"]);
    }
}
