//! A job's record as Redis holds it: the fields that the scripts work on, and the JSON in `job:{id}`, ours or another
//! service's.

mod encode;
mod foreign;
mod json;
mod partials;

pub(super) use self::{
    encode::{VERSION_FIELD, encode_new, fields},
    foreign::taken_over,
    json::{is_ours, parse, usm_job_id},
    partials::{add_entries, list_entries, list_entry, list_length},
};
