//! A JSON body that tells what cannot be read (400) from what can be read and is not usable (422).

use poem::{FromRequest, Request, RequestBody};
use poem_openapi::{
    impl_apirequest_for_payload,
    payload::{ParsePayload, Payload},
    registry::{MetaSchemaRef, Registry},
    types::Type,
};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;
use serde_path_to_error::Segment;

use super::problem::{InvalidValue, Problem};

/// A body in JSON. Fields that the type does not know are ignored, so that newer clients can talk to older servers.
///
/// The schema comes from [`Type`], the reading is serde's: its messages name field, line and column.
#[derive(Debug)]
pub(super) struct JsonBody<T>(pub T);

impl<T: Type> Payload for JsonBody<T> {
    const CONTENT_TYPE: &'static str = "application/json";

    fn check_content_type(content_type: &str) -> bool {
        let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        media_type == "application/json"
            || (media_type.starts_with("application/") && media_type.ends_with("+json"))
    }

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Type + DeserializeOwned> ParsePayload for JsonBody<T> {
    const IS_REQUIRED: bool = true;

    async fn from_request(request: &Request, body: &mut RequestBody) -> poem::Result<Self> {
        let bytes = Vec::<u8>::from_request(request, body).await?;
        Ok(Self(parse(&bytes)?))
    }
}

impl_apirequest_for_payload!(JsonBody<T>, T: Type + DeserializeOwned);

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if bytes.is_empty() {
        return Err(Problem::bad_request("the body is empty; send a JSON object"));
    }
    if let Err(error) = std::str::from_utf8(bytes) {
        let at = error.valid_up_to();
        return Err(Problem::bad_request(format!("the body is not UTF-8: byte {at} does not fit")));
    }
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    // serde would take a list of values for an object's fields in order.
    if first != Some(&b'{') && serde_json::from_slice::<IgnoredAny>(bytes).is_ok() {
        return Err(Problem::invalid(vec![InvalidValue::at("", "the body must be a JSON object")]));
    }
    serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        Category::Data => Problem::invalid(vec![misfit::<T>(bytes, &error)]),
        Category::Syntax | Category::Eof | Category::Io => {
            Problem::bad_request(format!("the body is not JSON: {error}"))
        }
    })
}

/// The error with the field it is about. Read once more for that, since remembering the way costs something.
fn misfit<T: DeserializeOwned>(bytes: &[u8], error: &serde_json::Error) -> InvalidValue {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let mut pointer = match serde_path_to_error::deserialize::<_, T>(&mut reader) {
        Ok(_) => String::new(),
        Err(located) => located.path().iter().fold(String::new(), |pointer, segment| match segment {
            Segment::Seq { index } => format!("{pointer}/{index}"),
            Segment::Map { key } => format!("{pointer}/{}", escaped(key)),
            Segment::Enum { .. } | Segment::Unknown => pointer,
        }),
    };
    let text = error.to_string();
    if let Some((missing, _)) = text.strip_prefix("missing field `").and_then(|rest| rest.split_once('`')) {
        pointer = format!("{pointer}/{}", escaped(missing));
        return InvalidValue::at(pointer, text);
    }
    let detail = if pointer.is_empty() { text } else { format!("{pointer} is not usable: {text}") };
    InvalidValue::at(pointer, detail)
}

/// A name as RFC 6901 writes it in a pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use poem::{error::ResponseError, http::StatusCode};
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Point {
        x: i64,
    }

    fn refused(bytes: &[u8]) -> Problem {
        parse::<Point>(bytes).unwrap_err()
    }

    #[test]
    fn unknown_fields_are_ignored() {
        assert_eq!(parse::<Point>(br#"{"x": 1, "y": 2}"#).unwrap(), Point { x: 1 });
    }

    #[test]
    fn what_is_no_json_is_a_bad_request() {
        let deep = format!("{{\"x\": 1, \"y\": {}", "[".repeat(100_000));
        for bytes in [b"".as_slice(), b"{", b"{\"x\": 1} tail", b"\xff\xfe", deep.as_bytes()] {
            assert_eq!(refused(bytes).status(), StatusCode::BAD_REQUEST);
        }
    }

    #[test]
    fn depth_does_not_matter_where_nobody_looks() {
        let deep = format!("{{\"x\": 1, \"y\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));

        assert_eq!(parse::<Point>(deep.as_bytes()).unwrap(), Point { x: 1 });
    }

    #[test]
    fn only_an_object_fits() {
        for bytes in [b"[1]".as_slice(), b" \"x\"", b"1", b"null"] {
            assert_eq!(refused(bytes).to_string(), "the body must be a JSON object");
        }
    }

    #[test]
    fn json_that_does_not_fit_is_named_with_its_place() {
        let wrong_type = refused(br#"{"x": "one"}"#);
        let missing = refused(b"{}");

        assert_eq!(wrong_type.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(wrong_type.to_string().contains("expected i64 at line 1 column 11"), "{wrong_type}");
        assert!(missing.to_string().contains("missing field `x`"), "{missing}");
    }

    #[test]
    fn a_value_deep_in_the_body_has_a_pointer() {
        #[derive(Debug, Deserialize)]
        struct Track {
            #[serde(rename = "a/b~c")]
            _points: Vec<Point>,
        }
        let pointer = |bytes: &[u8]| {
            let error = serde_json::from_slice::<Track>(bytes).unwrap_err();
            misfit::<Track>(bytes, &error).pointer
        };

        assert_eq!(pointer(br#"{"a/b~c": [{"x": 1}, {"x": "one"}]}"#), "/a~1b~0c/1/x");
        assert_eq!(pointer(br#"{"a/b~c": [{"y": 1}]}"#), "/a~1b~0c/0/x");
        assert_eq!(pointer(b"{}"), "/a~1b~0c");
    }

    #[test]
    fn only_json_media_types_are_taken() {
        for taken in ["application/json", "application/json; charset=utf-8", "Application/problem+JSON"] {
            assert!(JsonBody::<String>::check_content_type(taken), "{taken}");
        }
        for refused in ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonp"] {
            assert!(!JsonBody::<String>::check_content_type(refused), "{refused}");
        }
    }
}
