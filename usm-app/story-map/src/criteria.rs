//! Acceptance criteria in the shapes models write them, in their order and with the labels that belong to them.

use serde_json::Value;

use crate::{
    placeholder::is_placeholder,
    plain::plain,
    read::{field, is_named},
    words::is_cyrillic,
};

/// Names of the parts of one criterion, in the order they are told, with the word that stands before the part.
#[rustfmt::skip]
const PARTS: [(&str, &str); 26] = [
    ("scenario", ""), ("title", ""), ("name", ""), ("label", ""),
    ("given", "Given"), ("дано", "Дано"), ("precondition", ""), ("preconditions", ""), ("context", ""),
    ("if", "If"), ("если", "Если"), ("when", "When"), ("когда", "Когда"), ("condition", ""), ("action", ""), ("input", ""),
    ("then", "Then"), ("тогда", "Тогда"), ("то", "то"), ("outcome", ""), ("expected", ""), ("expectedresult", ""),
    ("result", ""), ("and", "And"), ("but", "But"), ("и", "и"),
];

/// Parts that name a criterion, and stand before a colon.
const LABELS: usize = 4;

/// What a criterion has besides its text.
const ASIDE: [&str; 7] = ["id", "number", "type", "priority", "status", "order", "index"];

/// The criteria of the field called one of `names`: a list, one text with a line or number for each, or an object of them.
/// Those that only stand for a criterion are left out.
pub(crate) fn criteria(value: &Value, names: &[&str]) -> Vec<String> {
    let found = match field(value, names) {
        None => Vec::new(),
        Some(Value::Array(items)) => items.iter().flat_map(of_item).collect(),
        Some(Value::Object(members)) if !members.keys().any(|name| part(name).is_some() || is_text(name)) => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            members.sort_by_key(|(name, _)| number_in(name));
            members.into_iter().flat_map(|(name, value)| labelled(name, of_item(value))).collect()
        }
        Some(other) => of_item(other),
    };
    found.into_iter().filter(|text| !is_placeholder(text)).collect()
}

fn of_item(item: &Value) -> Vec<String> {
    match item {
        Value::String(text) => lines(text),
        Value::Number(number) => vec![number.to_string()],
        Value::Array(items) => items.iter().flat_map(of_item).collect(),
        Value::Object(_) => vec![of_parts(item)],
        Value::Null | Value::Bool(_) => Vec::new(),
    }
}

/// The criteria of one text. Lines are criteria of their own, unless they are the steps of one.
fn lines(text: &str) -> Vec<String> {
    let split: Vec<&str> = match text.lines().filter(|line| !line.trim().is_empty()).count() {
        0 | 1 => numbered(text),
        _ => text.lines().collect(),
    };
    let mut found: Vec<String> = Vec::new();
    for line in split.into_iter().map(str::trim).filter(|line| !line.is_empty()) {
        match (begins_item(line), found.last_mut()) {
            (None, Some(last)) if goes_on(line) => *last = format!("{last} {}", plain(line)),
            (begun, _) => found.push(plain(begun.unwrap_or(line))),
        }
    }
    found
}

/// Whether a line is a further step of the criterion before it.
fn goes_on(line: &str) -> bool {
    const STEPS: [&str; 9] = ["when", "then", "and", "but", "когда", "тогда", "то", "и", "но"];
    let word = line.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_lowercase();
    STEPS.contains(&word.as_str())
}

/// What follows the sign or number that makes a line an item of a list.
fn begins_item(line: &str) -> Option<&str> {
    let line = line.trim();
    if let Some(rest) =
        line.strip_prefix(['-', '*', '•', '–', '·', '☐', '✓']).filter(|rest| rest.starts_with(' '))
    {
        return Some(rest.trim_start().trim_start_matches("[ ]").trim_start_matches("[x]").trim_start());
    }
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.strip_prefix(['.', ')']).filter(|after| rest != line && after.starts_with(' ')).map(str::trim_start)
}

/// The parts of a line that counts them itself: `1. … 2. … 3. …`; the whole line where it does not.
fn numbered(line: &str) -> Vec<&str> {
    let mut starts = Vec::new();
    for number in 1.. {
        let from = starts.last().copied().unwrap_or(0);
        let mark = |sign: char| line[from..].find(&format!("{number}{sign} ")).map(|at| from + at);
        let begins = |at: &usize| line[..*at].chars().last().is_none_or(char::is_whitespace);
        match [mark('.'), mark(')')].into_iter().flatten().filter(begins).min() {
            Some(at) => starts.push(at),
            None => break,
        }
    }
    if starts.len() < 2 || !line[..starts[0]].trim().is_empty() {
        return vec![line];
    }
    let ends = starts.iter().skip(1).copied().chain([line.len()]);
    starts.iter().zip(ends).map(|(start, end)| line[*start..end].trim_end_matches([' ', ';', ','])).collect()
}

