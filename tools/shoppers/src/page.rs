//! A page as a shopper reads it: its links, its forms and what they ask for.

use html5gum::{StartTag, Token, Tokenizer};

/// What a shopper can do on a page. References are as they stand in it: relative to where it came from.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// Targets of links.
    pub(crate) links: Vec<String>,
    /// Forms.
    pub(crate) forms: Vec<PageForm>,
    /// All of the text, labels included.
    pub(crate) text: String,
}

/// A form of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PageForm {
    /// Where it is sent.
    pub(crate) action: String,
    /// Whether it is sent by POST.
    pub(crate) is_post: bool,
    /// Its fields, with the values that they have in the page.
    pub(crate) fields: Vec<Field>,
}

/// A field of a form that is sent with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Field {
    /// Its name.
    pub(crate) name: String,
    /// Its value.
    pub(crate) value: String,
    /// Its type: `hidden`, `text`, `search`, …
    pub(crate) kind: String,
    /// What a browser would fill in by itself, such as `postal-code`.
    pub(crate) autocomplete: String,
    /// Whether the form is nothing without it.
    pub(crate) required: bool,
}

impl Page {
    /// Reads a page.
    #[must_use]
    pub(crate) fn read(html: &str) -> Self {
        let mut page = Self::default();
        let mut open: Option<PageForm> = None;
        // What stands in these is not for readers, and a tokenizer that builds no tree does not know it.
        let mut unseen = false;
        for Ok(token) in Tokenizer::new(html) {
            match token {
                Token::StartTag(tag) => match &**tag.name {
                    b"a" => page.links.extend(attribute(&tag, "href")),
                    b"form" => {
                        let is_post =
                            attribute(&tag, "method").is_some_and(|m| m.eq_ignore_ascii_case("post"));
                        let action = attribute(&tag, "action").unwrap_or_default();
                        open = Some(PageForm { action, is_post, fields: Vec::new() });
                    }
                    b"input" => {
                        if let (Some(form), Some(field)) = (&mut open, field(&tag)) {
                            form.fields.push(field);
                        }
                    }
                    b"style" | b"script" => unseen = true,
                    _ => {}
                },
                Token::EndTag(tag) => match &**tag.name {
                    b"form" => page.forms.extend(open.take()),
                    b"style" | b"script" => unseen = false,
                    _ => {}
                },
                Token::String(text) if !unseen => page.text.push_str(&String::from_utf8_lossy(&text)),
                _ => {}
            }
        }
        page
    }

    /// The links to single products.
    #[must_use]
    pub(crate) fn products(&self) -> Vec<&str> {
        let is_product = |link: &&str| {
            link.rsplit_once("products/").is_some_and(|(_, id)| !id.is_empty() && !id.contains('/'))
        };
        let mut links: Vec<_> = self.links.iter().map(String::as_str).filter(is_product).collect();
        links.dedup();
        links
    }

    /// The link whose path ends so.
    #[must_use]
    pub(crate) fn link_to(&self, end: &str) -> Option<&str> {
        self.links.iter().map(String::as_str).find(|link| link.rsplit('/').next() == Some(end))
    }

    /// The forms that put a product into the cart.
    #[must_use]
    pub(crate) fn add_forms(&self) -> Vec<&PageForm> {
        self.forms.iter().filter(|form| form.is_post && form.action.ends_with("cart/items")).collect()
    }

    /// The form of the whole cart, which leads to the checkout.
    #[must_use]
    pub(crate) fn cart_form(&self) -> Option<&PageForm> {
        self.forms.iter().find(|form| form.is_post && form.action.rsplit('/').next() == Some("cart"))
    }

    /// The form that searches, where this release has one.
    #[must_use]
    pub(crate) fn search_form(&self) -> Option<&PageForm> {
        let searches =
            |form: &&PageForm| !form.is_post && form.fields.iter().any(|field| field.kind == "search");
        self.forms.iter().find(searches)
    }

    /// The form that makes the order.
    #[must_use]
    pub(crate) fn checkout_form(&self) -> Option<&PageForm> {
        let asks = |form: &&PageForm| {
            form.is_post && form.fields.iter().any(|field| field.autocomplete.ends_with("postal-code"))
        };
        self.forms.iter().find(asks)
    }
}

fn field(tag: &StartTag<()>) -> Option<Field> {
    let kind = attribute(tag, "type").unwrap_or_else(|| "text".to_owned()).to_ascii_lowercase();
    if matches!(kind.as_str(), "submit" | "button" | "image" | "reset" | "file" | "checkbox" | "radio") {
        return None;
    }
    Some(Field {
        name: attribute(tag, "name").filter(|name| !name.is_empty())?,
        value: attribute(tag, "value").unwrap_or_default(),
        kind,
        autocomplete: attribute(tag, "autocomplete").unwrap_or_default(),
        required: attribute(tag, "required").is_some(),
    })
}

fn attribute(tag: &StartTag<()>, name: &str) -> Option<String> {
    let value = tag.attributes.get(name.as_bytes())?;
    Some(String::from_utf8_lossy(value).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRODUCTS: &str = r#"<style>a { color: red }</style><a href="./">Home</a><a href="cart">Cart</a>
        <form action="./" method="get"><input type="search" name="q" value=""><select name="sort"></select></form>
        <a class="pic" href="products/3"></a><a href="products/3">Dreamcatcher</a><a href="products/4">Lamp &amp; co</a>
        <form method="post" action="cart/items"><input type="hidden" name="id" value="3"><button>Add</button></form>"#;

    #[test]
    fn links_and_forms_are_found() {
        let page = Page::read(PRODUCTS);
        assert_eq!(page.products(), ["products/3", "products/4"]);
        assert_eq!(page.link_to("cart"), Some("cart"));
        assert_eq!(page.add_forms().len(), 1);
        assert_eq!(page.add_forms()[0].fields[0].value, "3");
        assert_eq!(page.search_form().unwrap().fields[0].name, "q");
        assert!(page.checkout_form().is_none());
        assert!(page.text.contains("Lamp & co") && !page.text.contains("color"), "{}", page.text);
    }

    #[test]
    fn checkout_form_brings_its_hidden_key() {
        let page = Page::read(
            r#"<form method="post" action="checkout"><input type="text" name="postcode" autocomplete="postal-code" required>
               <input type=hidden name=key value=K1></form>"#,
        );
        let form = page.checkout_form().unwrap();
        assert!(form.fields[0].required);
        assert_eq!((form.fields[1].name.as_str(), form.fields[1].value.as_str()), ("key", "K1"));
    }

    #[test]
    fn broken_markup_is_read_without_end() {
        let page = Page::read("<form action=x><input name=a><a href='b");
        assert!(page.forms.is_empty() && page.links.is_empty());
    }
}
