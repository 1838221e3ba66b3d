//! The keys of the store, and the operations on them.

use crate::Record;

/// A request's number in the line: 1, 2, 3, … within an [`Epoch`].
pub type Ticket = u64;

/// A random word that stands in every key but its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Epoch(pub u64);

/// What a key is for. Each key but the counter, the verdicts and the epoch has one writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// Names the epoch in force. Written by whoever finds it absent.
    Epoch,
    /// The counter: touched by fetch-and-add alone.
    Counter(Epoch),
    /// A mark: the first start of this epoch has waited long enough for holders from before it.
    Settled(Epoch),
    /// A ticket's own record.
    Record(Epoch, Ticket),
    /// A mark, the verdict: this ticket was passed over or struck.
    Gone(Epoch, Ticket),
    /// A mark: the holder of this ticket is asked to stop.
    Cancel(Epoch, Ticket),
}

impl Key {
    /// The key's name in the store.
    pub fn name(&self) -> String {
        match self {
            Key::Epoch => "sluice/epoch".to_owned(),
            Key::Counter(Epoch(e)) => format!("sluice/{e:016x}/counter"),
            Key::Settled(Epoch(e)) => format!("sluice/{e:016x}/settled"),
            Key::Record(Epoch(e), t) => format!("sluice/{e:016x}/t/{t}"),
            Key::Gone(Epoch(e), t) => format!("sluice/{e:016x}/gone/{t}"),
            Key::Cancel(Epoch(e), t) => format!("sluice/{e:016x}/cancel/{t}"),
        }
    }

    /// The key with that name; `None` for one that is not the gate's.
    pub fn parse(name: &str) -> Option<Key> {
        let rest = name.strip_prefix("sluice/")?;
        if rest == "epoch" {
            return Some(Key::Epoch);
        }
        let (epoch, rest) = rest.split_once('/')?;
        let epoch = Epoch(u64::from_str_radix(epoch, 16).ok()?);
        let key = match rest.split_once('/') {
            None if rest == "counter" => Key::Counter(epoch),
            None if rest == "settled" => Key::Settled(epoch),
            Some(("t", t)) => Key::Record(epoch, t.parse().ok()?),
            Some(("gone", t)) => Key::Gone(epoch, t.parse().ok()?),
            Some(("cancel", t)) => Key::Cancel(epoch, t.parse().ok()?),
            _ => return None,
        };
        (key.name() == name).then_some(key)
    }
}

/// What stands under a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// Under [`Key::Epoch`].
    Epoch(Epoch),
    /// Under [`Key::Record`].
    Record(Record),
    /// Under [`Key::Gone`], [`Key::Settled`] and [`Key::Cancel`]: being there is the message; the wall time in
    /// milliseconds is for the sweep, which keeps verdicts for hours.
    Mark(u64),
}

impl Value {
    /// The bytes for the store.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Value::Epoch(Epoch(e)) => format!("{e:016x}").into_bytes(),
            Value::Record(record) => record.encode(),
            Value::Mark(wall_ms) => wall_ms.to_string().into_bytes(),
        }
    }

    /// Reads what was found under `key`. A record that cannot be read is taken for one that waits and is never
    /// renewed, so that it holds up the line for its time to live and no longer; anything else unreadable is `None`.
    pub fn decode(key: &Key, bytes: &[u8]) -> Option<Value> {
        let text = || std::str::from_utf8(bytes).ok();
        match key {
            Key::Epoch => Some(Value::Epoch(Epoch(u64::from_str_radix(text()?, 16).ok()?))),
            Key::Counter(_) => None,
            Key::Record(..) => Some(Value::Record(
                Record::decode(bytes).unwrap_or_else(|_| Record::unreadable(bytes)),
            )),
            Key::Settled(_) | Key::Gone(..) | Key::Cancel(..) => Some(Value::Mark(
                text().and_then(|t| t.parse().ok()).unwrap_or(0),
            )),
        }
    }
}

/// One operation on the store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Adds one to a counter and answers the new value.
    Draw(Key),
    /// Answers a counter's value (adds nothing).
    Peek(Key),
    /// Answers the value under the key, or that there is none.
    Get(Key),
    /// Writes the value.
    Put(Key, Value),
    /// Removes the key; one that is not there is no error.
    Delete(Key),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_back_to_its_key_and_only_the_gates_own_names_do() {
        let e = Epoch(0xfeed);
        for key in [
            Key::Epoch,
            Key::Counter(e),
            Key::Settled(e),
            Key::Record(e, 7),
            Key::Gone(e, 7),
            Key::Cancel(e, 7),
        ] {
            assert_eq!(Key::parse(&key.name()), Some(key));
        }
        for name in [
            "",
            "sluice/",
            "sluice/x/t/1",
            "sluice/000000000000feed/t/+1",
            "sluice/feed/t/1",
            "other/epoch",
        ] {
            assert_eq!(Key::parse(name), None, "{name}");
        }
    }

    #[test]
    fn an_unreadable_record_waits_and_an_unreadable_epoch_is_none() {
        let key = Key::Record(Epoch(1), 1);
        let Some(Value::Record(record)) = Value::decode(&key, b"\xff{") else {
            panic!("a record")
        };
        assert_eq!(record.standing, crate::Standing::Waiting);
        assert_eq!(Value::decode(&Key::Epoch, b"zz"), None);
    }
}
