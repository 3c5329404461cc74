//! What stands in the cells themselves: words, lines, grey blocks, steps.

use super::{
    super::super::layout::{Canvas, Cell, DOWN, LEFT, Look, Mark, RIGHT, UP, Voice},
    CELL,
    pen::Pen,
};

/// How the words in a part of a row look.
#[derive(Debug, Clone, Copy)]
struct Tone {
    from: usize,
    to: usize,
    class: &'static str,
    is_centred: bool,
}

/// Draws everything that is not hidden behind a shape.
pub(super) fn draw(pen: &mut Pen, canvas: &Canvas) {
    lines(pen, canvas);
    let tones = tones(canvas);
    for (y, row) in canvas.rows().iter().enumerate() {
        words(pen, row, y, tones.get(y).map_or(&[], Vec::as_slice));
    }
}

/// The tones of every row, later ones more special than those before.
fn tones(canvas: &Canvas) -> Vec<Vec<Tone>> {
    let mut rows = vec![Vec::new(); canvas.height()];
    for Mark { x, y, width, height, look } in canvas.marks() {
        let class = match look {
            Look::Header => "header",
            Look::Muted => "muted",
            Look::Problem => "bad",
            Look::StateName => "state",
            Look::TableHead => "head",
            Look::Centred => "",
            _ => continue,
        };
        let is_centred = *look == Look::Centred;
        for row in rows.iter_mut().skip(*y).take(*height) {
            row.push(Tone { from: *x, to: x + width, class, is_centred });
        }
    }
    rows
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Word,
    Grey,
    Rule,
    Dashes,
    Track,
    TrackAhead,
    Step,
    Branch(u8),
}

fn class(cluster: &str) -> Class {
    match cluster {
        "░" => Class::Grey,
        "─" => Class::Rule,
        "╌" => Class::Dashes,
        "━" => Class::Track,
        "┄" => Class::TrackAhead,
        "●" | "◉" | "○" => Class::Step,
        "│" | "┃" | "┊" => Class::Branch(UP | DOWN),
        "├" => Class::Branch(UP | DOWN | RIGHT),
        "└" => Class::Branch(UP | RIGHT),
        _ => Class::Word,
    }
}

/// Runs of one class in a row; words are held together by single spaces.
fn words(pen: &mut Pen, row: &[Cell], y: usize, tones: &[Tone]) {
    let mut run: Option<(Class, usize, usize, String)> = None;
    for (x, cell) in row.iter().enumerate() {
        match cell {
            Cell::Cluster(cluster, Voice::Loud) if !cluster.trim().is_empty() => {
                let kind = class(cluster);
                let size = 1 + row[x + 1..].iter().take_while(|cell| matches!(cell, Cell::Covered)).count();
                match &mut run {
                    Some((class, _, end, text))
                        if *class == kind && (x == *end || kind == Class::Word && x <= *end + 1) =>
                    {
                        if x > *end {
                            text.push(' ');
                        }
                        text.push_str(cluster);
                        *end = x + size;
                    }
                    _ => {
                        flush(pen, run.take(), row, y, tones);
                        run = Some((kind, x, x + size, cluster.clone()));
                    }
                }
            }
            Cell::Covered => {}
            _ => {
                let is_gap = matches!(cell, Cell::Blank)
                    || matches!(cell, Cell::Cluster(text, Voice::Loud) if text == " ");
                if !is_gap || run.as_ref().is_some_and(|(_, _, end, _)| x > *end) {
                    flush(pen, run.take(), row, y, tones);
                }
            }
        }
    }
    flush(pen, run, row, y, tones);
}

fn flush(pen: &mut Pen, run: Option<(Class, usize, usize, String)>, row: &[Cell], y: usize, tones: &[Tone]) {
    let Some((class, from, to, text)) = run else { return };
    let (left, width) = (from as f64 * CELL.0, (to - from) as f64 * CELL.0);
    let middle = (y as f64 + 0.5) * CELL.1;
    let line = |pen: &mut Pen, class| pen.line((left, middle), (left + width, middle), class);
    match class {
        Class::Word => match tones.iter().rev().find(|tone| (tone.from..tone.to).contains(&from)) {
            Some(tone) if tone.is_centred => {
                let at = (tone.from + tone.to) as f64 * CELL.0 / 2.0;
                pen.centred((at, middle + 5.0), tone.class, &text, width);
            }
            tone => {
                let room = (free_until(row, to) - from) as f64 * CELL.0;
                pen.text((left, middle + 5.0), tone.map_or("", |tone| tone.class), &text, room);
            }
        },
        Class::Grey => pen.rect((left, middle - 5.0), (width - 2.0, 10.0), 5.0, "grey"),
        Class::Rule => line(pen, "line"),
        Class::Dashes => line(pen, "line dash"),
        Class::Track => pen.rect((left, middle - 1.5), (width, 3.0), 0.0, "accent"),
        Class::TrackAhead => line(pen, "line"),
        Class::Step => step(pen, (left + CELL.0 / 2.0, middle), &text),
        Class::Branch(arms) => branch(pen, (left + CELL.0 / 2.0, middle), arms),
    }
}

