//! A file as the rules see it: its path, its lines, and what of it is tests.

use super::Finding;

/// One text file of the repository.
pub(super) struct Source {
    /// Relative to the root, with `/`.
    pub(super) path: String,
    pub(super) text: String,
    is_test: bool,
}

impl Source {
    pub(super) fn new(path: &str, text: String) -> Self {
        let is_test = path.split('/').any(|part| TEST_PLACES.contains(&part));
        Self {
            path: path.to_owned(),
            text,
            is_test,
        }
    }

    /// Whether the name ends in one of these, given without the dot.
    pub(super) fn is(&self, endings: &[&str]) -> bool {
        let ending = self.path.rsplit_once('.').map(|(_, ending)| ending);
        ending.is_some_and(|ending| endings.contains(&ending))
    }

    /// Whether the path starts with one of these: folders with their `/`, or files.
    pub(super) fn is_in(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.path.starts_with(place))
    }

    /// The lines with their numbers, counted from one.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }

    /// The lines of Rust code without their comments; of another file none.
    pub(super) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.lines().filter(|_| self.is(&["rs"]));
        lines.map(|(number, line)| (number, line.split("//").next().unwrap_or_default()))
    }

    /// The lines of Rust code outside tests. By the rule of the house tests stand last, so that the first test module with a
    /// body ends the product's part of a file.
    pub(super) fn product_code(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut modules = self.test_modules();
        let first = modules.find(|(_, declaration)| declaration.ends_with('{'));
        let end = first.map_or(usize::MAX, |(number, _)| number);
        let code = self.code();
        code.take_while(move |(number, _)| !self.is_test && *number < end)
    }

    /// Where the modules lie that this file declares for tests alone: `src/check.rs` and `src/check/` for a `mod check;` in
    /// `src/lib.rs`.
    pub(super) fn test_files(&self) -> Vec<String> {
        let (folder, file) = self.path.rsplit_once('/').unwrap_or(("", &self.path));
        let inner = match file {
            "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
            file => format!("{folder}/{}", file.trim_end_matches(".rs")),
        };
        let declared = self.test_modules().map(|(_, line)| line);
        let names = declared.filter_map(|line| line.strip_suffix(';')?.rsplit(' ').next());
        names
            .flat_map(|name| [format!("{inner}/{name}.rs"), format!("{inner}/{name}/")])
            .collect()
    }

    /// Marks the file as tests if it is one of these, or in one of these folders.
    pub(super) fn mark_test(&mut self, test_files: &[String]) {
        self.is_test |= test_files.iter().any(|place| self.path.starts_with(place));
    }

    /// A finding in this file.
    pub(super) fn finding(&self, line: usize, rule: impl Into<String>) -> Finding {
        Finding {
            path: self.path.clone(),
            line,
            rule: rule.into(),
        }
    }

    /// The lines that declare a module for tests alone.
    fn test_modules(&self) -> impl Iterator<Item = (usize, &str)> {
        let pairs = self.code().zip(self.code().skip(1));
        pairs
            .filter(|((_, mark), _)| mark.trim() == "#[cfg(test)]")
            .map(|(_, (number, line))| (number, line.trim()))
            .filter(|(_, line)| has(line, "mod"))
    }
}

/// Whether a line of code has these words: found as they stand, but not as a part of a longer name.
pub(super) fn has(line: &str, words: &str) -> bool {
    let is_name = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(words).any(|(at, _)| {
        let joins_before = is_name(line[..at].chars().next_back()) && is_name(words.chars().next());
        let after = line[at + words.len()..].chars().next();
        let joins_after = is_name(after) && is_name(words.chars().next_back());
        !joins_before && !joins_after
    })
}

/// Folders and files that hold tests and nothing else.
const TEST_PLACES: [&str; 4] = ["tests", "tests.rs", "benches", "examples"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_whole() {
        assert!(has("use std::time::Instant;", "Instant"));
        assert!(!has("struct InstantNoodle;", "Instant"));
        assert!(has("a.unwrap()", ".unwrap()"));
    }

    #[test]
    fn test_modules_and_the_files_that_they_declare_are_no_product() {
        let lines = |path, text: &str| Source::new(path, text.to_owned()).product_code().count();
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n}\n";
        assert_eq!(
            (lines("src/a.rs", text), lines("src/a/tests.rs", text)),
            (2, 0)
        );
        let lib = Source::new("src/lib.rs", "#[cfg(test)]\nmod check;\nmod a;".to_owned());
        assert_eq!(lib.test_files(), ["src/check.rs", "src/check/"]);
        let mut check = Source::new("src/check/world.rs", "fn a() {}".to_owned());
        check.mark_test(&lib.test_files());
        assert_eq!(check.product_code().count(), 0);
    }
}
