//! Blocks made into statements: each sentence with its section, its name, and what the form around it says of it.

mod marks;
mod rows;

use story_map::{Language, Release};

use crate::{
    lexicon::{Column, Lexicon, Part, column, part},
    reason::Reason,
    sentence::sentences,
    text::{Block, Form, Text},
    who,
};

pub(crate) use marks::{agreed, heading_release, release_of_cell};
use marks::{begins_with_and, given, is_machine, is_remark, led, titled};

/// A part of the text under a heading.
#[derive(Debug, Clone)]
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) level: u8,
    pub(crate) part: Part,
    pub(crate) parent: Option<usize>,
}

/// One sentence, item or row.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(crate) text: String,
    /// What the text calls it; empty without a name.
    pub(crate) id: String,
    pub(crate) section: Option<usize>,
    pub(crate) sort: Sort,
    /// Named by a column or by the line above a list.
    pub(crate) who: Option<String>,
    pub(crate) release: Option<Release>,
    /// A heading named by a column.
    pub(crate) group: String,
    /// Criteria that stand under it or in its row.
    pub(crate) criteria: Vec<String>,
    /// Whether it is an item or a row: complete in itself.
    pub(crate) is_item: bool,
    /// Whether it stands before the first part of the text, outside any list.
    pub(crate) is_intro: bool,
}

/// What a statement is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Requirement,
    /// A criterion of a story before it.
    Criterion,
    /// Says of the story before it in which release it is.
    Remark(Release),
    Question,
    /// On no card.
    Aside(Reason),
}

/// All statements of a text, with its sections.
#[derive(Debug, Default)]
pub(crate) struct Statements {
    pub(crate) sections: Vec<Section>,
    pub(crate) all: Vec<Statement>,
    /// Releases that a table gives to the parts of the text.
    pub(crate) releases: Vec<(String, Release)>,
    /// Roles that the form of the text names.
    pub(crate) roles: Vec<String>,
}

/// The levels below all headings: lines above a list.
const LIST: u8 = 7;
/// Longest name of a role, in words.
const ROLE_WORDS: usize = 5;

impl Statements {
    pub(crate) fn of(text: &Text, language: Language) -> Self {
        let mut reader = Reader {
            found: Self::default(),
            open: Vec::new(),
            listed: false,
            language,
            is_chat: text.is_chat,
            depth_base: None,
        };
        for (index, block) in text.blocks.iter().enumerate() {
            reader.block(block, text.blocks.get(index + 1));
        }
        reader.found
    }

    /// Whether requirements stand under more than one heading, so that what comes before them introduces them.
    pub(crate) fn is_parted(&self) -> bool {
        let of = self
            .all
            .iter()
            .filter(|one| one.sort == Sort::Requirement && !one.is_intro)
            .filter_map(|one| one.section);
        of.collect::<std::collections::BTreeSet<_>>().len() > 1
    }

    /// The section and those above it, innermost first.
    pub(crate) fn above(&self, section: Option<usize>) -> impl Iterator<Item = &Section> {
        std::iter::successors(section, |at| self.sections[*at].parent).map(|at| &self.sections[at])
    }
}

struct Reader {
    found: Statements,
    /// Sections that are open, outermost first.
    open: Vec<usize>,
    /// Whether the last line above a list has had its items.
    listed: bool,
    language: Language,
    is_chat: bool,
    /// The statement that deeper items belong to.
    depth_base: Option<usize>,
}

impl Reader {
    fn part(&self) -> Part {
        self.open.last().map_or(Part::Requirements, |at| self.found.sections[*at].part)
    }

    fn heading(&mut self, level: u8, title: &str) {
        while self.open.last().is_some_and(|at| self.found.sections[*at].level >= level) {
            self.open.pop();
        }
        let title = titled(title);
        let own = part(title);
        let is_name = level == 1 && self.found.sections.is_empty();
        let part = match (own, self.part()) {
            (_, _) if is_name => Part::Requirements,
            (Part::Requirements, Part::Criteria) if level < LIST => Part::Requirements,
            (Part::Requirements, above) => above,
            (own, _) => own,
        };
        let parent = self.open.last().copied();
        self.found.sections.push(Section {
            title: title.trim_end_matches([':', ' ']).to_owned(),
            level,
            part,
            parent,
        });
        self.open.push(self.found.sections.len() - 1);
        (self.listed, self.depth_base) = (false, None);
    }

