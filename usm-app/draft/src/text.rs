//! Requirements text as people write it, Markdown or plain, taken apart into sections and statements.

use std::collections::BTreeSet;

use super::markup::{Line, without_number};
use super::sentence::sentences;
use super::words::without_final_punctuation;

/// A line this long was wrapped by an editor, so the next line continues its sentence.
const WRAPPED_AT: usize = 60;
/// Longest heading without markup, in words.
const HEADING_WORDS: usize = 6;
/// Longest first line taken for a title, in words.
const TITLE_WORDS: usize = 12;

/// A text taken apart.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// Heading that names the whole document.
    pub(super) title: Option<String>,
    /// Headings in order; statements refer to them by index.
    pub(super) sections: Vec<String>,
    /// Sentences, bullets and table rows in order.
    pub(super) statements: Vec<Statement>,
    /// Code blocks that were not read.
    pub(super) skipped_code_blocks: usize,
}

/// One sentence, bullet or table row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Statement {
    /// Its words, without markup.
    pub(super) text: String,
    /// What introduces it: the line before the bullets ("Курьер может:"), the bullet above, or the other cells of
    /// its table row.
    pub(super) lead: Option<String>,
    /// The heading above it.
    pub(super) section: Option<usize>,
    /// Whether it is a bullet or a table row, which may be a fragment, not a sentence.
    pub(super) is_item: bool,
    /// Whether it continues the statement before it, so that "he" and "it" may refer there.
    pub(super) continues: bool,
}

impl Document {
    /// Takes the text apart; never fails, an empty text has no statements.
    pub(super) fn parse(text: &str) -> Self {
        let document = Reader::read(text, false);
        // A text pasted with a fence around it says nothing outside the fence.
        if document.statements.is_empty() { Reader::read(text, true) } else { document }
    }

    /// The heading above a statement.
    pub(super) fn section_of(&self, statement: &Statement) -> Option<&str> {
        statement.section.and_then(|index| self.sections.get(index)).map(String::as_str)
    }
}

#[derive(Default)]
struct Reader {
    document: Document,
    paragraph: Vec<String>,
    item: Option<(usize, String)>,
    lead: Option<String>,
    /// Bullets that have bullets under them: indentation and text.
    parents: Vec<(usize, String)>,
    after_blank: bool,
    /// Whether the heading was a plain line, whose bullets end its section.
    plain_heading: bool,
    has_items: bool,
    section: Option<usize>,
}

impl Reader {
    fn read(text: &str, read_code: bool) -> Document {
        let chapters = chapters(text);
        let lines: Vec<Line> =
            text.lines().map(|raw| chapter(raw, &chapters).unwrap_or_else(|| Line::read(raw))).collect();
        let mut reader = Self { after_blank: true, ..Self::default() };
        let mut fence = None;
        for (index, line) in lines.iter().enumerate() {
            if let Line::Fence(mark) = line {
                reader.close();
                match fence {
                    None => {
                        fence = Some(*mark);
                        reader.document.skipped_code_blocks += usize::from(!read_code);
                    }
                    Some(open) if open == *mark => fence = None,
                    Some(_) => {}
                }
            } else if fence.is_none() || read_code {
                reader.line(line, &lines[index + 1..]);
            }
        }
        reader.close();
        reader.document
    }

    fn line(&mut self, line: &Line, following: &[Line]) {
        match line {
            Line::Blank => self.close(),
            Line::Fence(_) => {}
            Line::Heading(level, title) => {
                self.close();
                self.heading(title, *level == 1);
            }
            Line::Item(indent, text) => self.open_item(*indent, text, following.first()),
            Line::Row(cells) => self.row(cells, following.first()),
            Line::Rule => self.rule(),
            Line::Prose(indented, text) => self.prose(*indented, text, following),
        }
        self.after_blank = matches!(line, Line::Blank | Line::Heading(..));
    }

