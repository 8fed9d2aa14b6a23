//! The members of one object of a data file, each read when it is asked for, so that all mistakes are found.

use std::{borrow::Cow, fmt, marker::PhantomData};

use sava_service::excerpt;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::mistake::Collector;
use crate::decimal::Decimal;

/// A string of the file, borrowed where it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'file>(#[serde(borrow)] pub(super) Cow<'file, str>);

/// The members of an object, in the order of the file.
pub(super) struct Members<'file>(Vec<(Cow<'file, str>, &'file RawValue)>);

impl<'file> Members<'file> {
    /// The value of the member `name`; of several the last, as everywhere in JSON.
    pub(super) fn get(&self, name: &str) -> Option<&'file RawValue> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| *value)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor<'de>(PhantomData<&'de ()>);

        impl<'de> Visitor<'de> for MembersVisitor<'de> {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(12);
                while let Some((Text(name), value)) = map.next_entry::<Text<'de>, &RawValue>()? {
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(MembersVisitor(PhantomData))
    }
}

/// An object of the file, such as a product.
pub(super) struct Fields<'file> {
    members: Members<'file>,
    /// Where it begins in the file.
    offset: usize,
    /// Where it begins in memory.
    address: usize,
    /// What mistakes are about, such as `product 3 of ie`.
    subject: Option<String>,
}

impl<'file> Fields<'file> {
    /// The members of `raw`, which begins at the byte `offset` of the file, or a mistake where it is not an object. `subject`
    /// makes out what mistakes are about.
    pub(super) fn read(
        raw: &'file RawValue,
        offset: usize,
        mistakes: &mut Collector,
        subject: impl FnOnce(&Members<'file>) -> Option<String>,
    ) -> Option<Self> {
        let Ok(members) = serde_json::from_str::<Members<'_>>(raw.get()) else {
            mistakes.note(offset, None, None, format!("{} is not an object", shown(raw)));
            return None;
        };
        Some(Self { subject: subject(&members), members, offset, address: raw.get().as_ptr() as usize })
    }

    /// The value of the member `name`; none where it is missing or `null`.
    pub(super) fn get(&self, name: &str) -> Option<&'file RawValue> {
        self.members.get(name).filter(|raw| raw.get() != "null")
    }

    /// Notes a mistake at the member `field`, or at the object where there is no such member.
    pub(super) fn note(&self, mistakes: &mut Collector, field: &'static str, message: impl Into<String>) {
        self.note_at(mistakes, self.members.get(field), field, message);
    }

    /// Notes a mistake of `field` at the value `raw`.
    pub(super) fn note_at(
        &self,
        mistakes: &mut Collector,
        raw: Option<&RawValue>,
        field: &'static str,
        message: impl Into<String>,
    ) {
        mistakes.note(self.offset_of(raw), self.subject.as_deref(), Some(field), message);
    }

    /// Notes a mistake at the member `field`, whose message ends with the line of the byte `other` of the file.
    pub(super) fn note_beside(
        &self,
        mistakes: &mut Collector,
        field: &'static str,
        message: impl Into<String>,
        other: usize,
    ) {
        let offset = self.offset_of(self.members.get(field));
        mistakes.note_beside(offset, self.subject.as_deref(), Some(field), message, Some(other));
    }

    /// Where a value of the object begins in the file, or the object itself.
    fn offset_of(&self, raw: Option<&RawValue>) -> usize {
        raw.map_or(self.offset, |raw| self.offset + (raw.get().as_ptr() as usize - self.address))
    }

    /// The member `field`, which has to be there.
    pub(super) fn required(&self, mistakes: &mut Collector, field: &'static str) -> Option<&'file RawValue> {
        let raw = self.members.get(field);
        if raw.is_none() {
            self.note(mistakes, field, "is missing");
        }
        raw
    }

    /// The text `field`, which has to be there.
    pub(super) fn text(&self, mistakes: &mut Collector, field: &'static str) -> Option<Cow<'file, str>> {
        let raw = self.required(mistakes, field)?;
        self.read_text(mistakes, field, raw)
    }

    /// The text `field`, where it is given.
    pub(super) fn optional_text(
        &self,
        mistakes: &mut Collector,
        field: &'static str,
    ) -> Option<Cow<'file, str>> {
        let raw = self.get(field)?;
        self.read_text(mistakes, field, raw)
    }

    /// The member `id`, a whole number from 0 to `most`, which has to be there; of a file of json-server also as text, as
    /// its version 1 writes it.
    pub(super) fn id(&self, mistakes: &mut Collector, most: u64, may_be_text: bool) -> Option<u64> {
        let raw = self.required(mistakes, "id")?;
        let text = serde_json::from_str::<Text<'_>>(raw.get()).ok().filter(|_| may_be_text);
        let id = match &text {
            Some(Text(text)) => text.parse().ok().filter(|id: &u64| *id <= most && id.to_string() == **text),
            None => whole_number(raw, most),
        };
        if id.is_none() {
            self.note(mistakes, "id", format!("{} is not a whole number from 0 to {most}", shown(raw)));
        }
        id
    }

    /// The text `field`, which has to be there and to show something.
    pub(super) fn visible_text(
        &self,
        mistakes: &mut Collector,
        field: &'static str,
    ) -> Option<Cow<'file, str>> {
        let text = self.text(mistakes, field)?;
        if text.chars().all(is_invisible) {
            self.note(mistakes, field, if text.is_empty() { "is empty" } else { "shows nothing" });
            return None;
        }
        Some(text)
    }

    fn read_text(
        &self,
        mistakes: &mut Collector,
        field: &'static str,
        raw: &'file RawValue,
    ) -> Option<Cow<'file, str>> {
        let text = serde_json::from_str::<Text<'_>>(raw.get()).ok().map(|Text(text)| text);
        if text.is_none() {
            self.note(mistakes, field, format!("{} is not text", shown(raw)));
        }
        text
    }
}

/// Whether a character takes part in a text without being seen: spaces, controls, and those which Unicode lets a font
/// leave out (`Default_Ignorable_Code_Point`), such as the zero-width space.
fn is_invisible(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
        )
}

/// The whole number that `raw` is, if it is one from 0 to `most`.
pub(super) fn whole_number(raw: &RawValue, most: u64) -> Option<u64> {
    Decimal::parse(raw.get()).ok()?.units(0).filter(|number| *number <= most)
}

/// A value as a message shows it: long ones only by their beginning.
pub(super) fn shown(raw: &RawValue) -> String {
    shown_text(raw.get())
}

/// The text of a value as a message shows it.
pub(super) fn shown_text(raw: &str) -> String {
    excerpt(raw, 40).replace('\n', " ")
}
