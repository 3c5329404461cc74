//! Texts of a model without what does not belong to a card: markup, marks of citations, colours of a terminal.

use pulldown_cmark::{Event, Options, Parser};

use crate::columns::clean;

/// Tags that only say how a text looks. Others are part of it: `<name>`.
const TAGS: [&str; 28] = [
    "a", "b", "big", "br", "code", "del", "div", "em", "font", "h1", "h2", "h3", "h4", "i", "ins", "kbd",
    "li", "mark", "ol", "p", "pre", "small", "span", "strong", "sub", "sup", "u", "ul",
];

/// The text in one line, as it is read: without Markdown and tags, citation marks such as `[1][2]`, and escape codes.
pub fn plain(text: &str) -> String {
    let line = clean(&without_escape_codes(text));
    let line = line.trim_start_matches('#').trim_start();
    // In the middle of a line nothing is a list, a heading or a quotation: `> 500 €` is a limit.
    let inline = format!("x {line}");
    let mut out = String::with_capacity(line.len());
    let mut is_raised = false;
    for event in Parser::new_ext(&inline, Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Text(text) if is_raised && is_numbers(&text) => {}
            Event::Text(text) | Event::Code(text) => out.push_str(&text),
            Event::InlineHtml(tag) | Event::Html(tag) => match name_of(&tag) {
                Some("sup") => is_raised = !tag.starts_with("</"),
                Some("br" | "p" | "li" | "div") => out.push(' '),
                Some(_) => {}
                None => out.push_str(&tag),
            },
            Event::SoftBreak | Event::HardBreak => out.push(' '),
            _ => {}
        }
    }
    clean(&uncited(out.trim_start_matches('x')))
}

/// The name of a tag that only says how a text looks.
fn name_of(tag: &str) -> Option<&'static str> {
    let inner = tag.trim_start_matches(['<', '/']);
    let end = inner.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(inner.len());
    TAGS.into_iter().find(|known| known.eq_ignore_ascii_case(&inner[..end]))
}

fn is_numbers(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || ", [];^".contains(c))
}

/// Without `[1]`, `[1, 2]`, `[^3]` and `【4†source】`, and without the space before them.
fn uncited(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['[', '【']) {
        let (before, mark) = rest.split_at(at);
        out.push_str(before);
        let is_wide = mark.starts_with('【');
        let close = if is_wide { '】' } else { ']' };
        let end =
            mark.char_indices().take(LONGEST).find(|(_, c)| *c == close).map(|(end, c)| end + c.len_utf8());
        let inner = |end: usize| mark[..end].trim_matches(['[', ']', '【', '】', '^']);
        match end.filter(|end| is_wide || is_citation(inner(*end))) {
            Some(end) => {
                out.truncate(out.trim_end().len());
                rest = &mark[end..];
            }
            None => {
                let first = mark.chars().next().map_or(0, char::len_utf8);
                out.push_str(&mark[..first]);
                rest = &mark[first..];
            }
        }
    }
    out + rest
}

/// Numbers of sources. A range, as in a rating `[1-5]`, is none.
fn is_citation(inner: &str) -> bool {
    const DIGITS: usize = 3;
    !inner.is_empty()
        && inner
            .split(',')
            .map(str::trim)
            .all(|number| (1..=DIGITS).contains(&number.len()) && number.chars().all(|c| c.is_ascii_digit()))
}

/// Without sequences such as `ESC [ 31 m`, the whole of each.
fn without_escape_codes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' if chars.peek() == Some(&'[') => {
                chars.next();
                while let Some(next) = chars.next_if(|next| ('\u{20}'..='\u{7e}').contains(next)) {
                    if ('\u{40}'..='\u{7e}').contains(&next) {
                        break;
                    }
                }
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_citations_and_colours_are_taken_out() {
        for (text, expected) in [
            ("Choose a crossing **quickly** as a *guest*", "Choose a crossing quickly as a guest"),
            ("## `Pay` by ~~cash~~ [card](https://example.org)", "Pay by cash card"),
            ("without[1][2] an account", "without an account"),
            ("a confirmation [3] within 2 seconds [12, 4].", "a confirmation within 2 seconds."),
            ("shown【4†source】 at once[^2]", "shown at once"),
            ("shown<sup>1</sup> <b>at</b><br/>once", "shown at once"),
            ("Pay \u{1b}[31mquickly\u{1b}[0m now", "Pay quickly now"),
            ("__Bold__ &amp; _soft_", "Bold & soft"),
        ] {
            assert_eq!(plain(text), expected, "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_markup_stays() {
        for text in [
            "> 500 € the director approves",
            "snake_case_name and 2 * 3 * 4",
            "rate it [1-5] or [x]",
            "greet <name> with m² and a[b]",
            "*.pdf and *.doc",
            "1. Given A",
            "- 5 °C",
            "xylophone",
        ] {
            assert_eq!(plain(text), text);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_letter_is_invented(text in r#"([*_`#>\[\]<>&~x1 \u{1b}]|</?b>|\PC){0,40}"#) {
            let mut rest: Vec<char> = text.chars().filter(|c| c.is_alphabetic()).collect();
            for c in plain(&text).chars().filter(|c| c.is_alphabetic()) {
                // Entities stand for signs and letters of their own.
                let Some(at) = rest.iter().position(|other| *other == c) else {
                    proptest::prop_assert!(text.contains('&'), "{c:?} is not in {text:?}");
                    continue;
                };
                rest.remove(at);
            }
        }
    }
}
