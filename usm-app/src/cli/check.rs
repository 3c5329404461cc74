//! `usm check`: what rules say about a map, and which stories are alike. No AI is asked.

use std::io::IsTerminal;

use serde_json::json;

use super::{failure::Failure, number, out, projects};
use crate::config::Config;
use story_map::Language;
use story_map::StoryMap;
use story_map::columns::{pad, wrap};
use story_map::export::markdown;
use story_map::quality::{self, Issue, Report, Severity};
use story_map::similarity::{self, Kind, Pair};

/// Columns where there is no terminal to ask.
const WIDTH: usize = 120;
/// Narrower than this, sentences are hard to read.
const NARROWEST: usize = 60;
/// Lines longer than this are, too.
const WIDEST: usize = 160;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The project, as `usm generate` and `usm import` print it
    #[arg(value_parser = number::project)]
    project: i64,
    /// The report as one JSON document
    #[arg(long)]
    json: bool,
    /// Fail, with exit code 1, when the score is below this; for scripts
    #[arg(long, value_name = "SCORE", value_parser = clap::value_parser!(u8).range(0..=100))]
    fail_under: Option<u8>,
}

pub(super) async fn run(args: Args, config: Config) -> Result<(), Failure> {
    let map = projects::load(&config, args.project).await?;
    let report = quality::check(&map);
    let similar = similarity::similar(&map);
    if args.json {
        out::pretty(&json!({
            "project_id": args.project,
            "name": map.name,
            "score": report.score,
            "issues": report.issues,
            "similar": similar,
        }));
    } else {
        let terminal = terminal_size::terminal_size_of(std::io::stdout());
        let width =
            terminal.filter(|_| std::io::stdout().is_terminal()).map_or(WIDTH, |(width, _)| width.0.into());
        out::line(&shown(&map, &report, &similar, width.clamp(NARROWEST, WIDEST)));
    }
    match args.fail_under {
        Some(least) if report.score < least => Err(Failure::failed(anyhow::anyhow!(
            "the map of project {} scores {}, and --fail-under asks for {least}",
            args.project,
            report.score
        ))),
        _ => Ok(()),
    }
}

/// The whole report for people, in the language of the map.
fn shown(map: &StoryMap, report: &Report, similar: &[Pair], width: usize) -> String {
    let language = markdown::language(map);
    let [errors, warnings, notes] =
        [Severity::Error, Severity::Warning, Severity::Note].map(|severity| report.count(severity));
    let head = match language {
        Language::Russian => format!(
            "{}: {} из 100; ошибок {errors}, предупреждений {warnings}, замечаний {notes}",
            map.name, report.score
        ),
        Language::English => {
            format!(
                "{}: {} of 100; errors {errors}, warnings {warnings}, notes {notes}",
                map.name, report.score
            )
        }
    };
    let mut lines = wrap(&head, width);
    if !report.issues.is_empty() {
        let heads = match language {
            Language::Russian => ["", "МЕСТО", "ЧТО НЕ ТАК", "ЧТО СДЕЛАТЬ"],
            Language::English => ["", "PLACE", "WHAT IS WRONG", "WHAT TO DO"],
        };
        lines.push(String::new());
        lines.extend(rows(heads, report.issues.iter().map(issue), width));
    }
    lines.push(String::new());
    if similar.is_empty() {
        lines.push(language.pick("Похожих историй нет", "No stories are alike").to_owned());
    } else {
        let heads = match language {
            Language::Russian => ["", "СХОДСТВО", "ИСТОРИЯ", "ПОХОЖАЯ"],
            Language::English => ["", "SCORE", "STORY", "LIKE"],
        };
        lines.extend(rows(heads, similar.iter().map(pair), width));
    }
    let signs = language.pick(
        "✗ ошибка  ! предупреждение или повтор  · замечание или сходство",
        "✗ error  ! warning or duplicate  · note or likeness",
    );
    if !report.issues.is_empty() || !similar.is_empty() {
        lines.extend([String::new(), signs.to_owned()]);
    }
    lines.join("\n")
}

fn issue(issue: &Issue) -> [String; 4] {
    let sign = match issue.severity {
        Severity::Error => "✗",
        Severity::Warning => "!",
        Severity::Note => "·",
    };
    let place = if issue.place.number.is_empty() { "—" } else { &issue.place.number };
    [sign.to_owned(), place.to_owned(), issue.message.clone(), issue.fix.clone()]
}

fn pair(pair: &Pair) -> [String; 4] {
    let sign = if pair.kind == Kind::Duplicate { "!" } else { "·" };
    let [first, second] =
        [&pair.first, &pair.second].map(|place| format!("{} {}", place.number, place.title()));
    [sign.to_owned(), format!("{:.2}", pair.score), first, second]
}

/// A table whose last two columns share what is left of the width, and wrap.
fn rows(heads: [&str; 4], cells: impl Iterator<Item = [String; 4]>, width: usize) -> Vec<String> {
    let rows: Vec<[String; 4]> = std::iter::once(heads.map(str::to_owned)).chain(cells).collect();
    let second = rows.iter().map(|row| story_map::columns::width(&row[1])).max().unwrap_or(0);
    // One column for the sign, one space behind it, and two between the others.
    let half = width.saturating_sub(1 + 1 + second + 2 + 2) / 2;
    let mut lines = Vec::new();
    for [sign, place, left, right] in &rows {
        let (left, right) = (wrap(left, half), wrap(right, half));
        for index in 0..left.len().max(right.len()).max(1) {
            let (sign, place) = if index == 0 { (sign.as_str(), place.as_str()) } else { ("", "") };
            let cell = |cells: &[String]| cells.get(index).cloned().unwrap_or_default();
            let line = format!(
                "{} {}  {}  {}",
                pad(sign, 1),
                pad(place, second),
                pad(&cell(&left), half),
                cell(&right)
            );
            lines.push(line.trim_end().to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use story_map::columns;
    use story_map::export::sample;

    #[test]
    fn a_report_stays_within_the_width_and_names_every_issue() {
        let mut map = sample::map();
        map.activities[1].tasks[0].stories[0].title = map.activities[0].tasks[0].stories[0].title.clone();
        map.activities[1].tasks[0].stories[0].description =
            map.activities[0].tasks[0].stories[0].description.clone();
        let (report, similar) = (quality::check(&map), similarity::similar(&map));

        let text = shown(&map, &report, &similar, 80);

        assert!(text.lines().all(|line| columns::width(line) <= 80), "{text}");
        assert!(text.starts_with("Доставка еды «Обед»: "), "{text}");
        assert!(text.contains("2.1.2  У истории «Оценить <курьера>» нет"), "{text}");
        assert!(text.contains("1.1.1 Найти ресторан по адресу"), "{text}");
    }

    #[test]
    fn nothing_wrong_is_said_in_two_lines() {
        let report = Report { score: 100, issues: Vec::new() };

        let text = shown(&sample::map(), &report, &[], 80);

        assert_eq!(
            text,
            "Доставка еды «Обед»: 100 из 100; ошибок 0, предупреждений 0, замечаний 0\n\nПохожих историй нет"
        );
    }
}
