//! A grid of columns and rows on which lines join by themselves.
//!
//! A line is stored as the arms that leave a cell, not as a character. Where lines meet, their arms add up
//! and the right junction follows, so a corner or crossing cannot be wrong.

use unicode_segmentation::UnicodeSegmentation;

use story_map::columns::{cut, width};

use super::look::{Look, Mark};

/// The arm of a line that leaves a cell upwards.
pub(crate) const UP: u8 = 1;
/// To the right.
pub(crate) const RIGHT: u8 = 2;
/// Downwards.
pub(crate) const DOWN: u8 = 4;
/// To the left.
pub(crate) const LEFT: u8 = 8;

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// `┌─┐`
    Light,
    /// `╔═╗`
    Double,
    /// `╭─╮`
    Round,
}

/// What is in one column of one row.
#[derive(Debug, Clone)]
pub(crate) enum Cell {
    /// Nothing.
    Blank,
    /// A cluster, in the first of the columns it takes.
    Cluster(String, Voice),
    /// Further columns of the cluster to the left.
    Covered,
    /// Arms of lines that meet here.
    Arms(u8, Line, Voice),
}

/// Whether a character is drawn also where shapes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voice {
    /// Always drawn.
    Loud,
    /// Stands for a shape; drawn in text only.
    Silent,
}

/// A picture, or part of one, of fixed width.
#[derive(Debug, Clone)]
pub(crate) struct Canvas {
    width: usize,
    rows: Vec<Vec<Cell>>,
    marks: Vec<Mark>,
}

impl Canvas {
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self { width, rows: vec![vec![Cell::Blank; width]; height], marks: Vec::new() }
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

    /// The cells of a text; characters of box drawing become lines.
    pub(super) fn of_text(text: &str) -> Self {
        let mut canvas = Self::new(text.lines().map(width).max().unwrap_or(0), text.lines().count());
        for (y, line) in text.lines().enumerate() {
            let mut x = 0;
            for cluster in line.graphemes(true) {
                match super::super::parse::line_arms(cluster) {
                    Some(arms) => canvas.join(x, y, arms, Line::Light, Voice::Loud),
                    None if cluster != " " => canvas.write(x, y, cluster, Voice::Loud),
                    None => {}
                }
                x += width(cluster);
            }
        }
        canvas
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn height(&self) -> usize {
        self.rows.len()
    }

    /// The cells, row by row.
    pub(crate) fn rows(&self) -> &[Vec<Cell>] {
        &self.rows
    }

    /// What the parts of the picture are, outer ones before those inside them.
    pub(crate) fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// Says what a rectangle is.
    pub(super) fn mark(&mut self, x: usize, y: usize, size: (usize, usize), look: Look) {
        let (width, height) = (size.0.min(self.width.saturating_sub(x)), size.1);
        if width > 0 && height > 0 {
            self.marks.push(Mark { x, y, width, height, look });
        }
    }

    /// Says what a rectangle is; what stands in it by now is drawn in text only.
    pub(super) fn stand_for(&mut self, x: usize, y: usize, size: (usize, usize), look: Look) {
        self.silence(x, y, size);
        self.mark(x, y, size, look);
    }

    /// What stands in a rectangle by now is drawn in text only.
    pub(super) fn silence(&mut self, x: usize, y: usize, size: (usize, usize)) {
        for cell in
            self.rows.iter_mut().skip(y).take(size.1).flat_map(|row| row.iter_mut().skip(x).take(size.0))
        {
            if let Cell::Cluster(_, voice) | Cell::Arms(_, _, voice) = cell {
                *voice = Voice::Silent;
            }
        }
    }

    /// Says what the whole canvas is; what stands on it by now is drawn in text only.
    #[must_use]
    pub(super) fn standing_for(mut self, look: Look) -> Self {
        let used = self.rows.iter().flat_map(|row| {
            row.iter().enumerate().filter(|(_, cell)| !matches!(cell, Cell::Blank)).map(|(x, _)| x + 1)
        });
        let width = used.max().unwrap_or(0);
        self.stand_for(0, 0, (width, self.height()), look);
        self
    }

    /// Says which criteria what is on the canvas serves; the first mark tells where it is.
    #[must_use]
    pub(super) fn serving(mut self, criteria: &[u32]) -> Self {
        let first = self.marks.first().map(|mark| (mark.x, mark.y, (mark.width, mark.height)));
        let (x, y, size) = first.unwrap_or((0, 0, (self.width, self.height())));
        self.mark(x, y, size, Look::Serves(criteria.to_vec()));
        self
    }

    /// Says what the whole canvas is.
    #[must_use]
    pub(super) fn marked(mut self, look: Look) -> Self {
        self.mark(0, 0, (self.width, self.height()), look);
        self
    }

    /// Puts what the canvas is under the marks that are there already.
    pub(super) fn mark_below(&mut self, x: usize, y: usize, size: (usize, usize), look: Look) {
        self.mark(x, y, size, look);
        if let Some(mark) = self.marks.pop() {
            self.marks.insert(0, mark);
        }
    }

    /// Adds blank rows at the bottom.
    pub(super) fn grow(&mut self, rows: usize) {
        self.rows.extend(std::iter::repeat_n(vec![Cell::Blank; self.width], rows));
    }

    /// Writes from column `x` on; what does not fit is cut visibly.
    pub(super) fn text(&mut self, x: usize, y: usize, text: &str) {
        self.write(x, y, text, Voice::Loud);
    }

    fn write(&mut self, x: usize, y: usize, text: &str, voice: Voice) {
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
            self.rows[y][at] = Cell::Cluster(cluster.to_owned(), voice);
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
            self.join(x, y, arms, line, Voice::Loud);
        }
    }

