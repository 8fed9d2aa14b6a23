//! Signed cookies: how they are named, signed, read and set. What is in them is the business of the cart and of the
//! shopper.

pub mod key;

use axum::http::{HeaderMap, HeaderValue, header};
use cookie::{Cookie, CookieJar, SameSite};

use self::key::Key;

/// The longest `Cookie` value that is looked at; browsers keep 4096 bytes of a cookie.
const MAX_VALUE_BYTES: usize = 4096;

/// `N` random bytes in hex, from the operating system.
///
/// # Panics
/// When the operating system has no random numbers: nothing is safe then.
#[must_use]
pub fn random_hex<const N: usize>() -> String {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system has random numbers");
    hex::encode(bytes)
}

/// The cookies of one store: their key, and what their names and flags depend on.
#[derive(Clone, Debug)]
pub struct Cookies {
    key: Key,
    /// The store's code: two stores on one origin (behind the API server's proxy all are) must not share a cookie.
    store: String,
    secure: bool,
}

impl Cookies {
    /// The cookies of the store with that code; `secure` where shoppers come by https.
    #[must_use]
    pub fn new(key: Key, store: &str, secure: bool) -> Self {
        Self { key, store: store.to_owned(), secure }
    }

    /// The name of the cookie for `purpose` (`cart`, `shopper`). Two environments with the same store on one origin, such
    /// as two namespaces behind one `kubectl proxy`, have keys of their own, and so cookies of their own; replicas share
    /// the key, and the cookies. A path would not tell environments apart: no request says what prefix a proxy took away.
    #[must_use]
    pub fn name(&self, purpose: &str) -> String {
        let former = self.former_name(purpose);
        match &self.key.tag {
            Some(tag) => format!("{former}-{tag}"),
            None => former,
        }
    }

    /// The name that the cookie had before the key was in it.
    fn former_name(&self, purpose: &str) -> String {
        format!("sava-{purpose}-{}", self.store)
    }

    /// The value that was set for `purpose`, if its signature holds. Anything else is not a cookie of ours: forged, cut off,
    /// oversized, of another store, or set for another purpose.
    #[must_use]
    pub fn read(&self, headers: &HeaderMap, purpose: &str) -> Option<String> {
        if !headers.contains_key(header::COOKIE) {
            return None;
        }
        let value = self.read_named(headers, purpose, &self.name(purpose));
        // What a browser kept since before counts until the cookie is set anew, even to nothing.
        let value = value.or_else(|| self.read_named(headers, purpose, &self.former_name(purpose)));
        value.filter(|value| !value.is_empty())
    }

    fn read_named(&self, headers: &HeaderMap, purpose: &str, name: &str) -> Option<String> {
        let bound = self.bound_prefix(purpose);
        // The header is octets (RFC 6265 §5.4), and what other pages of this origin put into it may be of any encoding:
        // only the pair that is wanted is decoded.
        let pairs = headers
            .get_all(header::COOKIE)
            .iter()
            .flat_map(|header| header.as_bytes().split(|byte| *byte == b';'))
            .map(<[u8]>::trim_ascii);
        let mut values = pairs
            .filter_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
            .filter(|value| value.len() <= MAX_VALUE_BYTES)
            .filter_map(|value| std::str::from_utf8(value).ok());
        // A browser sends several of one name where they were set for different paths, and so may whoever can set a
        // cookie here: the first valid one counts. The server's limit on the header section bounds how many are tried.
        values.find_map(|value| {
            let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
            let signed = Cookie::new(name.to_owned(), value.to_owned());
            let verified = CookieJar::new().signed(&self.key.signing).verify(signed)?;
            verified.value().strip_prefix(&bound).map(ToOwned::to_owned)
        })
    }

