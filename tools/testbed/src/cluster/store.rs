//! What the stand-in knows: objects as JSON, each change numbered, every change kept for those who watch.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard};

use serde_json::{Value, json};
use tokio::sync::watch;

use super::resource::Resource;

/// The address of one object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) plural: &'static str,
    /// Empty for resources without a namespace.
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Key {
    #[must_use]
    pub(super) fn new(plural: &'static str, namespace: &str, name: &str) -> Self {
        Self { plural, namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// One change, as a watch reports it.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// `ADDED`, `MODIFIED` or `DELETED`.
    pub(super) kind: &'static str,
    pub(super) version: u64,
    pub(super) key: Key,
    pub(super) object: Value,
}

/// All objects and all changes so far. Tests are short: nothing is ever compacted.
#[derive(Debug)]
pub(super) struct ObjectStore {
    state: Mutex<State>,
    /// The newest version, for those who wait for the next one.
    newest: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    version: u64,
    objects: BTreeMap<Key, Value>,
    events: Vec<Event>,
}

impl Default for ObjectStore {
    fn default() -> Self {
        Self { state: Mutex::default(), newest: watch::Sender::new(0) }
    }
}

impl ObjectStore {
    #[must_use]
    pub(super) fn get(&self, key: &Key) -> Option<Value> {
        self.lock().objects.get(key).cloned()
    }

    /// The objects of a kind in one namespace, or in all if `namespace` is empty, with the version they are of.
    #[must_use]
    pub(super) fn list(&self, plural: &str, namespace: &str) -> (u64, Vec<Value>) {
        let state = self.lock();
        let objects = state
            .objects
            .iter()
            .filter(|(key, _)| key.plural == plural && (namespace.is_empty() || key.namespace == namespace))
            .map(|(_, object)| object.clone())
            .collect();
        (state.version, objects)
    }

    /// Adds an object and fills in what an API server fills in. `None` if there is one of that name.
    pub(super) fn create(&self, resource: &Resource, namespace: &str, mut object: Value) -> Option<Value> {
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let key = Key::new(resource.plural, namespace, &name);
        let mut state = self.lock();
        if state.objects.contains_key(&key) {
            return None;
        }
        object["apiVersion"] = json!(resource.api_version());
        object["kind"] = json!(resource.kind);
        let metadata = &mut object["metadata"];
        if resource.namespaced {
            metadata["namespace"] = json!(namespace);
        }
        metadata["uid"] = json!(uid(state.version + 1));
        metadata["creationTimestamp"] = json!(now());
        metadata["generation"] = json!(1);
        Some(self.commit(&mut state, "ADDED", key, object))
    }

    /// Changes an object in place; nothing happens when `change` leaves it as it was. Returns what is stored now.
    pub(super) fn update(&self, key: &Key, change: impl FnOnce(&mut Value)) -> Option<Value> {
        let Ok(stored) = self.try_update(key, |it| -> Result<(), Infallible> {
            change(it);
            Ok(())
        });
        stored
    }

    /// Changes an object in place, or leaves it as it was when `change` says no. Nobody else changes it meanwhile.
    pub(super) fn try_update<E>(
        &self,
        key: &Key,
        change: impl FnOnce(&mut Value) -> Result<(), E>,
    ) -> Result<Option<Value>, E> {
        let mut state = self.lock();
        let Some(old) = state.objects.get(key).cloned() else { return Ok(None) };
        let mut object = old.clone();
        change(&mut object)?;
        if object == old {
            return Ok(Some(old));
        }
        if object["spec"] != old["spec"] {
            object["metadata"]["generation"] = json!(old["metadata"]["generation"].as_u64().unwrap_or(0) + 1);
        }
        Ok(Some(self.commit(&mut state, "MODIFIED", key.clone(), object)))
    }

    /// Takes an object away and returns it.
    pub(super) fn remove(&self, key: &Key) -> Option<Value> {
        self.remove_if(key, |_| true)
    }

    /// Takes an object away and returns it, unless `is_meant` says no: another may have got the name since.
    pub(super) fn remove_if(&self, key: &Key, is_meant: impl FnOnce(&Value) -> bool) -> Option<Value> {
        let mut state = self.lock();
        if !is_meant(state.objects.get(key)?) {
            return None;
        }
        let object = state.objects.remove(key)?;
        Some(self.commit(&mut state, "DELETED", key.clone(), object))
    }

    /// The changes after `version`.
    #[must_use]
    pub(super) fn since(&self, version: u64) -> Vec<Event> {
        let state = self.lock();
        let first = state.events.partition_point(|event| event.version <= version);
        state.events[first..].to_vec()
    }

    /// Tells of the newest version, and when there is a newer one.
    #[must_use]
    pub(super) fn follow(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    fn commit(&self, state: &mut State, kind: &'static str, key: Key, mut object: Value) -> Value {
        state.version += 1;
        let version = state.version;
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        if kind != "DELETED" {
            state.objects.insert(key.clone(), object.clone());
        }
        state.events.push(Event { kind, version, key, object: object.clone() });
        self.newest.send_replace(version);
        object
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }
}

/// The present as Kubernetes writes it: RFC 3339, UTC, whole seconds.
#[must_use]
pub(super) fn now() -> String {
    humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string()
}

/// Five characters such as end the name of a pod: no vowels, and nothing that looks like a vowel.
pub(super) fn suffix() -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    (0..5).map(|_| char::from(LETTERS[fastrand::usize(..LETTERS.len())])).collect()
}

/// Looks like a UUID, and is unique in one store.
fn uid(version: u64) -> String {
    format!("{:08x}-0000-4000-8000-{version:012x}", fastrand::u32(..))
}
