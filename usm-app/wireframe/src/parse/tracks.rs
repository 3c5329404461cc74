//! The vertical lines of a drawing followed from row to row, given a column each, and the rows laid out again.
//!
//! A line that runs down through rows is a track. Which character of a row belongs to which track is found by order and
//! nearness; the column of a track is where most of its rows have it, moved right where a row needs more room.

use unicode_segmentation::UnicodeSegmentation;

use super::{
    clean::MAX_ROWS,
    glyphs::{self, DOWN, LEFT, RIGHT, Set, UP},
    place,
    repair::{Issue, IssueKind},
    rows::{self, Row, Token, with_corners},
};
use story_map::columns::width;

/// As far from its column, a character may still belong to a line.
const TOLERANCE: usize = 3;
/// Rows that are looked ahead for the rest of a line.
const AHEAD: usize = 12;

/// The rows with every line straight.
pub(super) fn straighten(rows: &[String], set: Set, issues: &mut Vec<Issue>) -> Vec<String> {
    let rows = rows::cut_up(rows);
    let (rows, mut columns) = follow(rows, issues);
    place::settle(&rows, &mut columns);
    rows.iter().map(|row| place::lay_out(row, &columns, set)).collect()
}

/// A track that has not ended.
#[derive(Debug, Clone, Copy)]
struct Open {
    track: usize,
    column: usize,
    /// How its first character looks.
    set: Set,
}

/// Gives every token its track; tokens without one become text, missing ones are put in. The second value has the column
/// where most rows have each track.
fn follow(rows: Vec<Row>, issues: &mut Vec<Issue>) -> (Vec<Row>, Vec<usize>) {
    let mut seen: Vec<Vec<usize>> = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut done: Vec<Row> = Vec::new();
    for y in 0..rows.len() {
        let ahead = &rows[y + 1..rows.len().min(y + 1 + AHEAD)];
        let mut row = with_corners(rows[y].clone());
        if open.is_empty() && has_sides(&row) && ahead.first().is_some_and(has_sides) {
            let (first, last) = (row.tokens[0].column, row.tokens[row.tokens.len() - 1].column);
            issues.push(Issue { line: row.line, kind: IssueKind::MissingBorder });
            open = vec![
                new_track(&mut seen, first, row.tokens[0].set),
                new_track(&mut seen, last, row.tokens[0].set),
            ];
            done.push(border(&open, DOWN, row.line));
        }
        let belongs = matched(&open, &row);
        let mut missing: Vec<Open> = Vec::new();
        for (index, one) in open.iter().enumerate() {
            if belongs.contains(&Some(index)) {
                continue;
            }
            let is_last = ahead.len() <= 1 && belongs.iter().any(Option::is_some);
            let is_side = index > 0 && index + 1 == open.len() && ahead.iter().any(has_right_side);
            let end = text_end(&row);
            if !(is_last || is_side || goes_on(ahead, one.column)) {
                continue;
            }
            if is_free(&row, one.column) {
                missing.push(*one);
            } else if index > 0 && index + 1 == open.len() && end > one.column {
                // The words ran over the side, and over its line.
                missing.push(Open { column: end, ..*one });
            }
        }
        let count = row.tokens.len();
        for (index, (token, belongs)) in row.tokens.iter_mut().zip(&belongs).enumerate() {
            // However far it has drifted, the right side of a box is its right side.
            let is_side = index > 0 && index + 1 == count && ahead.iter().any(has_right_side);
            let is_cut_off = ends_within_boxes(ahead) && token.arms & (LEFT | RIGHT) == 0;
            let continues = is_side || is_cut_off || goes_on(ahead, token.column);
            match belongs {
                Some(open_index) => {
                    let track = open[*open_index].track;
                    (token.track, token.is_end, token.line) = (track, true, open[*open_index].set);
                    token.is_start = token.arms & DOWN > 0 && continues;
                    seen[track].push(token.column);
                }
                None if token.arms & DOWN > 0 && token.arms & (LEFT | RIGHT) > 0 && continues => {
                    let one = new_track(&mut seen, token.column, token.set);
                    (token.track, token.is_end, token.is_start) = (one.track, false, true);
                }
                None => token.track = usize::MAX,
            }
        }
        row = without_loose(row);
        for one in missing {
            issues.push(Issue { line: row.line, kind: IssueKind::Uneven });
            insert(&mut row, one, !ahead.is_empty());
        }
        open = row.tokens.iter().filter(|token| token.is_start).map(open_track).collect();
        done.push(row);
    }
    let columns = seen.iter().map(|columns| most_frequent(columns)).collect();
    done = without_stubs(done, &seen);
    close_ends(&mut done, issues);
    done.truncate(MAX_ROWS);
    (done, columns)
}

