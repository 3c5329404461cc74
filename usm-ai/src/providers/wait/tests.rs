//! Waits as each service names them.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn at(date: &str) -> SystemTime {
    httpdate::parse_http_date(date).unwrap()
}

fn now() -> SystemTime {
    at("Tue, 24 Nov 2026 10:00:00 GMT")
}

fn by_headers(headers: &[(&'static str, &str)]) -> Option<Duration> {
    wait(&Headers::of_pairs(headers), None, now())
}

fn by_body(body: &Value) -> Option<Duration> {
    wait(&Headers::default(), Some(body), now())
}

fn gemini(quota_id: &str, delay: &str) -> Value {
    json!({ "error": { "code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Quota exceeded", "details": [
        { "@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{
            "quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests",
            "quotaId": quota_id,
        }] },
        { "@type": "type.googleapis.com/google.rpc.Help", "links": [] },
        { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay },
    ] } })
}

#[test]
fn seconds_fractions_and_milliseconds_are_read() {
    for (header, value, expected) in [
        ("retry-after", "12", Duration::from_secs(12)),
        ("retry-after", " 0.25 ", Duration::from_millis(250)),
        ("retry-after-ms", "1500", Duration::from_millis(1500)),
    ] {
        assert_eq!(by_headers(&[(header, value)]), Some(expected), "{value}");
    }
    for nonsense in ["", "soon", "0", "0.0", "-1", "NaN", "inf", "1e300", "Tue, 99 Foo 2026"] {
        assert_eq!(by_headers(&[("retry-after", nonsense)]), None, "{nonsense}");
    }
}

#[test]
fn a_date_counts_from_the_clock_of_the_service_where_it_tells_it() {
    let date = ("retry-after", "Tue, 24 Nov 2026 10:01:30 GMT");

    assert_eq!(by_headers(&[date]), Some(Duration::from_secs(90)));
    assert_eq!(by_headers(&[date, ("date", "Tue, 24 Nov 2026 10:01:20 GMT")]), Some(Duration::from_secs(10)));
    assert_eq!(by_headers(&[("retry-after", "Tue, 24 Nov 2026 09:00:00 GMT")]), None, "it is over");
}

