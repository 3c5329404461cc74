//! Characters that lines are drawn with, and the arms by which they meet.

pub(super) const UP: u8 = 1;
pub(super) const RIGHT: u8 = 2;
pub(super) const DOWN: u8 = 4;
pub(super) const LEFT: u8 = 8;

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Set {
    Ascii,
    Light,
    Heavy,
    Double,
    Round,
    /// A junction of lines of two looks.
    Mixed,
}

const TABLES: [(Set, [char; 16]); 4] = [
    (Set::Light, [' ', '╵', '╶', '└', '╷', '│', '┌', '├', '╴', '┘', '─', '┴', '┐', '┤', '┬', '┼']),
    (Set::Heavy, [' ', '╹', '╺', '┗', '╻', '┃', '┏', '┣', '╸', '┛', '━', '┻', '┓', '┫', '┳', '╋']),
    (Set::Double, [' ', '║', '═', '╚', '║', '║', '╔', '╠', '═', '╝', '═', '╩', '╗', '╣', '╦', '╬']),
    (Set::Round, [' ', '╵', '╶', '╰', '╷', '│', '╭', '├', '╴', '╯', '─', '┴', '╮', '┤', '┬', '┼']),
];

/// Junctions of lines of two looks, as the arms they have.
const MIXED: &[(char, u8)] = &[
    ('╞', UP | DOWN | RIGHT),
    ('╟', UP | DOWN | RIGHT),
    ('╡', UP | DOWN | LEFT),
    ('╢', UP | DOWN | LEFT),
    ('╤', DOWN | LEFT | RIGHT),
    ('╥', DOWN | LEFT | RIGHT),
    ('╧', UP | LEFT | RIGHT),
    ('╨', UP | LEFT | RIGHT),
    ('╪', 15),
    ('╫', 15),
    ('╒', DOWN | RIGHT),
    ('╓', DOWN | RIGHT),
    ('╕', DOWN | LEFT),
    ('╖', DOWN | LEFT),
    ('╘', UP | RIGHT),
    ('╙', UP | RIGHT),
    ('╛', UP | LEFT),
    ('╜', UP | LEFT),
];

/// The arms of a character of Unicode's box drawing, and its look.
pub(super) fn arms(c: char) -> Option<(u8, Set)> {
    if !('\u{2500}'..='\u{257f}').contains(&c) {
        return None;
    }
    for (set, table) in &TABLES {
        // The corners alone tell round from light, so light comes first.
        if let Some(arms) = table.iter().position(|known| *known == c) {
            let arms = if *set == Set::Double && c == '║' {
                5
            } else if c == '═' {
                10
            } else {
                arms
            };
            return Some((u8::try_from(arms).unwrap_or(0), *set));
        }
    }
    MIXED.iter().find(|(known, _)| *known == c).map(|(_, arms)| (*arms, Set::Mixed))
}

/// Whether a character can be part of a horizontal border.
pub(super) fn is_horizontal(c: char) -> bool {
    matches!(c, '─' | '━' | '═' | '-' | '=' | '–' | '—' | '╌' | '┄' | '╴' | '╶')
}

/// Whether a character can be part of a drawing's lines.
pub(super) fn is_line(c: char) -> bool {
    arms(c).is_some() || is_horizontal(c) || matches!(c, '|' | '+' | '.' | '\'' | '*')
}

/// Whether a character belongs to Unicode's box drawing and has a vertical arm or a corner.
pub(super) fn is_unicode_line(c: char) -> bool {
    arms(c).is_some_and(|(arms, _)| arms & (UP | DOWN) > 0)
}

/// The character with these arms.
pub(super) fn glyph(arms: u8, set: Set) -> char {
    match set {
        Set::Ascii => match (arms & (UP | DOWN), arms & (LEFT | RIGHT)) {
            (0, 0) => ' ',
            (0, _) => '-',
            (_, 0) => '|',
            _ => '+',
        },
        _ => {
            let set = if set == Set::Mixed { Set::Light } else { set };
            let table = TABLES.iter().find(|(known, _)| *known == set).map(|(_, table)| table);
            let glyph = table.map_or(' ', |table| table[usize::from(arms & 15)]);
            // A line that goes on in one direction only is a line.
            match (arms & (UP | DOWN), arms & (LEFT | RIGHT)) {
                (1 | 4, 0) => table.map_or(glyph, |table| table[5]),
                (0, 2 | 8) => table.map_or(glyph, |table| table[10]),
                _ => glyph,
            }
        }
    }
}
