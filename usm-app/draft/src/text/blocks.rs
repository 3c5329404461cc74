//! Lines put together into blocks: headings, items with their depth, paragraphs, rows of tables, messages.

use std::rc::Rc;

use super::{
    chat, letter,
    line::{Line, Mark, line},
    plain, table,
};

/// A text in blocks.
#[derive(Debug, Default)]
pub(crate) struct Text {
    /// Subject of the letter, if the text is one.
    pub(crate) subject: Option<String>,
    pub(crate) is_chat: bool,
    pub(crate) blocks: Vec<Block>,
}

/// A part of a text that belongs together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) form: Form,
    /// Its words without marks.
    pub(crate) text: String,
    /// What the text calls this requirement; empty when it gives no name.
    pub(crate) id: String,
}

/// What a block is by its form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form {
    /// A heading, the whole text's being 1.
    Heading(u8),
    /// An item of a list, with its depth from 0.
    Item(usize),
    Paragraph,
    /// A row of a table with the head of the table.
    Row(Rc<Vec<String>>, Vec<String>),
    /// Said in a conversation.
    Message,
    /// Head, greeting and closing of a letter.
    Letter,
    /// Between fences.
    Code,
}

/// Level of a heading that is told by its form alone: in bold, or before a list.
const BARE: u8 = 7;
/// Words of the longest heading that no mark tells.
const HEADING_WORDS: usize = 9;
/// Longest line that ends where its author wanted it to, in characters.
const SHORT_LINE: usize = 56;

impl Text {
    pub(crate) fn of(text: &str) -> Self {
        let text = without_comments(text);
        let lines: Vec<&str> = text.lines().collect();
        if chat::is_chat(&lines) {
            return Self { is_chat: true, blocks: conversation(&lines), ..Self::default() };
        }
        let (head, subject) = letter::head(&lines);
        let end = letter::closing(&lines).unwrap_or(lines.len()).max(head);
        let ended = lines.iter().filter(|line| ends(line) || line.trim_end().ends_with(',')).count();
        let mut reader = Reader { is_bare: ended * 8 < lines.len(), ..Reader::default() };
        lines[..head].iter().for_each(|line| reader.push(Form::Letter, line, ""));
        reader.read(&lines[head..end]);
        lines[end..].iter().for_each(|line| reader.push(Form::Letter, line, ""));
        let mut text = Self { subject, is_chat: false, blocks: reader.blocks };
        text.blocks.retain(|block| !block.text.is_empty());
        text
    }
}

fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("<!--") {
        out.push_str(before);
        rest = behind.split_once("-->").map_or("", |(_, after)| after);
    }
    out + rest
}

fn conversation(lines: &[&str]) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for line in lines.iter().filter(|line| !line.trim().is_empty()) {
        match (chat::message(line), blocks.last_mut()) {
            (Some((_, said)), _) => {
                blocks.push(Block { form: Form::Message, text: plain(said), id: String::new() })
            }
            // A message of several lines.
            (None, Some(last)) => last.text = format!("{} {}", last.text, plain(line)),
            (None, None) => {
                blocks.push(Block { form: Form::Heading(1), text: plain(line), id: String::new() })
            }
        }
    }
    blocks.retain(|block| !block.text.is_empty());
    blocks
}

#[derive(Default)]
struct Reader {
    blocks: Vec<Block>,
    /// Columns at which the items around begin, outermost first.
    indents: Vec<usize>,
    /// Whether the last block may go on in the next line.
    open: bool,
    /// Whether lines end without marks, so that a capital begins another statement.
    is_bare: bool,
}

impl Reader {
    fn push(&mut self, form: Form, text: &str, id: &str) {
        self.blocks.push(Block { form, text: plain(text), id: id.to_owned() });
    }

    fn read(&mut self, lines: &[&str]) {
        let mut at = 0;
        while at < lines.len() {
            let raw = lines[at];
            let next = lines[at + 1..].iter().find(|line| !line.trim().is_empty()).copied();
            if raw.trim().is_empty() {
                self.open = false;
                at += 1;
            } else if let Some(fence) = fence(raw) {
                at += 1;
                while at < lines.len() && !lines[at].trim_start().starts_with(fence) {
                    self.push(Form::Code, lines[at], "");
                    at += 1;
                }
                at += 1;
                self.open = false;
            } else if lines.get(at + 1).is_some_and(|line| table::is_rule(line))
                && table::cells(raw).is_some()
            {
                at = self.table(lines, at);
            } else if lines.get(at + 1).is_some_and(|line| is_underline(line))
                && raw.trim().chars().any(char::is_alphanumeric)
            {
                let level = if lines[at + 1].trim().starts_with('=') { 1 } else { 2 };
                self.heading(level, raw);
                at += 2;
            } else {
                self.line(raw, next, lines.get(at + 1).copied());
                at += 1;
            }
        }
    }

