//! Values as JSON that every backend gives back as they were: what JSON or its readers would alter is refused.

use std::fmt::Display;

use serde::{Serialize, Serializer, ser};
use serde_json::Value;

use crate::error::{Error, Result};

/// How deep lists and objects may be nested in a payload, a result or a value of the metadata. Readers of JSON stop at 128,
/// and records and messages put some levels around it.
pub const MAX_JSON_DEPTH: usize = 100;

/// Largest result or partial result of a job, in bytes of JSON.
pub const MAX_RESULT_BYTES: usize = 16 << 20;

/// Writes a value as JSON text; the error names the field at fault.
pub(crate) fn write<T: Serialize + ?Sized>(value: &T, into: &mut Vec<u8>) -> serde_json::Result<()> {
    value.serialize(Exact::new(&mut serde_json::Serializer::new(into)))
}

/// The value as JSON; the error names the field at fault.
pub(crate) fn value<T: Serialize>(value: T) -> serde_json::Result<Value> {
    value.serialize(Exact::new(serde_json::value::Serializer))
}

/// A result, or a part of one, as the job store takes it.
pub(crate) fn result<T: Serialize>(what: &str, output: T) -> Result<Value> {
    let output = value(output)
        .map_err(|error| Error::invalid(format!("{what} cannot be written as JSON")).with_source(error))?;
    let bytes = length(&output);
    if bytes > MAX_RESULT_BYTES {
        return Err(Error::invalid(format!(
            "{what} is {bytes} bytes as JSON, more than the {MAX_RESULT_BYTES} a record may keep; store it elsewhere and return its address"
        )));
    }
    Ok(output)
}

fn length(value: &Value) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // Neither counting nor a value of JSON fails.
    drop(serde_json::to_writer(&mut count, value));
    count.0
}

/// A serializer, or the list or object it is in, that passes on only what is read back as it was: no NaN and no infinity,
/// which serde_json writes as `null`; no integers beyond 64 bits, which most readers round; no nesting that readers refuse.
struct Exact<S> {
    inner: S,
    depth: usize,
    /// Elements so far, in a list.
    index: usize,
}

impl<S> Exact<S> {
    fn new(inner: S) -> Self {
        Self { inner, depth: 0, index: 0 }
    }
}

/// A value inside another.
struct Inside<'a, T: ?Sized> {
    value: &'a T,
    depth: usize,
}

impl<T: Serialize + ?Sized> Serialize for Inside<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Exact { inner: serializer, depth: self.depth, index: 0 })
    }
}

/// The error of a value at `place` in another: its path, then what is wrong.
fn at<E: ser::Error>(place: impl Display, error: &E) -> E {
    let text = error.to_string();
    let separator = if text.starts_with(['.', '[']) { "" } else { ": " };
    E::custom(format!("{place}{separator}{text}"))
}

impl<S> Exact<S> {
    /// The next deeper levels.
    fn enter<E: ser::Error>(&self, levels: usize) -> Result<usize, E> {
        let depth = self.depth + levels;
        if depth > MAX_JSON_DEPTH {
            return Err(E::custom(format!("lists and objects are nested more than {MAX_JSON_DEPTH} deep")));
        }
        Ok(depth)
    }

    fn inside<'a, T: ?Sized>(&self, value: &'a T) -> Inside<'a, T> {
        Inside { value, depth: self.depth }
    }
}

fn finite<E: ser::Error>(value: f64) -> Result<(), E> {
    if value.is_finite() { Ok(()) } else { Err(E::custom(format!("JSON has no number for {value}"))) }
}

fn of_64_bits<E: ser::Error>(fits: bool, value: impl Display) -> Result<(), E> {
    if fits {
        Ok(())
    } else {
        Err(E::custom(format!(
            "{value} has more than 64 bits, which most readers of JSON round; write it as text"
        )))
    }
}

macro_rules! pass {
    ($($method:ident($kind:ty);)*) => {
        $(fn $method(self, value: $kind) -> Result<S::Ok, S::Error> {
            self.inner.$method(value)
        })*
    };
}

