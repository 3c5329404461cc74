//! The one shape of every error answer: problem details as in RFC 9457.

use std::{fmt, time::Duration};

use poem::{
    IntoResponse, Response,
    error::{MethodNotAllowedError, NotFoundError, ReadBodyError, ResponseError},
    http::{HeaderValue, StatusCode, header},
};
use poem_openapi::{
    Object,
    error::{ContentTypeError, ParseParamError, ParsePathError},
    types::{Example, ToJSON},
};
use sea_orm::DbErr;
use usm_queue::ErrorKind;

use super::exports;

/// The media type of every error answer.
pub(super) const CONTENT_TYPE: &str = "application/problem+json";

/// Longest text taken over from a request or a library, in characters.
const MAX_DETAIL: usize = 500;

/// What went wrong and what to do about it, ready to be answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem(Box<Details>);

/// What went wrong and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(rename = "Problem", example, skip_serializing_if_is_none)]
pub(super) struct Details {
    /// Tells one kind of problem from another; the list may grow. Stable, unlike the texts.
    #[oai(rename = "type")]
    kind: String,
    /// The status in words.
    title: String,
    /// The status of the answer.
    status: u16,
    /// What happened to which thing, and what to do.
    detail: String,
    /// The path that was asked for.
    instance: Option<String>,
    /// Also in the header `x-request-id` and in the server's log.
    request_id: Option<String>,
    /// Each value that was refused.
    #[oai(skip_serializing_if_is_empty)]
    errors: Vec<InvalidValue>,
    #[oai(skip)]
    retry_after: Option<u64>,
}

/// A value that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub(super) struct InvalidValue {
    /// Where it is in the request's body, as a JSON pointer (RFC 6901); the parameter's name for a parameter.
    pub pointer: String,
    /// Why it was refused and what is allowed.
    pub detail: String,
}

impl InvalidValue {
    /// The value at a JSON pointer.
    pub(super) fn at(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: shortened(&detail.into()) }
    }
}

impl Problem {
    /// A problem of the kind `urn:usm:problem:{kind}`.
    pub(super) fn new(status: StatusCode, kind: &str, detail: impl Into<String>) -> Self {
        Self(Box::new(Details {
            kind: format!("urn:usm:problem:{kind}"),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: shortened(&detail.into()),
            instance: None,
            request_id: None,
            errors: Vec::new(),
            retry_after: None,
        }))
    }

    /// 400: the request cannot be read.
    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", detail)
    }

    /// 404: there is no such thing, or it belongs to somebody else; the answer is the same.
    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    /// 422: the request can be read, but these values are not usable.
    pub(super) fn invalid(errors: Vec<InvalidValue>) -> Self {
        let detail = match errors.as_slice() {
            [one] => one.detail.clone(),
            many => format!("{} values are not usable, see errors", many.len()),
        };
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-input", detail).with_errors(errors)
    }

    /// 500: a fault of the program. The cause is in the log and not in the answer.
    pub(super) fn internal() -> Self {
        let detail = "the server failed on this request; its log has the cause under the request id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    /// 503: trying again after that much time may help.
    pub(super) fn unavailable(detail: impl Into<String>, retry_after: Duration) -> Self {
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail);
        problem.0.retry_after = Some(retry_after.as_secs().max(1));
        problem
    }

    /// The same with what is wrong in particular.
    pub(super) fn with_errors(mut self, errors: Vec<InvalidValue>) -> Self {
        self.0.errors = errors;
        self
    }

    /// The same with what identifies the request.
    pub(super) fn for_request(mut self, path: &str, request_id: &str) -> Self {
        self.0.instance = Some(shortened(path));
        self.0.request_id = Some(request_id.to_owned());
        self
    }

    /// Anything that an endpoint or the framework refused with. What it says of the inside of the program is logged
    /// and left out.
    pub(super) fn from_error(error: poem::Error) -> Self {
        if let Some(problem) = error.downcast_ref::<Self>() {
            return problem.clone();
        }
        if error.is::<NotFoundError>() {
            return Self::not_found("there is nothing at this path; /openapi.json lists what there is");
        }
        if error.is::<MethodNotAllowedError>() {
            let detail = "this path does not take this method; /openapi.json lists those that it takes";
            return Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail);
        }
        if error.is::<ParsePathError>() || error.is::<poem::error::ParsePathError>() {
            let detail = "an id in the path cannot be read: every id but a job's is a whole number";
            return Self::bad_request(detail);
        }
        if let Some(ParseParamError { name, reason }) = error.downcast_ref() {
            let detail = format!("the parameter `{name}` {}", of_parameter(reason));
            return Self::invalid(vec![InvalidValue::at(*name, detail)]);
        }
        if error.is::<ContentTypeError>() {
            let detail = "the body must be JSON: send it with `Content-Type: application/json`";
            return Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail);
        }
        if let Some(error) = error.downcast_ref::<ReadBodyError>() {
            return Self::bad_request(format!("the body cannot be read: {error}"));
        }
        let status = error.status();
        if status.is_client_error() {
            return Self::new(status, "refused", error.to_string());
        }
        tracing::error!(error = %error, "a request failed");
        Self::internal()
    }
}