    fn heading(&mut self, level: u8, text: &str) {
        self.push(Form::Heading(level), text, "");
        self.indents.clear();
        self.open = false;
    }

    fn table(&mut self, lines: &[&str], at: usize) -> usize {
        let head = Rc::new(table::cells(lines[at]).unwrap_or_default());
        let rows = lines[at + 2..].iter().map_while(|line| table::cells(line));
        let before = self.blocks.len();
        for cells in rows {
            let text = cells.join(" | ");
            self.blocks.push(Block { form: Form::Row(Rc::clone(&head), cells), text, id: String::new() });
        }
        self.open = false;
        at + 2 + self.blocks.len() - before
    }

    fn line(&mut self, raw: &str, next: Option<&str>, directly: Option<&str>) {
        let read = line(raw);
        if read.text.chars().all(|c| matches!(c, '-' | '*' | '_' | '=' | ' ')) {
            self.open = false;
            return;
        }
        match read.mark {
            Mark::Heading(level) => self.heading(level, unnumbered(read.text)),
            // The heading of the whole text stands above the first part.
            Mark::Clause(depth) if is_title(read.text) => self.heading(depth + 1, read.text),
            Mark::Item if starts_part(raw, next) => self.heading(2, read.text),
            Mark::Clause(_) => {
                self.push(Form::Item(0), read.text, &read.id);
                self.open = true;
            }
            Mark::Item => self.item(&read),
            Mark::None if letter::is_greeting(read.text) => {
                self.push(Form::Letter, read.text, "");
                self.open = false;
            }
            Mark::None if self.is_bare_heading(&read, next, directly) => {
                let level = if self.blocks.is_empty() { 1 } else { BARE };
                self.heading(level, read.text.trim_end_matches([':', '*', '_']));
            }
            Mark::None | Mark::Quote => self.words(&read),
        }
    }

    fn item(&mut self, read: &Line<'_>) {
        while self.indents.last().is_some_and(|indent| *indent > read.indent) {
            self.indents.pop();
        }
        if self.indents.last().is_none_or(|indent| *indent + 1 < read.indent) {
            self.indents.push(read.indent);
        }
        let is_bold = read.text.starts_with("**")
            && read.text.trim_end_matches(':').ends_with("**")
            && read.text.matches("**").count() == 2;
        let text = if is_bold && !read.text.ends_with(':') {
            format!("{}:", read.text)
        } else {
            read.text.to_owned()
        };
        let text = if is_bold && self.indents.len() > 1 { read.text.to_owned() } else { text };
        self.push(Form::Item(self.indents.len().saturating_sub(1)), &text, &read.id);
        self.open = true;
    }

    /// A line of a paragraph, or more of the item or line above.
    fn words(&mut self, read: &Line<'_>) {
        let goes_on = self.blocks.last().is_some_and(|last| match last.form {
            Form::Item(_) => {
                read.indent > 0 || !ends(&last.text) && read.text.starts_with(char::is_lowercase)
            }
            Form::Paragraph => {
                read.text.starts_with(char::is_lowercase)
                    || ends(&last.text)
                    || last.text.chars().count() > SHORT_LINE && !self.is_bare
            }
            _ => false,
        });
        if let Some(last) = self.blocks.last_mut().filter(|_| self.open && goes_on) {
            last.text = format!("{} {}", last.text, plain(read.text));
            return;
        }
        self.indents.clear();
        self.push(Form::Paragraph, read.text, "");
        self.open = true;
    }

    /// A heading without a mark: in bold alone on its line, in capitals, or a few words before a list.
    fn is_bare_heading(&self, read: &Line<'_>, next: Option<&str>, directly: Option<&str>) -> bool {
        let text = read.text;
        let inner = text.trim_end_matches(':');
        let is_bold = inner.len() > 4
            && ["**", "__"].iter().any(|mark| {
                inner.starts_with(mark)
                    && inner.trim_end_matches(':').ends_with(mark)
                    && inner.matches(mark).count() == 2
            });
        let is_list = |line: &str| {
            matches!(self::line(line).mark, Mark::Item | Mark::Clause(_)) || table::cells(line).is_some()
        };
        let before_list = next.is_some_and(is_list);
        let begins = !self.open;
        if is_bold || text.ends_with(':') && before_list {
            return true;
        }
        let words = text.split_whitespace().count();
        let short = words <= HEADING_WORDS
            && !text.ends_with(['.', '!', '?', ',', ';', ':', '…'])
            && text.chars().any(char::is_alphabetic);
        let upper =
            text.starts_with(char::is_uppercase) || text.chars().next().is_some_and(|c| !c.is_alphabetic());
        let is_first = self.blocks.is_empty();
        // The name of the whole text stands alone above it, or above who was there and when.
        let labelled = |line: &str| {
            line.split_once(": ")
                .is_some_and(|(label, _)| (1..=3).contains(&label.split_whitespace().count()))
        };
        let alone = directly.is_none_or(|line| line.trim().is_empty() || labelled(line));
        let titled =
            words <= HEADING_WORDS + 4 && !ends(text) && upper && is_first && alone && next.is_some();
        (short && upper && before_list && (begins || words <= 4)) || titled
    }
}

