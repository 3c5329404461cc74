//! The OpenAPI document, made from the operations themselves.

use poem::http::Method;
use poem_openapi::{LicenseObject, OpenApi, OpenApiService};

use super::{
    exports::Exports, health::Health, jobs::Jobs, maps::Maps, projects::Projects, quality::Quality,
    revisions::Revisions, stories::Stories, wireframes::Wireframes,
};
use crate::app::App;

const DESCRIPTION: &str = "\
Requirements text in, a user story map with text wireframes out.

Whatever takes time is a **job**: the request is answered with 202, a `job_id` and a `Location`, and the job is not \
lost by a crash from then on. Ask `GET /job/{job_id}` how it stands, or open the WebSocket.

**WebSocket** `/ws/jobs/{job_id}`: sends the present state first and then one message for every change, and closes \
with code 1000 after the final one. Each message is a JSON object `{\"type\": \"status_changed\", …}` with the fields \
of the schema `Job`. An unknown job is answered with 404 instead of the upgrade. Code 1001 means that the server stops: \
connect again. Clients answer pings and send nothing. The parameter `token` is accepted and not looked at: \
authentication comes with a later version.

**Wireframes as files**: `/project/{project_id}/story/{story_id}/wireframes/{wireframe_id}/image.svg`, `page.html`, \
`text.txt` (ASCII) and `notes.md`, for browsers and drawing programs.

**Errors** are `application/problem+json` (RFC 9457) with the schema `Problem`, whatever refuses the request. The \
list of `type` values may grow; so may enumerations in answers.

Times are UTC as in RFC 3339. This version has no authentication and answers only on the machine it runs on.";

pub(super) type Api = (Maps, Jobs, Projects, Exports, Quality, Wireframes, Stories, Revisions, Health);

pub(super) fn service(app: &App) -> OpenApiService<Api, ()> {
    let app = || app.clone();
    let api = (
        Maps { app: app() },
        Jobs { app: app() },
        Projects { app: app() },
        Exports { app: app() },
        Quality { app: app() },
        Wireframes { app: app() },
        Stories { app: app() },
        Revisions { app: app() },
        Health { app: app() },
    );
    described(api)
}

/// The document as text, for those who want it without a server.
pub fn document(app: &App) -> String {
    service(app).spec()
}

/// The methods that the server takes at this path. What is no operation, a page for one, can only be read.
pub(super) fn methods(path: &str) -> Vec<Method> {
    let paths = Api::meta().into_iter().flat_map(|api| api.paths).filter(|known| fits(&known.path, path));
    let mut methods: Vec<Method> =
        paths.flat_map(|path| path.operations).map(|operation| operation.method).collect();
    if methods.is_empty() {
        methods.push(Method::GET);
    }
    methods
}

/// Whether `/job/{job_id}` covers `/job/5`.
fn fits(template: &str, path: &str) -> bool {
    let (mut expected, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (expected.next(), given.next()) {
            (None, None) => return true,
            (Some(expected), Some(given)) if expected.starts_with('{') || expected == given => {}
            _ => return false,
        }
    }
}

fn described<T: OpenApi>(api: T) -> OpenApiService<T, ()> {
    OpenApiService::new(api, "AI User Story Mapper", env!("CARGO_PKG_VERSION"))
        .description(DESCRIPTION)
        .license(LicenseObject::new("MIT OR Apache-2.0"))
}
