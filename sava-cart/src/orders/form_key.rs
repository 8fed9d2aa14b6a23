//! The key of a checkout's form: it makes the form place one order and not two, however often it is sent.

use crate::cookies::random_hex;

/// A key for a new form.
#[must_use]
pub(crate) fn new_form_key() -> String {
    random_hex::<16>()
}

/// Whether `text` is a key that [`new_form_key`] may have made: a form with any other needs a new one.
#[must_use]
pub(crate) fn is_form_key(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_keys_are_random() {
        assert!(is_form_key(&new_form_key()));
        assert_ne!(new_form_key(), new_form_key());
        assert!(!is_form_key("") && !is_form_key(&"G".repeat(32)));
    }
}
