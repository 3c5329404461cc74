//! How wide text is in a font that is not at hand: never narrower than the common sans-serif fonts draw it.

use unicode_segmentation::UnicodeSegmentation;

use crate::columns::{CUT, drawable, width};

/// Thousandths of the font size that a cluster takes, rounded up over Arial, Helvetica and Noto Sans.
fn advance(cluster: &str) -> usize {
    let mut letters = cluster.chars();
    match letters.next() {
        Some('i' | 'j' | 'l' | '\'' | '|' | '.' | ',' | ':' | ';' | '!' | '·') => 285,
        Some(
            ' ' | 'I' | 'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '-' | '/' | '\\' | '"' | '“' | '”' | '„',
        ) => 395,
        Some('m' | 'w' | 'M' | 'W' | '@' | '%' | '—' | '…' | 'Ш' | 'Щ' | 'Ж' | 'Ю' | 'Ы' | 'Ф') => {
            1005
        }
        Some('ш' | 'щ' | 'ж' | 'ю' | 'ы' | 'ф' | 'м') => 840,
        Some(c) if width(cluster) > 1 || (!c.is_alphanumeric() && !c.is_ascii()) => 1005,
        Some(c) if c.is_uppercase() => 760,
        Some('а'..='я' | 'ё') => 615,
        Some(_) => 600,
        None => 0,
    }
}

/// Pixels that a text takes at a font size in pixels, rounded up.
pub(super) fn pixels(text: &str, size: usize) -> usize {
    let thousandths: usize = text.graphemes(true).map(advance).sum();
    (thousandths * size).div_ceil(1000)
}

/// At most `most` lines within `room` pixels; what does not fit ends in a sign for it.
pub(super) fn wrapped(text: &str, size: usize, room: usize, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    let text = drawable(text);
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let joined = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
        if pixels(&joined, size) <= room {
            line = joined;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        // A word wider than a line is broken where it must be.
        for cluster in word.graphemes(true) {
            if !line.is_empty() && pixels(&line, size) + pixels(cluster, size) > room {
                lines.push(std::mem::take(&mut line));
            }
            line.push_str(cluster);
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            while pixels(last, size) + pixels(CUT, size) > room && !last.is_empty() {
                let end = last.grapheme_indices(true).next_back().map_or(0, |(at, _)| at);
                last.truncate(end);
            }
            *last = format!("{}{CUT}", last.trim_end());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_stay_whole_where_they_fit() {
        assert_eq!(wrapped("Найти ресторан по адресу", 13, 120, 5), ["Найти ресторан", "по адресу"]);
        assert_eq!(wrapped("Найти ресторан по адресу", 13, 120, 1), ["Найти рестора…"]);
        assert!(wrapped(&"щ".repeat(40), 13, 120, 9).len() > 3);
        assert!(wrapped(" ", 13, 120, 5).is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_line_is_wider_than_its_room(text in any::<String>(), room in 40usize..300, most in 1usize..6) {
            let lines = wrapped(&text, 13, room, most);

            prop_assert!(lines.len() <= most);
            for line in &lines {
                prop_assert!(pixels(line, 13) <= room.max(27), "{line:?}");
            }
        }
    }
}
