//! How long a service asks to wait, read from its headers and body in the form each service uses.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::headers::Headers;

/// Longer waits than this come from a wrong clock.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// How long to wait after this refusal; `None` when the service does not say.
///
/// An explicit wait comes first (`retry-after`, `RetryInfo`), then what follows from its counters, then the message for
/// people. A daily quota overrides them all: Gemini names a short delay beside it. A wait of zero, or one in the past, is
/// ignored: a service that refuses now does not want to be asked again at once.
pub(super) fn wait(headers: &Headers, body: Option<&Value>, now: SystemTime) -> Option<Duration> {
    let lasts = |wait: &Duration| !wait.is_zero();
    let told = || retry_after(headers, now).filter(lasts).or_else(|| body.and_then(retry_info).filter(lasts));
    let counted = || exhausted(headers).or_else(|| reset_at(headers, body, now));
    let wait = match body {
        Some(body) if is_daily(body) => Some(until_midnight_pacific(now)),
        _ => told().or_else(counted).or_else(|| body.and_then(said)),
    };
    wait.filter(lasts).map(|wait| wait.min(LONGEST))
}

/// Whether Gemini says that the quota of the day is used up, not that of the minute.
pub(super) fn is_daily(body: &Value) -> bool {
    let per_day = |violation: &Value| violation["quotaId"].as_str().is_some_and(|id| id.contains("PerDay"));
    details(body)
        .filter(|detail| is_of_type(detail, "google.rpc.QuotaFailure"))
        .flat_map(|failure| failure["violations"].as_array().into_iter().flatten())
        .any(per_day)
}

/// The header `retry-after`: seconds, with fractions at some services, or a date.
fn retry_after(headers: &Headers, now: SystemTime) -> Option<Duration> {
    if let Some(milliseconds) = headers.get("retry-after-ms").and_then(number) {
        return seconds(milliseconds / 1000.0);
    }
    let value = headers.get("retry-after")?;
    number(value).and_then(seconds).or_else(|| {
        let until = httpdate::parse_http_date(value.trim()).ok()?;
        // By the clock of the service, if it tells the time: ours may be wrong.
        let clock = headers.get("date").and_then(|date| httpdate::parse_http_date(date).ok());
        Some(until.duration_since(clock.unwrap_or(now)).unwrap_or_default())
    })
}

/// Gemini's `RetryInfo`, with its fractions.
fn retry_info(body: &Value) -> Option<Duration> {
    let delay = details(body).find(|detail| is_of_type(detail, "google.rpc.RetryInfo"))?;
    seconds(number(delay["retryDelay"].as_str()?.strip_suffix('s')?)?)
}

/// When the counter that is at zero resets (Groq, OpenAI): requests per day or tokens per minute. If both have something
/// left, the request was larger than the tokens that are left.
fn exhausted(headers: &Headers) -> Option<Duration> {
    let reset = |of: &str| go_duration(headers.get(&format!("x-ratelimit-reset-{of}"))?);
    let used_up =
        |of: &str| headers.get(&format!("x-ratelimit-remaining-{of}")).and_then(number) == Some(0.0);
    let used_up: Vec<Duration> =
        ["requests", "tokens"].into_iter().filter(|of| used_up(of)).filter_map(reset).collect();
    used_up.into_iter().max().or_else(|| reset("tokens")).or_else(|| reset("requests"))
}

/// OpenRouter: the moment of the reset in milliseconds since 1970, in a header or in the body's copy of one.
fn reset_at(headers: &Headers, body: Option<&Value>, now: SystemTime) -> Option<Duration> {
    let copy = || body?.pointer("/error/metadata/headers/X-RateLimit-Reset")?.as_str();
    let milliseconds = number(headers.get("x-ratelimit-reset").or_else(copy)?)?;
    let until = UNIX_EPOCH.checked_add(seconds(milliseconds / 1000.0)?)?;
    until.duration_since(now).ok()
}

/// "Please try again in 7m12.5s."
fn said(body: &Value) -> Option<Duration> {
    let message = body.pointer("/error/message").or_else(|| body.pointer("/0/error/message"))?.as_str()?;
    let rest = &message[message.find("try again in ")? + "try again in ".len()..];
    let end = rest.find(|c: char| c.is_whitespace()).unwrap_or(rest.len());
    go_duration(rest[..end].trim_end_matches(['.', ',']))
}

/// `2m59.56s`, `1h2m`, `120ms`, `7.66s`, as Go writes durations.
fn go_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let amount = number(&rest[..digits])?;
        let unit_end =
            rest[digits..].find(|c: char| !c.is_ascii_alphabetic()).map_or(rest.len(), |end| digits + end);
        let unit = match &rest[digits..unit_end] {
            "d" => 86_400.0,
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 0.001,
            _ => return None,
        };
        total = total.checked_add(seconds(amount * unit)?)?;
        rest = &rest[unit_end..];
    }
    Some(total)
}

fn details(body: &Value) -> impl Iterator<Item = &Value> {
    let list = body.pointer("/error/details").or_else(|| body.pointer("/0/error/details"));
    list.and_then(Value::as_array).into_iter().flatten()
}

fn is_of_type(detail: &Value, kind: &str) -> bool {
    detail["@type"].as_str().is_some_and(|name| name.ends_with(kind))
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok()
}

fn seconds(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

/// Google's days end at midnight in California, which is seven or eight hours behind UTC.
fn until_midnight_pacific(now: SystemTime) -> Duration {
    let utc = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let local = utc.saturating_sub(pacific_offset(utc));
    let midnight = (local / 86_400 + 1) * 86_400;
    // The clocks change at two o'clock, so the next midnight may be in the other time.
    let there = midnight + pacific_offset(midnight + 8 * 3600);
    Duration::from_secs(there.saturating_sub(utc))
}

/// Seconds that California is behind UTC: summer time from the second Sunday of March, 10:00 UTC, to the first Sunday
/// of November, 9:00 UTC.
fn pacific_offset(utc: u64) -> u64 {
    let (year, first_of_year) = year_of(utc / 86_400);
    let leap = u64::from(is_leap(year));
    let march = first_sunday(first_of_year + 59 + leap) + 7;
    let november = first_sunday(first_of_year + 304 + leap);
    let summer = march * 86_400 + 10 * 3600..november * 86_400 + 9 * 3600;
    if summer.contains(&utc) { 7 * 3600 } else { 8 * 3600 }
}

/// The year a day since 1970 is in, and the year's first day.
fn year_of(day: u64) -> (u64, u64) {
    let (mut year, mut first) = (1970, 0);
    while first + 365 + u64::from(is_leap(year)) <= day {
        first += 365 + u64::from(is_leap(year));
        year += 1;
    }
    (year, first)
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400)
}

/// The first Sunday on or after a day since 1970, which began on a Thursday.
fn first_sunday(day: u64) -> u64 {
    day + (10 - day % 7) % 7
}

#[cfg(test)]
mod tests;
