//! No circles in `src/`: neither between its folders, nor between the files of a folder that are not parent and child.
//!
//! # How
//! Every path that begins with `crate` or `super` is followed to the module that it leads to, through what a parent gives out
//! with `pub use`. A file and its parent may need one another; two that have a parent in common may not.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;

use super::Finding;
use super::source::Source;

/// The segments of a module's path, `crate` left out.
type Module = Vec<String>;

/// Finds each pair of neighbours of which either needs the other, be it by way of others.
pub(super) fn there_are_none(sources: &[Source], findings: &mut Vec<Finding>) {
    let files: BTreeMap<Module, &Source> = sources
        .iter()
        .filter_map(|source| Some((module_of(&source.path)?, source)))
        .collect();
    let mut needs: BTreeMap<Module, BTreeMap<Module, (&Source, usize)>> = BTreeMap::new();
    for (module, source) in &files {
        for (line, path) in paths(source) {
            let target = follow(&files, module, &path);
            let shared = common(module, &target);
            if shared < module.len() && shared < target.len() {
                let from = module[..=shared].to_vec();
                let to = target[..=shared].to_vec();
                needs
                    .entry(from)
                    .or_default()
                    .entry(to)
                    .or_insert((source, line));
            }
        }
    }
    for (from, to) in &needs {
        for (target, (source, line)) in to {
            if from != target && reaches(&needs, target, from) {
                let rule = format!(
                    "a circle: {} needs {}, which needs it",
                    from.join("::"),
                    target.join("::")
                );
                findings.push(source.finding(*line, rule));
            }
        }
    }
}

/// The module of a file of `src/`; the roots of the crate, which need everything, are none.
fn module_of(path: &str) -> Option<Module> {
    let path = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    let path = path.strip_suffix("/mod").unwrap_or(path);
    (path != "lib").then(|| path.split('/').map(str::to_owned).collect())
}

/// The paths that a file's product code names, with their lines.
fn paths(source: &Source) -> Vec<(usize, Vec<String>)> {
    let mut paths = Vec::new();
    let code: Vec<(usize, &str)> = source
        .product_code()
        .flat_map(|(number, line)| tokens(line).map(move |token| (number, token)))
        .collect();
    for (at, (number, token)) in code.iter().enumerate() {
        let begins = at
            .checked_sub(1)
            .is_none_or(|before| code[before].1 != "::");
        if begins && matches!(*token, "crate" | "super") {
            let mut rest = code[at..].iter().map(|(_, token)| *token).peekable();
            let mut found = Vec::new();
            tree(&mut rest, &[], &mut found);
            paths.extend(found.into_iter().map(|path| (*number, path)));
        }
    }
    paths
}

/// Reads a path, or a tree of them as a `use` has it.
fn tree<'a>(
    tokens: &mut Peekable<impl Iterator<Item = &'a str>>,
    before: &[String],
    found: &mut Vec<Vec<String>>,
) {
    let mut path = before.to_vec();
    while let Some(token) = tokens.next_if(|token| is_word(token)) {
        path.push(token.to_owned());
        if tokens.next_if_eq(&"::").is_none() {
            break;
        }
        if tokens.next_if_eq(&"{").is_some() {
            while tokens.peek().is_some_and(|token| *token != "}") {
                tree(tokens, &path, found);
                // What follows a name and is none of ours: `as other`, a glob.
                while tokens
                    .next_if(|token| !matches!(*token, "," | "}"))
                    .is_some()
                {}
                tokens.next_if_eq(&",");
            }
            tokens.next();
            return;
        }
    }
    found.push(path);
}

/// The module that a path leads to.
fn follow(files: &BTreeMap<Module, &Source>, from: &Module, path: &[String]) -> Module {
    let mut at = from.clone();
    for segment in path {
        match segment.as_str() {
            "crate" => at.clear(),
            "super" => {
                at.pop();
            }
            name => match child(files, &at, name) {
                Some(child) => at = child,
                None => break,
            },
        }
    }
    at
}

