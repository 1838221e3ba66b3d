//! Which component answers a path: Spin's rules, by the crate that Spin uses. An exact route wins over a wildcard, and of
//! wildcards (`/api/...`) the longest prefix; `:name` stands for one segment.

use routefinder::{RouteSpec, Router as Finder};

use crate::manifest::{HttpTrigger, Route};

/// The prefix that the host answers itself.
pub(crate) const WELL_KNOWN_PREFIX: &str = "/.well-known/spin/";

/// The routes of an application; `T` is what a route leads to.
#[derive(Debug)]
pub(crate) struct Routes<T> {
    finder: Finder<Target<T>>,
}

/// A route and what it leads to.
#[derive(Debug)]
struct Target<T> {
    route: String,
    handler: T,
}

/// The route that matched a path.
#[derive(Debug)]
pub(crate) struct Match<'a, T> {
    /// What the route leads to.
    pub(crate) handler: &'a T,
    /// The route as the manifest has it: `/api/...`
    pub(crate) route: &'a str,
    /// What the wildcard stands for, with its leading slash; empty for an exact route.
    pub(crate) path_info: String,
    /// Each `:name` and the segment it stands for.
    pub(crate) named: Vec<(String, String)>,
}

impl<T> Routes<T> {
    /// Builds the table from the public routes of `triggers`. Duplicates and reserved routes are errors.
    pub(crate) fn build(
        triggers: &[HttpTrigger],
        mut handler: impl FnMut(&HttpTrigger) -> T,
    ) -> Result<Self, String> {
        let mut finder = Finder::new();
        let mut seen = Vec::new();
        for trigger in triggers {
            let Route::Public(route) = &trigger.route else {
                continue;
            };
            let id = &trigger.component;
            if !route.starts_with('/') {
                return Err(format!(
                    "the route `{route}` of component `{id}` must start with `/`"
                ));
            }
            if route.starts_with(WELL_KNOWN_PREFIX) {
                return Err(format!(
                    "the route `{route}` of component `{id}` is reserved for the host"
                ));
            }
            if seen.contains(&route) {
                return Err(format!(
                    "the route `{route}` of component `{id}` is taken by an earlier trigger"
                ));
            }
            seen.push(route);
            let target = Target {
                route: route.clone(),
                handler: handler(trigger),
            };
            finder
                .add(spec(route)?, target)
                .map_err(|err| format!("the route `{route}`: {err}"))?;
        }
        Ok(Self { finder })
    }

    /// The best route for `path`, if one matches.
    pub(crate) fn find<'a>(&'a self, path: &'a str) -> Option<Match<'a, T>> {
        let best = self.finder.best_match(path)?;
        let captures = best.captures();
        let target: &'a Target<T> = best.handler();
        Some(Match {
            handler: &target.handler,
            route: &target.route,
            path_info: captures
                .wildcard()
                .map(|rest| path_info(rest, path))
                .unwrap_or_default(),
            named: captures
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        })
    }
}

/// Routefinder's form of a route: `/...` is `/*` there, and a trailing slash means nothing.
fn spec(route: &str) -> Result<RouteSpec, String> {
    let route = match route.strip_suffix("/...") {
        Some(prefix) => format!("{prefix}/*"),
        None => route.strip_suffix('/').unwrap_or(route).to_owned(),
    };
    RouteSpec::try_from(route.as_str())
}

/// Routefinder takes the slashes off the wildcard's text; components expect both the leading and a trailing one.
fn path_info(rest: &str, path: &str) -> String {
    match (rest.is_empty(), path.ends_with('/')) {
        (true, false) => String::new(),
        (true, true) => "/".into(),
        (false, false) => format!("/{rest}"),
        (false, true) => format!("/{rest}/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(routes: &[&str]) -> Result<Routes<String>, String> {
        let trigger = |route: &&str| format!("[[http]]\nroute = '{route}'\ncomponent = 'c'\n");
        let text: String = routes.iter().map(trigger).collect();
        let mut table: std::collections::BTreeMap<String, Vec<HttpTrigger>> =
            toml::from_str(&text).unwrap();
        let mut names = routes.iter().map(|route| route.to_string());
        Routes::build(&table.remove("http").unwrap(), |_| names.next().unwrap())
    }

    #[track_caller]
    fn check(routes: &[&str], path: &str, expected: Option<(&str, &str)>) {
        let routes = build(routes).unwrap();
        let found = routes.find(path);
        let found = found
            .as_ref()
            .map(|found| (found.handler.as_str(), found.path_info.as_str()));
        assert_eq!(found, expected, "{path}");
    }

    #[test]
    fn a_wildcard_matches_its_prefix_and_all_below() {
        let routes = ["/api/..."];
        check(&routes, "/api", Some(("/api/...", "")));
        check(&routes, "/api/", Some(("/api/...", "/")));
        check(&routes, "/api/chat", Some(("/api/...", "/chat")));
        check(&routes, "/api/chat/", Some(("/api/...", "/chat/")));
        check(&routes, "/apis", None);
        check(&routes, "/", None);
    }

    #[test]
    fn an_exact_route_wins_and_then_the_longest_prefix() {
        let routes = ["/...", "/api/...", "/api/v1/...", "/api/v1/models"];
        check(&routes, "/api/v1/models", Some(("/api/v1/models", "")));
        check(&routes, "/api/v1/other", Some(("/api/v1/...", "/other")));
        check(&routes, "/api/v2", Some(("/api/...", "/v2")));
        check(&routes, "/style.css", Some(("/...", "/style.css")));
        check(&routes, "/", Some(("/...", "/")));
    }

    #[test]
    fn a_named_segment_stands_for_one_segment() {
        let routes = build(&["/users/:id/..."]).unwrap();
        let found = routes.find("/users/7/posts").unwrap();
        assert_eq!(found.named, [("id".to_owned(), "7".to_owned())]);
        assert!(routes.find("/users").is_none());
    }

    #[test]
    fn duplicates_reserved_and_relative_routes_are_errors() {
        assert!(build(&["/a", "/a"]).unwrap_err().contains("taken"));
        assert!(
            build(&["/.well-known/spin/x"])
                .unwrap_err()
                .contains("reserved")
        );
        assert!(build(&["a"]).unwrap_err().contains("start with `/`"));
    }
}
