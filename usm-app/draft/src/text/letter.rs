//! Letters: the head, the greeting and the closing are no requirements.

/// What letters begin and end with, each at the start of a short line.
#[rustfmt::skip]
const GREETINGS: &[&str] = &[
    "hi", "hello", "hey", "dear", "good morning", "good afternoon", "привет", "здравствуйте", "добрый день",
    "добрый вечер", "доброе утро", "всем привет", "уважаемый", "уважаемая", "уважаемые", "коллеги", "hallo", "hola",
    "bonjour",
];
#[rustfmt::skip]
const CLOSINGS: &[&str] = &[
    "cheers", "regards", "best", "best regards", "kind regards", "warm regards", "best wishes", "thanks", "thank you",
    "many thanks", "sincerely", "yours", "с уважением", "спасибо", "заранее спасибо", "всего доброго", "до встречи",
    "sent from my",
];
#[rustfmt::skip]
const HEADS: &[&str] = &[
    "from", "to", "cc", "bcc", "subject", "date", "sent", "reply-to", "от", "от кого", "кому", "копия", "тема",
    "дата", "отправлено",
];
/// Words of the longest greeting or closing.
const LONGEST: usize = 5;
/// Lines of the longest signature.
const SIGNATURE: usize = 6;

/// Lines of the head of a letter at the start of a text, and its subject.
pub(super) fn head(lines: &[&str]) -> (usize, Option<String>) {
    let is_head = |line: &str| field(line).is_some();
    let first = lines.iter().position(|line| !line.trim().is_empty()).unwrap_or(0);
    let count =
        lines[first..].iter().take_while(|line| is_head(line) || line.starts_with([' ', '\t'])).count();
    if lines[first..first + count].iter().filter(|line| is_head(line)).count() < 2 {
        return (0, None);
    }
    let subject = lines[first..first + count].iter().find_map(|line| {
        field(line)
            .filter(|(name, _)| matches!(name.as_str(), "subject" | "тема"))
            .map(|(_, value)| value.to_owned())
    });
    let subject = subject.map(|text| {
        let mut text = text.as_str();
        while let Some(rest) = ["re:", "fwd:", "fw:", "Re:", "RE:", "Fwd:", "FW:"]
            .iter()
            .find_map(|mark| text.strip_prefix(mark))
        {
            text = rest.trim();
        }
        text.to_owned()
    });
    (first + count, subject.filter(|text| !text.is_empty()))
}

fn field(line: &str) -> Option<(String, &str)> {
    let (name, value) = line.split_once(':')?;
    let name = name.trim().trim_matches('*').to_lowercase();
    HEADS.contains(&name.as_str()).then_some((name, value.trim().trim_matches('*').trim()))
}

pub(super) fn is_greeting(line: &str) -> bool {
    let words = line.split_whitespace().count();
    let closed = line.trim_end().ends_with([',', '!', '.']) || words <= 2;
    closed && words <= LONGEST && begins(line, GREETINGS)
}

/// Where the closing of a letter begins, if it has one.
pub(super) fn closing(lines: &[&str]) -> Option<usize> {
    let said = lines.iter().rposition(|line| !line.trim().is_empty())?;
    let from = said.saturating_sub(SIGNATURE);
    let is_closing = |line: &&str| {
        let line = line.trim();
        line == "--" || line.split_whitespace().count() <= LONGEST && begins(line, CLOSINGS)
    };
    (from..=said).find(|at| *at > 0 && is_closing(&lines[*at]))
}

fn begins(line: &str, openings: &[&str]) -> bool {
    let lower = line.trim().to_lowercase();
    openings.iter().any(|opening| {
        lower.strip_prefix(opening).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    })
}
