//! Many rows by few statements: within one, SQLite goes on where the last row went instead of searching from the root.

use rusqlite::{CachedStatement, Connection, ToSql};

/// Rows in one statement.
const AT_ONCE: usize = 20;

/// An `INSERT` of any number of rows.
pub(crate) struct BulkInsert {
    one: String,
    many: String,
}

impl BulkInsert {
    /// `into` is the statement up to its columns, `conflict` what comes after the values.
    pub(crate) fn new(into: &str, columns: &[&str], conflict: &str) -> Self {
        let row = format!("({})", vec!["?"; columns.len()].join(", "));
        let of = |rows: usize| {
            format!(
                "{into} ({}) VALUES {} {conflict}",
                columns.join(", "),
                vec![row.as_str(); rows].join(", ")
            )
        };
        Self { one: of(1), many: of(AT_ONCE) }
    }

    /// Inserts `rows`; `bind` gives the values of one, column by column.
    pub(crate) fn run<R>(
        &self,
        connection: &Connection,
        rows: &[R],
        bind: impl Fn(&R, &mut Values<'_, '_>) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        let (full, rest) = rows.as_chunks::<AT_ONCE>();
        let insert = |sql: &str, groups: &mut dyn Iterator<Item = &[R]>| {
            let mut statement = connection.prepare_cached(sql)?;
            for group in groups {
                statement.clear_bindings();
                let mut values = Values { statement: &mut statement, bound: 0 };
                group.iter().try_for_each(|row| bind(row, &mut values))?;
                statement.raw_execute()?;
            }
            Ok(())
        };
        if !full.is_empty() {
            insert(&self.many, &mut full.iter().map(<[R; AT_ONCE]>::as_slice))?;
        }
        insert(&self.one, &mut rest.chunks(1))
    }
}

/// Takes the values of a statement in their order.
pub(crate) struct Values<'a, 'c> {
    statement: &'a mut CachedStatement<'c>,
    bound: usize,
}

impl Values<'_, '_> {
    pub(crate) fn add(&mut self, value: impl ToSql) -> rusqlite::Result<()> {
        self.bound += 1;
        self.statement.raw_bind_parameter(self.bound, value)
    }

    /// Nothing need be bound for a NULL.
    pub(crate) fn add_some(&mut self, value: Option<impl ToSql>) -> rusqlite::Result<()> {
        match value {
            Some(value) => self.add(value),
            None => {
                self.bound += 1;
                Ok(())
            }
        }
    }
}
