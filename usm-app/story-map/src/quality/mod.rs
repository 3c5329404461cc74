//! What is wrong with a map as far as rules can tell: a score, and issues with their places and fixes.
//!
//! ```
//! # use story_map::{StoryMap, quality};
//! # let map: StoryMap = serde_json::from_str(r#"{ "name": "Shop", "activities": [] }"#).unwrap();
//! let report = quality::check(&map);
//! assert_eq!((report.score, report.issues[0].rule), (0, quality::Rule::NoStories));
//! ```

mod filler;
mod find;
mod rules;
#[cfg(test)]
mod tests;
mod words;

use serde::Serialize;

use super::{StoryMap, export::markdown::language, place::Place};
pub(crate) use filler::is_empty_criterion;
use find::Findings;
pub use rules::{Rule, Severity};
pub use words::two_steps;

/// What the rules say about a map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// From 0 to 100. Each rule takes its weight times the share of the things it looks at that break it, so a map
    /// twice as large with twice as many issues scores the same. 100 means that no rule is broken.
    pub score: u8,
    /// Worst first, in map order.
    pub issues: Vec<Issue>,
}

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Issue {
    /// Which one.
    pub rule: Rule,
    /// How bad that is.
    pub severity: Severity,
    /// Where.
    pub place: Place,
    /// What is wrong, in the language of the map.
    pub message: String,
    /// What to do about it.
    pub fix: String,
}

impl Report {
    /// How many issues are this bad.
    pub fn count(&self, severity: Severity) -> usize {
        self.issues.iter().filter(|issue| issue.severity == severity).count()
    }
}

/// Holds the map against every rule.
pub fn check(map: &StoryMap) -> Report {
    let language = language(map);
    let findings = find::find(map);
    let score = score(&findings);
    let mut issues: Vec<Issue> = findings
        .broken
        .into_iter()
        .map(|finding| {
            let row = finding.rule.row();
            let (message, fix) = row.texts(language, &finding.values);
            Issue { rule: finding.rule, severity: row.severity, place: finding.place, message, fix }
        })
        .collect();
    issues.sort_by_key(|issue| issue.severity);
    Report { score, issues }
}

fn score(findings: &Findings) -> u8 {
    let mut lost = 0.0;
    for row in rules::RULES {
        let broken = findings.broken.iter().filter(|finding| finding.rule == row.rule).count();
        let looked_at = findings.looked_at(row.of).max(broken).max(1);
        lost += f64::from(row.weight) * broken as f64 / looked_at as f64;
    }
    let best = if findings.broken.is_empty() { 100.0 } else { 99.0 };
    // Between 0 and 100, so nothing is cut off.
    (100.0 - lost).round().clamp(0.0, best) as u8
}
