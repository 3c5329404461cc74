//! The W3C trace context that ties a job to the request that enqueued it.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use tracing::Span;

/// The length of a `traceparent` of version 00: version, trace id, span id and flags with dashes between.
const PARENT_LENGTH: usize = 55;
/// The most list members in a `tracestate`.
const MAX_MEMBERS: usize = 32;
/// A longer `tracestate` is left out: it travels with every message of the job. W3C asks for 512 at least.
const MAX_STATE_BYTES: usize = 2048;

/// Finds the trace context of a span.
pub(crate) type TraceOf = Arc<dyn Fn(&Span) -> Option<TraceContext> + Send + Sync>;
/// Ties a span to the trace of its job.
pub(crate) type LinkTrace = Arc<dyn Fn(&Span, &TraceContext) + Send + Sync>;

/// A [W3C trace context](https://www.w3.org/TR/trace-context/): which span of which trace a job belongs to. It travels in the
/// message headers `traceparent` and `tracestate`, as other languages' services write and read them, and in the job's record,
/// and stays the same over retries, delays, dead letters and replays.
///
/// ```
/// # use usm_queue::TraceContext;
/// let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let trace = TraceContext::parse(text, Some("vendor=value")).expect("it is a traceparent");
/// assert_eq!(trace.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
/// assert!(trace.is_sampled());
/// assert!(TraceContext::parse("garbage", None).is_none());
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Headers")]
pub struct TraceContext {
    traceparent: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracestate: Option<String>,
}

#[derive(Deserialize)]
struct Headers {
    traceparent: String,
    #[serde(default)]
    tracestate: Option<String>,
}

impl TryFrom<Headers> for TraceContext {
    type Error = &'static str;

    fn try_from(headers: Headers) -> Result<Self, Self::Error> {
        Self::parse(&headers.traceparent, headers.tracestate.as_deref()).ok_or("no W3C trace context")
    }
}

impl TraceContext {
    /// Reads the two headers. `None` when `traceparent` does not follow the W3C grammar; one of a later version is read as
    /// version 00. A `tracestate` that does not follow it, or has more than 2048 bytes, is left out.
    pub fn parse(traceparent: &str, tracestate: Option<&str>) -> Option<Self> {
        let traceparent = parent(traceparent)?;
        let tracestate = tracestate.filter(|state| is_state(state)).map(str::to_owned);
        Some(Self { traceparent, tracestate })
    }

    /// The header `traceparent`: 55 characters, version 00.
    pub fn traceparent(&self) -> &str {
        &self.traceparent
    }

    /// The header `tracestate`.
    pub fn tracestate(&self) -> Option<&str> {
        self.tracestate.as_deref()
    }

    /// The trace: 32 hexadecimal digits.
    pub fn trace_id(&self) -> &str {
        &self.traceparent[3..35]
    }

    /// The span: 16 hexadecimal digits.
    pub fn span_id(&self) -> &str {
        &self.traceparent[36..52]
    }

    /// Whether the caller records the trace.
    pub fn is_sampled(&self) -> bool {
        u8::from_str_radix(&self.traceparent[53..], 16).is_ok_and(|flags| flags & 1 == 1)
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.traceparent)
    }
}

/// The text as version 00 has it, where it follows the grammar.
fn parent(text: &str) -> Option<String> {
    let is_hex = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_id = |part: &str| is_hex(part) && part.bytes().any(|byte| byte != b'0');
    let (known, later) = text.split_at_checked(PARENT_LENGTH)?;
    let parts: Vec<_> = known.split('-').collect();
    let [version, trace, span, flags] = parts[..] else { return None };
    let lengths = [version.len(), trace.len(), span.len(), flags.len()] == [2, 32, 16, 2];
    let fits = match version {
        "ff" => false,
        "00" => later.is_empty(),
        // Of a later version nothing is known but these parts.
        _ => later.is_empty() || later.starts_with('-'),
    };
    let valid = lengths && fits && is_hex(version) && is_id(trace) && is_id(span) && is_hex(flags);
    valid.then(|| format!("00{}", &known[2..]))
}

fn is_state(text: &str) -> bool {
    let members = || text.split(',').map(|member| member.trim_matches([' ', '\t']));
    text.len() <= MAX_STATE_BYTES
        && members().any(|member| !member.is_empty())
        && members().count() <= MAX_MEMBERS
        && members().filter(|member| !member.is_empty()).all(is_member)
}

