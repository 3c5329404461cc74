//! The vertical lines of a drawing followed from row to row, given a column each, and the rows laid out again.
//!
//! A line that runs down through rows is a track. Which character of a row belongs to which track is found by order and
//! nearness; the column of a track is where most of its rows have it, moved right where a row needs more room.

use unicode_segmentation::UnicodeSegmentation;

use super::{
    clean::{MAX_COLUMNS, MAX_ROWS},
    glyphs::{self, DOWN, LEFT, RIGHT, Set, UP},
    repair::{Issue, IssueKind},
};
use crate::domain::columns::{CUT, width};

/// As far from its column, a character may still belong to a line.
const TOLERANCE: usize = 3;
/// Rows that are looked ahead for the rest of a line.
const AHEAD: usize = 3;
/// Rounds of moving tracks to the right; what has not settled by then is cut.
const ROUNDS: usize = 8;

/// A character that a vertical line may pass through.
#[derive(Debug, Clone)]
struct Token {
    /// Where it stands, in columns.
    column: usize,
    arms: u8,
    set: Set,
    /// As it was written; empty for one that was missing.
    written: String,
    track: usize,
    is_end: bool,
    is_start: bool,
}

/// A row: a piece, then for each token the token and the piece after it.
#[derive(Debug, Clone, Default)]
struct Row {
    pieces: Vec<String>,
    tokens: Vec<Token>,
    line: usize,
}

/// The rows with every line straight.
pub(super) fn straighten(rows: &[String], set: Set, issues: &mut Vec<Issue>) -> Vec<String> {
    let rows = cut_up(rows);
    let (rows, mut columns) = follow(rows, issues);
    settle(&rows, &mut columns);
    rows.iter().map(|row| lay_out(row, &columns, set)).collect()
}

