//! Straightens box drawings: every vertical line of a box in one column, every corner where lines meet, every row of
//! equal width.
//!
//! Straightening what is straight changes nothing, and what comes out is straight: [`repair`] of its own result is
//! that result. A drawing that cannot be straightened is shown as plain text in one frame. No letter or digit gets
//! lost without an `…`. The work is proportional to the text: at most 200 rows of at most 160 columns are
//! looked at, each a fixed number of times.

use serde::{Deserialize, Serialize};

use super::{
    clean::{self, MAX_COLUMNS, MAX_ROWS},
    glyphs::{self, Set},
    tracks,
};
use story_map::columns::{self, CUT};

/// What was found wrong with a drawing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Whether anything was changed.
    pub repaired: bool,
    /// Whether something was cut off.
    pub truncated: bool,
    /// Columns of the widest row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// What was wrong, at most [`MAX_ISSUES`] of it.
    pub issues: Vec<Issue>,
}

/// Most issues named in a report.
pub const MAX_ISSUES: usize = 40;

/// One thing that was wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// Line of the drawing as it came, counted from 1.
    pub line: usize,
    /// What was wrong there.
    pub kind: IssueKind,
}

/// What can be wrong with a drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IssueKind {
    /// A tab, whose width nobody knows.
    Tab,
    /// An emoji, about whose width terminals disagree.
    Emoji,
    /// A character without width.
    Invisible,
    /// A border or text that was not in its column.
    Uneven,
    /// A border row that was missing.
    MissingBorder,
    /// The same row over and over.
    Repetition,
    /// Too long or too wide.
    CutOff,
    /// No boxes to straighten; shown as text in a frame.
    Reframed,
}

impl IssueKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Tab => "tabs were replaced in lines",
            Self::Emoji => "emoji were replaced in lines",
            Self::Invisible => "invisible characters were left out of lines",
            Self::Uneven => "borders were straightened in lines",
            Self::MissingBorder => "a missing border was added at lines",
            Self::Repetition => "a repetition was shortened at lines",
            Self::CutOff => "too much was cut off at lines",
            Self::Reframed => "the boxes could not be straightened and were replaced by one frame, line",
        }
    }
}

impl Report {
    pub(super) fn add(&mut self, other: Self) {
        self.repaired |= other.repaired;
        self.truncated |= other.truncated;
        let room = MAX_ISSUES.saturating_sub(self.issues.len());
        self.issues.extend(other.issues.into_iter().take(room));
    }

    /// What was wrong, as sentences: each kind once, with the lines.
    pub fn sentences(&self) -> Vec<String> {
        let mut kinds: Vec<IssueKind> = Vec::new();
        for issue in &self.issues {
            if !kinds.contains(&issue.kind) {
                kinds.push(issue.kind);
            }
        }
        let sentence = |kind: &IssueKind| {
            let lines =
                self.issues.iter().filter(|issue| issue.kind == *kind).map(|issue| issue.line.to_string());
            format!("{}: {}", kind.as_str(), lines.take(8).collect::<Vec<_>>().join(", "))
        };
        kinds.iter().map(sentence).collect()
    }

    pub(super) fn measure(&mut self, picture: &str) {
        self.width = picture.lines().map(columns::width).max().unwrap_or(0);
        self.height = picture.lines().count();
    }
}

/// The drawing, straight, and what was wrong with it.
pub fn repair(drawing: &str) -> (String, Report) {
    let mut issues = Vec::new();
    let rows = clean::rows(drawing, &mut issues);
    let cleaned = rectangle(&rows);
    let mut straight = straightened(&rows, &mut issues);
    // A second look sees what the first has put in order; a third is only to see that nothing moves any more.
    for _ in 0..2 {
        let again = straightened(&split(&straight), &mut Vec::new());
        if again == straight {
            return report(drawing, straight, issues);
        }
        straight = again;
    }
    if straightened(&split(&straight), &mut Vec::new()) != straight {
        issues.push(Issue { line: 1, kind: IssueKind::Reframed });
        straight = framed(&cleaned);
    }
    report(drawing, straight, issues)
}

fn report(drawing: &str, straight: String, mut issues: Vec<Issue>) -> (String, Report) {
    let truncated =
        issues.iter().any(|issue| matches!(issue.kind, IssueKind::CutOff | IssueKind::Repetition));
    issues.truncate(MAX_ISSUES);
    let repaired = straight != drawing;
    if repaired {
        let (before, after): (Vec<&str>, Vec<&str>) =
            (drawing.split('\n').collect(), straight.split('\n').collect());
        if before.len() == after.len() {
            let rows = before.iter().zip(&after).enumerate();
            let changed = rows
                .filter(|(_, (before, after))| before.trim_end() != after.trim_end())
                .map(|(row, _)| row + 1);
            let said: Vec<usize> = issues.iter().map(|issue| issue.line).collect();
            let new = changed.filter(|line| !said.contains(line));
            issues.extend(new.map(|line| Issue { line, kind: IssueKind::Uneven }));
            issues.truncate(MAX_ISSUES);
        }
    }
    let mut report = Report { repaired, truncated, issues, ..Report::default() };
    report.measure(&straight);
    (straight, report)
}

/// One look at a drawing.
fn straightened(rows: &[String], issues: &mut Vec<Issue>) -> String {
    let has_unicode = rows.iter().flat_map(|row| row.chars()).any(glyphs::is_unicode_line);
    let set = if has_unicode { Set::Light } else { Set::Ascii };
    rectangle(&tracks::straighten(rows, set, issues))
}

fn split(text: &str) -> Vec<String> {
    let mut none = Vec::new();
    clean::rows(text, &mut none)
}

/// Rows filled up to the width of the widest.
fn rectangle(rows: &[String]) -> String {
    let width = rows.iter().map(|row| columns::width(row)).max().unwrap_or(0);
    let fill = |row: &String| format!("{row}{}", " ".repeat(width - columns::width(row)));
    rows.iter().map(fill).collect::<Vec<_>>().join("\n")
}

/// The words of a drawing in one frame.
fn framed(text: &str) -> String {
    let words = |row: &str| -> String {
        let bare: String = row.chars().map(|c| if is_border(c) { ' ' } else { c }).collect();
        columns::cut(bare.trim_end(), MAX_COLUMNS - 4)
    };
    let mut rows: Vec<String> = Vec::new();
    for row in text.split('\n').map(words).filter(|row| !row.is_empty()) {
        match rows.last() {
            Some(last) if *last == row || last == CUT && rows.iter().rev().nth(1) == Some(&row) => {
                if last != CUT {
                    rows.push(CUT.to_owned());
                }
            }
            _ if rows.len() < MAX_ROWS - 3 => rows.push(row),
            _ => {
                rows.push(CUT.to_owned());
                break;
            }
        }
    }
    let width = rows.iter().map(|row| columns::width(row)).max().unwrap_or(0).max(1);
    let edge = "─".repeat(width + 2);
    let mut framed = vec![format!("┌{edge}┐")];
    framed.extend(rows.iter().map(|row| format!("│ {} │", columns::pad(row, width))));
    framed.push(format!("└{edge}┘"));
    framed.join("\n")
}

fn is_border(c: char) -> bool {
    glyphs::arms(c).is_some() || glyphs::is_horizontal(c) || matches!(c, '|' | '+')
}