/// One criterion of an object with its parts.
fn of_parts(item: &Value) -> String {
    let Some(members) = item.as_object() else { return String::new() };
    let mut parts: Vec<(usize, String)> = Vec::new();
    for (name, value) in members {
        let text = plain(&of_item(value).join(", "));
        let place = part(name);
        if text.is_empty() || (place.is_none() && ASIDE.iter().any(|aside| is_named(name, aside))) {
            continue;
        }
        let word = in_words_of(&text, place.map_or("", |place| PARTS[place].1));
        let says_it = text.to_lowercase().starts_with(&word.to_lowercase());
        let text = if word.is_empty() || says_it { text } else { format!("{word} {text}") };
        parts.push((place.unwrap_or(LABELS), text));
    }
    parts.sort_by_key(|(place, _)| *place);
    let mut told = String::new();
    for (place, text) in parts {
        if told.is_empty() {
            told = text;
        } else if told.ends_with(':') {
            told = format!("{told} {text}");
        } else {
            told = format!("{}, {}", told.trim_end_matches(['.', ',']), uncapitalised(&text));
        }
        if place < LABELS {
            told.push(':');
        }
    }
    told.trim_end_matches(':').to_owned()
}

/// The word of a step in the language of what follows it.
fn in_words_of(text: &str, word: &'static str) -> &'static str {
    const RUSSIAN: [(&str, &str); 6] = [
        ("Given", "Дано"),
        ("When", "Когда"),
        ("Then", "Тогда"),
        ("If", "Если"),
        ("And", "И"),
        ("But", "Но"),
    ];
    let russian = RUSSIAN.iter().find(|(english, _)| *english == word && text.chars().any(is_cyrillic));
    russian.map_or(word, |(_, russian)| russian)
}

fn part(name: &str) -> Option<usize> {
    PARTS.iter().position(|(known, _)| is_named(name, known))
}

fn is_text(name: &str) -> bool {
    ["text", "description", "criterion", "criteria"].iter().any(|known| is_named(name, known))
}

/// The criteria of a member with its name, unless that only counts them: `AC1`, `criterion_2`.
fn labelled(name: &str, criteria: Vec<String>) -> Vec<String> {
    if name.chars().any(|c| c.is_ascii_digit()) {
        return criteria;
    }
    let label = plain(&name.replace('_', " "));
    criteria.into_iter().filter(|text| !is_placeholder(text)).map(|text| format!("{label}: {text}")).collect()
}

fn number_in(name: &str) -> u64 {
    let digits: String = name.chars().filter(char::is_ascii_digit).take(9).collect();
    digits.parse().unwrap_or_default()
}

/// With a small first letter, if it begins with one of the words of a step.
fn uncapitalised(text: &str) -> String {
    let word = text.split(' ').next().unwrap_or_default();
    let is_step = PARTS.iter().any(|(_, known)| in_words_of(text, known) == word);
    if word.is_empty() || !is_step {
        return text.to_owned();
    }
    word.to_lowercase() + &text[word.len()..]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Vec<String> {
        criteria(&json!({ "acceptance_criteria": value }), &["acceptancecriteria"])
    }

    #[test]
    fn a_text_is_read_line_by_line_or_number_by_number() {
        let three = ["Given A", "When B, then C is shown", "D is logged"];
        assert_eq!(read(json!("1. Given A\n2. When B, then C is shown\n- D is logged")), three);
        assert_eq!(read(json!("1. Given A 2. When B, then C is shown 3. D is logged")), three);
        assert_eq!(read(json!("1) Given A; 2) When B, then C is shown; 3) D is logged")), three);
        assert_eq!(read(json!("Version 2.1 is shown within 3 s")), ["Version 2.1 is shown within 3 s"]);
        assert_eq!(read(json!("Given A\nWhen B\nThen C")), ["Given A When B Then C"]);
        assert_eq!(read(json!(["Given A\nwhen B", "- D is logged"])), ["Given A when B", "D is logged"]);
    }

    #[test]
    fn the_parts_of_an_object_are_told_in_their_order_with_their_labels() {
        assert_eq!(
            read(
                json!([{ "given": "a cart", "when": "it is paid", "then": "a receipt is sent", "id": "AC-1" }])
            ),
            ["Given a cart, when it is paid, then a receipt is sent"]
        );
        assert_eq!(
            read(
                json!([{ "Дано": "корзина", "Когда": "Когда её оплачивают", "Тогда": ["приходит чек", "заказ виден"] }])
            ),
            ["Дано корзина, когда её оплачивают, тогда приходит чек, заказ виден"]
        );
        assert_eq!(
            read(
                json!([{ "title": "Paid", "then": "a receipt is sent" }, { "text": "It is kept", "priority": 1 }])
            ),
            ["Paid: Then a receipt is sent", "It is kept"]
        );
        assert_eq!(
            read(json!([{ "condition": "it is paid", "expected_result": "a receipt" }])),
            ["it is paid, a receipt"]
        );
    }

    #[test]
    fn an_object_of_criteria_keeps_their_order_and_their_names() {
        let many: serde_json::Map<String, Value> =
            (1..=11).map(|number| (format!("AC{number}"), json!(format!("Number {number} holds")))).collect();

        assert_eq!(read(many.into())[9..], ["Number 10 holds", "Number 11 holds"]);
        assert_eq!(
            read(json!({ "happy_path": "It is paid", "no money": ["It is refused", "TBD"] })),
            ["happy path: It is paid", "no money: It is refused"]
        );
        assert_eq!(read(json!({ "given": "a cart", "then": "a sum" })), ["Given a cart, then a sum"]);
    }

    #[test]
    fn what_stands_for_a_criterion_is_left_out() {
        assert_eq!(read(json!(["string", "TBD", "<criterion>", "...", "It is paid"])), ["It is paid"]);
    }
}
