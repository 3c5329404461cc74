//! The dead letter a delivery becomes: small enough that every broker takes it.

use serde_json::{Value, json};
use uuid::Uuid;

use super::decide::Reason;
use crate::{
    backend::Delivery,
    clock,
    job::Job,
    message::{self, Message},
};

/// Of the errors of the attempts so many are kept: what began it, and how it ended.
const FIRST_ERRORS: usize = 5;
const LAST_ERRORS: usize = 10;
/// The most of one error, in bytes.
const ERROR_BYTES: usize = 2000;
/// The most of raw properties, in hexadecimal digits.
const RAW_DIGITS: usize = 48 << 10;

/// The dead letter a delivery becomes: its body untouched, reason and history in headers.
pub(crate) fn dead_letter(
    delivery: &Delivery,
    exchange: &str,
    reason: Reason,
    job: Option<&Job>,
    error: &str,
) -> Message {
    let mut dead = delivery.message.clone();
    dead.exchange = exchange.to_owned();
    (dead.ttl, dead.not_before) = (None, None);
    if dead.message_id.is_empty() {
        dead.message_id = Uuid::now_v7().to_string();
    }
    let died_at = clock::now();
    let timeline = job.map(|job| job.timeline.as_slice()).unwrap_or_default();
    let first_failed_at = timeline.iter().find(|entry| entry.error.is_some()).map(|entry| entry.at);
    let errors: Vec<&str> =
        timeline.iter().filter_map(|entry| entry.error.as_deref()).chain([error]).collect();
    let headers = [
        (message::REASON, json!(reason.as_str())),
        (message::ERRORS, json!(bounded(&errors))),
        (message::ATTEMPT, json!(job.map_or(0, |job| job.attempt))),
        (message::SOURCE_QUEUE, json!(delivery.queue)),
        (message::SOURCE_ROUTING_KEY, json!(dead.routing_key)),
        (message::FIRST_FAILED_AT, json!(first_failed_at.unwrap_or(died_at))),
        (message::DIED_AT, json!(died_at)),
    ];
    dead.headers.extend(headers.map(|(name, value)| (name.to_owned(), value)));
    if let Some(Value::String(raw)) = dead.headers.get_mut(message::RAW_PROPERTIES) {
        raw.truncate(raw.floor_char_boundary(RAW_DIGITS));
    }
    // Where the message itself named no job, so that a replay keeps the idempotency key.
    if let (Some(job), None) = (job, dead.job_id()) {
        dead.headers.insert(message::JOB_ID.to_owned(), json!(job.id));
    }
    dead
}

/// The first and the last errors, each cut to a length, and how many are left out.
fn bounded(errors: &[&str]) -> Vec<String> {
    let left_out = errors.len().saturating_sub(FIRST_ERRORS + LAST_ERRORS);
    if left_out <= 1 {
        return errors.iter().map(|error| cut(error)).collect();
    }
    let (first, last) = (&errors[..FIRST_ERRORS], &errors[errors.len() - LAST_ERRORS..]);
    let between = format!("… {left_out} errors left out …");
    first.iter().map(|error| cut(error)).chain([between]).chain(last.iter().map(|error| cut(error))).collect()
}

fn cut(error: &str) -> String {
    if error.len() <= ERROR_BYTES {
        return error.to_owned();
    }
    format!("{}…", &error[..error.floor_char_boundary(ERROR_BYTES - '…'.len_utf8())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_errors_are_kept_and_how_many_are_not() {
        let errors: Vec<String> = (1..=40).map(|number| number.to_string()).collect();
        let errors: Vec<&str> = errors.iter().map(String::as_str).collect();

        assert_eq!(bounded(&errors[..16]), errors[..16]);
        let kept = bounded(&errors);
        assert_eq!(kept[..7], ["1", "2", "3", "4", "5", "… 25 errors left out …", "31"]);
        assert_eq!((kept.len(), kept.last().map(String::as_str)), (16, Some("40")));
    }

    #[test]
    fn a_long_error_is_cut_between_characters() {
        let kept = bounded(&["ж".repeat(50_000).as_str()]);

        assert!((ERROR_BYTES - 4..=ERROR_BYTES).contains(&kept[0].len()) && kept[0].ends_with("ж…"));
    }
}