    fn block(&mut self, block: &Block, next: Option<&Block>) {
        let above_list =
            |depth: usize| next.is_some_and(|next| matches!(next.form, Form::Item(deeper) if deeper > depth));
        match &block.form {
            Form::Heading(level) => self.heading(*level, &block.text),
            Form::Letter => self.aside(&block.text, Reason::Letter),
            Form::Code => self.aside(&block.text, Reason::Code),
            // A story or a name of its own ends the criteria of the story before it.
            Form::Item(_) | Form::Paragraph
                if self.part() == Part::Criteria
                    && (who::wish(&block.text).is_some() || !block.id.is_empty()) =>
            {
                while self.open.last().is_some_and(|at| self.found.sections[*at].part == Part::Criteria) {
                    self.open.pop();
                }
                self.words(block, matches!(block.form, Form::Item(_)));
            }
            Form::Message => self.words(block, false),
            Form::Row(head, cells) => self.row(head, cells, &block.text),
            Form::Item(depth) if block.text.ends_with(':') && (above_list(*depth) || next.is_none()) => {
                self.heading(LIST + 1 + u8::try_from(*depth).unwrap_or(9), &block.text);
            }
            Form::Item(depth) => {
                self.listed = true;
                let level = LIST + 1 + u8::try_from(*depth).unwrap_or(9);
                while self.open.last().is_some_and(|at| {
                    self.found.sections[*at].level > LIST && self.found.sections[*at].level >= level
                }) {
                    self.open.pop();
                }
                self.item(block, *depth);
            }
            Form::Paragraph => {
                // A paragraph behind the items is no part of their list.
                while self.listed && self.open.last().is_some_and(|at| self.found.sections[*at].level >= LIST)
                {
                    self.open.pop();
                }
                (self.listed, self.depth_base) = (false, None);
                self.words(block, false);
            }
        }
    }

    fn item(&mut self, block: &Block, depth: usize) {
        let base = self.depth_base.filter(|_| depth > 0 && self.part() == Part::Requirements);
        if let Some(base) = base {
            self.found.all[base].criteria.push(block.text.clone());
            return;
        }
        let before = self.found.all.len();
        self.words(block, true);
        self.depth_base =
            (before..self.found.all.len()).find(|at| self.found.all[*at].sort == Sort::Requirement);
    }

    fn statement(&self, text: &str) -> Statement {
        Statement {
            text: text.to_owned(),
            id: String::new(),
            section: self.open.last().copied(),
            sort: Sort::Requirement,
            who: None,
            release: None,
            group: String::new(),
            criteria: Vec::new(),
            is_item: false,
            is_intro: false,
        }
    }

    fn aside(&mut self, text: &str, reason: Reason) {
        let statement = Statement { sort: Sort::Aside(reason), ..self.statement(text) };
        self.found.all.push(statement);
    }