fn is_member(member: &str) -> bool {
    let Some((key, value)) = member.split_once('=') else { return false };
    let in_key = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@');
    let begins = key.bytes().next().is_some_and(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9'));
    let in_value = |byte: u8| matches!(byte, b' '..=b'~') && byte != b',' && byte != b'=';
    begins
        && key.len() <= 256
        && key.bytes().all(in_key)
        && (1..=256).contains(&value.len())
        && value.bytes().all(in_value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    #[test]
    fn a_traceparent_is_read_as_the_specification_says() {
        let table = [
            (format!("00-{TRACE}-{SPAN}-01"), true, "as in the specification"),
            (format!("00-{TRACE}-{SPAN}-00"), true, "not sampled"),
            (format!("00-{TRACE}-{SPAN}-01-more"), false, "version 00 with more"),
            (format!("cc-{TRACE}-{SPAN}-01"), true, "a later version"),
            (format!("cc-{TRACE}-{SPAN}-01-more"), true, "a later version with more"),
            (format!("cc-{TRACE}-{SPAN}-01.more"), false, "a later version with more, not behind a dash"),
            (format!("ff-{TRACE}-{SPAN}-01"), false, "the forbidden version"),
            (format!("00-{}-{SPAN}-01", "0".repeat(32)), false, "no trace"),
            (format!("00-{TRACE}-{}-01", "0".repeat(16)), false, "no span"),
            (format!("00-{}-{SPAN}-01", TRACE.to_uppercase()), false, "upper case"),
            (format!("00-{TRACE}-{SPAN}-0x"), false, "flags that are no number"),
            (format!("00-{TRACE}-{SPAN}"), false, "no flags"),
            (format!("00_{TRACE}_{SPAN}_01"), false, "no dashes"),
            (format!("00-{}é-{SPAN}-01", &TRACE[2..]), false, "a letter of two bytes"),
            (String::new(), false, "nothing"),
        ];
        for (text, valid, what) in table {
            assert_eq!(TraceContext::parse(&text, None).is_some(), valid, "{what}: {text}");
        }
    }

    #[test]
    fn a_later_version_is_passed_on_as_the_one_that_is_known() {
        let later = TraceContext::parse(&format!("cc-{TRACE}-{SPAN}-01-more"), None);

        let known = TraceContext::parse(&format!("00-{TRACE}-{SPAN}-01"), None);
        assert!(later.is_some() && later == known);
    }

    #[test]
    fn a_tracestate_that_breaks_the_grammar_is_left_out() {
        let members = |count: usize| vec!["a=1"; count].join(",");
        let table = [
            ("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE".to_owned(), true),
            ("tenant@system=value with a blank , b=2".to_owned(), true),
            ("a=1,,b=2".to_owned(), true),
            (members(32), true),
            (members(33), false),
            (format!("a={}", "x".repeat(256)), true),
            (format!("a={}", "x".repeat(257)), false),
            ("A=1".to_owned(), false),
            ("a".to_owned(), false),
            ("a=".to_owned(), false),
            ("a=b=c".to_owned(), false),
            ("a=\u{7f}".to_owned(), false),
            (String::new(), false),
            (" , ".to_owned(), false),
            (vec!["a=".to_owned() + &"x".repeat(250); 9].join(","), false),
        ];
        for (state, kept) in table {
            let trace = TraceContext::parse(&format!("00-{TRACE}-{SPAN}-01"), Some(&state));
            let tracestate = trace.as_ref().and_then(TraceContext::tracestate);
            assert_eq!(tracestate, kept.then_some(state.as_str()), "{state}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_read_again_from_what_it_writes(parent in ".{0,60}|[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?", state in ".{0,40}") {
            if let Some(trace) = TraceContext::parse(&parent, Some(&state)) {
                prop_assert_eq!(trace.traceparent().len(), PARENT_LENGTH);
                let again = TraceContext::parse(trace.traceparent(), trace.tracestate());
                prop_assert_eq!(again.as_ref(), Some(&trace));
                prop_assert_eq!((trace.trace_id().len(), trace.span_id().len()), (32, 16));
            }
        }
    }
}
