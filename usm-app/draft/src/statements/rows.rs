//! What tables and lines of definitions say: names, roles, releases, requirements.

use std::rc::Rc;

use super::{ROLE_WORDS, Reader, Sort, marks::release_of_cell};
use crate::{
    lexicon::{Column, Part, column},
    reason::Reason,
};

impl Reader {
    /// "Recipient – gets a parcel": the name before the dash.
    pub(super) fn role(&mut self, text: &str) {
        let name = [" – ", " — ", " - ", ": ", " ("]
            .iter()
            .filter_map(|mark| text.find(mark))
            .min()
            .map_or(text, |at| &text[..at]);
        let name = name.trim().trim_end_matches(['.', ';', ',', ':']);
        if (1..=ROLE_WORDS).contains(&name.split_whitespace().count())
            && name.chars().any(char::is_alphabetic)
        {
            self.found.roles.push(name.to_owned());
        }
    }

    /// "MVP: orders, payment".
    pub(super) fn release_line(&mut self, text: &str) {
        let Some((head, rest)) =
            text.split_once(": ").or_else(|| text.split_once(" – ")).or_else(|| text.split_once(" — "))
        else {
            return;
        };
        if let Some(Some(release)) = release_of_cell(head) {
            let names = rest.split([',', ';']).map(|name| name.trim().trim_end_matches('.').to_owned());
            self.found.releases.extend(names.map(|name| (name, release)));
        }
    }

    pub(super) fn row(&mut self, head: &Rc<Vec<String>>, cells: &[String], text: &str) {
        let columns: Vec<Option<Column>> = head.iter().map(|head| column(head)).collect();
        let cell = |wanted: Column| {
            let at = columns.iter().position(|column| *column == Some(wanted))?;
            cells
                .get(at)
                .map(|cell| cell.trim())
                .filter(|cell| !cell.is_empty() && *cell != "-" && *cell != "—")
        };
        let part = self.part();
        if part == Part::Personas {
            let name =
                cell(Column::Persona).or(cells.first().map(String::as_str)).unwrap_or_default().to_owned();
            self.role(&name);
        }
        let release = cell(Column::Release).and_then(release_of_cell);
        // A table of parts and releases, without requirements of its own.
        let is_plan = part == Part::Releases
            || cell(Column::Group).is_some()
                && release.is_some()
                && columns.iter().flatten().count() <= 2
                && columns.len() == 2;
        if is_plan {
            let name =
                cell(Column::Group).or(cell(Column::Requirement)).or(cells.first().map(String::as_str));
            let release = release.or_else(|| cells.iter().find_map(|cell| release_of_cell(cell)));
            if let (Some(name), Some(Some(release))) = (name, release) {
                self.found.releases.push((name.to_owned(), release));
            }
            return self.aside(text, Reason::Plan);
        }
        if columns.contains(&Some(Column::Metric)) {
            return self.aside(text, Reason::of(Part::Goals));
        }
        let sort = match part {
            Part::Requirements | Part::Qualities => Sort::Requirement,
            Part::Questions => Sort::Question,
            Part::Criteria => Sort::Criterion,
            other => Sort::Aside(Reason::of(other)),
        };
        let longest = || {
            let free =
                cells.iter().enumerate().filter(|(at, _)| columns.get(*at).is_none_or(Option::is_none));
            free.map(|(_, cell)| cell.as_str()).max_by_key(|cell| cell.chars().count())
        };
        let said = cell(Column::Requirement).or_else(longest).or(cell(Column::Group));
        let Some(said) = said.filter(|said| said.chars().any(char::is_alphabetic)) else {
            return self.aside(text, Reason::NoWords);
        };
        let mut statement = self.statement(if sort == Sort::Requirement { said } else { text });
        statement.sort = if release == Some(None) && sort == Sort::Requirement {
            Sort::Aside(Reason::OutOfScope)
        } else {
            sort
        };
        statement.id = cell(Column::Name).unwrap_or_default().to_owned();
        statement.release = release.flatten();
        statement.who = cell(Column::Persona)
            .map(str::to_owned)
            .filter(|name| name.split_whitespace().count() <= ROLE_WORDS);
        statement.group = cell(Column::Group).filter(|group| *group != said).unwrap_or_default().to_owned();
        statement.criteria = cell(Column::Criteria)
            .map(|text| {
                text.split(';').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
            })
            .unwrap_or_default();
        statement.is_item = true;
        self.found.roles.extend(statement.who.clone());
        self.found.all.push(statement);
    }
}
