//! The members of one object of a data file, each read when it is asked for, so that all mistakes are found.

use std::{borrow::Cow, fmt, marker::PhantomData};

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
    /// The address of the file's text, from which offsets count.
    file_address: usize,
    /// What mistakes are told of, such as `product 3 of ie`.
    subject: Option<String>,
}

impl<'file> Fields<'file> {
    /// The members of `raw`, or a mistake where it is no object. `subject` makes out what mistakes are told of.
    pub(super) fn read(
        raw: &'file RawValue,
        file: &str,
        mistakes: &mut Collector,
        subject: impl FnOnce(&Members<'file>) -> Option<String>,
    ) -> Option<Self> {
        let file_address = file.as_ptr() as usize;
        let offset = raw.get().as_ptr() as usize - file_address;
        let Ok(members) = serde_json::from_str::<Members<'_>>(raw.get()) else {
            mistakes.note(offset, None, None, format!("{} is not an object", shown(raw)));
            return None;
        };
        Some(Self { subject: subject(&members), members, offset, file_address })
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
        let offset = raw.map_or(self.offset, |raw| raw.get().as_ptr() as usize - self.file_address);
        mistakes.note(offset, self.subject.as_deref(), Some(field), message);
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

    /// The whole number `field` from 0 to `most`, which has to be there.
    pub(super) fn whole_number(
        &self,
        mistakes: &mut Collector,
        field: &'static str,
        most: u64,
    ) -> Option<u64> {
        let raw = self.required(mistakes, field)?;
        let number = whole_number(raw, most);
        if number.is_none() {
            self.note(mistakes, field, format!("{} is not a whole number from 0 to {most}", shown(raw)));
        }
        number
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

/// The whole number that `raw` is, if it is one from 0 to `most`.
pub(super) fn whole_number(raw: &RawValue, most: u64) -> Option<u64> {
    Decimal::parse(raw.get()).ok()?.units(0).filter(|number| *number <= most)
}

/// A value as a message shows it: long ones only by their beginning.
pub(super) fn shown(raw: &RawValue) -> String {
    const MOST: usize = 40;
    let text = raw.get();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]).replace('\n', " "),
        None => text.replace('\n', " "),
    }
}