/// "2. Requirements" before "2.1 …".
fn starts_part(raw: &str, next: Option<&str>) -> bool {
    let number: String = raw.trim().chars().take_while(char::is_ascii_digit).collect();
    !number.is_empty() && next.is_some_and(|next| next.trim().starts_with(&format!("{number}.1")))
}

fn fence(line: &str) -> Option<&'static str> {
    ["```", "~~~"].into_iter().find(|mark| line.trim_start().starts_with(mark))
}

fn is_underline(line: &str) -> bool {
    let line = line.trim();
    line.len() >= 3 && (line.chars().all(|c| c == '=') || line.chars().all(|c| c == '-'))
}

/// Whether the words of a clause are a heading: few, and no sentence.
fn is_title(text: &str) -> bool {
    text.split_whitespace().count() <= HEADING_WORDS
        && !text.ends_with(['.', ';', ':', '!', '?', ','])
        && text.split_whitespace().filter(|word| word.starts_with(char::is_uppercase)).count() * 2
            >= text.split_whitespace().count()
}

/// A heading without its number.
fn unnumbered(text: &str) -> &str {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').trim_start_matches(')');
    if rest.len() < text.len() && rest.starts_with([' ', '\t']) { rest.trim_start() } else { text }
}

fn ends(text: &str) -> bool {
    text.trim_end().ends_with(['.', '!', '?', ':', ';', '…', '。', '！', '？'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms(text: &str) -> Vec<(Form, String)> {
        Text::of(text).blocks.into_iter().map(|block| (block.form, block.text)).collect()
    }

    fn said(form: Form, text: &str) -> (Form, String) {
        (form, text.to_owned())
    }

    #[test]
    fn wrapped_lines_are_one_paragraph_and_short_lines_are_their_own() {
        let wrapped = "A guest books a table for the evening and gets a message as soon\nas it is free.";
        assert_eq!(forms(wrapped).len(), 1);
        assert_eq!(forms("A guest books a table\nA waiter brings the bill").len(), 2);
    }

    #[test]
    fn headings_are_seen_without_marks() {
        let found = forms("Склад магазина\n\nПриёмка\n- кладовщик сканирует код\nОтбор\n- он берёт товар");
        assert_eq!(found[0], said(Form::Heading(1), "Склад магазина"));
        assert_eq!(found[1], said(Form::Heading(BARE), "Приёмка"));
        assert_eq!(found[3], said(Form::Heading(BARE), "Отбор"));
        assert_eq!(forms("3.1 Patient Identification\n3.1.1 The system shall stop.")[0].0, Form::Heading(3));
    }

    #[test]
    fn items_keep_their_depth_and_their_following_lines() {
        let found = forms("- one\n  goes on\n  - deeper\n- two");
        let depths: Vec<Form> = found.iter().map(|(form, _)| form.clone()).collect();
        assert_eq!(depths, [Form::Item(0), Form::Item(1), Form::Item(0)]);
        assert_eq!(found[0].1, "one goes on");
    }

    #[test]
    fn a_letter_has_a_head_a_greeting_and_a_closing() {
        let text =
            Text::of("From: a@b.c\nSubject: Re: the app\n\nHi Tom,\n\npeople buy a ticket.\n\nCheers\nAnn\n");
        assert_eq!(text.subject.as_deref(), Some("the app"));
        let words: Vec<&str> = text
            .blocks
            .iter()
            .filter(|block| block.form != Form::Letter)
            .map(|block| block.text.as_str())
            .collect();
        assert_eq!(words, ["people buy a ticket."]);
    }

    #[test]
    fn rows_know_the_head_of_their_table() {
        let found = Text::of("| ID | Need |\n| --- | --- |\n| R1 | Pays |\n| R2 | Sees \\| hears |\n");
        let Form::Row(head, cells) = &found.blocks[1].form else { panic!("{found:?}") };
        assert_eq!((head[1].as_str(), cells[1].as_str()), ("Need", "Sees | hears"));
    }
}
