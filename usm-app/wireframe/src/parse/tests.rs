//! Drawings as models send them: each ugly answer with what becomes of it, and what must hold for any text at all.
//!
//! An answer is `corpus/NN-name.in.txt`, its outcome `corpus/NN-name.out.txt`; `USM_UPDATE_GOLDEN=1` writes the outcomes.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{env, fs, path::PathBuf};

use proptest::{collection::vec, prelude::*, sample::select};

use super::{super::layout::testing::any_text, read, repair::repair};
use story_map::columns;

fn corpus() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/parse/corpus");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(".in.txt"));
    files.sort();
    files
}

/// What became of an answer, for people to read.
fn outcome(answer: &str) -> String {
    let Some(found) = read(answer) else { return "no drawing\n".to_owned() };
    let list = |name: &str, lines: &[String]| {
        lines.iter().map(|line| format!("{name}: {line}\n")).collect::<String>()
    };
    let report = &found.report;
    format!(
        "{}\n---\nlayout: {}\n{}{}{}report: {} x {}, repaired {}, truncated {}\n{}",
        found.picture,
        found.layout_description,
        list("element", &found.ui_elements),
        list("navigation", &found.navigation),
        list("note", &found.notes),
        report.width,
        report.height,
        report.repaired,
        report.truncated,
        list("issue", &report.sentences()),
    )
}

#[test]
fn every_ugly_answer_has_its_outcome() {
    let files = corpus();
    assert!(files.len() >= 20, "{} answers", files.len());
    for path in files {
        let answer = String::from_utf8(fs::read(&path).unwrap()).unwrap();
        let outcome = outcome(&answer);
        let expected = PathBuf::from(path.to_string_lossy().replace(".in.txt", ".out.txt"));
        if env::var_os("USM_UPDATE_GOLDEN").is_some() {
            fs::write(&expected, &outcome).unwrap();
            continue;
        }
        let expected = fs::read_to_string(&expected).unwrap_or_default();
        assert!(expected == outcome, "{} became\n{outcome}", path.display());
    }
}

#[test]
fn every_drawing_of_the_corpus_is_straight_afterwards() {
    for path in corpus() {
        let answer = String::from_utf8(fs::read(&path).unwrap()).unwrap();
        let Some(found) = read(&answer) else { continue };
        if found.report.truncated || found.picture.contains('…') || found.picture.contains("↓") {
            continue;
        }
        assert_corners_meet(&found.picture, &path.display().to_string());
    }
}

/// Checked here in its own way: what leaves a corner is met.
fn assert_corners_meet(picture: &str, name: &str) {
    let grid: Vec<Vec<String>> = picture
        .lines()
        .map(|line| {
            let clusters = unicode_segmentation::UnicodeSegmentation::graphemes(line, true);
            clusters
                .flat_map(|cluster| {
                    let more = columns::width(cluster).saturating_sub(1);
                    std::iter::once(cluster.to_owned()).chain(vec![String::new(); more])
                })
                .collect()
        })
        .collect();
    let at = |y: usize, x: usize| grid.get(y).and_then(|row| row.get(x)).map_or(" ", String::as_str);
    for (y, row) in grid.iter().enumerate() {
        for (x, cell) in row.iter().enumerate() {
            let down = matches!(cell.as_str(), "┌" | "┐" | "┬" | "╔" | "╗" | "╭" | "╮");
            let up = matches!(cell.as_str(), "┘" | "┴" | "╚" | "╝" | "╰" | "╯");
            let met = |y: usize| {
                matches!(
                    at(y, x),
                    "│" | "┌"
                        | "┐"
                        | "└"
                        | "┘"
                        | "├"
                        | "┤"
                        | "┬"
                        | "┴"
                        | "┼"
                        | "║"
                        | "╔"
                        | "╗"
                        | "╚"
                        | "╝"
                        | "╠"
                        | "╣"
                        | "╬"
                        | "╭"
                        | "╮"
                        | "╰"
                        | "╯"
                        | "╦"
                        | "╩"
                )
            };
            assert!(!down || met(y + 1), "{name}: nothing below {cell} at {y}:{x}\n{picture}");
            assert!(!up || y > 0 && met(y - 1), "{name}: nothing above {cell} at {y}:{x}\n{picture}");
        }
    }
}

/// Whether every letter and digit of one text is in the other as often.
fn keeps_letters(before: &str, after: &str) -> bool {
    let count = |text: &str| {
        let mut counted = std::collections::HashMap::new();
        // A letter in a box is kept as that letter.
        let counts = |c: &char| c.is_alphanumeric() && !('\u{1f130}'..='\u{1f189}').contains(c);
        text.chars().filter(counts).for_each(|c| *counted.entry(c).or_insert(0) += 1);
        counted
    };
    let after = count(after);
    count(before).iter().all(|(letter, times)| after.get(letter).is_some_and(|kept| kept >= times))
}