fn open_track(token: &Token) -> Open {
    Open { track: token.track, column: token.column, set: token.line }
}

fn new_track(seen: &mut Vec<Vec<usize>>, column: usize, set: Set) -> Open {
    seen.push(vec![column]);
    Open { track: seen.len() - 1, column, set }
}

/// A line that begins in one row and is in no other is none.
fn without_stubs(rows: Vec<Row>, seen: &[Vec<usize>]) -> Vec<Row> {
    let loosened = rows.into_iter().map(|mut row| {
        for index in 0..row.tokens.len() {
            let token = &row.tokens[index];
            if token.is_end || !token.is_start || seen[token.track].len() > 1 {
                continue;
            }
            let is_double =
                index > 0 && row.pieces[index].is_empty() && row.tokens[index - 1].written == token.written;
            let token = &mut row.tokens[index];
            token.track = usize::MAX;
            if is_double {
                token.written.clear();
            }
        }
        without_loose(row)
    });
    loosened.collect()
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

/// Whether what is left of the drawing is one row without a border: it was cut off.
fn ends_within_boxes(ahead: &[Row]) -> bool {
    matches!(ahead, [last] if !last.tokens.is_empty() && last.tokens.iter().all(|token| token.arms & (LEFT | RIGHT) == 0))
}

/// Whether the last thing in a row is a line.
fn has_right_side(row: &Row) -> bool {
    row.tokens.len() > 1 && row.pieces.last().is_some_and(|piece| piece.trim().is_empty())
}

/// Whether one of the next rows has a character that continues a line from above at about this column.
fn goes_on(ahead: &[Row], column: usize) -> bool {
    ahead.iter().any(|row| {
        row.tokens
            .iter()
            .any(|token| token.arms & (UP | LEFT | RIGHT) > 0 && token.column.abs_diff(column) <= TOLERANCE)
    })
}

/// The column after the last thing in a row; 0 when that is a line.
fn text_end(row: &Row) -> usize {
    let text = row.pieces.last().map_or("", String::as_str).trim_end_matches(' ');
    let start = row.tokens.last().map_or(0, |token| token.column + 1);
    if text.is_empty() { 0 } else { start + width(text) }
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
fn matched(open: &[Open], row: &Row) -> Vec<Option<usize>> {
    const SKIP: usize = 2 * TOLERANCE;
    const NEVER: usize = usize::MAX / 4;
    let tokens = &row.tokens;
    let has_side = open.len() > 1 && tokens.len() > 1 && has_right_side(row);
    let cost = |index: usize, token: &Token| {
        let one = &open[index];
        let is_side = has_side
            && index + 1 == open.len()
            && tokens.last().is_some_and(|last| last.column == token.column);
        let distance = if is_side {
            one.column.abs_diff(token.column).min(TOLERANCE)
        } else {
            one.column.abs_diff(token.column)
        };
        // A line that all rows have as often drifts together.
        let reach = if open.len() == tokens.len() { 4 * TOLERANCE } else { TOLERANCE };
        let is_other = usize::from(token.arms & UP == 0) * 5;
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
                (true, true) => (best[i + 1][j + 1] + cost(i, &tokens[j]))
                    .min(best[i + 1][j] + SKIP)
                    .min(best[i][j + 1] + SKIP),
            };
        }
    }
    let (mut i, mut belongs) = (0, vec![None; tokens.len()]);
    let mut j = 0;
    while i < open.len() && j < tokens.len() {
        if best[i][j] == best[i + 1][j + 1] + cost(i, &tokens[j]) {
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
fn insert(row: &mut Row, one: Open, goes_on: bool) {
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
    if before.trim_end_matches(' ').chars().all(glyphs::is_horizontal) {
        // A border that ends early is drawn on.
        let border = before.trim_end_matches(' ').len();
        before.truncate(if border > 0 { border } else { before.len() });
    }
    row.pieces[index] = before;
    row.pieces.insert(index + 1, after);
    let token = Token {
        column: one.column,
        arms: UP | DOWN,
        set: one.set,
        written: String::new(),
        track: one.track,
        line: one.set,
        is_end: true,
        is_start: goes_on,
    };
    row.tokens.insert(index, token);
}

/// A border row through these tracks.
fn border(open: &[Open], arms: u8, line: usize) -> Row {
    let token = |one: &Open| Token {
        column: one.column,
        arms: arms | LEFT | RIGHT,
        set: one.set,
        written: String::new(),
        track: one.track,
        line: one.set,
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
        let ends: Vec<Open> =
            (rows[index].tokens.iter().filter(|token| loose(token))).map(open_track).collect();
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
