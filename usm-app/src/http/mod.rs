//! The HTTP API: one file per resource, and what all of them share.
//!
//! A request passes `guard`, reaches the method of its resource by the OpenAPI service, and starts a job or reads
//! what there is. Jobs are watched over a WebSocket (`job_events`). There is no authentication yet, so the server
//! listens on loopback addresses only and answers only to their names.

mod answer;
mod body;
mod exports;
mod guard;
mod health;
mod job_events;
mod jobs;
mod maps;
mod openapi;
mod page;
mod problem;
mod projects;
mod quality;
mod revisions;
mod server;
mod stories;
mod submit;
mod time;
mod wireframe_files;
mod wireframes;

#[cfg(test)]
mod tests;

use poem::{Endpoint, EndpointExt, Response, Route, get, http::Method};
use poem_openapi::Tags;
use tokio_util::sync::CancellationToken;

pub use job_events::WatchLimits;
pub use openapi::document;
pub use server::{Bound, Limits, bind, serve};

use crate::app::App;
use guard::{Guard, Origins, RequestTimeouts};
use job_events::{JobEvents, Watchers};
use problem::Problem;
use wireframe_files::WireframeFiles;

/// Groups of operations.
#[derive(Tags)]
enum Tag {
    /// Requirements in, story maps out.
    Maps,
    /// Text wireframes of stories.
    Wireframes,
    /// Stories.
    Stories,
    /// Everything that takes time is a job.
    Jobs,
    /// For those who operate the server.
    Health,
}

/// Every path of the server, with the default limits. Announcing the shutdown closes open WebSockets.
pub fn routes(app: App, shutdown: CancellationToken) -> impl Endpoint<Output = Response> {
    let limits = Limits::default();
    guarded(app, &limits, Watchers::new(limits.watch, shutdown))
}

fn guarded(app: App, limits: &Limits, watchers: Watchers) -> impl Endpoint<Output = Response> + use<> {
    let origins = Origins::new(&app.config.server.allowed_origins);
    let timeouts = RequestTimeouts { body: limits.body, answer: limits.answer };
    let service = openapi::service(&app);
    let endpoint = Route::new()
        .at("/docs", get(page::docs(&service)))
        .at("/openapi.json", get(service.spec_endpoint()))
        .at(
            "/project/:project_id/story/:story_id/wireframes/:wireframe_id/:file",
            get(WireframeFiles { app: app.clone() }),
        )
        .at("/ws/jobs/:job_id", get(JobEvents { app, watchers }))
        .nest("/", service)
        // What is nested at the root would take the root itself too.
        .around(async |routes, request| match (request.method(), request.uri().path()) {
            (&Method::GET | &Method::HEAD, "/") => Ok(page::index()),
            _ => routes.call(request).await,
        });
    Guard { endpoint, origins, timeouts }
}

/// Does what takes long for a large map without keeping other requests waiting.
async fn in_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "a request failed in its thread");
        Problem::internal()
    })
}
