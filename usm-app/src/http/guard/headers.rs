//! Headers that every answer has.

use poem::{
    Response,
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
};

/// What a document that sets no policy of its own may load: nothing.
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'";

/// Sets them; content security policy and caching only where the endpoint has not.
pub(super) fn set(response: &mut Response, request_id: &str, origin: Option<HeaderValue>) {
    let headers = response.headers_mut();
    set_default(headers, header::CONTENT_SECURITY_POLICY, NOTHING);
    set_default(headers, header::CACHE_CONTROL, "no-store");
    set_default(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set_default(headers, header::X_FRAME_OPTIONS, "DENY");
    set_default(headers, header::REFERRER_POLICY, "no-referrer");
    set_default(headers, HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let exposed = HeaderValue::from_static("Location, Retry-After, X-Request-Id, Content-Disposition");
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
}

/// Tells which methods a path takes.
pub(super) fn allow(response: &mut Response, methods: Vec<Method>) {
    let methods: Vec<&str> = methods.iter().map(Method::as_str).collect();
    if let Ok(methods) = HeaderValue::from_str(&methods.join(", ")) {
        response.headers_mut().insert(header::ALLOW, methods);
    }
}

fn set_default(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.entry(name).or_insert(HeaderValue::from_static(value));
}
