//! A provider that speaks one of the wire formats over HTTP, as its row in the table says.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::SystemTime,
};

use async_trait::async_trait;
use reqwest::Url;
use serde_json::Value;

use super::{
    AnswerFormat, ProbeAnswer, Provider, ProviderAnswer,
    endpoint::Endpoint,
    refusal,
    spec::{Models, ServiceConfig, ServiceSpec},
    wire::{Draft, Piece, Question},
};
use crate::{
    ApiKey, ChatRequest, Error, ErrorKind,
    http::{self, Exchange, HttpClient, HttpReply},
    stream::EventReader,
};

/// A provider over HTTP.
#[derive(Debug)]
pub struct Service {
    name: String,
    model: String,
    spec: &'static ServiceSpec,
    api_key: Option<ApiKey>,
    endpoint: Endpoint,
    client: HttpClient,
    /// The server does not take requests for a stream.
    is_whole: AtomicBool,
}

impl Service {
    /// A client for the service of `config`; nothing is sent yet.
    ///
    /// Proxies of the environment (`HTTPS_PROXY`, `NO_PROXY`) are used, except for servers on this machine.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`](ErrorKind::Misconfigured) for a base URL that is not an HTTP URL, an empty model name, or a
    /// key with characters that no header can carry.
    pub fn new(config: ServiceConfig) -> Result<Self, Error> {
        let ServiceConfig { name, spec, base_url, model, api_key, limits } = config;
        let misconfigured =
            |reason: String| Error::new(ErrorKind::Misconfigured, reason).at(name.clone(), model.clone());

        let api_key = api_key.filter(|key| !key.is_empty());
        let endpoint = Endpoint::new(&base_url, spec.format, api_key.as_ref()).map_err(misconfigured)?;
        if model.trim().is_empty() {
            return Err(misconfigured("the model name is empty".to_owned()));
        }
        if api_key.as_ref().is_some_and(|key| !key.expose().chars().all(|c| c.is_ascii_graphic())) {
            return Err(misconfigured(
                "the API key has characters other than letters, digits and signs".to_owned(),
            ));
        }
        let client = HttpClient::new(&endpoint.base, &limits)
            .map_err(|error| error.at(name.clone(), model.clone()))?;
        Ok(Self { name, model, spec, api_key, endpoint, client, is_whole: AtomicBool::new(false) })
    }

    /// Piece by piece where that shows that a slow server is at work, else whole.
    async fn ask(&self, request: &ChatRequest, format: AnswerFormat<'_>) -> Result<ProviderAnswer, Error> {
        if format == AnswerFormat::Json && !self.has_json_mode() {
            return Err(Error::new(ErrorKind::SchemaUnsupported, "the service has no JSON mode"));
        }
        if self.spec.quirks.streams && !self.is_whole.load(Ordering::Relaxed) {
            match self.send(request, format, true).await {
                Err(error) if refuses_streams(&error) => self.is_whole.store(true, Ordering::Relaxed),
                answer => return answer,
            }
        }
        self.send(request, format, false).await
    }

    async fn send(
        &self,
        request: &ChatRequest,
        format: AnswerFormat<'_>,
        streamed: bool,
    ) -> Result<ProviderAnswer, Error> {
        let model = self.model_of(request);
        let question = Question { spec: self.spec, model, request, format, streamed };
        let body = self.spec.format.body(&question);
        let exchange =
            self.client.post(self.endpoint.question_url(model), &self.endpoint.headers, &body).await?;
        let mut draft = Draft::default();
        let read = match streamed {
            true => self.read_stream(exchange, &mut draft).await,
            false => exchange.read().await.and_then(|reply| self.read(&reply, &mut draft)),
        };
        // What a failed attempt has cost is told too.
        let usage = draft.usage();
        let answer = read.and_then(|status| draft.finish(model).map_err(|error| error.with_status(status)));
        answer.map_err(|error| error.with_usage(usage))
    }

    /// Reads a whole reply, and returns its status.
    fn read(&self, reply: &HttpReply, draft: &mut Draft) -> Result<u16, Error> {
        let json = document(reply)?;
        draft.count(self.spec.format.usage(&json));
        draft.add(self.spec.format.answer(&json).map_err(|error| error.with_status(reply.status))?);
        Ok(reply.status)
    }

    /// Reads a stream to its end, and returns the status it began with.
    async fn read_stream(&self, mut exchange: Exchange, draft: &mut Draft) -> Result<u16, Error> {
        let status = exchange.status;
        if !http::is_success(status) {
            return self.read(&exchange.read().await?, draft);
        }
        let mut reader = EventReader::default();
        let mut beginning = Vec::new();
        let mut events = 0_usize;
        let mut open = true;
        while open {
            let bytes = match exchange.chunk().await {
                // How the connection ends does not matter once the answer has.
                Err(_) if draft.is_finished() => None,
                bytes => bytes?,
            };
            let data = match &bytes {
                Some(bytes) => reader.feed(bytes),
                None => std::mem::take(&mut reader).finish().into_iter().collect(),
            };
            open = bytes.is_some();
            if events == 0 {
                beginning.extend(bytes.into_iter().flatten());
            }
            for event in &data {
                if event.trim() == "[DONE]" {
                    open = false;
                    break;
                }
                events += 1;
                let piece = self.event(&exchange, event, draft)?;
                draft.add(piece);
            }
        }
        if events == 0 {
            // Not a stream: a server that ignores the request for one, an error in a success, or a web page.
            return self.read(&HttpReply { status, headers: exchange.headers, body: beginning }, draft);
        }
        if !draft.is_finished() {
            let reason = "the stream ended before the answer was whole";
            return Err(Error::new(ErrorKind::Network, reason).with_status(status));
        }
        Ok(status)
    }

