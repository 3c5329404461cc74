//! How long jobs wait and last: arithmetic only.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    job::{Job, JobEvent},
    message::{self, Message},
};

/// How long ago the first attempt began, as this attempt begins: by the record, whose times are those of one clock, or, where
/// the record was lost since, by the message.
pub(super) fn tried_before(message: &Message, job: &Job) -> Duration {
    let by_record = first_start(job).map(|first| until(first, job.updated_at)).unwrap_or_default();
    by_record.max(header(message, message::TRIED_MS))
}

/// How long a job that begins an attempt has waited since it was due. Its clocks may differ by a little; it is never less than
/// nothing.
pub(super) fn waited(message: &Message, job: &Job) -> Duration {
    let before = job.timeline.iter().rev().find(|entry| entry.event != JobEvent::Started);
    let due = match before {
        Some(entry) if entry.event == JobEvent::RetryScheduled => {
            let by_message = first_start(job).map(|first| after(first, header(message, message::TRIED_MS)));
            by_message.map_or(entry.at, |due| due.max(entry.at))
        }
        Some(entry) if entry.event == JobEvent::Released => entry.at,
        _ => after(job.created_at, header(message, message::DELAY_MS)),
    };
    until(due, job.updated_at)
}

/// From when a job was enqueued to its end, where its last attempt took so long.
pub(super) fn lasted(job: &Job, attempt: Duration) -> Duration {
    until(job.created_at, job.updated_at).saturating_add(attempt)
}

fn first_start(job: &Job) -> Option<DateTime<Utc>> {
    job.timeline.iter().find(|entry| entry.event == JobEvent::Started).map(|first| first.at)
}

fn header(message: &Message, name: &str) -> Duration {
    message.header_u64(name).map_or(Duration::ZERO, Duration::from_millis)
}

fn after(moment: DateTime<Utc>, delay: Duration) -> DateTime<Utc> {
    let delay = TimeDelta::from_std(delay).unwrap_or(TimeDelta::MAX);
    moment.checked_add_signed(delay).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

fn until(from: DateTime<Utc>, to: DateTime<Utc>) -> Duration {
    (to - from).to_std().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{JobId, TimelineEntry};

    fn second(number: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(number)
    }

    /// A job enqueued at 0, with this history, whose present attempt begins at `now`.
    fn job(history: &[(i64, JobEvent)], now: i64) -> Job {
        let mut job = Job::new(JobId::new(), "t", second(0));
        job.updated_at = second(now);
        job.timeline.extend(history.iter().chain([&(now, JobEvent::Started)]).map(|(at, event)| {
            TimelineEntry {
                at: second(*at),
                event: *event,
                attempt: 1,
                version: 0,
                worker: None,
                error: None,
            }
        }));
        job
    }

    fn message(headers: &[(&str, u64)]) -> Message {
        let mut message = Message::new("x", "k", "1", Vec::new());
        message.headers.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())));
        message
    }

    /// What it is, its history, when it begins, headers of its message, and how long it has waited.
    type Row<'a> = (&'a str, &'a [(i64, JobEvent)], i64, &'a [(&'a str, u64)], u64);

    #[test]
    fn a_job_has_waited_since_it_was_due() {
        use JobEvent::{Released, RetryScheduled, Started};
        let retried = [(2, Started), (3, RetryScheduled)];
        let handed_back = [(2, Started), (5, Released)];
        let taken_over = [(2, Started)];
        let table: [Row<'_>; 8] = [
            ("at once", &[], 7, &[], 7),
            ("delayed", &[], 7, &[(message::DELAY_MS, 5000)], 2),
            ("early by its clock", &[], 4, &[(message::DELAY_MS, 5000)], 0),
            ("retried, due 6 s after its first start", &retried, 9, &[(message::TRIED_MS, 6000)], 1),
            ("retried by a message that does not tell", &retried, 9, &[], 6),
            ("handed back", &handed_back, 6, &[(message::DELAY_MS, 1000)], 1),
            ("whose worker died", &taken_over, 20, &[], 20),
            ("with a header from anybody", &[], 7, &[(message::DELAY_MS, u64::MAX)], 0),
        ];
        for (what, history, now, headers, waited_for) in table {
            let waited = waited(&message(headers), &job(history, now));
            assert_eq!(waited, Duration::from_secs(waited_for), "a job {what}");
        }
    }

    #[test]
    fn a_job_lasts_from_when_it_was_enqueued() {
        assert_eq!(lasted(&job(&[], 7), Duration::from_secs(2)), Duration::from_secs(9));
    }
}
