//! JSON that is read once and not kept.
//!
//! A chart of thousands of records is decoded to be shown and forgotten. [`Node`] borrows its
//! texts from the record, and leaves out what no line of a chart shows; [`Tree`] lets the same
//! functions read it and a [`Value`], both as tolerant of foreign shapes.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// Something shaped like JSON. Whatever is not of the asked shape is absent.
pub trait Tree: Sized {
    /// JSON's null.
    fn null<'x>() -> &'x Self
    where
        Self: 'x;
    /// The value under a key of an object.
    fn member(&self, key: &str) -> Option<&Self>;
    /// The entries of an array; none of anything else.
    fn items(&self) -> &[Self];
    /// A text.
    fn as_text(&self) -> Option<&str>;
    /// A number.
    fn as_number(&self) -> Option<f64>;
    /// A number that is written as a whole one.
    fn as_whole(&self) -> Option<i64>;
    /// True or false.
    fn as_flag(&self) -> Option<bool>;
}

static NULL: Value = Value::Null;

impl Tree for Value {
    fn null<'x>() -> &'x Self {
        &NULL
    }

    fn member(&self, key: &str) -> Option<&Self> {
        self.get(key)
    }

    fn items(&self) -> &[Self] {
        self.as_array().map_or(&[], Vec::as_slice)
    }

    fn as_text(&self) -> Option<&str> {
        self.as_str()
    }

    fn as_number(&self) -> Option<f64> {
        self.as_f64()
    }

    fn as_whole(&self) -> Option<i64> {
        self.as_i64()
    }

    fn as_flag(&self) -> Option<bool> {
        self.as_bool()
    }
}

/// A record as a chart reads it; see [`read`].
#[derive(Debug, Clone, PartialEq)]
pub enum Node<'a> {
    /// Null.
    Null,
    /// True or false.
    Flag(bool),
    /// A whole number.
    Whole(i64),
    /// Any other number.
    Number(f64),
    /// A text, copied only where the record escapes a character of it.
    Text(Cow<'a, str>),
    /// An array.
    List(Vec<Self>),
    /// An object, as written.
    Object(Vec<(Cow<'a, str>, Self)>),
}

static NOTHING: Node<'static> = Node::Null;

impl Tree for Node<'_> {
    fn null<'x>() -> &'x Self
    where
        Self: 'x,
    {
        &NOTHING
    }

    fn member(&self, key: &str) -> Option<&Self> {
        match self {
            // The last of two members of one name counts, as everywhere else.
            Self::Object(members) => members
                .iter()
                .rev()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    fn as_number(&self) -> Option<f64> {
        match self {
            Self::Whole(number) => Some(*number as f64),
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    fn as_whole(&self) -> Option<i64> {
        match self {
            Self::Whole(number) => Some(*number),
            _ => None,
        }
    }

    fn as_flag(&self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(*flag),
            _ => None,
        }
    }
}

/// Reads a record for a chart: without the elements that no line of a chart shows, which are
/// the longer half of most records.
///
/// # Errors
/// When it is not JSON.
pub fn read(json: &str) -> Result<Node<'_>, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let node = Seed { top: true }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(node)
}

/// Elements of a record that no line of a chart shows.
fn is_unseen(key: &str) -> bool {
    matches!(
        key,
        "meta"
            | "text"
            | "encounter"
            | "context"
            | "identifier"
            | "note"
            | "presentedForm"
            | "result"
    )
}

struct Seed {
    top: bool,
}

impl<'de> DeserializeSeed<'de> for Seed {
    type Value = Node<'de>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Node<'de>, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Node<'de>, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Node<'de>, E> {
        Ok(Node::Flag(flag))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Node<'de>, E> {
        Ok(Node::Whole(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Node<'de>, E> {
        Ok(i64::try_from(number).map_or(Node::Number(number as f64), Node::Whole))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Node<'de>, E> {
        Ok(Node::Number(number))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node<'de>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(Self { top: false })? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Node<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(key) = object.next_key_seed(Key)? {
            if key == "extension" || (self.top && is_unseen(&key)) {
                object.next_value::<IgnoredAny>()?;
            } else {
                members.push((key, object.next_value_seed(Self { top: false })?));
            }
        }
        Ok(Node::Object(members))
    }
}

/// The name of a member.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A node as the value it was read from.
    fn value(node: &Node<'_>) -> Value {
        match node {
            Node::Null => Value::Null,
            Node::Flag(flag) => (*flag).into(),
            Node::Whole(number) => (*number).into(),
            Node::Number(number) => (*number).into(),
            Node::Text(text) => text.as_ref().into(),
            Node::List(items) => items.iter().map(value).collect::<Vec<_>>().into(),
            Node::Object(members) => Value::Object(
                members
                    .iter()
                    .map(|(key, member)| (key.as_ref().to_owned(), value(member)))
                    .collect(),
            ),
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1.0e6..1.0e6).prop_map(|number: f64| Value::from((number * 8.0).round() / 8.0)),
            "\\PC{0,8}|[\"\\\\\n\t]{1,3}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec(("[a-e]{1,2}", inner), 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_record_reads_as_it_is_written(written in json()) {
            let text = written.to_string();
            let node = read(&text).unwrap();
            prop_assert_eq!(value(&node), written);
        }
    }

    #[test]
    fn what_no_line_shows_is_left_out() {
        let text = r#"{"id": "1", "meta": {"versionId": "2"}, "note": [{"text": "long"}],
            "extension": [], "code": {"text": "kept", "extension": [{"url": "x"}]}}"#;
        let node = read(text).unwrap();
        let Node::Object(members) = &node else {
            panic!("not an object");
        };
        let names: Vec<_> = members.iter().map(|(name, _)| name.as_ref()).collect();
        assert_eq!(names, ["id", "code"]);
        let code = node.member("code").unwrap();
        assert_eq!(code.member("text").and_then(Node::as_text), Some("kept"));
        assert!(code.member("extension").is_none());
    }

    #[test]
    fn texts_are_not_copied() {
        let node = read(r#"{"a": "plain", "b": "two\nlines"}"#).unwrap();
        assert!(matches!(
            node.member("a"),
            Some(Node::Text(Cow::Borrowed(_)))
        ));
        assert!(matches!(node.member("b"), Some(Node::Text(Cow::Owned(_)))));
        assert!(read("{").is_err() && read("{} {}").is_err());
    }

    #[test]
    fn of_two_members_of_one_name_the_last_counts() {
        let text = r#"{"a": 1, "a": 2}"#;
        let kept: Value = serde_json::from_str(text).unwrap();
        let node = read(text).unwrap();
        assert_eq!(
            node.member("a").and_then(Node::as_whole),
            kept["a"].as_i64()
        );
    }
}