    fn heading(&mut self, title: &str, may_name_document: bool) {
        self.lead = None;
        self.parents.clear();
        let first = self.document.sections.is_empty() && self.document.title.is_none();
        if first && may_name_document && self.document.statements.is_empty() {
            self.document.title = Some(title.to_owned());
        } else {
            self.document.sections.push(without_final_punctuation(title).to_owned());
            self.section = Some(self.document.sections.len() - 1);
            self.has_items = false;
            self.plain_heading = false;
        }
    }

    /// A line of dashes under a single line of prose makes that line a heading.
    fn rule(&mut self) {
        if self.item.is_none() && self.paragraph.len() == 1 {
            let title = self.paragraph.remove(0);
            self.heading(without_number(&title), true);
        } else {
            self.close();
        }
    }

    fn open_item(&mut self, indent: usize, text: &str, next: Option<&Line>) {
        self.close();
        while self.parents.last().is_some_and(|(parent, _)| *parent >= indent) {
            self.parents.pop();
        }
        let has_children = matches!(next, Some(Line::Item(deeper, _)) if *deeper > indent);
        if has_children && (text.ends_with(':') || is_short(text, HEADING_WORDS)) {
            if !text.ends_with(':') {
                self.state(text, true);
            }
            self.parents.push((indent, text.to_owned()));
        } else {
            self.item = Some((indent, text.to_owned()));
        }
    }

    /// The longest cell is the requirement, the other cells say whose it is or how urgent.
    fn row(&mut self, cells: &[String], next: Option<&Line>) {
        self.close();
        let is_table_head = matches!(next, Some(Line::Rule));
        if is_table_head {
            return;
        }
        let longest =
            cells.iter().enumerate().max_by_key(|(index, cell)| (cell.chars().count(), usize::MAX - index));
        let Some((main, text)) = longest else { return };
        let others: Vec<&str> = cells
            .iter()
            .enumerate()
            .filter(|(index, cell)| *index != main && cell.chars().any(char::is_alphabetic))
            .map(|(_, cell)| cell.as_str())
            .collect();
        self.lead = (!others.is_empty()).then(|| others.join(", "));
        self.state(text, true);
        self.lead = None;
    }

    fn prose(&mut self, indented: bool, text: &str, following: &[Line]) {
        let continues_item = indented || text.chars().next().is_some_and(char::is_lowercase);
        if let Some((_, item)) = self.item.as_mut().filter(|_| continues_item) {
            item.push(' ');
            item.push_str(text);
            return;
        }
        let at_start = self.paragraph.is_empty() && (self.after_blank || self.item.is_some());
        if at_start && is_heading_like(text) {
            let is_first = self.document.title.is_none()
                && self.document.statements.is_empty()
                && self.document.sections.is_empty()
                && self.item.is_none();
            let before_items = matches!(following.first(), Some(Line::Item(..)));
            let before_gap = matches!(following, [Line::Blank, next, ..] if *next != Line::Blank);
            let names_document = is_first && before_gap && is_short(text, TITLE_WORDS);
            if names_document || is_short(text, HEADING_WORDS) && (before_items || before_gap) {
                self.close();
                self.heading(without_number(text), names_document);
                self.plain_heading = true;
                return;
            }
        }
        self.close_item();
        if self.plain_heading && self.has_items && self.paragraph.is_empty() {
            self.section = None;
        }
        self.paragraph.push(text.to_owned());
    }

    fn close(&mut self) {
        self.close_item();
        self.close_paragraph();
    }

    fn close_item(&mut self) {
        let Some((_, text)) = self.item.take() else { return };
        self.state(&text, true);
    }

