//! What every request passes before it reaches an endpoint, and every answer on its way out.

mod headers;
mod origin;

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use poem::{
    Endpoint, IntoResponse, Request, Response,
    error::ReadBodyError,
    http::{Method, StatusCode, header},
};
use tracing::Instrument;
use uuid::Uuid;

pub(super) use origin::Origins;

use super::{openapi, problem::Problem};

/// Largest body, in bytes.
pub(super) const MAX_BODY_BYTES: usize = 1 << 20;

/// How long a request may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestTimeouts {
    /// Until the body has arrived.
    pub body: Duration,
    /// Until the endpoint has answered.
    pub answer: Duration,
}

/// Wraps an endpoint: checks host and origin, limits the body, catches panics, turns every error into a problem and
/// sets the headers that all answers have.
#[derive(Debug)]
pub(super) struct Guard<E> {
    /// What is guarded.
    pub endpoint: E,
    /// Pages that may call.
    pub origins: Origins,
    /// Limits.
    pub timeouts: RequestTimeouts,
}

impl<E: Endpoint<Output = Response>> Endpoint for Guard<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let id = request_id(&request);
        let path = request.uri().path().to_owned();
        let method = request.method().clone();
        let origin = self.origins.allowed(&request).cloned();
        let span = tracing::info_span!("request", request.id = id);
        let mut response = match self.answer(request).instrument(span).await {
            Ok(response) => response,
            Err(problem) => problem.for_request(&path, &id).into_response(),
        };
        if response.status() == StatusCode::METHOD_NOT_ALLOWED {
            headers::allow(&mut response, openapi::methods(&path));
        }
        headers::set(&mut response, &id, origin);
        tracing::info!(
            http.method = %method, http.path = path, http.status = response.status().as_u16(), request.id = id,
            "request answered"
        );
        Ok(response)
    }
}

impl<E: Endpoint<Output = Response>> Guard<E> {
    async fn answer(&self, mut request: Request) -> Result<Response, Problem> {
        origin::check_host(&request)?;
        if let Some(preflight) = self.origins.preflight(&request) {
            return Ok(preflight);
        }
        self.origins.check(&request)?;
        if has_body(&request) {
            let body = tokio::time::timeout(self.timeouts.body, read_body(&mut request));
            let bytes = body.await.map_err(|_| too_slow(self.timeouts.body))??;
            request.set_body(bytes);
        }
        let answer = AssertUnwindSafe(self.endpoint.call(request)).catch_unwind();
        match tokio::time::timeout(self.timeouts.answer, answer).await {
            Ok(Ok(answer)) => answer.map_err(Problem::from_error),
            Ok(Err(panic)) => {
                tracing::error!(panic = panic_text(panic.as_ref()), "a request panicked");
                Err(Problem::internal())
            }
            Err(_) => {
                tracing::error!("a request was given up after {:?}", self.timeouts.answer);
                let detail = "the answer took too long; nothing is known of its outcome";
                Err(Problem::unavailable(detail, Duration::from_secs(5)))
            }
        }
    }
}

fn has_body(request: &Request) -> bool {
    matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH)
}

/// Reads the whole body before anything is parsed, so that memory is bounded whatever is sent and however.
async fn read_body(request: &mut Request) -> Result<impl Into<poem::Body> + use<>, Problem> {
    let declared = request.header(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if declared.is_some_and(|length| length > MAX_BODY_BYTES as u64) {
        return Err(too_large());
    }
    request.take_body().into_bytes_limit(MAX_BODY_BYTES).await.map_err(|error| match error {
        ReadBodyError::PayloadTooLarge => too_large(),
        other => Problem::bad_request(format!("the body broke off: {other}")),
    })
}

fn too_large() -> Problem {
    let detail = format!("the body is larger than {MAX_BODY_BYTES} bytes");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail)
}

fn too_slow(limit: Duration) -> Problem {
    let detail = format!("the body did not arrive within {limit:?}");
    Problem::new(StatusCode::REQUEST_TIMEOUT, "too-slow", detail)
}

/// The client's own id when it is harmless in logs and headers, else a new one.
fn request_id(request: &Request) -> String {
    let harmless = |id: &&str| {
        (1..=64).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    match request.header("x-request-id").filter(harmless) {
        Some(id) => id.to_owned(),
        None => Uuid::new_v4().simple().to_string(),
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text")
}
