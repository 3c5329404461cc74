//! Who may call: this version has no authentication, so a page of a foreign site must not reach the server through
//! its reader's browser, neither directly nor by pointing a name of its own at this machine.

use std::net::Ipv4Addr;

use poem::{
    Request, Response,
    http::{HeaderValue, Method, StatusCode, header, uri::Authority},
};

use crate::http::problem::Problem;

/// Refuses a request for a host that is not this machine. Browsers put there the name in the page's address, which
/// gives a page away that has its name resolve to 127.0.0.1.
pub(super) fn check_host(request: &Request) -> Result<(), Problem> {
    let in_uri = request.uri().authority().map(Authority::as_str);
    let mut named = request.headers().get_all(header::HOST).iter().map(|host| host.to_str().ok());
    let (in_header, more) = (named.next(), named.next());
    let hosts = [in_header, in_uri.map(Some)];
    let mut hosts = hosts.into_iter().flatten().peekable();
    let allowed = more.is_none() && hosts.peek().is_some() && hosts.all(|host| host.is_some_and(is_loopback));
    if allowed {
        return Ok(());
    }
    let detail = "this server answers only to localhost, 127.0.0.1 and [::1]; use one of them in the address";
    Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, "wrong-host", detail))
}

/// Whether `host[:port]` names this machine.
fn is_loopback(authority: &str) -> bool {
    let Ok(authority) = authority.parse::<Authority>() else { return false };
    if authority.as_str().contains('@') {
        return false;
    }
    let host = authority.host();
    host.eq_ignore_ascii_case("localhost")
        || host == "[::1]"
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

/// Pages of other origins that may call.
#[derive(Debug, Clone)]
pub(crate) struct Origins(Vec<HeaderValue>);

impl Origins {
    /// As in `ALLOWED_ORIGINS`.
    pub(crate) fn new(origins: &[String]) -> Self {
        Self(origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect())
    }

    /// The request's origin, if it is on the list.
    pub(super) fn allowed<'a>(&self, request: &'a Request) -> Option<&'a HeaderValue> {
        request.headers().get(header::ORIGIN).filter(|origin| self.0.contains(origin))
    }

    /// Refuses what changes something, or opens a WebSocket, for a page of an origin that is neither on the list nor
    /// this server's own. Programs other than browsers send no origin.
    pub(super) fn check(&self, request: &Request) -> Result<(), Problem> {
        let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        // A WebSocket begins as a GET, and browsers let any page open one.
        if reads && !request.headers().contains_key(header::UPGRADE) {
            return Ok(());
        }
        let mut origins = request.headers().get_all(header::ORIGIN).iter();
        let Some(origin) = origins.next() else { return Ok(()) };
        if origins.next().is_none() && (self.0.contains(origin) || is_own(origin, request)) {
            return Ok(());
        }
        let detail = "pages of this origin may not call; add the origin to ALLOWED_ORIGINS to let them";
        Err(Problem::new(StatusCode::FORBIDDEN, "origin-not-allowed", detail))
    }

    /// The answer to a browser that asks beforehand whether a page may call.
    pub(super) fn preflight(&self, request: &Request) -> Option<Response> {
        let asks = request.method() == Method::OPTIONS
            && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if !asks {
            return None;
        }
        let mut answer = Response::builder().status(StatusCode::NO_CONTENT);
        if self.allowed(request).is_some() {
            answer = answer
                .header(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, DELETE")
                .header(header::ACCESS_CONTROL_ALLOW_HEADERS, "Content-Type, X-Request-Id")
                .header(header::ACCESS_CONTROL_MAX_AGE, 600);
        }
        Some(answer.finish())
    }
}

/// Whether the page came from this server: same host and port. The host is known to be this machine.
fn is_own(origin: &HeaderValue, request: &Request) -> bool {
    let authority = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")));
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    authority.is_some() && authority == host
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_pass() {
        for own in ["localhost", "LOCALHOST:8000", "127.0.0.1:8000", "127.9.9.9", "[::1]", "[::1]:8000"] {
            assert!(is_loopback(own), "{own}");
        }
        for foreign in [
            "evil.example",
            "localhost.evil.example:8000",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "0.0.0.0",
            "",
            "a@localhost",
            "[::2]",
        ] {
            assert!(!is_loopback(foreign), "{foreign}");
        }
    }

    #[test]
    fn a_page_is_ours_only_with_the_same_port() {
        let request = |host: &str| Request::builder().header(header::HOST, host).finish();
        let origin = |text: &'static str| HeaderValue::from_static(text);

        assert!(is_own(&origin("http://localhost:8000"), &request("localhost:8000")));
        assert!(!is_own(&origin("http://localhost:3000"), &request("localhost:8000")));
        assert!(!is_own(&origin("null"), &request("localhost:8000")));
        assert!(!is_own(&origin("http://localhost:8000.evil.example"), &request("localhost:8000")));
    }
}
