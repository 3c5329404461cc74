//! Earlier answers, kept in memory for a while.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{AnswerSchema, ChatRequest, ChatResponse, clock::FAR_AWAY};

/// How much a cache keeps, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheSettings {
    /// Most bytes of questions and answers kept; the oldest are dropped first. 16 MiB by default.
    pub bytes: usize,
    /// How long an answer is reused; 1 hour by default.
    pub ttl: Duration,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self { bytes: 16 * 1024 * 1024, ttl: Duration::from_secs(3600) }
    }
}

/// Answers to requests that have a [`ChatRequest::prompt_version`], in the memory of this process.
///
/// The key is everything that determines the answer: prompt version, purpose, provider, model, schema, both texts,
/// temperature and output limit. Only complete answers are kept. An answer from the cache has [`ChatResponse::cached`]
/// set, no attempts and no tokens.
#[derive(Default)]
pub struct AnswerCache {
    settings: CacheSettings,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    answers: HashMap<Key, Entry>,
    /// The keys by age.
    by_age: BTreeMap<u64, Key>,
    next: u64,
    bytes: usize,
}

struct Entry {
    response: ChatResponse,
    until: Instant,
    number: u64,
    bytes: usize,
}

/// Everything that determines an answer. Not hashed, so that no two questions can be confused.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key(String);

impl Key {
    /// `None` for a request whose answers are not kept.
    pub(crate) fn of(
        provider: &str,
        model: &str,
        request: &ChatRequest,
        schema: Option<&AnswerSchema>,
    ) -> Option<Self> {
        let version = request.prompt_version.as_ref()?;
        let parts = serde_json::json!([
            version,
            request.purpose,
            provider,
            model,
            schema.map(|schema| (schema.name(), schema.as_json())),
            request.system,
            request.user,
            request.input,
            request.temperature.map(f32::to_bits),
            request.max_output_tokens,
        ]);
        Some(Self(parts.to_string()))
    }
}

impl AnswerCache {
    /// An empty cache.
    pub fn new(settings: CacheSettings) -> Self {
        Self { settings, kept: Mutex::default() }
    }

    /// Number of answers kept, including expired ones that nobody has asked for since.
    pub fn len(&self) -> usize {
        self.kept().answers.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets everything.
    pub fn clear(&self) {
        *self.kept() = Kept::default();
    }

    pub(crate) fn get(&self, key: &Key) -> Option<ChatResponse> {
        let mut kept = self.kept();
        let entry = kept.answers.get(key)?;
        if Instant::now() < entry.until {
            return Some(entry.response.clone());
        }
        kept.remove(key);
        None
    }

    pub(crate) fn put(&self, key: Key, response: &ChatResponse) {
        let value = response.value.as_ref().map_or(0, |value| value.to_string().len());
        let bytes = size_of::<(Key, Key, Entry)>() + 2 * key.0.len() + response.text.len() + value;
        let until = Instant::now() + self.settings.ttl.min(FAR_AWAY);
        if bytes > self.settings.bytes {
            return;
        }
        let response = ChatResponse {
            cached: true,
            usage: None,
            duration: Duration::ZERO,
            attempts: Vec::new(),
            ..response.clone()
        };
        let mut kept = self.kept();
        kept.remove(&key);
        while kept.bytes + bytes > self.settings.bytes {
            let Some((_, oldest)) = kept.by_age.pop_first() else { break };
            kept.remove(&oldest);
        }
        let number = kept.next;
        kept.next += 1;
        kept.bytes += bytes;
        kept.by_age.insert(number, key.clone());
        kept.answers.insert(key, Entry { response, until, number, bytes });
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for AnswerCache {
    /// Without questions and answers, which do not belong in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.kept();
        f.debug_struct("AnswerCache")
            .field("settings", &self.settings)
            .field("answers", &kept.answers.len())
            .field("bytes", &kept.bytes)
            .finish()
    }
}

impl Kept {
    fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.answers.remove(key) {
            self.by_age.remove(&entry.number);
            self.bytes -= entry.bytes;
        }
    }
}