fn cut_up(rows: &[String]) -> Vec<Row> {
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
                    let sides = u8::from(beside(1)) * RIGHT | u8::from(beside(-1)) * LEFT;
                    let ends = u8::from(near(y.checked_sub(1), *column)) * UP
                        | u8::from(near(Some(y + 1), *column)) * DOWN;
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

/// A track that has not ended.
#[derive(Debug, Clone, Copy)]
struct Open {
    track: usize,
    column: usize,
}

/// Gives every token its track; tokens without one become text, missing ones are put in. The second value has the column
/// where most rows have each track.
fn follow(rows: Vec<Row>, issues: &mut Vec<Issue>) -> (Vec<Row>, Vec<usize>) {
    let mut seen: Vec<Vec<usize>> = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut done: Vec<Row> = Vec::new();
    for y in 0..rows.len() {
        let mut row = rows[y].clone();
        let ahead = &rows[y + 1..rows.len().min(y + 1 + AHEAD)];
        if open.is_empty() && has_sides(&row) && ahead.first().is_some_and(has_sides) {
            let (first, last) = (row.tokens[0].column, row.tokens[row.tokens.len() - 1].column);
            issues.push(Issue { line: row.line, kind: IssueKind::MissingBorder });
            open = vec![new_track(&mut seen, first), new_track(&mut seen, last)];
            done.push(border(&open, DOWN, row.line));
        }
        let belongs = matched(&open, &row.tokens);
        let mut next: Vec<Open> = Vec::new();
        let mut missing: Vec<Open> = Vec::new();
        for (index, one) in open.iter().enumerate() {
            if belongs.iter().any(|token| *token == Some(index)) {
                continue;
            }
            if goes_on(ahead, one.column) && is_free(&row, one.column) {
                missing.push(*one);
            }
        }
        for (token, belongs) in row.tokens.iter_mut().zip(&belongs) {
            let continues = goes_on(ahead, token.column);
            match belongs {
                Some(index) => {
                    let track = open[*index].track;
                    (token.track, token.is_end) = (track, true);
                    token.is_start = token.arms & DOWN > 0 && continues;
                    seen[track].push(token.column);
                }
                None if token.arms & DOWN > 0 && token.arms & (LEFT | RIGHT) > 0 && continues => {
                    let one = new_track(&mut seen, token.column);
                    (token.track, token.is_end, token.is_start) = (one.track, false, true);
                }
                None => token.track = usize::MAX,
            }
        }
        row = without_loose(row);
        for one in missing {
            issues.push(Issue { line: row.line, kind: IssueKind::Uneven });
            insert(&mut row, one);
        }
        next.extend(
            row.tokens
                .iter()
                .filter(|token| token.is_start)
                .map(|token| Open { track: token.track, column: token.column }),
        );
        done.push(row);
        open = next;
    }
    let columns = seen.iter().map(|columns| most_frequent(columns)).collect();
    close_ends(&mut done, issues);
    done.truncate(MAX_ROWS);
    (done, columns)
}

fn new_track(seen: &mut Vec<Vec<usize>>, column: usize) -> Open {
    seen.push(vec![column]);
    Open { track: seen.len() - 1, column }
}

/// Whether a row begins and ends with an upright line.
fn has_sides(row: &Row) -> bool {
    let upright = |token: &Token| token.arms & (UP | DOWN) == UP | DOWN;
    let bare = |piece: Option<&String>| piece.is_some_and(|piece| piece.trim().is_empty());
    row.tokens.len() >= 2
        && row.tokens.first().is_some_and(upright)
        && row.tokens.last().is_some_and(upright)
        && bare(row.pieces.first())
        && bare(row.pieces.last())
}

/// Whether one of the next rows has a character that continues a line from above at about this column.
fn goes_on(ahead: &[Row], column: usize) -> bool {
    ahead.iter().any(|row| {
        row.tokens.iter().any(|token| token.arms & UP > 0 && token.column.abs_diff(column) <= TOLERANCE)
    })
}

/// Whether nothing stands at a column of the row.
fn is_free(row: &Row, column: usize) -> bool {
    let mut at = 0;
    for (index, piece) in row.pieces.iter().enumerate() {
        for cluster in piece.graphemes(true) {
            let size = width(cluster);
            if (at..at + size).contains(&column) {
                return cluster == " ";
            }
            at += size;
        }
        if row.tokens.get(index).is_some() {
            if at == column {
                return false;
            }
            at += 1;
        }
    }
    true
}

/// For each token the open track it belongs to, in order, so that the distances are as small as can be.
fn matched(open: &[Open], tokens: &[Token]) -> Vec<Option<usize>> {
    const SKIP: usize = 2 * TOLERANCE;
    const NEVER: usize = usize::MAX / 4;
    let cost = |one: &Open, token: &Token| {
        let distance = one.column.abs_diff(token.column);
        // A line that all rows have as often drifts together.
        let reach = if open.len() == tokens.len() { 4 * TOLERANCE } else { TOLERANCE };
        let is_other = usize::from(token.arms & UP == 0) * 2;
        if distance > reach || is_other > 0 && token.arms & (LEFT | RIGHT) == 0 {
            NEVER
        } else {
            distance.min(2 * SKIP - 3) + is_other
        }
    };
    let mut best = vec![vec![0; tokens.len() + 1]; open.len() + 1];
    for i in (0..=open.len()).rev() {
        for j in (0..=tokens.len()).rev() {
            best[i][j] = match (i < open.len(), j < tokens.len()) {
                (false, false) => 0,
                (false, true) => best[i][j + 1] + SKIP,
                (true, false) => best[i + 1][j] + SKIP,
                (true, true) => (best[i + 1][j + 1] + cost(&open[i], &tokens[j]))
                    .min(best[i + 1][j] + SKIP)
                    .min(best[i][j + 1] + SKIP),
            };
        }
    }
    let (mut i, mut belongs) = (0, vec![None; tokens.len()]);
    let mut j = 0;
    while i < open.len() && j < tokens.len() {
        if best[i][j] == best[i + 1][j + 1] + cost(&open[i], &tokens[j]) {
            belongs[j] = Some(i);
            (i, j) = (i + 1, j + 1);
        } else if best[i][j] == best[i][j + 1] + SKIP {
            j += 1;
        } else {
            i += 1;
        }
    }
    belongs
}

/// Tokens without a track are part of the text around them.
fn without_loose(row: Row) -> Row {
    let mut kept = Row { pieces: Vec::new(), tokens: Vec::new(), line: row.line };
    let mut pieces = row.pieces.into_iter();
    kept.pieces.push(pieces.next().unwrap_or_default());
    for (token, piece) in row.tokens.into_iter().zip(pieces) {
        if token.track == usize::MAX {
            if let Some(last) = kept.pieces.last_mut() {
                last.push_str(&token.written);
                last.push_str(&piece);
            }
        } else {
            kept.tokens.push(token);
            kept.pieces.push(piece);
        }
    }
    kept
}

/// Puts a missing upright into a row, at a place where nothing stands.
fn insert(row: &mut Row, one: Open) {
    let index = row.tokens.iter().position(|token| token.column > one.column).unwrap_or(row.tokens.len());
    let start = index.checked_sub(1).map_or(0, |before| row.tokens[before].column + 1);
    let (mut before, mut after) = (String::new(), String::new());
    let mut at = start;
    for cluster in row.pieces[index].graphemes(true) {
        // The space the line takes is its own.
        if at < one.column {
            before.push_str(cluster);
        } else if at > one.column {
            after.push_str(cluster);
        }
        at += width(cluster);
    }
    row.pieces[index] = before;
    row.pieces.insert(index + 1, after);
    let token = Token {
        column: one.column,
        arms: UP | DOWN,
        set: Set::Light,
        written: String::new(),
        track: one.track,
        is_end: true,
        is_start: true,
    };
    row.tokens.insert(index, token);
}

/// A border row through these tracks.
fn border(open: &[Open], arms: u8, line: usize) -> Row {
    let token = |one: &Open| Token {
        column: one.column,
        arms: arms | LEFT | RIGHT,
        set: Set::Light,
        written: String::new(),
        track: one.track,
        is_end: arms & UP > 0,
        is_start: arms & DOWN > 0,
    };
    let mut pieces = vec![String::new()];
    pieces.extend(
        open.iter()
            .enumerate()
            .map(|(index, _)| if index + 1 < open.len() { "─".to_owned() } else { String::new() }),
    );
    Row { pieces, tokens: open.iter().map(token).collect(), line }
}

/// Uprights that end without a border below them get one.
fn close_ends(rows: &mut Vec<Row>, issues: &mut Vec<Issue>) {
    let mut index = 0;
    while index < rows.len() {
        let loose = |token: &Token| token.is_end && !token.is_start && token.arms & (LEFT | RIGHT) == 0;
        let ends: Vec<Open> = (rows[index].tokens.iter().filter(|token| loose(token)))
            .map(|token| Open { track: token.track, column: token.column })
            .collect();
        let all = rows[index].tokens.iter().all(|token| !token.is_start);
        if ends.len() >= 2 && all {
            let line = rows[index].line;
            issues.push(Issue { line, kind: IssueKind::MissingBorder });
            for token in rows[index].tokens.iter_mut().filter(|token| loose(token)) {
                token.is_start = true;
            }
            rows.insert(index + 1, border(&ends, UP, line));
            index += 1;
        }
        index += 1;
    }
}

fn most_frequent(columns: &[usize]) -> usize {
    let mut sorted = columns.to_vec();
    sorted.sort_unstable();
    // Of equally frequent ones the rightmost, so that nothing has to be squeezed.
    let runs = sorted.chunk_by(|one, other| one == other);
    runs.max_by_key(|run| (run.len(), run[0])).map_or(0, |run| run[0])
}

/// Moves tracks to the right until every row has room for what it says.
fn settle(rows: &[Row], columns: &mut [usize]) {
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
            width(text) + usize::from(text.len() < piece.len() && !text.is_empty())
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

fn lay_out(row: &Row, columns: &[usize], set: Set) -> String {
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
    let ends = u8::from(token.is_end) * UP | u8::from(token.is_start) * DOWN;
    let arms = ends | u8::from(left) * LEFT | u8::from(right) * RIGHT;
    let is_ascii = token.set == Set::Ascii;
    if !token.written.is_empty() && token.arms == arms && is_ascii == (set == Set::Ascii) {
        return token.written.clone();
    }
    let look = if is_ascii || set == Set::Ascii { set } else { token.set };
    glyphs::glyph(arms, look).to_string()
}
