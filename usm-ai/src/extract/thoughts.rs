//! Takes out of an answer what the model thought aloud: drafts in it are no answer.

use super::{Scan, balanced, starts_document};

/// Parts of the names that servers give to thoughts.
const NAMES: [&str; 6] = ["think", "thought", "reason", "reflect", "scratchpad", "analys"];

/// The channel that answers come in, where a model marks its channels.
const FINAL: &str = "final";

/// The text without thoughts: between their marks, before an end without a beginning, after a beginning without an end,
/// and in channels other than that of the answer.
pub(crate) fn removed(text: &str) -> String {
    let mut text = answered(text);
    let mut kept = String::new();
    let mut position = 0;
    // What is never closed is looked for once.
    let mut may_skip = true;
    let mut endless: Vec<String> = Vec::new();
    while let Some(offset) = text[position..].find(['<', '[', '{', '◁']) {
        let at = position + offset;
        if may_skip && starts_document(&text[at..]) {
            match balanced(text, at, false) {
                Scan::Closed(end) => {
                    kept.push_str(&text[position..end]);
                    position = end;
                    continue;
                }
                Scan::NotJson(_) | Scan::EndOfText => may_skip = false,
            }
        }
        let Some(mark) = Mark::at(&text[at..]) else {
            let end = at + text[at..].chars().next().map_or(1, char::len_utf8);
            kept.push_str(&text[position..end]);
            position = end;
            continue;
        };
        let rest = &text[at + mark.length..];
        if mark.is_end {
            kept.clear();
            (text, position) = (rest, 0);
            continue;
        }
        let end = if endless.contains(&mark.name) { None } else { end_of(rest, &mark.name) };
        if end.is_none() && !mark.name.contains(NAMES[0]) {
            // A heading, such as `[Reasoning]`.
            endless.push(mark.name);
            kept.push_str(&text[position..at + mark.length]);
            position = at + mark.length;
            continue;
        }
        kept.push_str(&text[position..at]);
        (text, position) = (end.map_or("", |end| &rest[end..]), 0);
    }
    kept.push_str(&text[position..]);
    kept
}

/// `<think>`, `</think>`, `[THINK]`, `<|begin_of_thought|>` and their like.
struct Mark {
    name: String,
    is_end: bool,
    length: usize,
}

impl Mark {
    fn at(text: &str) -> Option<Self> {
        const LONGEST: usize = 40;
        let (open, close) =
            [('<', '>'), ('[', ']'), ('◁', '▷')].into_iter().find(|(open, _)| text.starts_with(*open))?;
        let inner = &text[open.len_utf8()..];
        let end = inner.char_indices().take(LONGEST).find(|(_, c)| *c == close)?.0;
        let name = inner[..end].trim_matches('|').to_lowercase();
        let is_end = name.starts_with('/') || name.starts_with("end");
        let name = name.trim_start_matches('/').trim_start_matches("end_of_").trim_start_matches("begin_of_");
        let is_word = name.chars().all(|c| c.is_alphanumeric() || "_-:".contains(c));
        (is_word && NAMES.iter().any(|part| name.contains(part))).then(|| Self {
            name: name.to_owned(),
            is_end,
            length: open.len_utf8() + end + close.len_utf8(),
        })
    }
}

/// The position after the mark that ends thoughts of this name.
fn end_of(text: &str, name: &str) -> Option<usize> {
    let marks = text.match_indices(['<', '[', '◁']);
    let mut marks = marks.filter_map(|(at, _)| Some((at, Mark::at(&text[at..])?)));
    marks.find(|(_, mark)| mark.is_end && mark.name == name).map(|(at, mark)| at + mark.length)
}

/// What stands in the channel of the answer: `<|channel|>analysis<|message|>…<|end|><|channel|>final<|message|>…<|end|>`.
fn answered(text: &str) -> &str {
    let Some((_, last)) = text.rsplit_once("<|channel|>") else { return text };
    let Some((channel, message)) = last.split_once("<|message|>") else { return "" };
    if !channel.trim_start().to_lowercase().starts_with(FINAL) {
        return "";
    }
    message.split_once("<|").map_or(message, |(message, _)| message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thoughts_are_taken_out_however_they_are_marked() {
        for text in [
            "<think>no</think>yes",
            "<Thinking>\nno {\"a\": 1}</Thinking>yes",
            "[THINK]no[/THINK]yes",
            "no {\"a\": [1}</think>yes",
            "yes<think>no",
            "<think>no<reasoning>no</reasoning></think>yes",
            "<think>no</think>ye<thought>no</thought>s",
            "<|begin_of_thought|>no<|end_of_thought|>yes",
            "◁think▷no◁/think▷yes",
            "<seed:think>no</seed:think>yes",
            "<|channel|>analysis<|message|>no<|end|><|start|>assistant<|channel|>final<|message|>yes<|return|>",
        ] {
            assert_eq!(removed(text).trim(), "yes", "{text}");
        }
    }

    #[test]
    fn an_answer_about_thoughts_stays_whole() {
        for text in [
            r#"{"title": "Hide </think> and <think> from readers", "n": [1]}"#,
            "[Reasoning] first, then < 5 and [1] {x}",
            "a <b> c",
        ] {
            assert_eq!(removed(text), text);
        }
    }

    #[test]
    fn thoughts_alone_are_no_answer() {
        for text in ["<think>hm", "<|channel|>analysis<|message|>hm<|end|>", "hm</think>"] {
            assert_eq!(removed(text).trim(), "", "{text}");
        }
    }

    #[test]
    fn a_hostile_text_takes_linear_time() {
        for pattern in ["<think>", "</think>", "<think", "{\"a\":[", "[<", "<|channel|>", "<reason>"] {
            let begun = std::time::Instant::now();

            removed(&pattern.repeat(200_000 / pattern.len()));

            assert!(begun.elapsed().as_secs() < 5, "{pattern:?} took {:?}", begun.elapsed());
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_added_and_nothing_panics(text in r#"([<>\[\]{}|/"◁▷]|think|/think|reason|\PC){0,60}"#) {
            let kept = removed(&text);
            let mut rest = text.chars();
            proptest::prop_assert!(kept.chars().all(|c| rest.any(|other| other == c)), "{kept}");
        }
    }
}
