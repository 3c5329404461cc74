//! Many rows by few statements: within one, SQLite goes on where the last row went instead of searching from the root.

use rusqlite::{CachedStatement, Connection, ToSql};

/// Rows in one statement: as many as there are, by few statements that are prepared once.
const AT_ONCE: [usize; 3] = [50, 10, 1];

/// An `INSERT` of any number of rows.
pub(crate) struct BulkInsert {
    /// One for each number of rows in [`AT_ONCE`].
    statements: [String; AT_ONCE.len()],
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
        Self { statements: AT_ONCE.map(of) }
    }

    /// Inserts `rows` and tells how many were new; `bind` gives the values of one, column by column.
    pub(crate) fn run<R>(
        &self,
        connection: &Connection,
        rows: &[R],
        bind: impl Fn(&R, &mut Values<'_, '_>) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<usize> {
        let (mut left, mut inserted) = (rows, 0);
        for (size, sql) in AT_ONCE.into_iter().zip(&self.statements) {
            let (now, later) = left.split_at(left.len() - left.len() % size);
            left = later;
            if now.is_empty() {
                continue;
            }
            let mut statement = connection.prepare_cached(sql)?;
            for group in now.chunks_exact(size) {
                statement.clear_bindings();
                let mut values = Values { statement: &mut statement, bound: 0 };
                group.iter().try_for_each(|row| bind(row, &mut values))?;
                inserted += statement.raw_execute()?;
            }
        }
        Ok(inserted)
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn any_number_of_rows_arrives_in_order() {
        let insert = BulkInsert::new("INSERT INTO numbers", &["n", "note"], "");
        for count in [0, 1, 9, 10, 11, 50, 67, 123] {
            let connection = Connection::open_in_memory().unwrap();
            connection.execute_batch("CREATE TABLE numbers (place INTEGER PRIMARY KEY, n, note)").unwrap();
            // Every third has a note, so that a group's values do not stay for the next.
            let rows: Vec<(i64, Option<i64>)> = (0..count).map(|n| (n, (n % 3 == 0).then_some(n))).collect();

            let bind = |(n, note): &(i64, Option<i64>), values: &mut Values<'_, '_>| {
                values.add(n)?;
                values.add_some(*note)
            };
            insert.run(&connection, &rows, bind).unwrap();

            let mut select = connection.prepare("SELECT n, note FROM numbers ORDER BY place").unwrap();
            let stored = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
            assert_eq!(stored.map(Result::unwrap).collect::<Vec<_>>(), rows);
        }
    }
}
