//! The layout as text whose lines and marks are ASCII, for e-mail, logs and old terminals.
//!
//! Letters of the story stay as they are; only what the drawing itself consists of is spelled in ASCII.

use super::{
    super::{
        layout::{self, Canvas, Cell, Line},
        options::{Platform, Style},
        tree::Wireframe,
    },
    unicode,
};

const HORIZONTAL: u8 = layout::LEFT | layout::RIGHT;

/// The picture of all screens one under another. Every row has exactly [`Platform::columns`] columns; without
/// screens the picture is empty.
pub fn render(wireframe: &Wireframe, platform: Platform, style: Style) -> String {
    unicode::join(&layout::plates(wireframe, platform, style), platform, canvas).replace('▼', "v")
}

fn canvas(canvas: &Canvas) -> String {
    let rows: Vec<String> = canvas.rows().iter().map(|row| row.iter().map(glyph).collect()).collect();
    rows.join("\n")
}

fn glyph(cell: &Cell) -> &str {
    match cell {
        Cell::Blank => " ",
        Cell::Covered => "",
        Cell::Cluster(cluster, _) => spelled(cluster),
        Cell::Arms(0, ..) => " ",
        Cell::Arms(arms, line, _) => {
            let horizontal = if *line == Line::Double { "=" } else { "-" };
            match (arms & HORIZONTAL, arms & !HORIZONTAL) {
                (_, 0) => horizontal,
                (0, _) => "|",
                _ => "+",
            }
        }
    }
}

/// The ASCII spelling, of the same width, of a character that the layout draws with.
fn spelled(cluster: &str) -> &str {
    match cluster {
        "─" | "╌" | "┄" | "—" | "–" => "-",
        "━" | "═" => "=",
        "│" | "┃" | "┊" | "║" => "|",
        "┌" | "┐" | "└" | "┘" | "├" | "┤" | "┬" | "┴" | "┼" => "+",
        "░" => ".",
        "█" => "#",
        "•" | "●" => "*",
        "◉" => "@",
        "○" => "o",
        "▸" | "→" | "▶" => ">",
        "←" => "<",
        "▼" => "v",
        "▌" => ":",
        "≡" => "=",
        "□" => "#",
        "·" => ".",
        "★" => "*",
        "☆" => "o",
        "…" => "~",
        "✓" => "v",
        other => other,
    }
}
