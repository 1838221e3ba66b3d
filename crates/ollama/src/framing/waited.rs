//! Why an answer had to be waited for, as its last frame says it.

use serde::ser::{Serialize, SerializeStruct, Serializer};

/// The name of the member that tells it.
pub(crate) const MEMBER: &str = "waited";

/// How long a request stood in line, and what it waited for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waited {
    /// How long, in milliseconds.
    pub ms: u64,
    /// How many answers of others ended meanwhile where it could have gone.
    pub answers: u32,
    /// How long each change of models took there that it stood by, in milliseconds.
    pub changes: Vec<u64>,
}

/// With a sentence for people.
impl Serialize for Waited {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut told = serializer.serialize_struct("Waited", 4)?;
        told.serialize_field("ms", &self.ms)?;
        told.serialize_field("answers", &self.answers)?;
        told.serialize_field("changes", &self.changes)?;
        told.serialize_field("text", &self.text())?;
        told.end()
    }
}

impl Waited {
    fn text(&self) -> String {
        let answers = match self.answers {
            0 => None,
            1 => Some("one answer".to_owned()),
            several => Some(format!("{several} answers")),
        };
        let changed_ms = self.changes.iter().copied().fold(0, u64::saturating_add);
        let changes = match self.changes.len() {
            0 => None,
            1 => Some(format!("one model change of {}", seconds(changed_ms))),
            several => {
                let in_all = seconds(changed_ms);
                Some(format!("{several} model changes of {in_all} in all"))
            }
        };
        let why: Vec<String> = answers.into_iter().chain(changes).collect();
        let waited = seconds(self.ms);
        match why.is_empty() {
            true => waited,
            false => format!("{waited}: {}", why.join(", ")),
        }
    }
}

fn seconds(ms: u64) -> String {
    format!("{} s", ms.saturating_add(500) / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(ms: u64, answers: u32, changes: &[u64]) -> String {
        let waited = Waited {
            ms,
            answers,
            changes: changes.to_vec(),
        };
        waited.text()
    }

    #[test]
    fn a_wait_is_said_in_one_sentence() {
        assert_eq!(
            text(48_200, 3, &[22_300]),
            "48 s: 3 answers, one model change of 22 s"
        );
        assert_eq!(text(2_000, 1, &[]), "2 s: one answer");
        let two = "9 s: 2 model changes of 7 s in all";
        assert_eq!(text(9_000, 0, &[3_000, 4_000]), two);
        assert_eq!(text(1_499, 0, &[]), "1 s");
    }
}
