//! Text measured in the columns of a fixed-width screen: width, cutting, wrapping, padding.
//!
//! Width is counted by grapheme cluster with the narrow rules. The wide ("CJK") rules would double Cyrillic
//! and every box-drawing character, because both are "ambiguous" in the Unicode tables.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// What stands where text was cut off.
pub const CUT: &str = "…";

/// Columns that `text` takes.
pub fn width(text: &str) -> usize {
    text.graphemes(true).map(UnicodeWidthStr::width).sum()
}

/// Text that can be put into a grid of columns: one line, every cluster with a width of its own, emoji
/// replaced by marks of known width because terminals disagree about theirs.
pub fn drawable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for cluster in clean_keeping_joiners(text).graphemes(true) {
        // A mark on a space has no letter to stand on, and would get lost where the line breaks there.
        let cluster = if cluster.starts_with(' ') { " " } else { cluster };
        if let Some(mark) = emoji_mark(cluster) {
            out.push_str(mark);
            continue;
        }
        let bare: String = cluster.chars().filter(|c| !is_invisible(*c)).collect();
        match UnicodeWidthStr::width(bare.as_str()) {
            0 => {}
            _ if stands_alone(&bare) => out.push_str(&bare),
            _ => out.push('?'),
        }
    }
    out.trim().to_owned()
}

/// What a cluster of a drawing is where columns count: itself, a mark of known width for an emoji, a space for white
/// space, nothing for what cannot be seen. Letters are kept; one that has no width of its own becomes [`CUT`].
pub fn cell_text(cluster: &str) -> String {
    let Some(first) = cluster.chars().next() else { return String::new() };
    if first.is_whitespace() || matches!(first, '\u{2800}' | '\u{3164}') {
        // A letter that stands on the space would be lost with it.
        let has_letter = cluster.chars().skip(1).any(char::is_alphanumeric);
        return if has_letter { format!(" {CUT}") } else { " ".to_owned() };
    }
    if let Some(letter) = enclosed_letter(first) {
        return letter.to_string();
    }
    if let Some(mark) = emoji_mark(cluster) {
        let is_kept = |c: char| !c.is_alphanumeric() || mark.contains(c);
        return if cluster.chars().all(is_kept) { mark.to_owned() } else { CUT.to_owned() };
    }
    let bare: String = cluster.chars().filter(|c| !is_invisible(*c) && !c.is_control()).collect();
    match UnicodeWidthStr::width(bare.as_str()) {
        0 if !bare.chars().any(char::is_alphanumeric) => String::new(),
        size if size > 0 && stands_alone(&bare) => bare,
        _ => CUT.to_owned(),
    }
}

/// The letter of an emoji that is a letter in a box or circle, or half of a flag.
fn enclosed_letter(c: char) -> Option<char> {
    let nth = |start: u32| u8::try_from((u32::from(c) - start) % 26).ok().map(|nth| char::from(b'A' + nth));
    match c {
        '\u{1f130}'..='\u{1f149}' => nth(0x1f130),
        '\u{1f150}'..='\u{1f169}' => nth(0x1f150),
        '\u{1f170}'..='\u{1f189}' => nth(0x1f170),
        _ => None,
    }
}

/// One clean line of prose: control and invisible characters dropped, runs of white space made one space.
///
/// Emoji stay, joined ones included; [`drawable`] deals with them where columns count.
pub fn clean(text: &str) -> String {
    clean_keeping_joiners(text).trim().to_owned()
}