    /// The sentences of a paragraph, an item or a message.
    fn words(&mut self, block: &Block, is_item: bool) {
        let mut inner = block.text.clone();
        let mut part = self.part();
        let mut release = None;
        if let Some((lead, rest)) = led(&block.text) {
            // "P1: …"
            let told = heading_release(lead).filter(|_| lead.chars().any(char::is_alphabetic));
            match told {
                Some(Some(told)) => (release, inner) = (Some(told), rest.to_owned()),
                Some(None) => return self.aside(&block.text, Reason::OutOfScope),
                None => {}
            }
            if let (Some(Column::Release), Some(Some(release))) = (column(lead), release_of_cell(rest)) {
                let statement = Statement { sort: Sort::Remark(release), ..self.statement(&block.text) };
                return self.found.all.push(statement);
            }
            if matches!(crate::lexicon::bare(lead).as_str(), "scenario" | "сценарий") {
                return self.heading(LIST + 9, "acceptance criteria");
            }
            let announced = crate::lexicon::part(lead);
            if announced != Part::Requirements {
                part = announced;
                inner = rest.to_owned();
            }
        }
        if part == Part::Personas {
            self.role(&block.text);
        }
        if part == Part::Releases {
            self.release_line(&block.text);
        }
        if begins_with_and(&inner)
            && let Some(last) = self
                .found
                .all
                .last_mut()
                .filter(|last| last.sort == Sort::Criterion && given(&last.text).is_some())
        {
            last.text = format!("{}, {inner}", last.text.trim_end_matches([',', '.', ' ']));
            return;
        }
        if let Some(step) = given(&inner) {
            return self.criterion_step(&inner, step, &block.id);
        }
        let whole = (is_item || self.is_chat)
            && !matches!(part, Part::Requirements | Part::Criteria | Part::Questions);
        let texts = if whole || who::wish(&inner).is_some() && sentences(&inner).len() == 1 {
            vec![inner]
        } else {
            sentences(&inner)
        };
        for text in &texts {
            let sort = self.sort(text, part, is_item);
            let mut statement = self.statement(text);
            statement.sort = sort;
            statement.release = release;
            statement.is_item = is_item;
            statement.is_intro =
                !is_item && !self.is_chat && self.found.sections.iter().all(|section| section.level == 1);
            statement.id.clone_from(&block.id);
            self.found.all.push(statement);
        }
    }

    fn sort(&self, text: &str, part: Part, is_item: bool) -> Sort {
        let lexicon = Lexicon::of(self.language);
        let count = text.split_whitespace().count();
        if Lexicon::says(text, Lexicon::of(Language::English).commands)
            || Lexicon::says(text, Lexicon::of(Language::Russian).commands)
            || is_machine(text)
        {
            return Sort::Aside(Reason::Command);
        }
        let dropped =
            self.open.iter().any(|at| heading_release(&self.found.sections[*at].title) == Some(None));
        if dropped && part == Part::Requirements {
            return Sort::Aside(Reason::OutOfScope);
        }
        match part {
            Part::Requirements | Part::Qualities => {}
            Part::Criteria => return Sort::Criterion,
            Part::Background if agreed(text).is_some() => return Sort::Requirement,
            Part::Questions => return Sort::Question,
            Part::Releases => return Sort::Aside(Reason::Plan),
            other => return Sort::Aside(Reason::of(other)),
        }
        if text.trim_end().ends_with(['?', '？']) {
            return Sort::Question;
        }
        let aside = text.starts_with('(') && text.trim_end_matches('.').ends_with(')');
        if let Some(release) =
            lexicon.release(text.trim_matches(['(', ')', '.'])).filter(|_| count <= 8 && (aside || !is_item))
            && (aside || is_remark(text, self.language))
        {
            return Sort::Remark(release);
        }
        if Lexicon::says(text, lexicon.excluded) && lexicon.release(text).is_none() {
            return Sort::Aside(Reason::OutOfScope);
        }
        if !text.chars().any(char::is_alphabetic) || text.chars().filter(|c| c.is_alphabetic()).count() < 3 {
            return Sort::Aside(Reason::NoWords);
        }
        Sort::Requirement
    }

    /// "Given …", and the lines behind it that go on.
    fn criterion_step(&mut self, text: &str, is_first: bool, id: &str) {
        if let Some(last) = self
            .found
            .all
            .last_mut()
            .filter(|last| !is_first && last.sort == Sort::Criterion && given(&last.text).is_some())
        {
            last.text = format!("{}, {text}", last.text.trim_end_matches([',', '.', ' ']));
            return;
        }
        let statement =
            Statement { sort: Sort::Criterion, id: id.to_owned(), is_item: true, ..self.statement(text) };
        self.found.all.push(statement);
    }
}
