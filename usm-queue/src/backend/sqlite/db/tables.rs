//! What the tables need besides the work that is asked for.

use rusqlite::Connection;

use super::tx::{Effects, Tx};
use crate::error::Result;

/// Called by the writer and the reader, on their threads.
pub(crate) trait Tables: Send + Sync + 'static {
    /// Whether [`maintain`](Self::maintain) would find something to do; reads only.
    fn need_maintenance(&self, connection: &Connection, member: i64, now: i64) -> Result<bool>;

    /// Does what is due. Silent processes may be held for dead if it `may_reap` them.
    fn maintain(&self, tx: &mut Tx<'_>, may_reap: bool) -> Result<()>;

    /// Gives back what this process holds.
    fn release(&self, tx: &mut Tx<'_>) -> Result<()>;

    /// This process is about to commit: writes what the transaction counted.
    fn count(&self, connection: &Connection, effects: &Effects) -> Result<()>;

    /// This process has committed.
    fn committed(&self, connection: &Connection, effects: &Effects);

    /// Another process has committed.
    fn changed(&self, connection: &Connection);
}
