//! The jobs in the file: what a job store does with them, in a write transaction.

mod change;
mod counts;
mod edit;
mod error;
mod find;
mod read;
mod rows;
mod waiting;

pub(super) use self::{
    change::{
        cancel, claim, confirm, delete, fail_unclaimed, insert, insert_missing, insert_unconfirmed, known,
        maintain, postpone, remove_unconfirmed, renew, update, withdraw,
    },
    counts::{counts, open_tasks, write as write_counts},
    edit::{Reserved, commit_edit, reserve_edit},
    find::list,
    read::{load, load_newer, need_maintenance, of_alias, to_stop},
    rows::JobRow,
};