    fn event(&self, exchange: &Exchange, event: &str, draft: &mut Draft) -> Result<Piece, Error> {
        let json: Value = serde_json::from_str(event).map_err(|cause| {
            Error::new(ErrorKind::Malformed, format!("an event of the stream is not JSON: {event}"))
                .with_status(exchange.status)
                .with_source(cause)
        })?;
        draft.count(self.spec.format.usage(&json));
        if let Some(error) = refusal::hidden(&exchange.headers, &json, SystemTime::now()) {
            return Err(error);
        }
        self.spec.format.event(&json).map_err(|error| error.with_status(exchange.status))
    }

    async fn ask_about(&self, model: &str) -> Result<ProbeAnswer, Error> {
        if let Some(path) = self.spec.quirks.key_path {
            self.get(self.endpoint.url(path)).await?;
        }
        let described = match self.spec.quirks.models {
            Models::One => {
                self.get(self.endpoint.model_url(model.strip_prefix("models/").unwrap_or(model))).await?
            }
            Models::List | Models::No => {
                let list = self.get(self.endpoint.url("models")).await?;
                let models = list["data"].as_array().into_iter().flatten();
                let same = |entry: &&Value| entry["id"] == model || entry["id"] == format!("{model}:latest");
                models.into_iter().find(same).cloned().ok_or_else(|| {
                    Error::new(ErrorKind::ModelNotFound, "it is not in the service's list of models")
                })?
            }
        };
        let shutdown =
            ["shutdown_date", "deprecation_date"].into_iter().find_map(|name| described[name].as_str());
        Ok(ProbeAnswer { shutdown: shutdown.map(str::to_owned), spends_tokens: false })
    }

    async fn get(&self, url: Url) -> Result<Value, Error> {
        document(&self.client.get(url, &self.endpoint.headers).await?.read().await?)
    }

    fn model_of<'a>(&'a self, request: &'a ChatRequest) -> &'a str {
        request.model.as_deref().unwrap_or(&self.model)
    }

    /// Names who failed, and hides the key if the service repeats it.
    fn blame(&self, error: Error, model: &str) -> Error {
        let error = error.at(&self.name, model);
        match &self.api_key {
            Some(key) => error.redacted(key),
            None => error,
        }
    }
}

#[async_trait]
impl Provider for Service {
    fn name(&self) -> &str {
        &self.name
    }

    fn model(&self) -> &str {
        &self.model
    }

    async fn chat(&self, request: &ChatRequest, format: AnswerFormat<'_>) -> Result<ProviderAnswer, Error> {
        self.ask(request, format).await.map_err(|error| self.blame(error, self.model_of(request)))
    }

    fn has_json_mode(&self) -> bool {
        self.spec.quirks.json_mode
    }

    async fn probe(&self, model: &str) -> Result<ProbeAnswer, Error> {
        let answer = match self.spec.quirks.models {
            Models::No => {
                let question =
                    ChatRequest::new("probe", "Answer with: ok").max_output_tokens(16).model(model);
                match self.ask(&question, AnswerFormat::Text).await {
                    // Any answer shows that key and model are accepted.
                    Err(error) if !matches!(error.kind(), ErrorKind::Truncated | ErrorKind::Malformed) => {
                        Err(error)
                    }
                    _ => Ok(ProbeAnswer { spends_tokens: true, shutdown: None }),
                }
            }
            Models::List | Models::One => self.ask_about(model).await,
        };
        answer.map_err(|error| self.blame(error, model))
    }
}

fn refuses_streams(error: &Error) -> bool {
    error.kind() == ErrorKind::Refused && error.excerpt().to_lowercase().contains("stream")
}

/// The JSON of a reply, or the error in it.
fn document(reply: &HttpReply) -> Result<Value, Error> {
    let now = SystemTime::now();
    if !http::is_success(reply.status) {
        return Err(refusal::refusal(reply.status, &reply.headers, &reply.body, now));
    }
    let json: Value = serde_json::from_slice(&reply.body).map_err(|cause| {
        let text = String::from_utf8_lossy(&reply.body);
        Error::new(ErrorKind::Malformed, format!("the reply is not JSON or is incomplete: {text}"))
            .with_status(reply.status)
            .with_source(cause)
    })?;
    match refusal::hidden(&reply.headers, &json, now) {
        Some(error) => Err(error),
        None => Ok(json),
    }
}

#[cfg(test)]
mod tests;