#[test]
fn a_wait_of_nothing_leaves_the_word_to_the_counters() {
    let none = ("retry-after", "0");
    let counter = [("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "7s")];

    assert_eq!(by_headers(&[&counter[..], &[none]].concat()), Some(Duration::from_secs(7)));
}

#[test]
fn a_wait_longer_than_a_week_is_a_week() {
    assert_eq!(by_headers(&[("retry-after", "99999999")]), Some(LONGEST));
}

#[test]
fn groqs_counters_tell_when_the_one_at_zero_resets() {
    let day = [("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "2m59.5s")];
    let minute = [("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "7.66s")];
    let some_left = [("x-ratelimit-remaining-tokens", "900"), ("x-ratelimit-reset-tokens", "7.66s")];

    assert_eq!(by_headers(&day), Some(Duration::from_millis(179_500)));
    assert_eq!(by_headers(&minute), Some(Duration::from_millis(7660)));
    assert_eq!(
        by_headers(&[day, minute].concat()),
        Some(Duration::from_millis(179_500)),
        "both must have been reset"
    );
    assert_eq!(
        by_headers(
            &[
                &some_left[..],
                &[("x-ratelimit-remaining-requests", "10"), ("x-ratelimit-reset-requests", "1h")]
            ]
            .concat()
        ),
        Some(Duration::from_millis(7660))
    );
    assert_eq!(
        by_headers(&[&day[..], &[("retry-after", "180")]].concat()),
        Some(Duration::from_secs(180)),
        "said outright"
    );
}

#[test]
fn geminis_delay_keeps_its_fractions() {
    let body = gemini("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "45.837906927s");

    assert_eq!(by_body(&body), Some(Duration::from_nanos(45_837_906_927)));
    assert_eq!(by_body(&json!([body])), Some(Duration::from_nanos(45_837_906_927)), "streams send a list");
    assert_eq!(by_body(&gemini("GenerateRequestsPerMinute", "26s")), Some(Duration::from_secs(26)));
    assert!(!is_daily(&body));
}

#[test]
fn geminis_quota_of_the_day_comes_back_at_midnight_in_california() {
    let body = gemini("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "26s");
    let left = |now: &str| wait(&Headers::default(), Some(&body), at(now)).unwrap().as_secs();

    assert!(is_daily(&body));
    // Winter: eight hours behind.
    assert_eq!(left("Tue, 24 Nov 2026 07:00:00 GMT"), 3600);
    assert_eq!(left("Tue, 24 Nov 2026 08:00:00 GMT"), 24 * 3600);
    // Summer: seven.
    assert_eq!(left("Wed, 01 Jul 2026 06:00:00 GMT"), 3600);
    // The days on which the clocks change have 23 and 25 hours.
    assert_eq!(left("Sun, 08 Mar 2026 08:00:00 GMT"), 23 * 3600);
    assert_eq!(left("Sun, 01 Nov 2026 07:00:00 GMT"), 25 * 3600);
    assert_eq!(left("Sun, 01 Nov 2026 12:00:00 GMT"), 20 * 3600);
}

#[test]
fn openrouters_moment_of_reset_is_read_from_header_and_body() {
    let moment = now().duration_since(UNIX_EPOCH).unwrap().as_millis() + 30_000;
    let body = json!({ "error": { "code": 429, "metadata": { "headers": { "X-RateLimit-Reset": moment.to_string() } } } });

    assert_eq!(by_headers(&[("x-ratelimit-reset", &moment.to_string())]), Some(Duration::from_secs(30)));
    assert_eq!(by_body(&body), Some(Duration::from_secs(30)));
    assert_eq!(by_headers(&[("x-ratelimit-reset", "1000")]), None, "long past");
}

#[test]
fn what_is_said_to_people_is_the_last_resort() {
    let body =
        json!({ "error": { "message": "Rate limit reached. Please try again in 7m12.5s. Visit us." } });

    assert_eq!(by_body(&body), Some(Duration::from_millis(432_500)));
    assert_eq!(by_body(&json!({ "error": { "message": "try again in a while" } })), None);
    assert_eq!(by_body(&json!({ "error": { "message": "try again in " } })), None);
}

#[test]
fn durations_are_written_as_go_does() {
    for (text, expected) in [("120ms", 120), ("1h2m3s", 3_723_000), ("6m0s", 360_000), ("1d", 86_400_000)] {
        assert_eq!(go_duration(text), Some(Duration::from_millis(expected)), "{text}");
    }
    for text in ["", "5", "s", "5x", "1.2.3s", "-5s", "99999999999999999999h"] {
        assert_eq!(go_duration(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn no_header_and_no_message_makes_it_panic(header in r"\PC{0,30}", duration in "[0-9.]{0,22}[a-zµ]{0,3}[0-9.]{0,5}[ms]?") {
        for name in ["retry-after", "x-ratelimit-reset-tokens", "x-ratelimit-reset"] {
            prop_assert!(by_headers(&[(name, &header)]).is_none_or(|wait| wait <= LONGEST));
            prop_assert!(by_headers(&[(name, &duration)]).is_none_or(|wait| wait <= LONGEST));
        }
        let said = json!({ "error": { "message": format!("try again in {duration} {header}"), "details": [
            { "@type": "google.rpc.RetryInfo", "retryDelay": format!("{duration}s") },
        ] } });
        prop_assert!(by_body(&said).is_none_or(|wait| wait <= LONGEST));
    }

    #[test]
    fn midnight_in_california_is_at_most_25_hours_away(seconds in 0_u64..4_102_444_800) {
        let wait = until_midnight_pacific(UNIX_EPOCH + Duration::from_secs(seconds)).as_secs();
        prop_assert!((1..=25 * 3600).contains(&wait), "{wait}");
    }
}
