//! A value as it was written, before it is known which key it is for.

use toml::de::{DeArray, DeValue};

/// A value from one of the places that a setting can come from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Raw<'a> {
    /// From a variable, `--set` or a flag: text, which the key's kind reads as what it needs.
    Text(&'a str),
    /// From a file, where a number is not a text.
    Toml(&'a DeValue<'a>),
}

impl<'a> Raw<'a> {
    pub(super) fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Toml(DeValue::String(text)) => Some(text),
            Self::Toml(_) => None,
        }
    }

    pub(super) fn integer(self) -> Option<i128> {
        match self {
            Self::Text(text) => text.trim().replace('_', "").parse().ok(),
            Self::Toml(DeValue::Integer(number)) => {
                i128::from_str_radix(number.as_str(), number.radix()).ok()
            }
            Self::Toml(_) => None,
        }
    }

    /// The parts of a list. From text, they are set apart by commas; an empty text is an empty list.
    pub(super) fn parts(self) -> Option<Vec<Raw<'a>>> {
        match self {
            Self::Text(text) => {
                Some(text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(Raw::Text).collect())
            }
            Self::Toml(DeValue::Array(array)) => Some(elements(array)),
            Self::Toml(_) => None,
        }
    }

    /// What was found, in words, for an error.
    pub(super) fn found(self) -> String {
        match self {
            Self::Text(text) => format!("`{text}`"),
            Self::Toml(DeValue::String(text)) => format!("the text \"{text}\""),
            Self::Toml(DeValue::Integer(number)) => format!("the number {number}"),
            Self::Toml(DeValue::Float(number)) => format!("the number {number}"),
            Self::Toml(DeValue::Boolean(value)) => format!("{value}"),
            Self::Toml(DeValue::Datetime(_)) => "a date".to_owned(),
            Self::Toml(DeValue::Array(_)) => "a list".to_owned(),
            Self::Toml(DeValue::Table(_)) => "a table".to_owned(),
        }
    }
}

fn elements<'a>(array: &'a DeArray<'a>) -> Vec<Raw<'a>> {
    array.iter().map(|element| Raw::Toml(element.get_ref())).collect()
}
