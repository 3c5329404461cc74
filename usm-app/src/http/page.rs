//! The few HTML pages: where to go, and the interactive documentation. Nothing is loaded from elsewhere.

use poem::{Endpoint, IntoResponse, Response, endpoint::make_sync, http::header, web::Html};
use poem_openapi::{OpenApi, OpenApiService};

/// For a page with inline style and no script.
const STYLE_ONLY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// For Swagger UI, which comes as one document with everything inline and calls this server.
const SWAGGER_UI: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const INDEX: &str = include_str!("index.html");

/// The start page.
pub(super) fn index() -> Response {
    html(INDEX.replace("{version}", env!("CARGO_PKG_VERSION")), STYLE_ONLY)
}

/// Swagger UI over the service's document.
pub(super) fn docs<T: OpenApi>(service: &OpenApiService<T, ()>) -> impl Endpoint<Output = Response> + use<T> {
    // Without it the page is drawn in the browser's mode for very old pages.
    let page = format!("<!doctype html>{}", service.swagger_ui_html());
    make_sync(move |_| html(page.clone(), SWAGGER_UI))
}

fn html(page: String, policy: &'static str) -> Response {
    Html(page).with_header(header::CONTENT_SECURITY_POLICY, policy).into_response()
}
