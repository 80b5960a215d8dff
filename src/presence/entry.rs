//! One person's presence in one room: read from what a client says, and written as readers get it,
//! with the name and the time that the server vouches for.

use std::collections::HashMap;
use std::panic::catch_unwind;

use bytes::Bytes;
use loro::LoroValue;
use loro::awareness::EphemeralStore;
use uuid::Uuid;

use crate::auth::Session;

/// Longest update of a client in bytes: a cursor takes some hundred.
const MAX_BYTES: usize = 1024;
/// Entries are as old as their sender's clock is wrong, so none counts as expired here.
const NEVER_MS: i64 = i64::MAX / 4;

/// What a client says of itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Said {
    /// It is here, with these values.
    Here(String, HashMap<String, LoroValue>),
    /// It is here no longer.
    Gone,
    /// Nothing that can be read.
    Nothing,
}

/// Reads a client's update: the first entry whose key `is_own`; all others are let go.
pub(crate) fn read(update: &[u8], is_own: impl Fn(&str) -> bool) -> Said {
    match update.len() > MAX_BYTES {
        true => Said::Nothing,
        false => read_any(update, is_own),
    }
}

fn read_any(update: &[u8], is_own: impl Fn(&str) -> bool) -> Said {
    let states = catch_unwind(|| {
        let store = EphemeralStore::new(NEVER_MS);
        store.apply(update).ok()?;
        Some(store.get_all_states())
    });
    let Ok(Some(states)) = states else {
        return Said::Nothing;
    };
    if states.is_empty() {
        return Said::Gone;
    }
    for (key, value) in states {
        if let LoroValue::Map(map) = value
            && is_own(&key)
        {
            let values = map.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
            return Said::Here(key, values);
        }
    }
    Said::Nothing
}

/// The entry as readers get it: the client's values, the session's name and the server's time.
pub(super) fn stamp(key: &str, mut values: HashMap<String, LoroValue>, session: &Session) -> Bytes {
    let user: HashMap<String, LoroValue> = [
        ("account_id", session.account_id.to_string()),
        ("name", session.name.clone()),
        ("color", session.color.clone()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), LoroValue::from(value)))
    .collect();
    values.insert("user".to_owned(), user.into());
    write(key, values)
}

/// Whom an entry shows, as the server vouched for it.
#[derive(Debug, Default)]
pub(super) struct User {
    pub account_id: Option<Uuid>,
    pub name: Option<String>,
    pub color: Option<String>,
}

/// Whom an entry as readers get it shows.
pub(super) fn user(data: &[u8]) -> User {
    let Said::Here(_, values) = read_any(data, |_| true) else {
        return User::default();
    };
    let Some(LoroValue::Map(user)) = values.get("user") else {
        return User::default();
    };
    let text = |name: &str| match user.get(name) {
        Some(LoroValue::String(text)) => Some(text.to_string()),
        _ => None,
    };
    User {
        account_id: text("account_id").and_then(|id| id.parse().ok()),
        name: text("name"),
        color: text("color"),
    }
}

/// An entry of the server's own.
pub(crate) fn write(key: &str, values: HashMap<String, LoroValue>) -> Bytes {
    let store = EphemeralStore::new(NEVER_MS);
    store.set(key, LoroValue::from(values));
    store.encode(key).into()
}

/// The entry that takes a key away.
pub(super) fn remove(key: &str) -> Bytes {
    let store = EphemeralStore::new(NEVER_MS);
    store.set(key, LoroValue::Null);
    store.delete(key);
    store.encode(key).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Scopes, SessionKind};
    use std::time::SystemTime;
    use uuid::Uuid;

    fn session() -> Session {
        Session {
            session_id: Uuid::nil(),
            account_id: Uuid::from_u128(5),
            name: "Ada".into(),
            color: "#123456".into(),
            kind: SessionKind::Browser,
            scopes: Scopes::ALL,
            expires_at: SystemTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn the_name_is_the_servers_whatever_the_client_says() {
        let client = EphemeralStore::new(30_000);
        let forged: HashMap<String, LoroValue> =
            [("user".to_owned(), LoroValue::from("Root"))].into();
        client.set("7", LoroValue::from(forged));
        let Said::Here(key, values) = read(&client.encode("7"), |key| key == "7") else {
            panic!("the entry is read");
        };
        let reader = EphemeralStore::new(30_000);
        reader
            .apply(&stamp(&key, values, &session()))
            .expect("reads");
        let shown = reader.get("7").expect("there");
        let LoroValue::Map(shown) = shown else {
            panic!("a map")
        };
        let LoroValue::Map(user) = &shown["user"] else {
            panic!("a map")
        };
        assert_eq!(user["name"], LoroValue::from("Ada"));
    }

    #[test]
    fn entries_of_others_and_what_cannot_be_read_are_let_go() {
        let client = EphemeralStore::new(30_000);
        client.set("8", LoroValue::from(HashMap::<String, LoroValue>::new()));
        assert_eq!(read(&client.encode("8"), |key| key == "7"), Said::Nothing);
        assert_eq!(read(b"\xff\xff\xff\xff", |_| true), Said::Nothing);
        assert_eq!(read(&vec![0; MAX_BYTES + 1], |_| true), Said::Nothing);
    }

    #[test]
    fn a_removed_key_is_gone_for_readers() {
        let reader = EphemeralStore::new(30_000);
        reader
            .apply(&stamp("7", HashMap::new(), &session()))
            .expect("reads");
        assert!(reader.get("7").is_some());
        // Entries carry milliseconds, and of two in one millisecond the first stands.
        while reader.get("7").is_some() {
            reader.apply(&remove("7")).expect("reads");
        }
    }
}
