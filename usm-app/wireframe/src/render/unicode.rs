//! The layout as text with box-drawing characters.

use super::super::{
    layout::{self, Canvas, Cell, Line},
    options::{Platform, Style},
    tree::{Screen, Wireframe},
};

const LIGHT: [&str; 16] = [" ", "╵", "╶", "└", "╷", "│", "┌", "├", "╴", "┘", "─", "┴", "┐", "┤", "┬", "┼"];
const DOUBLE: [&str; 16] = [" ", "║", "═", "╚", "║", "║", "╔", "╠", "═", "╝", "═", "╩", "╗", "╣", "╦", "╬"];
const ROUND: [&str; 16] = [" ", "╵", "╶", "╰", "╷", "│", "╭", "├", "╴", "╯", "─", "┴", "╮", "┤", "┬", "┼"];

/// The picture of one screen. Every row has exactly [`Platform::columns`] columns.
pub fn screen(screen: &Screen, platform: Platform, style: Style) -> String {
    canvas(&layout::screen(screen, platform, style))
}

/// The picture of all screens one under another, in component style that of the main component in its states.
/// Every row has exactly [`Platform::columns`] columns; without screens the picture is empty.
pub fn render(wireframe: &Wireframe, platform: Platform, style: Style) -> String {
    join(&layout::plates(wireframe, platform, style), platform, canvas)
}

/// Plates one under another, with the way to each of them above it.
pub(super) fn join(plates: &[layout::Plate], platform: Platform, draw: fn(&Canvas) -> String) -> String {
    let mut out = String::new();
    for plate in plates {
        if let Some(way) = &plate.way {
            let arrow = format!("▼ {}", way.on);
            out.push_str(&story_map::columns::centre(arrow.trim_end(), platform.columns()));
            out.push('\n');
        }
        out.push_str(&draw(&plate.canvas));
        out.push('\n');
    }
    out.pop();
    out
}

/// The rows, each of exactly the canvas' width.
pub(crate) fn canvas(canvas: &Canvas) -> String {
    let rows: Vec<String> = canvas.rows().iter().map(|row| row.iter().map(glyph).collect()).collect();
    rows.join("\n")
}

fn glyph(cell: &Cell) -> &str {
    match cell {
        Cell::Blank => " ",
        Cell::Cluster(cluster, _) => cluster,
        Cell::Covered => "",
        Cell::Arms(arms, line, _) => {
            let set = match line {
                Line::Light => &LIGHT,
                Line::Double => &DOUBLE,
                Line::Round => &ROUND,
            };
            set[usize::from(arms & 15)]
        }
    }
}
