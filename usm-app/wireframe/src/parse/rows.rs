//! Rows cut up at the characters that vertical lines may pass through.

use unicode_segmentation::UnicodeSegmentation;

use super::glyphs::{self, DOWN, LEFT, RIGHT, Set, UP};
use story_map::columns::width;

/// A character that a vertical line may pass through.
#[derive(Debug, Clone)]
pub(super) struct Token {
    /// Where it stands, in columns.
    pub(super) column: usize,
    pub(super) arms: u8,
    pub(super) set: Set,
    /// As it was written; empty for one that was missing.
    pub(super) written: String,
    pub(super) track: usize,
    /// How the line it belongs to looks.
    pub(super) line: Set,
    pub(super) is_end: bool,
    pub(super) is_start: bool,
}

/// A row: a piece, then for each token the token and the piece after it.
#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    pub(super) pieces: Vec<String>,
    pub(super) tokens: Vec<Token>,
    pub(super) line: usize,
}

/// Every row in pieces and tokens.
pub(super) fn cut_up(rows: &[String]) -> Vec<Row> {
    let grid: Vec<Vec<(usize, &str)>> = rows.iter().map(|row| clusters(row)).collect();
    let at = |y: usize, column: usize| -> Option<char> {
        let row = grid.get(y)?;
        let index = row.binary_search_by_key(&column, |(at, _)| *at).ok()?;
        row[index].1.chars().next()
    };
    let near = |y: Option<usize>, column: usize| {
        let columns = column.saturating_sub(1)..=column + 1;
        y.is_some_and(|y| {
            columns.clone().any(|column| {
                at(y, column).is_some_and(|c| matches!(c, '|' | '+') || glyphs::is_unicode_line(c))
            })
        })
    };
    let mut found = Vec::with_capacity(rows.len());
    for (y, row) in grid.iter().enumerate() {
        let mut one = Row { pieces: vec![String::new()], tokens: Vec::new(), line: y + 1 };
        for (index, (column, cluster)) in row.iter().enumerate() {
            let c = cluster.chars().next().unwrap_or(' ');
            let neighbour = |step: isize| {
                let index = index.checked_add_signed(step)?;
                row.get(index).and_then(|(_, cluster)| cluster.chars().next())
            };
            let beside = |step| neighbour(step).is_some_and(glyphs::is_horizontal);
            let arms = match glyphs::arms(c) {
                Some((arms, set)) if arms & (UP | DOWN) > 0 && !is_branch(&row[index..], arms) => {
                    Some((arms, set))
                }
                Some(_) => None,
                None if c == '|' => Some((UP | DOWN, Set::Ascii)),
                None if matches!(c, '+' | '.' | '\'' | '*') && (beside(1) || beside(-1)) => {
                    let sides = (u8::from(beside(1)) * RIGHT) | (u8::from(beside(-1)) * LEFT);
                    let ends = (u8::from(near(y.checked_sub(1), *column)) * UP)
                        | (u8::from(near(Some(y + 1), *column)) * DOWN);
                    // A corner without an upright near it ends a box whose side is missing.
                    let ends = if ends == 0 && c == '+' && sides != LEFT | RIGHT { UP } else { ends };
                    let is_corner = c == '+' || sides != LEFT | RIGHT;
                    Some((sides | ends, Set::Ascii)).filter(|_| ends > 0 && is_corner)
                }
                None => None,
            };
            match arms {
                Some((arms, set)) if cluster.chars().count() == 1 => {
                    let written = (*cluster).to_owned();
                    one.tokens.push(Token {
                        column: *column,
                        arms,
                        set,
                        written,
                        track: 0,
                        line: set,
                        is_end: false,
                        is_start: false,
                    });
                    one.pieces.push(String::new());
                }
                _ => one.pieces.last_mut().into_iter().for_each(|piece| piece.push_str(cluster)),
            }
        }
        found.push(one);
    }
    found
}

fn clusters(row: &str) -> Vec<(usize, &str)> {
    let mut column = 0;
    let place = |cluster| {
        let at = column;
        column += width(cluster);
        (at, cluster)
    };
    row.graphemes(true).map(place).collect()
}

/// `├─ ` and `└── ` before a word are the branches of a tree, no corners.
fn is_branch(rest: &[(usize, &str)], arms: u8) -> bool {
    if arms & LEFT > 0 || arms & (UP | RIGHT) != UP | RIGHT {
        return false;
    }
    let lines = rest[1..].iter().take_while(|(_, cluster)| matches!(*cluster, "─" | "━")).count();
    let after = rest.get(lines + 1).map(|(_, cluster)| *cluster);
    // A title in a border is followed by more border.
    let goes_on = rest[1 + lines..]
        .iter()
        .any(|(_, cluster)| cluster.chars().next().is_some_and(glyphs::is_horizontal));
    (1..=3).contains(&lines) && after == Some(" ") && !goes_on
}

/// A border that begins or ends without a corner gets one; whether a line meets it is seen later.
pub(super) fn with_corners(mut row: Row) -> Row {
    let is_border = |piece: &str| piece.chars().count() >= 2 && piece.chars().all(glyphs::is_horizontal);
    let corner = |column, arms, set| Token {
        column,
        arms: arms | UP | DOWN,
        set,
        written: String::new(),
        track: 0,
        line: set,
        is_end: false,
        is_start: false,
    };
    if let [.., one, two] = row.tokens.as_slice() {
        let is_corner = one.arms & (LEFT | RIGHT) != 0 && one.arms & (LEFT | RIGHT) != LEFT | RIGHT;
        if is_corner && one.written == two.written && row.pieces[row.pieces.len() - 2].is_empty() {
            row.tokens.pop();
            let rest = row.pieces.pop().unwrap_or_default();
            row.pieces.pop();
            row.pieces.push(rest);
        }
    }
    let Some(last) = row.tokens.last().cloned() else { return row };
    let end = row.pieces.last().map_or("", String::as_str).trim_end_matches(' ').to_owned();
    if is_border(&end) && last.arms & RIGHT > 0 {
        let column = last.column + 1 + width(&end);
        row.tokens.push(corner(column, LEFT, last.set));
        row.pieces.pop();
        row.pieces.extend([end, String::new()]);
    }
    let first = row.tokens[0].clone();
    let start = row.pieces[0].clone();
    let border = start.trim_start_matches(' ');
    if is_border(border) && first.arms & LEFT > 0 && start.len() > border.len() {
        row.tokens.insert(0, corner(width(&start) - width(border) - 1, RIGHT, first.set));
        row.pieces[0] = start[..start.len() - border.len() - 1].to_owned();
        row.pieces.insert(1, border.to_owned());
    }
    row
}
