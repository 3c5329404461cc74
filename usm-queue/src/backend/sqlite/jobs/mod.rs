//! The jobs in the file: what a job store does with them, in a write transaction.

mod change;
mod error;
mod read;
mod rows;

pub(super) use self::{
    change::{
        cancel, claim, confirm, fail_unclaimed, insert, insert_missing, insert_unconfirmed, known, maintain,
        postpone, remove_unconfirmed, renew, update, withdraw,
    },
    read::{list, load, load_newer, need_maintenance, of_alias, to_stop},
    rows::JobRow,
};
