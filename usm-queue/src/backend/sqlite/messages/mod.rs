//! The messages in the file: what a broker does with them, in a write transaction.

mod edit;
mod error;
mod insert;
mod maintenance;
mod routes;
mod rows;
mod settle;
mod take;

pub(super) use self::{
    edit::{delayed, held, reschedule},
    error::failed,
    insert::{insert_all, ready_count},
    maintenance::{maintain, need_maintenance, release_member},
    routes::{Routes, declare, plan},
    rows::{NewRow, called, each, prepare, prepare_one, query},
    settle::{Settle, release, remove_waiting},
    take::{has_ready, next_due, take},
};
