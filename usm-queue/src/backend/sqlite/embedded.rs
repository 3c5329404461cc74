//! One open queue file, shared by the broker and the job store on it.

use std::{fmt, sync::Arc};

use super::{
    contents::Contents,
    db::{Db, Tables},
    messages::Routes,
};
use crate::{
    backend::BackendInfo,
    error::{Error, ErrorKind, Result},
};

/// The database, what it holds, and who waits for that in this process.
pub(super) struct Embedded {
    pub(super) db: Db,
    pub(super) contents: Arc<Contents>,
}

impl Embedded {
    pub(super) fn new(open: impl FnOnce(Arc<dyn Tables>) -> Result<Db>) -> Result<Self> {
        let contents = Arc::new(Contents::default());
        Ok(Self { db: open(contents.clone())?, contents })
    }

    /// The declared topology.
    pub(super) fn routes(&self) -> Result<Arc<Routes>> {
        self.contents.routes().ok_or_else(|| {
            Error::new(ErrorKind::InvalidTopology, "no topology was declared; call `declare` first")
        })
    }

    pub(super) fn describe(&self) -> BackendInfo {
        let place = self.db.path().map_or("memory".into(), |path| path.to_string_lossy());
        BackendInfo::new("sqlite").server(place).version(Some(rusqlite::version().to_owned()))
    }

    /// Gives deliveries back and refuses everything from then on.
    pub(super) async fn close(&self) {
        self.db.close().await;
        self.contents.subscribers.close();
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.db.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use rusqlite::Connection;

    use super::*;
    use crate::{
        backend::sqlite::{
            SqliteOptions,
            db::{Tx, backend},
            messages,
        },
        testing::soon,
    };

    fn in_memory() -> Embedded {
        Embedded::new(|contents| Db::in_memory(SqliteOptions::default(), contents)).unwrap()
    }

    fn count(connection: &Connection, condition: &str) -> Result<i64> {
        let sql = format!("SELECT count(*) FROM messages WHERE {condition}");
        connection.query_row(&sql, [], |row| row.get(0)).map_err(|error| backend("cannot count", error))
    }

    fn delay(tx: &Tx<'_>, messages: i64) -> Result<()> {
        // Due in the reverse of the order they came in.
        let insert = "INSERT INTO messages (id, queue, priority, due_at, message_id, envelope, body)
            WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)
            SELECT n, 1, 0, 1 + ?1 - n, n, '{}', x'' FROM n";
        tx.connection.execute(insert, [messages]).map(drop).map_err(|error| backend("cannot insert", error))
    }

    #[tokio::test]
    async fn a_write_or_read_that_panics_fails_alone_and_nothing_of_it_is_kept() {
        let dir = tempfile::TempDir::new().unwrap();
        for Embedded { db, .. } in [
            in_memory(),
            Embedded::new(|contents| {
                Db::open(&dir.path().join("queue.db"), SqliteOptions::default(), contents)
            })
            .unwrap(),
        ] {
            let panics = db.write(|tx| {
                delay(tx, 1)?;
                panic!("what now");
                #[expect(unreachable_code, reason = "it names the type")]
                Ok(())
            });
            let (panicked, kept) = tokio::join!(panics, db.write(|tx| delay(tx, 3)));
            kept.unwrap();
            for error in [panicked.unwrap_err(), db.read::<(), _>(|_| panic!("what now")).await.unwrap_err()]
            {
                assert_eq!(error.kind(), ErrorKind::Backend);
                assert!(error.to_string().contains("panicked: what now"), "{error}");
            }
            assert_eq!(db.read(|connection| count(connection, "1")).await.unwrap(), 3);
        }
    }

    /// The first write panics where no command's own panic is caught: when it has been answered.
    #[tokio::test]
    async fn after_a_panic_of_the_writer_itself_the_next_write_succeeds() {
        struct Panics;
        impl Drop for Panics {
            fn drop(&mut self) {
                panic!("dropped");
            }
        }
        let Embedded { db, .. } = in_memory();
        let inside = Panics;
        let write = db.write(move |_| {
            let _inside = &inside;
            Ok(())
        });

        soon("the caller is answered", write).await.unwrap();

        soon("the next is written", db.write(|tx| delay(tx, 1))).await.unwrap();
    }

    #[tokio::test]
    async fn messages_due_at_once_are_moved_in_order_some_in_each_transaction() {
        let Embedded { db, .. } = in_memory();
        db.write(|tx| delay(tx, 1_200)).await.unwrap();

        // Two commands of one transaction share its bound; here each has its own.
        let mut left = vec![1_200];
        while left.last() > Some(&0) {
            db.write(|tx| messages::maintain(tx, None, false)).await.unwrap();
            left.push(db.read(|connection| count(connection, "due_at IS NOT NULL")).await.unwrap());
        }

        // The writer itself looks in between.
        assert!(left.windows(2).all(|pair| pair[0] - pair[1] <= 1_000) && left.len() > 2, "{left:?}");
        let order = db
            .read(|connection| {
                let mut select = connection.prepare("SELECT message_id FROM messages ORDER BY id").unwrap();
                let rows = select.query_map([], |row| row.get::<_, String>(0)).unwrap();
                Ok(rows.map(|id| id.unwrap().parse::<i64>().unwrap()).collect::<Vec<_>>())
            })
            .await
            .unwrap();
        assert_eq!(order, (1..=1_200).rev().collect::<Vec<_>>());
    }
}