    /// The `Set-Cookie` header that keeps `value` for `purpose`; `None` keeps that there is none, for as long: a cookie of
    /// the former name may still be there, and can only be let be, as it may be another environment's.
    ///
    /// # Panics
    /// Never: names and values are plain ASCII.
    #[must_use]
    pub fn set(&self, purpose: &str, value: Option<&str>, max_age: time::Duration) -> HeaderValue {
        let name = self.name(purpose);
        let is_removed = value.is_none() && self.key.tag.is_none();
        let mut cookie = if is_removed {
            Cookie::new(name, "")
        } else {
            let mut jar = CookieJar::new();
            let bound = format!("{}{}", self.bound_prefix(purpose), value.unwrap_or_default());
            jar.signed_mut(&self.key.signing).add(Cookie::new(name.clone(), bound));
            jar.get(&name).cloned().unwrap_or_else(|| Cookie::new(name, ""))
        };
        cookie.set_path("/");
        cookie.set_http_only(true);
        cookie.set_same_site(SameSite::Lax);
        cookie.set_secure(self.secure);
        cookie.set_max_age(if is_removed { time::Duration::ZERO } else { max_age });
        HeaderValue::from_str(&cookie.to_string()).expect("a cookie of plain ASCII")
    }

    /// The signature is over the value alone, not over the name: so the value begins with what it is for.
    fn bound_prefix(&self, purpose: &str) -> String {
        format!("{purpose}~{}~", self.store)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGE: time::Duration = time::Duration::days(1);

    fn cookies(store: &str) -> Cookies {
        Cookies::new(Key::parse(&"ab".repeat(64)).unwrap(), store, false)
    }

    /// The `Cookie` header of a browser that was given `set`.
    fn given(set: &HeaderValue) -> String {
        set.to_str().unwrap().split(';').next().unwrap().to_owned()
    }

    fn headers(cookie: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(cookie).unwrap())])
    }

    #[test]
    fn what_was_set_is_read() {
        let set = cookies("ie").set("cart", Some("v1~3*2"), AGE);
        let text = set.to_str().unwrap();
        assert!(text.starts_with(&format!("{}=", cookies("ie").name("cart"))), "{text}");
        for flag in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=86400"] {
            assert!(text.contains(flag), "{text}");
        }
        assert!(!text.contains("Secure"), "{text}");
        let cookie = given(&set);
        assert_eq!(cookies("ie").read(&headers(&cookie), "cart").as_deref(), Some("v1~3*2"));
        let among_others = format!("a=b; {cookie}; c");
        assert_eq!(cookies("ie").read(&headers(&among_others), "cart").as_deref(), Some("v1~3*2"));
    }

    /// Two namespaces behind one `kubectl proxy` are one origin; a browser sends each what the other set.
    #[test]
    fn environments_with_keys_of_their_own_share_no_name() {
        let [one, other] =
            ["ab", "cd"].map(|byte| Cookies::new(Key::parse(&byte.repeat(64)).unwrap(), "ie", false));
        assert_ne!(one.name("cart"), other.name("cart"));
        let both = [(&one, "v1~3*2"), (&other, "v1~7*9")]
            .map(|(cookies, value)| given(&cookies.set("cart", Some(value), AGE)))
            .join("; ");
        assert_eq!(one.read(&headers(&both), "cart").as_deref(), Some("v1~3*2"));
        assert_eq!(other.read(&headers(&both), "cart").as_deref(), Some("v1~7*9"));
        // Replicas have the same key.
        assert_eq!(cookies("ie").name("cart"), one.name("cart"));
        // A key that each start makes anew would leave a browser cookies of ever more names.
        let name = |key| Cookies::new(key, "ie", false).name("cart");
        assert_eq!(name(Key::generate()), name(Key::generate()));
    }

    #[test]
    fn names_say_nothing_of_the_key() {
        let bytes: Vec<u8> = (0..64).collect();
        let key = Key::parse(&hex::encode(&bytes)).unwrap();
        let tag = key.tag.unwrap();
        assert_eq!(tag.len(), 8);
        assert!(!hex::encode(&bytes).contains(&tag), "{tag}");
    }

    #[test]
    fn what_was_set_under_the_former_name_is_read_until_it_is_set_anew() {
        let ie = cookies("ie");
        let set = |value| given(&ie.set("cart", value, AGE));
        let value = |pair: &str| pair.split_once('=').unwrap().1.to_owned();
        let former = format!("sava-cart-ie={}", value(&set(Some("v1~3*2"))));
        let read = |cookie: &str| ie.read(&headers(cookie), "cart");
        assert_eq!(read(&former).as_deref(), Some("v1~3*2"));
        // In either order, and also where the cart was emptied since.
        for (anew, expected) in [(Some("v1~7*9"), Some("v1~7*9")), (None, None)] {
            let anew = set(anew);
            for both in [format!("{former}; {anew}"), format!("{anew}; {former}")] {
                assert_eq!(read(&both).as_deref(), expected, "{both}");
            }
        }
        // Another environment's cookie of that name is none of ours.
        let other = Cookies::new(Key::parse(&"cd".repeat(64)).unwrap(), "ie", false);
        let foreign = format!("sava-cart-ie={}", value(&given(&other.set("cart", Some("v1~7*9"), AGE))));
        assert_eq!(read(&foreign), None);
        assert_eq!(read(&format!("{foreign}; {former}")).as_deref(), Some("v1~3*2"));
    }

    #[test]
    fn https_shops_have_secure_cookies() {
        let cookies = Cookies { secure: true, ..cookies("ie") };
        assert!(cookies.set("cart", Some("x"), AGE).to_str().unwrap().contains("; Secure"));
    }

    #[test]
    fn whatever_was_not_set_so_is_no_cookie() {
        let (ie, uk) = (cookies("ie"), cookies("uk"));
        let cookie = given(&ie.set("cart", Some("v1~3*2"), AGE));
        let (name, value) = cookie.split_once('=').unwrap();
        let n_bytes = value.len();
        for forged in [
            format!("{name}="),
            format!("{name}=v1~3*2"),
            format!("{name}={}", value.replace("3*2", "3*9")),
            format!("{name}={}", &value[..n_bytes - 1]),
            format!("{name}={}", &value[1..]),
            format!("{name}={value}{}", "x".repeat(MAX_VALUE_BYTES)),
            format!("{name}={}", "é".repeat(10)),
        ] {
            assert_eq!(
                ie.read(
                    &HeaderMap::from_iter([(
                        header::COOKIE,
                        HeaderValue::from_str(&forged)
                            .unwrap_or_else(|_| HeaderValue::from_bytes(forged.as_bytes()).unwrap())
                    )]),
                    "cart"
                ),
                None,
                "{forged}"
            );
        }
        // A value that another purpose or another store signed.
        assert_eq!(ie.read(&headers(&format!("{}={value}", ie.name("shopper"))), "shopper"), None);
        assert_eq!(uk.read(&headers(&format!("{}={value}", uk.name("cart"))), "cart"), None);
        let other_key = Cookies::new(Key::generate(), "ie", false);
        assert_eq!(other_key.read(&headers(&cookie), "cart"), None);
        assert_eq!(other_key.read(&headers(&format!("sava-cart-ie={value}")), "cart"), None);
    }

    #[test]
    fn foreign_cookies_of_any_encoding_hide_nothing() {
        let own = given(&cookies("ie").set("cart", Some("v1~3*2"), AGE));
        let foreign: [&[u8]; 5] =
            ["city=Köln".as_bytes(), b"city=K\xf6ln", b"\xff\xfe=\x80", b"sava-cart-ie=\xff", b"="];
        for foreign in foreign {
            for pairs in [[foreign, own.as_bytes()], [own.as_bytes(), foreign]] {
                let header = HeaderValue::from_bytes(&pairs.join(&b"; "[..])).unwrap();
                let headers = HeaderMap::from_iter([(header::COOKIE, header)]);
                let read = cookies("ie").read(&headers, "cart");
                assert_eq!(read.as_deref(), Some("v1~3*2"), "{headers:?}");
            }
        }
    }

    #[test]
    fn forged_cookies_of_the_same_name_hide_nothing() {
        let ie = cookies("ie");
        let own = given(&ie.set("cart", Some("v1~3*2"), AGE));
        let other_key = Cookies::new(Key::generate(), "ie", false);
        let forged = given(&other_key.set("cart", Some("v1~7*9"), AGE));
        let forged = forged.replace("sava-cart-ie=", &format!("{}=", ie.name("cart")));
        for n_forged in [1, 3, 4, 5, 100] {
            let header = format!("{}{own}", format!("{forged}; ").repeat(n_forged));
            assert_eq!(ie.read(&headers(&header), "cart").as_deref(), Some("v1~3*2"), "{n_forged} forged");
        }
        // Of two that are valid the first: browsers send that of the longer path first (RFC 6265 §5.4).
        let second = given(&ie.set("cart", Some("v1~7*9"), AGE));
        assert_eq!(ie.read(&headers(&format!("{own}; {second}")), "cart").as_deref(), Some("v1~3*2"));
    }
}