    fn close_paragraph(&mut self) {
        let lines = std::mem::take(&mut self.paragraph);
        if lines.is_empty() {
            return;
        }
        self.lead = None;
        self.parents.clear();
        let before = &lines[..lines.len() - 1];
        let is_wrapped = before.len() > 1 && before.iter().all(|line| line.chars().count() >= WRAPPED_AT);
        let mut texts: Vec<String> = Vec::new();
        let mut previous_is_wrapped = false;
        for line in lines {
            let starts_lower = line.chars().next().is_some_and(char::is_lowercase);
            // In a short paragraph a capital behind a line without a full stop begins another statement.
            let ends = line.ends_with(['.', '!', '?', ':', ';']);
            let wraps = line.chars().count() >= WRAPPED_AT && (ends || is_wrapped || joins_on(&line));
            match texts.last_mut() {
                Some(text) if previous_is_wrapped || starts_lower => {
                    text.push(' ');
                    text.push_str(&line);
                }
                _ => texts.push(line),
            }
            previous_is_wrapped = wraps;
        }
        let last = texts.len() - 1;
        for (index, text) in texts.iter().enumerate() {
            self.state(text, false);
            if index == last && text.ends_with(':') {
                self.lead = self.document.statements.pop().map(|statement| statement.text);
            }
        }
    }

    /// Adds the sentences of a text as statements.
    fn state(&mut self, text: &str, is_item: bool) {
        let lead = self.parents.last().map(|(_, parent)| parent.clone()).or_else(|| self.lead.clone());
        let section = self.section;
        self.has_items |= is_item;
        for (index, sentence) in sentences(text).into_iter().enumerate() {
            let sentence = without_label(&sentence).to_owned();
            let is_remark =
                sentence.starts_with('(') && sentence.ends_with(')') && is_short(&sentence, HEADING_WORDS);
            if let Some(before) = self.document.statements.last_mut().filter(|_| is_remark && index > 0) {
                before.text = format!("{} {sentence}", without_final_punctuation(&before.text));
                continue;
            }
            self.document.statements.push(Statement {
                text: sentence,
                lead: lead.clone().filter(|_| is_item),
                section,
                is_item,
                continues: index > 0,
            });
        }
    }
}

/// Numbers of the chapters of a text whose paragraphs are numbered "2.1", "2.2".
fn chapters(text: &str) -> BTreeSet<&str> {
    text.lines()
        .filter_map(|raw| raw.trim().split_once('.'))
        .filter(|(number, rest)| is_number(number) && rest.starts_with(|c: char| c.is_ascii_digit()))
        .map(|(number, _)| number)
        .collect()
}

/// "2. Требования к функциям" above "2.1. …" is a heading, and no item of a list.
fn chapter(raw: &str, chapters: &BTreeSet<&str>) -> Option<Line> {
    let (number, title) = raw.trim().split_once('.')?;
    let title = title.trim();
    let names = chapters.contains(number) && raw.trim()[number.len() + 1..].starts_with(char::is_whitespace);
    (names && is_heading_like(title)).then(|| Line::Heading(2, title.to_owned()))
}

fn is_number(text: &str) -> bool {
    (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What bug reports put before a sentence: it says what kind of sentence it is, and nothing of the product.
const LABELS: &[&str] = &[
    "bug",
    "issue",
    "defect",
    "ticket",
    "expected",
    "expected result",
    "actual",
    "actual result",
    "баг",
    "ошибка",
    "дефект",
    "тикет",
    "ожидается",
    "ожидаемый результат",
    "ожидаемое поведение",
    "фактический результат",
];

/// The sentence behind "Bug 12:" and "Expected:".
fn without_label(sentence: &str) -> &str {
    let Some((label, rest)) = sentence.split_once(':') else { return sentence };
    let lower = label.to_lowercase();
    let name = lower.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, ' ' | '#' | '-' | '№'));
    let says = rest.starts_with(char::is_whitespace) && rest.chars().any(char::is_alphabetic);
    if says && LABELS.contains(&name) { rest.trim() } else { sentence }
}

/// A line that ends with a comma or a short word waits for the next one.
fn joins_on(line: &str) -> bool {
    line.ends_with(',') || line.split_whitespace().last().is_some_and(|word| word.chars().count() <= 3)
}

fn is_short(text: &str, words: usize) -> bool {
    text.split_whitespace().nth(words).is_none()
}