impl<S: Serializer> Serializer for Exact<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Exact<S::SerializeSeq>;
    type SerializeTuple = Exact<S::SerializeTuple>;
    type SerializeTupleStruct = Exact<S::SerializeTupleStruct>;
    type SerializeTupleVariant = Exact<S::SerializeTupleVariant>;
    type SerializeMap = Exact<S::SerializeMap>;
    type SerializeStruct = Exact<S::SerializeStruct>;
    type SerializeStructVariant = Exact<S::SerializeStructVariant>;

    pass! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
        serialize_unit_struct(&'static str);
    }

    fn serialize_i128(self, value: i128) -> Result<S::Ok, S::Error> {
        of_64_bits(i64::try_from(value).is_ok() || u64::try_from(value).is_ok(), value)?;
        self.inner.serialize_i128(value)
    }

    fn serialize_u128(self, value: u128) -> Result<S::Ok, S::Error> {
        of_64_bits(u64::try_from(value).is_ok(), value)?;
        self.inner.serialize_u128(value)
    }

    fn serialize_f32(self, value: f32) -> Result<S::Ok, S::Error> {
        finite(value.into())?;
        self.inner.serialize_f32(value)
    }

    fn serialize_f64(self, value: f64) -> Result<S::Ok, S::Error> {
        finite(value)?;
        self.inner.serialize_f64(value)
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_none()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let value = self.inside(value);
        self.inner.serialize_some(&value)
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = self.inside(value);
        self.inner.serialize_newtype_struct(name, &value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = Inside { value, depth: self.enter(1)? };
        self.inner
            .serialize_newtype_variant(name, index, variant, &value)
            .map_err(|error| at(format_args!(".{variant}"), &error))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        Ok(Exact { depth: self.enter(1)?, inner: self.inner.serialize_seq(len)?, index: 0 })
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        Ok(Exact { depth: self.enter(1)?, inner: self.inner.serialize_tuple(len)?, index: 0 })
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        Ok(Exact { depth: self.enter(1)?, inner: self.inner.serialize_tuple_struct(name, len)?, index: 0 })
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        let depth = self.enter(2)?;
        Ok(Exact { depth, inner: self.inner.serialize_tuple_variant(name, index, variant, len)?, index: 0 })
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        Ok(Exact { depth: self.enter(1)?, inner: self.inner.serialize_map(len)?, index: 0 })
    }

    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Self::SerializeStruct, S::Error> {
        Ok(Exact { depth: self.enter(1)?, inner: self.inner.serialize_struct(name, len)?, index: 0 })
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        let depth = self.enter(2)?;
        Ok(Exact { depth, inner: self.inner.serialize_struct_variant(name, index, variant, len)?, index: 0 })
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! elements {
    ($($kind:ident $method:ident;)*) => {
        $(impl<S: ser::$kind> ser::$kind for Exact<S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
                let (index, value) = (self.index, self.inside(value));
                self.index += 1;
                self.inner.$method(&value).map_err(|error| at(format_args!("[{index}]"), &error))
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.inner.end()
            }
        })*
    };
}

elements! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
    SerializeTupleVariant serialize_field;
}

macro_rules! fields {
    ($($kind:ident)*) => {
        $(impl<S: ser::$kind> ser::$kind for Exact<S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), S::Error> {
                let value = self.inside(value);
                self.inner.serialize_field(key, &value).map_err(|error| at(format_args!(".{key}"), &error))
            }

            fn skip_field(&mut self, key: &'static str) -> Result<(), S::Error> {
                self.inner.skip_field(key)
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.inner.end()
            }
        })*
    };
}

fields! { SerializeStruct SerializeStructVariant }

impl<S: ser::SerializeMap> ser::SerializeMap for Exact<S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), S::Error> {
        self.inner.serialize_key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        let value = self.inside(value);
        self.inner.serialize_value(&value)
    }

    fn serialize_entry<K: Serialize + ?Sized, V: Serialize + ?Sized>(
        &mut self,
        key: &K,
        value: &V,
    ) -> Result<(), S::Error> {
        let value = self.inside(value);
        self.inner.serialize_entry(key, &value).map_err(|error| match serde_json::to_value(key) {
            Ok(Value::String(key)) => at(format_args!(".{key}"), &error),
            Ok(key) => at(format_args!("[{key}]"), &error),
            Err(_) => error,
        })
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.inner.end()
    }
}

#[cfg(test)]
mod tests;
