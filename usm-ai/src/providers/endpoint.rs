//! Where a service is asked, and the headers that carry its key.

use reqwest::Url;

use super::{
    spec::WireFormat,
    wire::{gemini, messages},
};
use crate::{
    ApiKey,
    http::{self, SecretHeader},
};

/// The address of a service, with what every request to it carries.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) base: Url,
    pub(super) headers: Vec<SecretHeader>,
    format: WireFormat,
}

impl Endpoint {
    /// The error says what is wrong with the base URL.
    pub(super) fn new(base_url: &str, format: WireFormat, key: Option<&ApiKey>) -> Result<Self, String> {
        Ok(Self { base: base_of(base_url, format)?, headers: headers(format, key), format })
    }

    /// The URL of `path` below the base URL.
    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path.split('/'));
        }
        url
    }

    /// The URL of a model, whose name is one segment whatever its characters.
    pub(super) fn model_url(&self, model: &str) -> Url {
        let mut url = self.url("models");
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.push(model);
        }
        url
    }

    /// Where questions go.
    pub(super) fn question_url(&self, model: &str) -> Url {
        match self.format {
            WireFormat::Gemini => self.model_url(&gemini::path(model)),
            format => self.url(format.path().trim_start_matches('/')),
        }
    }
}

/// How each format carries the key.
fn headers(format: WireFormat, key: Option<&ApiKey>) -> Vec<SecretHeader> {
    let key = key.map(ApiKey::expose);
    let carried = |name, value: &str| http::secret(value).map(|value| (name, value));
    let key = key.and_then(|key| match format {
        WireFormat::Gemini => carried("x-goog-api-key", key),
        WireFormat::Messages => carried("x-api-key", key),
        WireFormat::ChatCompletions | WireFormat::Responses => {
            carried("authorization", &format!("Bearer {key}"))
        }
    });
    let version =
        (format == WireFormat::Messages).then(|| carried("anthropic-version", messages::VERSION)).flatten();
    key.into_iter().chain(version).collect()
}

/// The URL that paths are added to. One that already ends in the path of the format works too.
fn base_of(base_url: &str, format: WireFormat) -> Result<Url, String> {
    let base = base_url.trim().trim_end_matches('/');
    let base = base.strip_suffix(format.path()).unwrap_or(base);
    // The address itself is not repeated: it may hold a password.
    let wrong = |cause| format!("the base URL is not a URL ({cause}), expected one like https://host/v1");
    let url = Url::parse(base).map_err(wrong)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("the base URL begins with `{}:`, expected https: or http:", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the base URL contains a user name or password, set the API key instead".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("the base URL contains `?` or `#`, expected one like https://host/v1".to_owned());
    }
    Ok(url)
}
