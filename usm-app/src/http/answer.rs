//! What an operation may answer besides success, so that the OpenAPI document declares every status.

use std::{fmt, marker::PhantomData};

use poem_openapi::{
    ApiResponse,
    registry::{MetaMediaType, MetaResponse, MetaResponses, Registry},
    types::Type,
};

use super::problem::{CONTENT_TYPE, Details, Problem};

/// The statuses of the problems that an operation can answer with, besides those that every operation can.
pub trait Statuses: 'static {
    /// Status and when it is used.
    const STATUSES: &'static [(u16, &'static str)];
}

/// Statuses that every operation can answer with.
const ANYWHERE: &[(u16, &str)] = &[
    (421, "The `Host` header names another machine than this one."),
    (500, "The program failed; its log has the cause."),
    (503, "The queue or the database does not answer, or too much is going on; see `Retry-After`."),
];

/// Statuses that every operation with a body can answer with.
const WITH_BODY: &[(u16, &str)] = &[
    (400, "The body is not JSON."),
    (408, "The body did not arrive in time."),
    (413, "The body is larger than 1 MiB."),
    (415, "The body is not declared as JSON."),
];

/// Status of whatever changes something.
const FROM_A_PAGE: (u16, &str) = (403, "The request comes from a page of an origin that is not allowed.");

/// Reads something named in the path.
#[derive(Debug)]
pub(super) struct Read;

impl Statuses for Read {
    const STATUSES: &'static [(u16, &'static str)] =
        &[(400, "An id in the path cannot be read."), (404, "There is no such thing, or it is not yours.")];
}

/// Reads something named in the path in a form that parameters choose.
#[derive(Debug)]
pub(super) struct ReadAs;

impl Statuses for ReadAs {
    const STATUSES: &'static [(u16, &'static str)] = &[
        Read::STATUSES[0],
        Read::STATUSES[1],
        (422, "A parameter is missing or has another value than those named."),
    ];
}

/// Changes something named in the path.
#[derive(Debug)]
pub(super) struct Change;

impl Statuses for Change {
    const STATUSES: &'static [(u16, &'static str)] = &[
        (400, "An id in the path cannot be read."),
        FROM_A_PAGE,
        (404, "There is no such thing, or it is not yours."),
        (409, "Its state does not allow it any more."),
    ];
}

/// Lists things.
#[derive(Debug)]
pub(super) struct List;

impl Statuses for List {
    const STATUSES: &'static [(u16, &'static str)] = &[(422, "A parameter is out of range.")];
}

/// Needs nothing.
#[derive(Debug)]
pub(super) struct Plain;

impl Statuses for Plain {
    const STATUSES: &'static [(u16, &'static str)] = &[];
}

/// Enqueues a job about nothing that exists yet.
#[derive(Debug)]
pub(super) struct Submit;

impl Statuses for Submit {
    const STATUSES: &'static [(u16, &'static str)] = &[
        WITH_BODY[0],
        FROM_A_PAGE,
        WITH_BODY[1],
        WITH_BODY[2],
        WITH_BODY[3],
        (422, "A value is missing, of another type or out of range."),
    ];
}

/// Enqueues a job about something that exists.
#[derive(Debug)]
pub(super) struct SubmitAbout;

impl Statuses for SubmitAbout {
    const STATUSES: &'static [(u16, &'static str)] = &[
        WITH_BODY[0],
        FROM_A_PAGE,
        (404, "There is no such project or story, or it is not yours."),
        WITH_BODY[1],
        WITH_BODY[2],
        WITH_BODY[3],
        (422, "A value is missing, of another type or out of range, or names a story that does not exist."),
    ];
}

/// A problem of an operation that declares its statuses.
pub struct Refused<S> {
    problem: Problem,
    statuses: PhantomData<fn() -> S>,
}

/// What an operation answers: a `T`, or a problem with one of the statuses `S`.
pub(super) type Answer<T, S> = Result<T, Refused<S>>;

impl<S, E: Into<Problem>> From<E> for Refused<S> {
    fn from(problem: E) -> Self {
        Self { problem: problem.into(), statuses: PhantomData }
    }
}

impl<S> From<Refused<S>> for poem::Error {
    fn from(refused: Refused<S>) -> Self {
        refused.problem.into()
    }
}

impl<S> fmt::Debug for Refused<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl<S: Statuses> ApiResponse for Refused<S> {
    fn meta() -> MetaResponses {
        let response = |&(status, description): &(u16, &'static str)| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content: vec![MetaMediaType { content_type: CONTENT_TYPE, schema: Details::schema_ref() }],
            headers: Vec::new(),
        };
        MetaResponses { responses: S::STATUSES.iter().chain(ANYWHERE).map(response).collect() }
    }

    fn register(registry: &mut Registry) {
        Details::register(registry);
    }
}
