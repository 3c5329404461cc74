//! Marks inside a line: what Markdown and pictographs add to words is taken away, the words stay.

/// The words of a line without emphasis, code marks, links' addresses, tags and pictographs; white space as single spaces.
pub(crate) fn plain(line: &str) -> String {
    let chars: Vec<char> = line.chars().collect();
    let mut out = String::with_capacity(line.len());
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        let (before, after) = (out.chars().last(), chars.get(at + 1).copied());
        match c {
            '`' => {}
            '*' => {
                // Between spaces or digits a star is a star.
                let stands_alone =
                    before.is_none_or(char::is_whitespace) && after.is_none_or(char::is_whitespace);
                if stands_alone && before.is_some() && after.is_some() {
                    out.push(c);
                }
            }
            '_' if before.is_some_and(char::is_alphanumeric) && after.is_some_and(char::is_alphanumeric) => {
                out.push(c)
            }
            '_' => {}
            '~' if after == Some('~') => at += 1,
            '!' if after == Some('[') => {}
            '[' => {
                if let Some((label, next)) = link(&chars, at) {
                    out.push_str(&plain(&label));
                    at = next;
                    continue;
                }
                out.push(c);
            }
            '<' => match tag(&chars, at) {
                Some(next) => {
                    out.push(' ');
                    at = next;
                    continue;
                }
                None => out.push(c),
            },
            '\\' if after.is_some_and(|c| c.is_ascii_punctuation()) => {
                out.extend(after);
                at += 1;
            }
            c if is_picture(c) => out.push(' '),
            c => out.push(c),
        }
        at += 1;
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `[label](address)`: the label and what follows.
fn link(chars: &[char], at: usize) -> Option<(String, usize)> {
    let close = at + chars[at..].iter().take(300).position(|c| *c == ']')?;
    if chars.get(close + 1) != Some(&'(') {
        return None;
    }
    let end = close + chars[close..].iter().take(600).position(|c| *c == ')')?;
    Some((chars[at + 1..close].iter().collect(), end + 1))
}

/// `<br>`, `</b>`: a name in brackets with nothing but its attributes behind it, no comparison.
fn tag(chars: &[char], at: usize) -> Option<usize> {
    let name = *chars.get(at + 1)?;
    let named =
        name.is_ascii_alphabetic() || name == '/' && chars.get(at + 2).is_some_and(char::is_ascii_alphabetic);
    let end = chars[at..].iter().take(80).position(|c| *c == '>')?;
    let inside = &chars[at + 1..at + end];
    (named && !inside.contains(&'<') && !inside.iter().any(|c| *c == '@' || *c == '|'))
        .then_some(at + end + 1)
}

fn is_picture(c: char) -> bool {
    matches!(c, '\u{1f000}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{200b}'..='\u{200f}' | '\u{20e3}' | '\u{feff}' | '\u{2060}')
        || (c.is_control() && c != '\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_go_and_words_stay() {
        assert_eq!(plain("**Pay** by `card` and [terms](https://x.y/z) 🍕 now"), "Pay by card and terms now");
        assert_eq!(
            plain("file_name stays, _this_ loses its marks, 2 * 3 too"),
            "file_name stays, this loses its marks, 2 * 3 too"
        );
    }

    #[test]
    fn a_comparison_is_no_tag() {
        assert_eq!(plain("Время < 60 сек, скидка > 10%"), "Время < 60 сек, скидка > 10%");
        assert_eq!(plain("a<br>b"), "a b");
    }
}