/// Where the blank cells from `at` on end, one short of what comes next: bold words may need them.
fn free_until(row: &[Cell], at: usize) -> usize {
    let is_blank = |cell: &Cell| match cell {
        Cell::Blank => true,
        Cell::Cluster(text, _) => text == " ",
        Cell::Covered | Cell::Arms(..) => false,
    };
    let next = row.iter().skip(at).position(|cell| !is_blank(cell));
    next.map_or(row.len(), |blank| (at + blank).saturating_sub(1)).max(at)
}

fn step(pen: &mut Pen, at: (f64, f64), sign: &str) {
    match sign {
        "○" => pen.circle(at, 6.0, "ring"),
        _ => {
            pen.circle(at, 7.0, "accent");
            match sign {
                "◉" => pen.circle(at, 3.0, "knob"),
                _ => pen.path(&format!("M{} {}l2 2.200l4-4.600", at.0 - 3.0, at.1 + 0.3), "check"),
            }
        }
    }
}

fn branch(pen: &mut Pen, at: (f64, f64), arms: u8) {
    let (x, y) = at;
    let up = if arms & UP > 0 { y - CELL.1 / 2.0 } else { y };
    let down = if arms & DOWN > 0 { y + CELL.1 / 2.0 } else { y };
    pen.line((x, up), (x, down), "line");
    if arms & RIGHT > 0 {
        pen.line((x, y), (x + CELL.0, y), "line");
    }
}

/// Lines of the grid, as long as they are, in half cells.
fn lines(pen: &mut Pen, canvas: &Canvas) {
    let (width, height) = (canvas.width(), canvas.height());
    for y in 0..height {
        let middle = (y as f64 + 0.5) * CELL.1;
        for (from, to) in spans(width, |x| arms(canvas, x, y), (LEFT, RIGHT)) {
            pen.line((from * CELL.0, middle), (to * CELL.0, middle), "line");
        }
    }
    for x in 0..width {
        let middle = (x as f64 + 0.5) * CELL.0;
        for (from, to) in spans(height, |y| arms(canvas, x, y), (UP, DOWN)) {
            pen.line((middle, from * CELL.1), (middle, to * CELL.1), "line");
        }
    }
}

fn arms(canvas: &Canvas, x: usize, y: usize) -> (u8, Voice) {
    match canvas.rows().get(y).and_then(|row| row.get(x)) {
        Some(Cell::Arms(arms, _, voice)) => (*arms, *voice),
        _ => (0, Voice::Silent),
    }
}

/// Where a line runs along a row or column, in cells. A silent cell, part of a shape's edge, is reached up to its middle
/// by a line that ends in it.
fn spans(length: usize, arms: impl Fn(usize) -> (u8, Voice), (back, ahead): (u8, u8)) -> Vec<(f64, f64)> {
    let loud = |at: Option<usize>| at.is_some_and(|at| at < length && arms(at).1 == Voice::Loud);
    let mut found: Vec<(f64, f64)> = Vec::new();
    for at in 0..length {
        let (has, voice) = arms(at);
        let before = has & back > 0 && (voice == Voice::Loud || loud(at.checked_sub(1)));
        let after = has & ahead > 0 && (voice == Voice::Loud || loud(Some(at + 1)));
        let start = at as f64 + if before { 0.0 } else { 0.5 };
        let end = at as f64 + if after { 1.0 } else { 0.5 };
        if end <= start {
            continue;
        }
        match found.last_mut() {
            Some(last) if (last.1 - start).abs() < 0.01 => last.1 = end,
            _ => found.push((start, end)),
        }
    }
    found
}
