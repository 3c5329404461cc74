//! Markdown as a flat list of headings, paragraphs and list items: all that a map is made of.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// A piece of the text with the line it begins on, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) line: usize,
    pub(super) kind: Kind,
    /// The words without their markup; a line break is one that the reader sees, too.
    pub(super) text: String,
    /// How many bytes of `text` are bold from its beginning.
    pub(super) bold: usize,
    /// Whether it stands in a quotation.
    pub(super) quoted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// With its level.
    Heading(u8),
    /// Outside lists: quoted or not.
    Paragraph,
    /// The first text of a list item, with the depth of the list, counted from 1.
    Item(usize),
    /// What else stands in a list item.
    More(usize),
}

/// The blocks of a text. Tables and comments are left out.
pub(super) fn blocks(markdown: &str) -> Vec<Block> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS;
    let mut reader = Reader { markdown, ..Reader::default() };
    for (event, range) in Parser::new_ext(markdown, options).into_offset_iter() {
        reader.event(event, range.start);
    }
    reader.blocks
}

#[derive(Default)]
struct Reader<'a> {
    markdown: &'a str,
    blocks: Vec<Block>,
    open: Option<Block>,
    heading: Option<u8>,
    /// For each list item around, whether its first text has been seen.
    items: Vec<bool>,
    /// Within a table or another part that says nothing.
    skipped: usize,
    /// Quotations around.
    quotes: usize,
    /// Where counting lines has come to: bytes and lines.
    counted: (usize, usize),
}

impl Reader<'_> {
    fn event(&mut self, event: Event<'_>, at: usize) {
        match event {
            Event::Start(Tag::Table(_) | Tag::HtmlBlock) => {
                self.close();
                self.skipped += 1;
            }
            Event::End(TagEnd::Table | TagEnd::HtmlBlock) => self.skipped -= 1,
            _ if self.skipped > 0 => {}
            Event::Start(Tag::BlockQuote(_)) => {
                self.close();
                self.quotes += 1;
            }
            Event::End(TagEnd::BlockQuote(_)) => {
                self.close();
                self.quotes = self.quotes.saturating_sub(1);
            }
            Event::Start(Tag::Heading { level, .. }) => {
                self.close();
                self.heading = Some(number(level));
                // A heading without a text is one all the same.
                self.open(at);
            }
            Event::End(TagEnd::Heading(_)) => {
                self.close();
                self.heading = None;
            }
            Event::Start(Tag::Item) => {
                self.close();
                self.items.push(false);
                self.open(at);
            }
            Event::End(TagEnd::Item) => {
                self.close();
                self.items.pop();
            }
            Event::Start(Tag::Paragraph) if self.open.as_ref().is_some_and(|open| open.text.is_empty()) => {}
            Event::Start(Tag::Paragraph | Tag::List(_) | Tag::CodeBlock(_))
            | Event::End(TagEnd::Paragraph | TagEnd::List(_) | TagEnd::CodeBlock)
            | Event::Rule => self.close(),
            Event::End(TagEnd::Strong) => {
                if let Some(open) = &mut self.open
                    && open.bold == usize::MAX
                {
                    open.bold = open.text.len();
                }
            }
            Event::Start(Tag::Strong) => {
                self.open(at);
                if let Some(open) = self.open.as_mut().filter(|open| open.text.is_empty()) {
                    open.bold = usize::MAX;
                }
            }
            Event::Text(text) => self.push(&text, at),
            Event::Code(text) => self.push(&format!("`{text}`"), at),
            Event::SoftBreak => self.push(" ", at),
            Event::HardBreak => self.push("\n", at),
            Event::InlineHtml(tag) => {
                let is_break = matches!(tag.to_ascii_lowercase().as_str(), "<br>" | "<br/>" | "<br />");
                self.push(if is_break { "\n" } else { &tag }, at);
            }
            _ => {}
        }
    }

    fn push(&mut self, text: &str, at: usize) {
        self.open(at);
        if let Some(open) = &mut self.open {
            open.text.push_str(text);
        }
    }

    fn open(&mut self, at: usize) {
        if self.open.is_some() {
            return;
        }
        let depth = self.items.len();
        let kind = match (self.heading, self.items.last_mut()) {
            (Some(level), _) => Kind::Heading(level),
            (None, None) => Kind::Paragraph,
            (None, Some(begun)) if *begun => Kind::More(depth),
            (None, Some(begun)) => {
                *begun = true;
                Kind::Item(depth)
            }
        };
        let line = self.line(at);
        self.open = Some(Block { line, kind, text: String::new(), bold: 0, quoted: self.quotes > 0 });
    }

    fn close(&mut self) {
        let Some(mut block) = self.open.take() else { return };
        let is_needed = !matches!(block.kind, Kind::Paragraph | Kind::More(_));
        if block.bold == usize::MAX {
            block.bold = 0;
        }
        if is_needed || !block.text.trim().is_empty() {
            self.blocks.push(block);
        }
    }

    /// The line at an offset; offsets do not go back by much, so each byte is counted about once.
    fn line(&mut self, at: usize) -> usize {
        let (bytes, lines) = self.counted;
        let between = self.markdown.as_bytes().get(bytes.min(at)..bytes.max(at)).unwrap_or_default();
        let breaks = between.iter().filter(|byte| **byte == b'\n').count();
        let line = if at < bytes { lines - breaks } else { lines + breaks };
        self.counted = (at, line);
        line + 1
    }
}

fn number(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}
