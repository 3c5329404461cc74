//! What is written as JSON, and what is refused.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{BTreeMap, HashMap};

use serde_json::json;

use super::*;

#[derive(Serialize)]
enum Shape {
    Unit,
    One(f64),
    Two(u8, f32),
    Named { size: f64 },
}

#[derive(Serialize)]
struct Mixed {
    shapes: Vec<Shape>,
    prices: BTreeMap<&'static str, Option<f64>>,
    #[serde(flatten)]
    rest: HashMap<String, f32>,
    pair: (i128, u128),
    at: chrono::DateTime<chrono::Utc>,
    none: Option<()>,
}

fn mixed() -> Mixed {
    Mixed {
        shapes: vec![Shape::Unit, Shape::One(0.1), Shape::Two(1, 0.5), Shape::Named { size: -0.0 }],
        prices: BTreeMap::from([("a", Some(1e-320)), ("b", None)]),
        rest: HashMap::from([("width".to_owned(), 2.5)]),
        pair: (i64::MIN.into(), u64::MAX.into()),
        at: chrono::DateTime::UNIX_EPOCH,
        none: None,
    }
}

fn text<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<String> {
    let mut text = Vec::new();
    write(value, &mut text)?;
    Ok(String::from_utf8(text).unwrap())
}

#[test]
fn what_json_holds_is_written_as_serde_json_writes_it() {
    let mixed = mixed();

    assert_eq!(text(&mixed).unwrap(), serde_json::to_string(&mixed).unwrap());
    assert_eq!(value(&mixed).unwrap(), serde_json::to_value(&mixed).unwrap());
    assert_eq!(text(&HashMap::from([(1, "a")])).unwrap(), r#"{"1":"a"}"#);
}

#[test]
fn what_json_does_not_hold_is_refused_with_its_place() {
    let refused = |change: fn(&mut Mixed), place: &str| {
        let mut mixed = mixed();
        change(&mut mixed);
        for error in [text(&mixed).unwrap_err(), value(&mixed).unwrap_err()] {
            assert!(error.to_string().starts_with(place), "{error}");
        }
    };
    refused(|mixed| mixed.shapes[1] = Shape::One(f64::NAN), ".shapes[1].One: ");
    refused(|mixed| mixed.shapes[2] = Shape::Two(0, f32::INFINITY), ".shapes[2][1]: ");
    refused(|mixed| mixed.shapes[3] = Shape::Named { size: f64::NEG_INFINITY }, ".shapes[3].size: ");
    refused(|mixed| mixed.prices = BTreeMap::from([("a b", Some(f64::NAN))]), ".prices.a b: ");
    refused(|mixed| mixed.rest = HashMap::from([("x".to_owned(), f32::NAN)]), ".x: ");
    refused(|mixed| mixed.pair.0 = i128::from(i64::MIN) - 1, ".pair[0]: -9223372036854775809 has ");
    refused(|mixed| mixed.pair.1 = u128::from(u64::MAX) + 1, ".pair[1]: 18446744073709551616 has ");
}

#[test]
fn keys_that_are_no_text_are_refused() {
    let keys = BTreeMap::from([((1, 2), 3)]);

    assert!(text(&json_of("list", &keys)).unwrap_err().to_string().contains("key must be a string"));
}

fn json_of<T: Serialize>(name: &'static str, value: T) -> HashMap<&'static str, T> {
    HashMap::from([(name, value)])
}

#[test]
fn what_is_nested_too_deep_to_be_read_is_refused() {
    let nested = |levels| (1..levels).fold(json!([]), |inner, _| json!([inner]));

    let deepest = text(&nested(MAX_JSON_DEPTH)).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&deepest).unwrap(), nested(MAX_JSON_DEPTH));
    let error = text(&nested(MAX_JSON_DEPTH + 1)).unwrap_err().to_string();
    assert!(error.ends_with("nested more than 100 deep"), "{error}");
}

#[test]
fn a_result_too_large_to_keep_is_refused() {
    assert!(result("the result", "x".repeat(MAX_RESULT_BYTES - 2)).is_ok());
    let error = result("the result", "x".repeat(MAX_RESULT_BYTES - 1)).unwrap_err();
    assert!(error.to_string().starts_with("the result is 16777217 bytes"), "{error}");
}

/// A payload's `f32` is read from text or from a `Value`, by backend.
#[test]
fn floats_keep_their_bits_by_either_way() {
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..30_000 {
        let (double, single) = (f64::from_bits(random.u64(..)), f32::from_bits(random.u32(..)));
        if !double.is_finite() || !single.is_finite() {
            continue;
        }
        let text = text(&(double, single)).unwrap();
        let direct: (f64, f32) = serde_json::from_str(&text).unwrap();
        let by_value: (f64, f32) = serde_json::from_value(serde_json::from_str(&text).unwrap()).unwrap();
        for (read_double, read_single) in [direct, by_value] {
            assert_eq!(read_double.to_bits(), double.to_bits(), "{text}");
            assert_eq!(read_single.to_bits(), single.to_bits(), "{text}");
        }
    }
}
