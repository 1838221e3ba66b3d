//! Keys: what a client must show to come in, and what is shown to an upstream. Compared in constant time, never printed.

use std::fmt;

use subtle::{Choice, ConstantTimeEq};

use super::form::{Form, Wrong, items, optional};

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// Whether a client waits in the main line or behind it, or may see the inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// People who wait for the answer.
    Interactive,
    /// The same people, all with one key: nobody is told apart by it.
    Shared,
    /// Jobs that can wait until nobody else does.
    Batch,
    /// Whoever runs this: may see upstream addresses and metrics, and waits like people do.
    Operator,
    /// A program that asks for people: what it says in `client_header` is believed. Waits like people do.
    Proxy,
}

/// A key that lets a client in.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// Who it belongs to: this stands in logs and decides on fairness, the secret does not.
    pub name: String,
    /// What its owner is.
    pub class: Class,
    secret: Secret,
}

impl Secret {
    /// The text itself, to be sent and not to be printed.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl ApiKey {
    /// Whether it is so long that nobody finds it by trying, however often.
    pub fn is_long(&self) -> bool {
        self.secret.0.len() >= LONG
    }

    /// The key that `shown` is, if any. All keys are looked at whichever matches, so that time tells at most the length of
    /// what was shown.
    pub fn find<'a>(keys: impl IntoIterator<Item = &'a ApiKey>, shown: &str) -> Option<&'a ApiKey> {
        let mut found = None;
        for key in keys {
            let equal: Choice = key.secret.0.as_bytes().ct_eq(shown.as_bytes());
            if bool::from(equal) {
                found = Some(key);
            }
        }
        found
    }
}

/// As many characters as 16 random bytes have in base64.
const LONG: usize = 24;

/// One key for everybody, named "default".
pub(super) fn single_key(secret: Secret) -> ApiKey {
    ApiKey {
        name: "default".to_owned(),
        class: Class::Shared,
        secret,
    }
}

/// Keys with names.
pub(super) fn named_keys() -> Form<Vec<ApiKey>> {
    let expected =
        "a list of name:class:secret with the class interactive, batch, operator or proxy";
    let read = |text: &str| {
        let entries = items(text).enumerate();
        let keys = entries.map(|(index, item)| {
            let wrong = || Wrong(Some(format!("entry {} is not so", index + 1)));
            named_key(item).ok_or_else(wrong)
        });
        keys.collect()
    };
    Form::telling(expected, read).secret()
}

/// A secret that goes into a header, or none.
pub(super) fn bearer() -> Form<Option<Secret>> {
    optional(Form::new("visible ASCII characters without spaces", secret)).secret()
}

fn secret(text: &str) -> Option<Secret> {
    let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    (is_visible && !text.is_empty()).then(|| Secret(text.to_owned()))
}

/// The place of the later of two keys that have one name.
pub(super) fn twice(keys: &[ApiKey]) -> Option<usize> {
    later_of_two(keys, |key, earlier| key.name == earlier.name)
}

/// The same of two that have one secret: whoever shows it would be one or the other.
pub(super) fn alike(keys: &[ApiKey]) -> Option<usize> {
    later_of_two(keys, |key, earlier| key.secret == earlier.secret)
}

fn later_of_two(keys: &[ApiKey], are: impl Fn(&ApiKey, &ApiKey) -> bool) -> Option<usize> {
    keys.iter().enumerate().position(|(index, key)| {
        let mut earlier = keys.iter().take(index);
        earlier.any(|earlier| are(key, earlier))
    })
}

fn named_key(item: &str) -> Option<ApiKey> {
    let mut parts = item.splitn(3, ':');
    let (name, class, secret) = (parts.next()?, parts.next()?, parts.next()?);
    let class = match class {
        "interactive" => Class::Interactive,
        "batch" => Class::Batch,
        "operator" => Class::Operator,
        "proxy" => Class::Proxy,
        _ => return None,
    };
    let secret = self::secret(secret)?;
    (!name.is_empty()).then(|| ApiKey {
        name: name.to_owned(),
        class,
        secret,
    })
}
