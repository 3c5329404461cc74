//! A failed call: who failed, what they said and what was tried.

use std::{error::Error as StdError, fmt, time::Duration};

use crate::{ApiKey, AttemptLog, ErrorKind, Usage};

/// Longest [`Error::excerpt`], in characters.
const EXCERPT_CHARS: usize = 300;

/// A failed call: what kind of failure, who failed, and everything that was tried before giving up.
///
/// Never contains an API key, a prompt, or more than a short excerpt of an answer.
pub struct Error(Box<Parts>);

struct Parts {
    kind: ErrorKind,
    provider: String,
    model: String,
    status: Option<u16>,
    retry_after: Option<Duration>,
    usage: Option<Usage>,
    attempts: Vec<AttemptLog>,
    excerpt: String,
    asked: bool,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `kind`; `excerpt` says what the provider said or what exactly was wrong.
    ///
    /// The excerpt is put on one line and cut to 300 characters. Mask keys in it with [`ApiKey::redact`].
    pub fn new(kind: ErrorKind, excerpt: impl AsRef<str>) -> Self {
        Self(Box::new(Parts {
            kind,
            provider: String::new(),
            model: String::new(),
            status: None,
            retry_after: None,
            usage: None,
            attempts: Vec::new(),
            excerpt: one_short_line(excerpt.as_ref()),
            asked: true,
            source: None,
        }))
    }

    /// Names who failed.
    #[must_use]
    pub fn at(mut self, provider: impl Into<String>, model: impl Into<String>) -> Self {
        self.0.provider = provider.into();
        self.0.model = model.into();
        self
    }

    /// Keeps the HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    /// Keeps how long the provider asks to wait.
    #[must_use]
    pub fn with_retry_after(mut self, wait: impl Into<Option<Duration>>) -> Self {
        self.0.retry_after = wait.into();
        self
    }

    /// Keeps what the failed attempt cost, where the provider counted it.
    #[must_use]
    pub fn with_usage(mut self, usage: impl Into<Option<Usage>>) -> Self {
        self.0.usage = usage.into();
        self
    }

    /// Keeps the error that caused this one.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub(crate) fn with_attempts(mut self, attempts: Vec<AttemptLog>) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// Marks an error for a provider that was not asked: it is cooling down, or its quota is used up.
    pub(crate) fn not_asked(mut self) -> Self {
        self.0.asked = false;
        self
    }

    pub(crate) fn was_asked(&self) -> bool {
        self.0.asked
    }

    pub(crate) fn redacted(mut self, key: &ApiKey) -> Self {
        self.0.excerpt = key.redact(&self.0.excerpt);
        self
    }

    /// What to do next.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Name of the provider that failed; empty when none was asked.
    pub fn provider(&self) -> &str {
        &self.0.provider
    }

    /// The model that was asked; empty when none was.
    pub fn model(&self) -> &str {
        &self.0.model
    }

    /// The HTTP status, where there was one.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// How long to wait before asking again, where a provider said so.
    ///
    /// From a router whose every candidate is rate limited or cooling down: the shortest of their waits.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Tokens of the answer that could not be used, where the provider counted them.
    ///
    /// From a router: those of the failure it reports; those of all attempts are in [`Error::attempts`].
    pub fn usage(&self) -> Option<Usage> {
        self.0.usage
    }

    /// Every attempt of the call that failed, oldest first; empty for an error no router has seen.
    pub fn attempts(&self) -> &[AttemptLog] {
        &self.0.attempts
    }

    /// What the provider said, or what exactly was wrong: one line, at most 300 characters, keys masked.
    pub fn excerpt(&self) -> &str {
        &self.0.excerpt
    }

    /// Whether the same request is likely to succeed a little later.
    pub fn is_transient(&self) -> bool {
        self.0.kind.is_transient()
    }

    /// Whether a router asked nobody, because every candidate is cooling down or over its budget. Asking again makes
    /// sense after [`Error::retry_after`], and nothing was spent.
    pub fn is_cooling_down(&self) -> bool {
        !self.0.attempts.is_empty()
            && self.is_transient()
            && self.0.attempts.iter().all(|attempt| attempt.skipped)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { kind, provider, model, status, retry_after, attempts, excerpt, .. } = &*self.0;
        match (provider.as_str(), model.as_str()) {
            ("", _) => {}
            (_, "") => write!(f, "{provider}: ")?,
            _ => write!(f, "{provider} ({model}): ")?,
        }
        write!(f, "{kind}")?;
        if let Some(wait) = retry_after {
            write!(f, ", try again in {} s", wait.as_secs_f64().ceil())?;
        }
        if let Some(status) = status {
            write!(f, " (status {status})")?;
        }
        if !excerpt.is_empty() {
            write!(f, ": {excerpt}")?;
        }
        if attempts.len() > 1 {
            let tried: Vec<_> = attempts.iter().map(ToString::to_string).collect();
            write!(f, " [tried {}]", tried.join(", "))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("provider", &self.0.provider)
            .field("model", &self.0.model)
            .field("status", &self.0.status)
            .field("retry_after", &self.0.retry_after)
            .field("usage", &self.0.usage)
            .field("attempts", &self.0.attempts)
            .field("excerpt", &self.0.excerpt)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// White space and control characters become single spaces: an excerpt must not forge log lines.
fn one_short_line(text: &str) -> String {
    let mut line = String::new();
    let mut length = 0;
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    for (position, word) in words.enumerate() {
        let space = (position > 0).then_some(' ');
        for c in space.into_iter().chain(word.chars()) {
            if length == EXCERPT_CHARS - 1 {
                line.push('…');
                return line;
            }
            line.push(c);
            length += 1;
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_tells_who_what_when_and_why_in_one_line() {
        let error = Error::new(ErrorKind::RateLimited, "tokens per minute\n\tused up")
            .at("groq", "openai/gpt-oss-120b")
            .with_status(429)
            .with_retry_after(Duration::from_millis(7100));

        assert_eq!(
            error.to_string(),
            "groq (openai/gpt-oss-120b): the rate limit is reached, try again in 8 s (status 429): \
             tokens per minute used up"
        );
    }

    #[test]
    fn an_excerpt_is_cut_to_300_characters_and_keeps_no_control_characters() {
        let error = Error::new(ErrorKind::Refused, format!("\u{1b}[31m{}", "ы".repeat(1000)));

        assert_eq!(error.excerpt().chars().count(), 300);
        assert!(error.excerpt().ends_with('…'));
        assert!(!error.excerpt().contains('\u{1b}'));
    }

    #[test]
    fn the_cause_is_kept() {
        let cause = std::io::Error::other("cable pulled");

        let error = Error::new(ErrorKind::Network, "").with_source(cause);

        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("cable pulled"));
    }
}
