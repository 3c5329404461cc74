//! Rows of a drawing in which every cluster has a known width.

use unicode_segmentation::UnicodeSegmentation;

use super::{
    glyphs,
    repair::{Issue, IssueKind},
};
use story_map::columns::{self, CUT};

/// Most rows of a drawing.
pub(super) const MAX_ROWS: usize = 200;
/// Most columns of a drawing.
pub(super) const MAX_COLUMNS: usize = 160;
/// As many rows that are all the same are kept of a model's repetition.
const MAX_SAME: usize = 30;
/// Most blank rows in a run.
const MAX_BLANK: usize = 3;
/// Columns between tab stops.
const TAB: usize = 4;

/// The rows, without common indent, and what had to be changed.
pub(super) fn rows(text: &str, issues: &mut Vec<Issue>) -> Vec<String> {
    let mut rows = Vec::new();
    let (mut same, mut blank, mut is_cut) = (0, 0, false);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    for (line, raw) in (1..).zip(text.split('\n')) {
        if rows.len() == MAX_ROWS {
            issues.push(Issue { line, kind: IssueKind::CutOff });
            rows.pop();
            rows.push(CUT.to_owned());
            break;
        }
        let row = row(raw, line, issues);
        blank = if row.is_empty() { blank + 1 } else { 0 };
        same = if rows.last() == Some(&row) { same + 1 } else { 0 };
        if blank > MAX_BLANK {
            continue;
        }
        if same == MAX_SAME {
            issues.push(Issue { line, kind: IssueKind::Repetition });
        }
        if same >= MAX_SAME {
            is_cut |= row.chars().any(char::is_alphanumeric);
            continue;
        }
        if std::mem::take(&mut is_cut) {
            let last: Option<String> = rows.last().map(|last: &String| shortened(last));
            rows.extend(last);
        }
        rows.push(row);
    }
    if is_cut {
        let last = rows.last().map(|last| shortened(last));
        rows.extend(last);
    }
    let first = rows.iter().position(|row| !row.is_empty()).unwrap_or(rows.len());
    rows.drain(..first);
    while rows.last().is_some_and(String::is_empty) {
        rows.pop();
    }
    undent(&mut rows, issues);
    let indent = rows
        .iter()
        .filter(|row| !row.is_empty())
        .map(|row| row.len() - row.trim_start_matches(' ').len())
        .min();
    if let Some(indent) = indent.filter(|indent| *indent > 0) {
        rows.iter_mut().filter(|row| !row.is_empty()).for_each(|row| drop(row.drain(..indent)));
    }
    rows
}

/// A first line whose indent was trimmed away gets that of the others back.
fn undent(rows: &mut [String], issues: &mut Vec<Issue>) {
    let indent = |row: &String| row.len() - row.trim_start_matches(' ').len();
    let rest = rows.iter().skip(1).filter(|row| !row.is_empty()).map(indent).min().unwrap_or(0);
    let Some(first) = rows.first_mut().filter(|first| indent(first) == 0 && rest > 0) else { return };
    if first.starts_with(['┌', '╔', '╭', '┏', '+']) && columns::width(first) + rest <= MAX_COLUMNS {
        issues.push(Issue { line: 1, kind: IssueKind::Uneven });
        first.insert_str(0, &" ".repeat(rest));
    }
}

/// A row that stands for many: its words are one `…`.
fn shortened(row: &str) -> String {
    let mut is_first = true;
    let shown = |c: char| match (c.is_alphanumeric(), is_first) {
        (false, _) => c,
        (true, false) => ' ',
        (true, true) => {
            is_first = false;
            '…'
        }
    };
    row.chars().map(shown).collect()
}

/// A character of a border carries no marks: they would have nothing to stand on when it is moved.
fn bare_border(cluster: String) -> String {
    let mut chars = cluster.chars();
    let Some(first) = chars.next().filter(|c| glyphs::is_line(*c)) else { return cluster };
    match (chars.clone().next().is_some(), chars.any(char::is_alphanumeric)) {
        (false, _) => cluster,
        (true, true) => format!("{first}{CUT}"),
        (true, false) => first.to_string(),
    }
}

/// One row without its trailing spaces.
fn row(raw: &str, line: usize, issues: &mut Vec<Issue>) -> String {
    let mut out = String::new();
    let mut column = 0;
    let mut found: Vec<IssueKind> = Vec::new();
    for cluster in raw.graphemes(true) {
        let shown = match cluster {
            "\t" => {
                found.push(IssueKind::Tab);
                " ".repeat(TAB - column % TAB)
            }
            cluster => {
                let shown = columns::cell_text(cluster);
                if shown != cluster {
                    let is_wide =
                        columns::width(cluster) > 1 || cluster.chars().next().is_some_and(|c| c > '\u{2000}');
                    found.push(if is_wide { IssueKind::Emoji } else { IssueKind::Invisible });
                }
                shown
            }
        };
        let shown = bare_border(shown);
        let size = columns::width(&shown);
        if column + size > MAX_COLUMNS {
            found.push(IssueKind::CutOff);
            while columns::width(&out) >= MAX_COLUMNS {
                out.pop();
            }
            out.push_str(CUT);
            break;
        }
        column += size;
        out.push_str(&shown);
    }
    found.dedup();
    issues.extend(found.into_iter().map(|kind| Issue { line, kind }));
    out.truncate(out.trim_end_matches(' ').len());
    out
}
