//! Rows laid out again, every vertical line in its column.

use unicode_segmentation::UnicodeSegmentation;

use super::{
    clean::MAX_COLUMNS,
    glyphs::{self, DOWN, LEFT, RIGHT, Set, UP},
    rows::Row,
};
use story_map::columns::{CUT, width};

/// Rounds of moving tracks to the right; what has not settled by then is cut.
const ROUNDS: usize = 8;

/// Moves tracks to the right until every row has room for what it says.
pub(super) fn settle(rows: &[Row], columns: &mut [usize]) {
    for _ in 0..ROUNDS {
        let mut moved = false;
        for row in rows {
            let mut free = 0;
            for (token, piece) in row.tokens.iter().zip(&row.pieces) {
                let column = &mut columns[token.track];
                let least = (free + needed(piece)).min(MAX_COLUMNS - 1);
                if *column < least {
                    *column = least;
                    moved = true;
                }
                free = *column + 1;
            }
        }
        if !moved {
            return;
        }
    }
}

/// Columns that a piece takes at least.
fn needed(piece: &str) -> usize {
    match shape(piece) {
        Shape::Line(_) => 1,
        Shape::Titled { from, to } => width(piece) - (to - from).saturating_sub(1),
        Shape::Text => {
            let text = piece.trim_end_matches(' ');
            width(text) + usize::from(text.len() < piece.len())
        }
    }
}

/// What stands between two tokens.
enum Shape {
    /// Nothing but border.
    Line(char),
    /// A border with words in it, and the run of border, in characters, that can be longer or shorter.
    Titled {
        from: usize,
        to: usize,
    },
    Text,
}

fn shape(piece: &str) -> Shape {
    let chars: Vec<char> = piece.chars().collect();
    let (Some(first), Some(last)) = (chars.first(), chars.last()) else { return Shape::Text };
    if chars.iter().all(|c| glyphs::is_horizontal(*c)) {
        return Shape::Line(*first);
    }
    if !glyphs::is_horizontal(*first) && !glyphs::is_horizontal(*last) {
        return Shape::Text;
    }
    let run = |index: &usize| glyphs::is_horizontal(chars[*index]);
    let (from, to) = if glyphs::is_horizontal(*last) {
        let length = (0..chars.len()).rev().take_while(run).count();
        (chars.len() - length, chars.len())
    } else {
        (0, (0..chars.len()).take_while(run).count())
    };
    Shape::Titled { from, to }
}

/// One row as text.
pub(super) fn lay_out(row: &Row, columns: &[usize], set: Set) -> String {
    let mut out = String::new();
    let mut at = 0;
    for (index, token) in row.tokens.iter().enumerate() {
        let column = columns[token.track].max(at);
        out.push_str(&fitted(&row.pieces[index], column - at, set));
        out.push_str(&joint(row, index, set));
        at = column + 1;
    }
    let rest = row.pieces.last().map_or("", String::as_str).trim_end_matches(' ');
    out.push_str(&if at + width(rest) > MAX_COLUMNS {
        cut(rest, MAX_COLUMNS.saturating_sub(at))
    } else {
        rest.to_owned()
    });
    out
}

/// A piece in exactly this many columns.
fn fitted(piece: &str, size: usize, set: Set) -> String {
    let line = |c: char| match (set, c) {
        (Set::Ascii, '=' | '═') => '=',
        (Set::Ascii, _) => '-',
        (_, '-' | '–' | '—') => '─',
        (_, '=') => '═',
        (_, c) => c,
    };
    match shape(piece) {
        Shape::Line(c) => line(c).to_string().repeat(size),
        Shape::Titled { from, to } if needed(piece) <= size => {
            let run = size - (width(piece) - (to - from));
            let chars: Vec<char> = piece.chars().collect();
            let words: String = chars[..from].iter().collect();
            let after: String = chars[to..].iter().collect();
            let edge = |text: &str| -> String {
                let lead = text.chars().take_while(|c| glyphs::is_horizontal(*c)).count();
                text.chars().enumerate().map(|(index, c)| if index < lead { line(c) } else { c }).collect()
            };
            format!("{}{}{}", edge(&words), line(chars[from]).to_string().repeat(run), after)
        }
        _ => {
            let text = piece.trim_end_matches(' ');
            match size.checked_sub(width(text)) {
                Some(left) => format!("{text}{}", " ".repeat(left)),
                None => cut(&squeezed(text), size),
            }
        }
    }
}

/// Runs of spaces made one.
fn squeezed(text: &str) -> String {
    text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The text in exactly this many columns, cut visibly.
fn cut(text: &str, size: usize) -> String {
    let mut out = String::new();
    let mut used = 0;
    if width(text) <= size {
        return format!("{text}{}", " ".repeat(size - width(text)));
    }
    for cluster in text.graphemes(true) {
        if used + width(cluster) + 1 > size {
            break;
        }
        used += width(cluster);
        out.push_str(cluster);
    }
    if used < size {
        out.push_str(CUT);
        used += 1;
    }
    out + &" ".repeat(size.saturating_sub(used))
}

/// The character where lines meet: as it was written if that has the right arms.
fn joint(row: &Row, index: usize, set: Set) -> String {
    let token = &row.tokens[index];
    let touches = |piece: &str, c: Option<char>, own: u8| {
        let has_line = piece.chars().any(glyphs::is_horizontal) && !matches!(shape(piece), Shape::Text);
        c.is_some_and(glyphs::is_horizontal) || token.arms & own > 0 && has_line
    };
    let (before, after) = (&row.pieces[index], &row.pieces[index + 1]);
    let beside = |index: Option<usize>, arm: u8| {
        index.and_then(|index| row.tokens.get(index)).is_some_and(|token| token.arms & arm > 0)
    };
    let left = touches(before, before.chars().last(), LEFT)
        || before.is_empty() && token.arms & LEFT > 0 && beside(index.checked_sub(1), RIGHT);
    let right = touches(after, after.chars().next(), RIGHT)
        || after.is_empty() && token.arms & RIGHT > 0 && beside(Some(index + 1), LEFT);
    let ends = (u8::from(token.is_end) * UP) | (u8::from(token.is_start) * DOWN);
    let arms = ends | (u8::from(left) * LEFT) | (u8::from(right) * RIGHT);
    let is_ascii = token.set == Set::Ascii;
    // An upright between corners of another look takes theirs.
    let is_upright = arms == UP | DOWN;
    let upright = match token.line {
        Set::Round => Set::Light,
        line => line,
    };
    let differs = is_upright && !matches!(token.line, Set::Ascii | Set::Mixed) && token.set != upright;
    if !token.written.is_empty() && token.arms == arms && !differs && is_ascii == (set == Set::Ascii) {
        return token.written.clone();
    }
    let look = match (is_ascii || set == Set::Ascii, is_upright && token.line != Set::Ascii) {
        (true, false) => set,
        (true, true) if set == Set::Ascii => set,
        (_, true) => upright,
        (false, false) => token.set,
    };
    glyphs::glyph(arms, look).to_string()
}