    /// A line from row `y0` to row `y1`, both included.
    pub(super) fn vline(&mut self, x: usize, y0: usize, y1: usize, line: Line) {
        for y in y0..=y1 {
            let arms = if y > y0 { UP } else { 0 } | if y < y1 { DOWN } else { 0 };
            self.join(x, y, arms, line, Voice::Loud);
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
                    Cell::Arms(arms, line, voice) => self.join(x + dx, y + dy, *arms, *line, *voice),
                    Cell::Cluster(cluster, voice) => self.write(x + dx, y + dy, cluster, *voice),
                    Cell::Covered => {}
                }
            }
        }
        for mark in &other.marks {
            self.mark(x + mark.x, y + mark.y, (mark.width, mark.height), mark.look.clone());
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

    fn join(&mut self, x: usize, y: usize, arms: u8, line: Line, voice: Voice) {
        if x >= self.width || y >= self.rows.len() {
            return;
        }
        let joined = match self.rows[y][x] {
            Cell::Arms(there, line, before) => {
                let voice = if before == voice { voice } else { Voice::Loud };
                Cell::Arms(there | arms, line, voice)
            }
            _ => {
                self.clear(x, y);
                Cell::Arms(arms, line, voice)
            }
        };
        self.rows[y][x] = joined;
    }

    /// Empties a cell, and with it the whole cluster that covers it.
    fn clear(&mut self, x: usize, y: usize) {
        let row = &mut self.rows[y];
        if !matches!(row[x], Cell::Cluster(..) | Cell::Covered) {
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

#[cfg(test)]
mod tests {
    use super::{super::super::render::unicode, *};

    fn lines(canvas: &Canvas) -> Vec<String> {
        unicode::canvas(canvas).lines().map(str::to_owned).collect()
    }

    #[test]
    fn lines_that_meet_form_the_right_junctions() {
        let mut canvas = Canvas::new(7, 5);
        canvas.rect(0, 0, (7, 5), Line::Light);
        canvas.hline(0, 6, 2, Line::Light);
        canvas.vline(3, 0, 4, Line::Light);

        assert_eq!(lines(&canvas), ["┌──┬──┐", "│  │  │", "├──┼──┤", "│  │  │", "└──┴──┘"]);
    }

    #[test]
    fn writing_over_half_of_a_wide_cluster_keeps_the_width() {
        let mut canvas = Canvas::new(4, 1);
        canvas.text(0, 0, "漢字");
        canvas.text(1, 0, "x");

        assert_eq!(lines(&canvas), [" x字"]);
    }

    #[test]
    fn text_beyond_the_edge_is_cut_visibly() {
        let mut canvas = Canvas::new(6, 1);
        canvas.text(2, 0, "Привет");

        assert_eq!(lines(&canvas), ["  При…"]);
    }
}