/// Whether a line of prose could be a heading: it begins like one and does not end like a sentence.
fn is_heading_like(text: &str) -> bool {
    let starts = text.chars().next().is_some_and(|c| c.is_uppercase() || c.is_ascii_digit());
    starts && !text.ends_with(['.', ',', ';', ':', '!', '?', '…', ')'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(document: &Document) -> Vec<&str> {
        document.statements.iter().map(|statement| statement.text.as_str()).collect()
    }

    #[test]
    fn bullets_inherit_the_line_that_introduces_them() {
        let document =
            Document::parse("# Еда\n\nКурьер может:\n\n- взять заказ\n- позвонить клиенту\n\nКонец.");

        assert_eq!(document.title.as_deref(), Some("Еда"));
        assert_eq!(texts(&document), ["взять заказ", "позвонить клиенту", "Конец."]);
        assert_eq!(document.statements[1].lead.as_deref(), Some("Курьер может:"));
        assert_eq!(document.statements[2].lead, None);
    }

    #[test]
    fn plain_headings_and_wrapped_lines_are_recognised() {
        let text = "Склад магазина\n\nПриёмка\n- принять товар\n  со сроком\nОтгрузка\n- собрать рейс";

        let document = Document::parse(text);

        assert_eq!(document.title.as_deref(), Some("Склад магазина"));
        assert_eq!(document.sections, ["Приёмка", "Отгрузка"]);
        assert_eq!(texts(&document), ["принять товар со сроком", "собрать рейс"]);
        assert_eq!(document.section_of(&document.statements[1]), Some("Отгрузка"));
    }

    #[test]
    fn prose_behind_the_bullets_of_a_plain_heading_stands_under_none() {
        let text =
            "Склад\n\nОтгрузка\n- собрать рейс\nТерминалы работают без сети два часа\nОтчёт нужен позже";

        let document = Document::parse(text);

        assert_eq!(texts(&document)[1..], ["Терминалы работают без сети два часа", "Отчёт нужен позже"]);
        assert_eq!(document.statements[1].section, None);
    }

    #[test]
    fn numbered_chapters_are_headings_and_labels_of_bugs_are_left_out() {
        let text =
            "1. Общие положения\n1.1. Клиент платит.\n2. Требования к надёжности\n2.1. Сбой длится час.\n";

        let document = Document::parse(text);
        let bug = Document::parse(
            "Bug 2: The receipt is emailed without the plate. Expected: receipt shows the plate.",
        );

        assert_eq!(document.sections, ["Общие положения", "Требования к надёжности"]);
        assert_eq!(texts(&document), ["Клиент платит.", "Сбой длится час."]);
        assert_eq!(texts(&bug), ["The receipt is emailed without the plate.", "receipt shows the plate."]);
    }

    #[test]
    fn table_rows_become_statements_with_their_other_cells() {
        let document = Document::parse("| Что | Когда |\n|---|---|\n| Вход по паролю | позже |");

        assert_eq!(texts(&document), ["Вход по паролю"]);
        assert_eq!(document.statements[0].lead.as_deref(), Some("позже"));
    }

    #[test]
    fn code_is_left_out_and_counted_unless_it_is_all_there_is() {
        let mixed = Document::parse("Клиент платит.\n```json\n{\"a\": 1}\n```\n");
        let only = Document::parse("```\nКлиент платит картой.\n```");

        assert_eq!((texts(&mixed), mixed.skipped_code_blocks), (vec!["Клиент платит."], 1));
        assert_eq!((texts(&only), only.skipped_code_blocks), (vec!["Клиент платит картой."], 0));
    }

    #[test]
    fn nested_bullets_take_the_bullet_above_as_their_lead() {
        let document = Document::parse("- Клиент:\n  - ищет товар\n  - платит\n- Склад собирает заказ");

        assert_eq!(document.statements[0].lead.as_deref(), Some("Клиент:"));
        assert_eq!(document.statements[2].lead, None);
    }
}
