//! A folder of transcripts: one file for each group of cases, begun anew, in which each stands as soon as it is there. A recording
//! before a slow machine takes an hour: what ends it early must not take what it has.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fs::{self, File},
    io::{Result, Write},
    path::PathBuf,
};

use super::Transcript;

/// Where transcripts are put.
pub struct Folder {
    path: PathBuf,
    /// By group: the first word of a case's name.
    files: BTreeMap<String, File>,
}

impl Folder {
    /// A folder, which is made. Files of groups that are not recorded stay.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn at(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        fs::create_dir_all(&path)?;
        Ok(Self {
            path,
            files: BTreeMap::new(),
        })
    }

    /// Writes a transcript behind the others of its group. It is with the system when this returns.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn put(&mut self, transcript: &Transcript) -> Result<()> {
        let group = transcript.case.split('-').next().unwrap_or_default();
        let file = match self.files.entry(group.to_owned()) {
            Entry::Occupied(file) => file.into_mut(),
            Entry::Vacant(place) => {
                let name = self.path.join(group).with_extension("jsonl");
                place.insert(File::create(name)?)
            }
        };
        let line = serde_json::to_string(transcript)? + "\n";
        file.write_all(line.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::super::transcripts;
    use super::*;

    #[test]
    fn a_transcript_is_on_disk_before_the_next_is_recorded() {
        let path = std::env::temp_dir().join(format!("transcripts-{}", std::process::id()));
        let kept = |group: &str| transcripts(&fs::read_to_string(path.join(group)).unwrap());
        for _ in ["a recording", "a second, which begins anew"] {
            let mut folder = Folder::at(&path).unwrap();
            for (case, group, count) in [
                ("chat-one", "chat.jsonl", 1),
                ("api-one", "api.jsonl", 1),
                ("chat-two", "chat.jsonl", 2),
            ] {
                folder.put(&transcript(case)).unwrap();
                let kept = kept(group).unwrap();
                assert_eq!(kept.len(), count);
                assert_eq!(kept.last(), Some(&transcript(case)));
            }
        }
        fs::remove_dir_all(&path).unwrap();
    }

    fn transcript(case: &str) -> Transcript {
        Transcript {
            case: case.to_owned(),
            ollama: "0.32.15".to_owned(),
            settings: serde_json::Map::new(),
            status: 200,
            headers: serde_json::Map::new(),
            informational: Vec::new(),
            frames: vec!["{}".into()],
            end: "complete".to_owned(),
            head_at_ms: Some(1.5),
            end_at_ms: 2.0,
        }
    }
}
