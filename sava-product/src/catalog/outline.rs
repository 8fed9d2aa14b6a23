//! The outermost object of a data file, read from its text piece by piece: of a hundred thousand products only one is
//! in memory at a time.

use std::{
    cell::Cell,
    fmt,
    io::{self, Read},
    rc::Rc,
};

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::data_file::DataFile;

/// A value of the file, as it is written there.
pub(super) struct Element {
    pub(super) raw: Box<RawValue>,
    /// Where it begins.
    pub(super) offset: usize,
}

/// What the outermost object says beside the products. Members other than `stores` and `products` are json-server's
/// business, and are left alone.
#[derive(Default)]
pub(super) struct Outline {
    pub(super) stores: Option<Element>,
    pub(super) products: Products,
}

/// What the member `products` is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Products {
    /// Not there, or `null`.
    #[default]
    Missing,
    /// An array of this many elements.
    Array(usize),
    /// Something else, between these bytes of the file.
    Other(usize, usize),
}

/// Reads the file, and gives each product to `each`.
///
/// # Errors
/// When it is not JSON, or has another form.
pub(super) fn read(file: &DataFile, each: impl FnMut(Element)) -> serde_json::Result<Outline> {
    let n_read = Rc::new(Cell::new(0));
    let counted = CountingReader { reader: file.reader(), n_read: Rc::clone(&n_read) };
    let mut deserializer = serde_json::Deserializer::from_reader(counted);
    let outline = deserializer.deserialize_map(OutlineVisitor { n_read: &n_read, each })?;
    deserializer.end()?;
    Ok(outline)
}

/// Counts the bytes that are read; the deserializer takes them one by one.
struct CountingReader<R> {
    reader: R,
    n_read: Rc<Cell<usize>>,
}

impl<R: Read> Read for CountingReader<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(bytes)?;
        self.n_read.set(self.n_read.get() + n);
        Ok(n)
    }
}

/// A value that was just read. The end of a number shows only in the byte after it.
fn element(raw: Box<RawValue>, n_read: usize) -> Element {
    let n_after = usize::from(raw.get().ends_with(|end: char| end.is_ascii_digit()));
    Element { offset: n_read - n_after - raw.get().len(), raw }
}

struct OutlineVisitor<'count, F> {
    n_read: &'count Cell<usize>,
    each: F,
}

impl<'de, F: FnMut(Element)> Visitor<'de> for OutlineVisitor<'_, F> {
    type Value = Outline;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object with the members stores and products")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Outline, A::Error> {
        let mut outline = Outline::default();
        let (mut has_stores, mut has_products) = (false, false);
        while let Some(name) = map.next_key::<String>()? {
            match &*name {
                "stores" if has_stores => return Err(A::Error::duplicate_field("stores")),
                "stores" => {
                    has_stores = true;
                    let raw = map.next_value::<Option<Box<RawValue>>>()?;
                    outline.stores = raw.map(|raw| element(raw, self.n_read.get()));
                }
                "products" if has_products => return Err(A::Error::duplicate_field("products")),
                "products" => {
                    has_products = true;
                    let visitor = ProductsVisitor { n_read: self.n_read, each: &mut self.each, start: 0 };
                    outline.products = map.next_value_seed(visitor)?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(outline)
    }
}

struct ProductsVisitor<'count, F> {
    n_read: &'count Cell<usize>,
    each: F,
    /// Where the value begins, spaces before it included.
    start: usize,
}

impl<F> ProductsVisitor<'_, F> {
    fn other(&self) -> Products {
        Products::Other(self.start, self.n_read.get())
    }
}

impl<'de, F: FnMut(Element)> DeserializeSeed<'de> for ProductsVisitor<'_, F> {
    type Value = Products;

    fn deserialize<D: Deserializer<'de>>(mut self, deserializer: D) -> Result<Products, D::Error> {
        self.start = self.n_read.get();
        deserializer.deserialize_any(self)
    }
}

impl<'de, F: FnMut(Element)> Visitor<'de> for ProductsVisitor<'_, F> {
    type Value = Products;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of products")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<Products, A::Error> {
        let mut n_products = 0;
        while let Some(raw) = elements.next_element::<Box<RawValue>>()? {
            n_products += 1;
            (self.each)(element(raw, self.n_read.get()));
        }
        Ok(Products::Array(n_products))
    }

    fn visit_unit<E>(self) -> Result<Products, E> {
        Ok(Products::Missing)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Products, E> {
        Ok(self.other())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Products, E> {
        Ok(self.other())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Products, E> {
        Ok(self.other())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Products, E> {
        Ok(self.other())
    }

    fn visit_str<E>(self, _: &str) -> Result<Products, E> {
        Ok(self.other())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Products, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(self.other())
    }
}