/// A drawing that was straight once and has been spoiled.
fn spoiled() -> impl Strategy<Value = String> {
    let row = ("[А-Яа-я0-9 ]{0,24}", 0usize..4, select(vec!["│", "|", "", "┃"]));
    (vec(row, 0..9), select(vec!["┌─┐└┘", "+-++ +", "╔═╗╚╝", "╭─╮╰╯"]), 18usize..26).prop_map(
        |(rows, set, width)| {
            let set: Vec<char> = set.chars().collect();
            let line = |left: char, right: char| format!("{left}{}{right}", set[1].to_string().repeat(width));
            let mut lines = vec![line(set[0], set[2])];
            for (text, drift, end) in rows {
                let side = if set[0] == '+' { "|" } else { "│" };
                lines.push(format!(
                    "{side} {text}{}{}",
                    " ".repeat((width + drift).saturating_sub(text.chars().count() + 3)),
                    end
                ));
            }
            lines.push(line(set[3], *set.last().unwrap_or(&'+')));
            lines.join("\n")
        },
    )
}

fn any_drawing() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => select(vec!["│", "─", "┌", "┐", "└", "┘", "├", "┤", "┬", "┴", "┼", "|", "+", "--", "==", "║", "═", "╔", "╗", " ", "  ", "\t", "\n", "\n", "…", "👍🏽", "漢", "é", "А1", "б", "├─ "]).prop_map(str::to_owned),
        1 => any_text(),
    ];
    prop_oneof![3 => vec(piece, 0..60).prop_map(|pieces| pieces.concat()), 3 => spoiled(), 1 => any::<String>()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn straightening_twice_is_straightening_once(drawing in any_drawing()) {
        let (once, _) = repair(&drawing);
        let (twice, report) = repair(&once);
        prop_assert_eq!(&twice, &once);
        prop_assert!(!report.repaired);
    }

    #[test]
    fn no_letter_or_digit_is_lost_unseen(drawing in any_drawing()) {
        let (straight, _) = repair(&drawing);
        prop_assert!(keeps_letters(&drawing, &straight) || straight.contains('…'), "{:?}\n{}", drawing, straight);
    }

    #[test]
    fn rows_are_of_equal_width_and_few(drawing in any_drawing()) {
        let (straight, report) = repair(&drawing);
        let widths: Vec<usize> = straight.lines().map(columns::width).collect();
        prop_assert!(widths.windows(2).all(|pair| pair[0] == pair[1]), "{}", straight);
        prop_assert!(report.width <= 160 && report.height <= 200, "{} x {}", report.width, report.height);
    }

    #[test]
    fn a_box_that_was_spoiled_is_straight_again(drawing in spoiled()) {
        assert_corners_meet(&repair(&drawing).0, "spoiled");
    }

    #[test]
    fn any_answer_can_be_read(answer in any_drawing(), around in any_text()) {
        if let Some(found) = read(&format!("{around}\n```{around}\n{answer}\n```\n## UI Elements\n- {around}")) {
            prop_assert!(found.picture.chars().any(char::is_alphanumeric));
        }
    }
}

#[test]
fn a_straight_drawing_is_left_as_it_is() {
    for drawing in [
        "┌─ Вход ──────┐\n│ Email [___] │\n├─────────────┤\n│ ┌───┬──────┐│\n│ │ а │ 漢字 ││\n│ └───┴──────┘│\n└─────────────┘",
        "+-----+-----+\n| a   | b   |\n+-----+-----+\n| 1   | 2   |\n+-----+-----+",
        "╔═══════╗\n║ Да|Нет ║\n╚═══════╝".replace("═══════", "════════").as_str(),
        "╭────────────╮\n│ Корень     │\n│ ├─ ветка   │\n│ │  └─ лист │\n│ └─ ветка   │\n╰────────────╯",
        "просто текст  ",
        "",
    ] {
        let drawing = drawing.trim_end();
        let (straight, report) = repair(drawing);
        assert_eq!(straight, drawing);
        assert!(!report.repaired && report.issues.is_empty(), "{report:?}");
    }
}

#[test]
fn a_thousand_times_the_text_is_a_bounded_amount_of_work() {
    // Rows and columns over the limits are not looked at, so the outcome is as bounded as the work.
    let wide = format!("┌{}┐\n│ {} │", "─".repeat(100_000), "слово ".repeat(20_000));
    let long = "│ строка │\n".repeat(100_000);
    for drawing in [wide, long, "├".repeat(150_000), "┌\n".repeat(90_000)] {
        let (straight, report) = repair(&drawing);
        assert!(
            report.truncated && report.height <= 200 && report.width <= 160,
            "{} x {}",
            report.width,
            report.height
        );
        assert!(straight.len() <= 200 * 161 * 4);
        assert!(read(&format!("```\n{drawing}\n```")).is_none_or(|found| found.report.height <= 201));
    }
}
