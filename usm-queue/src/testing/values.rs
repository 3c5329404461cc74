//! Values that readers and writers of JSON get wrong.

use fastrand::Rng;
use serde_json::{Map, Number, Value, json};

use crate::json::MAX_JSON_DEPTH;

/// Values to try, from a printed seed; `USM_CONTRACT_SEED` repeats them.
pub(super) fn values() -> Vec<Value> {
    let mut random = Rng::with_seed(super::seed());
    let numbers = json!([
        i64::MIN,
        i64::MAX,
        u64::MAX,
        (1_u64 << 53) + 1,
        0,
        -0.0,
        1e-320,
        f64::MIN_POSITIVE,
        f64::MAX,
        0.1,
        1e15,
        123_456_789.123_456_79
    ]);
    let texts = json!({"": "\u{0}", "\u{0}a": "\\ud800 \"'` \r\n\t\u{7f}\u{2028}\u{fffe}", "😀": "\u{10ffff}𝄞 е\u{301}"});
    let empty = json!([[], {}, "", null, [{}], {"a": []}]);
    let deep = (1..MAX_JSON_DEPTH)
        .fold(json!(0), |inner, level| if level % 2 == 0 { json!([inner]) } else { json!({ "k": inner }) });
    let mut values = vec![numbers, texts, empty, deep, json!("x".repeat(70_000))];
    values.extend((0..40).map(|_| any(&mut random, 4)));
    values
}

fn any(random: &mut Rng, depth: u32) -> Value {
    let kinds = if depth == 0 { 6 } else { 8 };
    match random.u8(..kinds) {
        0 => Value::Null,
        1 => random.bool().into(),
        2 => random.i64(..).into(),
        3 => random.u64(..).into(),
        4 => Number::from_f64(f64::from_bits(random.u64(..))).map_or(Value::Null, Value::Number),
        5 => text(random).into(),
        6 => (0..random.usize(..4)).map(|_| any(random, depth - 1)).collect(),
        _ => {
            let fields = (0..random.usize(..4)).map(|_| (text(random), any(random, depth - 1)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
    }
}

fn text(random: &mut Rng) -> String {
    (0..random.usize(..12))
        .map(|_| if random.bool() { random.char(..'\u{80}') } else { random.char(..) })
        .collect()
}

/// Equal to the last bit: `-0.0 == 0.0`, but their texts differ.
pub(super) fn assert_same(got: &Value, sent: &Value) {
    assert_eq!(got.to_string(), sent.to_string());
}