/// What a name in a module is: a module in it, or the one from which it gives the name out.
fn child(files: &BTreeMap<Module, &Source>, at: &Module, name: &str) -> Option<Module> {
    let mut inner = at.clone();
    inner.push(name.to_owned());
    if files.contains_key(&inner) {
        return Some(inner);
    }
    let code: Vec<&str> = files
        .get(at)?
        .product_code()
        .flat_map(|(_, line)| tokens(line))
        .collect();
    let uses = code
        .windows(2)
        .enumerate()
        .filter(|(_, words)| *words == ["pub", "use"]);
    for (index, _) in uses {
        let mut found = Vec::new();
        tree(
            &mut code[index + 2..].iter().copied().peekable(),
            &[],
            &mut found,
        );
        for path in found {
            let [first, .., last] = &path[..] else {
                continue;
            };
            let mut from = at.clone();
            from.push(first.clone());
            if last == name && files.contains_key(&from) {
                return Some(from);
            }
        }
    }
    None
}

/// Whether one needs the other, be it by way of others.
fn reaches<T>(needs: &BTreeMap<Module, BTreeMap<Module, T>>, from: &Module, to: &Module) -> bool {
    let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(module) = next.pop() {
        if module == to {
            return true;
        }
        if seen.insert(module) {
            next.extend(needs.get(module).into_iter().flat_map(BTreeMap::keys));
        }
    }
    false
}

fn common(one: &Module, other: &Module) -> usize {
    one.iter()
        .zip(other)
        .take_while(|(one, other)| one == other)
        .count()
}

/// Names, `::`, and single characters.
fn tokens(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let first = rest.chars().next()?;
        let length = if is_of_word(first) {
            rest.find(|c| !is_of_word(c)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        let (token, after) = rest.split_at(length);
        rest = after;
        Some(token)
    })
}

fn is_word(token: &str) -> bool {
    token.starts_with(is_of_word)
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<Source> = files
            .iter()
            .map(|(path, text)| Source::new(path, (*text).to_owned()))
            .collect();
        let mut findings = Vec::new();
        there_are_none(&sources, &mut findings);
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn folders_that_need_one_another_are_found() {
        let found = circles(&[
            ("src/a/mod.rs", "mod x;"),
            ("src/a/x.rs", "\nuse crate::{c, b::{y, z as w}};"),
            ("src/b.rs", "fn f() { crate::a::g() }"),
            ("src/c.rs", ""),
        ]);
        assert_eq!(
            found,
            [
                "src/a/x.rs:2: a circle: a needs b, which needs it",
                "src/b.rs:1: a circle: b needs a, which needs it"
            ]
        );
    }

    #[test]
    fn a_way_round_through_a_third_is_a_circle() {
        let found = circles(&[
            ("src/a.rs", "use crate::b;"),
            ("src/b.rs", "use crate::c::{self, D};"),
            ("src/c.rs", "use crate::a::A;"),
        ]);
        assert_eq!(found.len(), 3, "{found:?}");
    }

    #[test]
    fn files_of_a_folder_are_found_also_by_what_their_parent_gives_out() {
        let found = circles(&[
            ("src/a/mod.rs", "mod x;\nmod y;\npub use y::{Y, Z};"),
            ("src/a/x.rs", "use super::Z;"),
            ("src/a/y.rs", "use super::x::X;"),
        ]);
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn parent_and_child_may_need_one_another_and_tests_anybody() {
        let found = circles(&[
            ("src/lib.rs", "mod a;\nuse a::x::X;"),
            ("src/a/mod.rs", "mod x;\nuse x::X;\nfn f() {}"),
            ("src/a/x.rs", "use super::f;\nuse crate::a::f as g;"),
            ("src/b.rs", "use crate::a;"),
            (
                "src/a/y.rs",
                "// crate::b\n#[cfg(test)]\nmod tests {\n    use crate::b;\n}",
            ),
        ]);
        assert!(found.is_empty(), "{found:?}");
    }
}
