//! What a recording is written in: every value as JSON that a person can read, and back.
//!
//! A type is a line in `kinds.rs`. A recording stays readable when a type gets one more member: the member goes behind the
//! `;` of its line, is not written while it is what it is by default, and is that where a recording does not have it.

use std::collections::{BTreeMap, BTreeSet};

use codepipeline_retrier::domain::pipeline::Gap;
use codepipeline_retrier::domain::protocol::Fault;
use jiff::Timestamp;
use serde_json::{Value, json};

/// A value in a recording.
pub trait Form: Sized {
    fn store(&self) -> Value;

    /// Reads it back; an error says where it is, and what it should have been.
    fn load(value: &Value) -> Result<Self, String>;
}

pub fn wanted<T>(what: &str, value: &Value) -> Result<T, String> {
    Err(format!(": {value} is no {what}"))
}

/// A member of an object; the error says which.
pub fn member<T: Form>(value: &Value, name: &str) -> Result<T, String> {
    let member = value.get(name).ok_or_else(|| format!(": there is no `{name}` in {value}"))?;
    T::load(member).map_err(|error| format!(".{name}{error}"))
}

/// The name of a member in JSON.
pub fn kebab(name: &str) -> String {
    name.replace('_', "-")
}

pub fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Structures: `members!(Type { member, … ; later member, … })`.
macro_rules! members {
    ($kind:ty { $($name:ident),* $(; $($later:ident),*)? }) => {
        impl $crate::corpus::form::Form for $kind {
            fn store(&self) -> serde_json::Value {
                let mut object = serde_json::Map::new();
                $(object.insert($crate::corpus::form::kebab(stringify!($name)), self.$name.store());)*
                $($(
                    if !$crate::corpus::form::is_default(&self.$later) {
                        object.insert($crate::corpus::form::kebab(stringify!($later)), self.$later.store());
                    }
                )*)?
                object.into()
            }

            fn load(value: &serde_json::Value) -> Result<Self, String> {
                Ok(Self {
                    $($name: $crate::corpus::form::member(value, &$crate::corpus::form::kebab(stringify!($name)))?,)*
                    $($($later: match value.get($crate::corpus::form::kebab(stringify!($later))) {
                        Some(_) => $crate::corpus::form::member(value, &$crate::corpus::form::kebab(stringify!($later)))?,
                        None => Default::default(),
                    },)*)?
                })
            }
        }
    };
}

/// Types that are a text and know how to read it.
macro_rules! texts {
    ($($kind:ident),* $(,)?) => {$(
        impl $crate::corpus::form::Form for $kind {
            fn store(&self) -> serde_json::Value {
                self.to_string().into()
            }

            fn load(value: &serde_json::Value) -> Result<Self, String> {
                let known = value.as_str().and_then(|text| $kind::parse(text).into_iter().next());
                known.map_or_else(|| $crate::corpus::form::wanted(stringify!($kind), value), Ok)
            }
        }
    )*};
}

/// Types that are one of a few names.
macro_rules! names {
    ($kind:ident { $($variant:ident = $name:expr),* $(,)? }) => {
        impl $crate::corpus::form::Form for $kind {
            fn store(&self) -> serde_json::Value {
                match self { $(Self::$variant => $name.into(),)* }
            }

            fn load(value: &serde_json::Value) -> Result<Self, String> {
                $(if value == $name { return Ok(Self::$variant); })*
                $crate::corpus::form::wanted(stringify!($kind), value)
            }
        }
    };
}

/// Numbers and the like, which JSON has.
macro_rules! plain {
    ($($kind:ty, $read:ident);* $(;)?) => {$(
        impl Form for $kind {
            fn store(&self) -> Value {
                json!(self)
            }

            fn load(value: &Value) -> Result<Self, String> {
                let known = value.$read().and_then(|plain| Self::try_from(plain).ok());
                known.map_or_else(|| wanted(stringify!($kind), value), Ok)
            }
        }
    )*};
}

pub(super) use {members, names, texts};

plain!(bool, as_bool; u32, as_u64; u64, as_u64; i64, as_i64; String, as_str);

impl Form for Timestamp {
    fn store(&self) -> Value {
        self.to_string().into()
    }

    fn load(value: &Value) -> Result<Self, String> {
        let known = value.as_str().and_then(|text| text.parse().ok());
        known.map_or_else(|| wanted("instant", value), Ok)
    }
}

impl<T: Form> Form for Option<T> {
    fn store(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::store)
    }

    fn load(value: &Value) -> Result<Self, String> {
        if value.is_null() { Ok(None) } else { T::load(value).map(Some) }
    }
}

impl<T: Form> Form for Box<T> {
    fn store(&self) -> Value {
        T::store(self)
    }

    fn load(value: &Value) -> Result<Self, String> {
        T::load(value).map(Self::new)
    }
}

impl<T: Form> Form for Vec<T> {
    fn store(&self) -> Value {
        self.iter().map(T::store).collect()
    }

    fn load(value: &Value) -> Result<Self, String> {
        let Value::Array(values) = value else { return wanted("list", value) };
        let each = |(index, value)| T::load(value).map_err(|error| format!("[{index}]{error}"));
        values.iter().enumerate().map(each).collect()
    }
}

impl<T: Form + Ord> Form for BTreeSet<T> {
    fn store(&self) -> Value {
        self.iter().map(T::store).collect()
    }

    fn load(value: &Value) -> Result<Self, String> {
        Vec::load(value).map(Self::from_iter)
    }
}

impl<K: Form + Ord, V: Form> Form for BTreeMap<K, V> {
    fn store(&self) -> Value {
        self.iter().map(|(key, value)| json!([key.store(), value.store()])).collect()
    }

    fn load(value: &Value) -> Result<Self, String> {
        Vec::load(value).map(Self::from_iter)
    }
}

impl<A: Form, B: Form> Form for (A, B) {
    fn store(&self) -> Value {
        json!([self.0.store(), self.1.store()])
    }

    fn load(value: &Value) -> Result<Self, String> {
        match value.as_array().map(Vec::as_slice) {
            Some([a, b]) => Ok((A::load(a)?, B::load(b)?)),
            _ => wanted("pair", value),
        }
    }
}

/// What was read, or `{"gap": why not}`.
impl<T: Form> Form for Result<T, Gap> {
    fn store(&self) -> Value {
        self.as_ref().map_or_else(|gap| json!({ "gap": gap.store() }), T::store)
    }

    fn load(value: &Value) -> Result<Self, String> {
        if value.get("gap").is_some() { member(value, "gap").map(Err) } else { T::load(value).map(Ok) }
    }
}

/// What was answered, or `{"fault": why not}`.
impl<T: Form> Form for Result<T, Fault> {
    fn store(&self) -> Value {
        self.as_ref().map_or_else(|fault| json!({ "fault": fault.store() }), T::store)
    }

    fn load(value: &Value) -> Result<Self, String> {
        if value.get("fault").is_some() { member(value, "fault").map(Err) } else { T::load(value).map(Ok) }
    }
}
