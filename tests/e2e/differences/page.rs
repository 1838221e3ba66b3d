//! The rows of the page: which cases they name, and how many.

/// What of the page is not so.
pub(super) fn wrong(page: &str, cases: &[&str], differ: &[&str]) -> Vec<String> {
    let (all, others) = (cases.len(), differ.len());
    let counts = format!(
        "Of {all} cases {} are answered alike and {others} are not",
        all - others
    );
    let mut wrong = Vec::new();
    if !page.replace('\n', " ").contains(&counts) {
        wrong.push(format!("it should say: {counts}"));
    }
    let named: Vec<&str> = page.lines().flat_map(named).collect();
    for name in &named {
        let mut meant = cases.iter().filter(|case| fits(name, case)).peekable();
        if meant.peek().is_none() {
            wrong.push(format!("{name} is no case"));
        }
        let alike = meant.filter(|case| !differ.contains(case));
        wrong.extend(alike.map(|case| format!("{name}: {case} does not differ")));
    }
    for case in differ {
        let rows = named.iter().filter(|name| fits(name, case)).count();
        if rows != 1 {
            wrong.push(format!("{case} stands in {rows} rows"));
        }
    }
    wrong
}

/// The cases of a row: the second of its cells.
fn named(line: &str) -> impl Iterator<Item = &str> {
    let cell = line
        .strip_prefix("| ")
        .and_then(|row| row.split(" | ").nth(1));
    let cell = cell.unwrap_or_default().split(", ");
    cell.filter_map(|name| name.strip_prefix('`')?.strip_suffix('`'))
}

/// A name may have one `*`, for anything.
fn fits(pattern: &str, case: &str) -> bool {
    match pattern.split_once('*') {
        Some((begin, end)) => {
            let rest = case.strip_prefix(begin);
            rest.is_some_and(|rest| rest.ends_with(end))
        }
        None => pattern == case,
    }
}

#[test]
fn a_page_that_is_not_so_is_found() {
    let page = "Of 4 cases 2 are answered alike\nand 2 are not.\n| what | `a-*`, `b` | x | y |\n";
    let cases = ["a-one", "b", "c", "d"];
    assert!(wrong(page, &cases, &["a-one", "b"]).is_empty());
    // One more differs; one no longer does.
    assert_eq!(wrong(page, &cases, &["a-one", "b", "c"]).len(), 2);
    assert_eq!(wrong(page, &cases, &["a-one", "c"]).len(), 2);
    // A case that is gone, and one in two rows.
    assert_eq!(
        wrong(page, &["a-one", "c", "d", "e"], &["a-one", "c"]).len(),
        2
    );
    let twice = page.to_owned() + "| what | `a-one` | x | y |\n";
    assert_eq!(wrong(&twice, &cases, &["a-one", "b"]).len(), 1);
}