/// What a parameter takes, of the framework's words for what was wrong with it.
fn of_parameter(reason: &str) -> String {
    let bound = |kind: &str| {
        let (_, rest) = reason.split_once(&format!("{kind}("))?;
        Some(rest.split_once(',')?.0.to_owned())
    };
    if let Some(least) = bound("minimum") {
        return format!("must be at least {least}");
    }
    if let Some(most) = bound("maximum") {
        return format!("must be at most {most}");
    }
    if reason.contains("integer(uint") {
        return "must be a whole number, 0 or greater".to_owned();
    }
    if let Some(allowed) = exports::allowed_in(reason) {
        return format!("must be one of {}", allowed.join(", "));
    }
    format!("cannot be read: {}; /openapi.json lists what it takes", reason.trim_end_matches('.'))
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.detail)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn as_response(&self) -> Response {
        let body = self.0.to_json_string();
        let mut response = Response::builder().status(self.status()).content_type(CONTENT_TYPE).body(body);
        if self.status() == StatusCode::UPGRADE_REQUIRED {
            response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        }
        if let Some(seconds) = self.0.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.as_response()
    }
}

impl From<usm_queue::Error> for Problem {
    fn from(error: usm_queue::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound => Self::not_found(error.to_string()),
            ErrorKind::QueueFull | ErrorKind::Unavailable | ErrorKind::Closed => {
                tracing::warn!(error = %error, "the job queue is not available");
                let detail = match queue_trouble(&error) {
                    Some(reason) => format!("the job queue takes no jobs: {reason}"),
                    None => "the job queue does not take or answer requests now; try again soon".to_owned(),
                };
                Self::unavailable(detail, Duration::from_secs(5))
            }
            _ => {
                tracing::error!(error = %error, "the job queue failed");
                Self::internal()
            }
        }
    }
}

/// What somebody must do so that the queue works again, where that is known. The error's own text names files and
/// servers; these are the parts of it that say the same without.
pub(super) fn queue_trouble(error: &usm_queue::Error) -> Option<&'static str> {
    const KNOWN: [(&str, &str); 4] = [
        (
            "was removed or replaced",
            "the queue file was removed or replaced; put it back, or restart every process that uses it",
        ),
        ("the disk is full", "the disk is full; free some space"),
        (
            "the disk does not take or give the data",
            "the disk does not take the data; it may be full or failing",
        ),
        ("file or its folder cannot be written", "the queue file cannot be written; check owner and rights"),
    ];
    let text = error.to_string();
    KNOWN.into_iter().find_map(|(part, told)| text.contains(part).then_some(told))
}

impl From<DbErr> for Problem {
    fn from(error: DbErr) -> Self {
        tracing::error!(error = %error, "the database failed");
        match error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => {
                let detail = "the database does not answer now; try again soon";
                Self::unavailable(detail, Duration::from_secs(5))
            }
            _ => Self::internal(),
        }
    }
}

impl Example for Details {
    fn example() -> Self {
        let id = super::jobs::example_id();
        *Problem::not_found(format!("job {id} is not known")).for_request(&format!("/job/{id}"), "5f2d8c1e").0
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_DETAIL) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