/// Lines that are [`clean`] each; empty ones are left out.
pub fn clean_lines(text: &str) -> String {
    let breaks = ['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'];
    let lines = text.split(breaks).map(clean).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

/// `text` if it fits into `max` columns, else its beginning with [`CUT`] at the end.
pub fn cut(text: &str, max: usize) -> String {
    if width(text) <= max {
        return text.to_owned();
    }
    let Some(room) = max.checked_sub(1) else { return String::new() };
    let mut kept = take(text, room).0.trim_end().to_owned();
    kept.push_str(CUT);
    kept
}

/// The longest beginning of `text` that fits into `max` columns, and the rest.
fn take(text: &str, max: usize) -> (&str, &str) {
    let mut used = 0;
    for (at, cluster) in text.grapheme_indices(true) {
        used += UnicodeWidthStr::width(cluster);
        if used > max {
            return text.split_at(at);
        }
    }
    (text, "")
}

/// Breaks `text` at spaces into lines of at most `max` columns; a word longer than a line is cut.
pub fn wrap(text: &str, max: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let word = cut(word, max);
        let size = width(&word);
        if used > 0 && used + 1 + size > max {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(&word);
        used += size;
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// [`wrap`], with no more than `lines` lines: the last one ends in [`CUT`] when something was left over.
pub fn wrap_into(text: &str, max: usize, lines: usize) -> Vec<String> {
    let mut wrapped = wrap(text, max);
    if wrapped.len() > lines {
        wrapped.truncate(lines);
        if let Some(last) = wrapped.last_mut() {
            let room = max.saturating_sub(1);
            *last = format!("{}{CUT}", take(last, room).0.trim_end());
        }
    }
    wrapped
}

/// Width of the longest word, 0 without words.
pub fn longest_word(text: &str) -> usize {
    text.split_whitespace().map(width).max().unwrap_or(0)
}

/// `text` cut to `size` columns or filled up with spaces.
pub fn pad(text: &str, size: usize) -> String {
    let text = cut(text, size);
    let missing = size.saturating_sub(width(&text));
    text + &" ".repeat(missing)
}

/// `text` cut to `size` columns or centred in them.
pub fn centre(text: &str, size: usize) -> String {
    let text = cut(text, size);
    let missing = size.saturating_sub(width(&text));
    format!("{}{text}{}", " ".repeat(missing / 2), " ".repeat(missing - missing / 2))
}

fn clean_keeping_joiners(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut gap = false;
    for c in text.chars() {
        if c.is_whitespace() || matches!(c, '\u{2800}' | '\u{3164}') {
            gap = true;
        } else if c.is_control() || (is_invisible(c) && !matches!(c, '\u{200d}' | '\u{fe0f}')) {
            // Dropped without leaving a gap: it had no width of its own.
        } else {
            if gap && !out.is_empty() {
                out.push(' ');
            }
            gap = false;
            out.push(c);
        }
    }
    out
}

/// Characters that take no column and are of no use in a picture: joiners, marks of direction, fillers.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a cluster keeps its borders and its width between spaces. A mark that would melt into its
/// neighbour, a frame's border for example, does not.
fn stands_alone(cluster: &str) -> bool {
    let among = format!(" {cluster} ");
    let mut parts = among.graphemes(true);
    parts.next() == Some(" ")
        && parts.next() == Some(cluster)
        && parts.next() == Some(" ")
        && UnicodeWidthStr::width(among.as_str()) == UnicodeWidthStr::width(cluster) + 2
}

/// The mark that stands for an emoji, `None` if the cluster is none.
fn emoji_mark(cluster: &str) -> Option<&'static str> {
    let first = cluster.chars().next()?;
    let pictograph = matches!(first, '\u{1f000}'..='\u{1faff}' | '\u{231a}' | '\u{231b}' | '\u{23e9}'..='\u{23fa}'
        | '\u{2600}'..='\u{2604}' | '\u{2607}'..='\u{2712}' | '\u{2714}'..='\u{2716}' | '\u{2719}'..='\u{27bf}'
        | '\u{2b05}'..='\u{2b07}' | '\u{2b1b}' | '\u{2b1c}' | '\u{2b50}' | '\u{2b55}');
    if !pictograph && !cluster.contains(['\u{fe0f}', '\u{20e3}']) {
        return None;
    }
    Some(match first {
        '✅' | '✔' | '☑' | '👍' | '🆗' => "[v]",
        '❌' | '✖' | '❎' | '👎' | '🚫' | '⛔' => "[x]",
        '⚠' | '❗' | '❕' | '🚨' | '🔔' => "(!)",
        '❓' | '❔' | '🔍' | '🔎' => "(?)",
        'ℹ' | '💡' => "(i)",
        '⭐' | '🌟' | '✨' => "★",
        '❤' | '💙' | '💚' | '💛' | '🧡' | '💜' | '🖤' => "<3",
        '➕' => "+",
        '➖' => "-",
        '▶' | '➡' | '👉' => ">",
        '◀' | '⬅' | '👈' => "<",
        '⬆' | '👆' => "^",
        '⬇' | '👇' => "v",
        '😀'..='😊' | '🙂' | '😍' | '☺' => ":)",
        '😞'..='😢' | '🙁' | '☹' => ":(",
        '0'..='9' | '#' | '*' | '©' | '®' | '™' => return keycap(first),
        _ => "(*)",
    })
}

fn keycap(first: char) -> Option<&'static str> {
    const MARKS: &str = "0123456789#*©®™";
    MARKS.char_indices().find(|(_, c)| *c == first).map(|(at, c)| &MARKS[at..at + c.len_utf8()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cyrillic_and_box_drawing_take_one_column_each() {
        assert_eq!(width("Вход в систему"), 14);
        assert_eq!(width("┌─ № ─┐ … ● ▼"), 13);
    }

    #[test]
    fn wide_and_combining_clusters_are_counted_as_a_terminal_draws_them() {
        assert_eq!(width("漢字"), 4);
        assert_eq!(width("й"), 1);
    }

    #[test]
    fn a_cut_is_always_visible_and_never_too_wide() {
        assert_eq!(cut("Оформить заказ", 9), "Оформить…");
        assert_eq!(cut("漢字漢字", 4), "漢…");
        assert_eq!(cut("abc", 0), "");
        assert_eq!(cut("abc", 3), "abc");
    }

    #[test]
    fn wrapping_keeps_every_word_that_fits_a_line() {
        assert_eq!(wrap("раз два три четыре", 8), ["раз два", "три", "четыре"]);
        assert_eq!(wrap("электроэнергия", 6), ["элект…"]);
        assert_eq!(wrap_into("раз два три четыре", 8, 2), ["раз два", "три…"]);
    }

    #[test]
    fn emoji_become_marks_of_known_width() {
        assert_eq!(drawable("⚠️ Нет связи"), "(!) Нет связи");
        assert_eq!(drawable("👨‍👩‍👧 семья"), "(*) семья");
        assert_eq!(drawable("1️⃣ шаг"), "1 шаг");
        assert_eq!(drawable("★★☆ ✓"), "★★☆ ✓");
    }

    #[test]
    fn control_and_invisible_characters_leave_the_text() {
        assert_eq!(clean(" a\u{200b}b\u{feff}\tc\r\n d\u{0}\u{7} "), "ab c d");
        assert_eq!(drawable("\u{301}abc \u{301}d"), "abc d");
    }
}
