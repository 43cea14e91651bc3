//! Keeps the links between the project's own pages whole: each leads to a file or folder, and to a heading where it says
//! so. Links to other sites are beyond it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::tree::{project_files, root};
use super::{Finding, hold, places};

/// A link of a page, as it is written.
#[derive(Debug, PartialEq, Eq)]
struct Link<'a> {
    line: usize,
    target: &'a str,
}

/// The lines outside fenced blocks, with their numbers.
fn prose(markdown: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    markdown.lines().enumerate().filter_map(move |(index, text)| {
        let is_fence = text.trim_start().starts_with("```");
        fenced ^= is_fence;
        (!is_fence && !fenced).then_some((index + 1, text))
    })
}

/// The links of a page. What stands between back-ticks is none.
fn links(markdown: &str) -> Vec<Link<'_>> {
    let mut links = Vec::new();
    for (line, text) in prose(markdown) {
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("](") {
            let Some((target, behind)) = after.split_once(')') else { break };
            let offset = text.len() - rest.len() + before.len();
            let is_code = text[..offset].matches('`').count() % 2 == 1;
            if !is_code {
                links.push(Link { line, target });
            }
            rest = behind;
        }
    }
    links
}

/// The names under which a page's headings can be linked to, as GitHub makes them.
fn anchors(markdown: &str) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let headings = prose(markdown).filter(|(_, text)| text.starts_with('#'));
    let name = |heading: &str| -> String {
        let letters = heading.trim_start_matches('#').trim().chars();
        letters
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() })
            .collect()
    };
    headings
        .map(|(_, heading)| {
            let name = name(heading);
            let earlier = seen.entry(name.clone()).or_default();
            *earlier += 1;
            if *earlier == 1 { name } else { format!("{name}-{}", *earlier - 1) }
        })
        .collect()
}

/// The path that a link leads to, from the root of the project; nothing where it leaves the project.
fn destination(page: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The links that lead nowhere. `exists` says whether there is a file or folder of that path.
fn findings(pages: &BTreeMap<String, String>, exists: impl Fn(&str) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (page, text) in pages {
        for Link { line, target } in links(text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() { Some(page.clone()) } else { destination(page, file) };
            let leads_on = path.filter(|path| exists(path));
            let what = match &leads_on {
                None => format!("`{target}` leads to no file"),
                Some(path) if !anchor.is_empty() => match pages.get(path) {
                    Some(text) if anchors(text).contains(anchor) => continue,
                    _ => format!("`{target}` leads to no heading"),
                },
                Some(_) => continue,
            };
            findings.push(Finding { path: page.clone(), line, what });
        }
    }
    findings
}

#[test]
fn links_between_pages_lead_somewhere() {
    let pages: BTreeMap<String, String> = project_files()
        .into_iter()
        .filter(|(path, _)| Path::new(path).extension().is_some_and(|end| end == "md"))
        .collect();
    assert!(pages.contains_key("README.md"), "the pages were not found");
    let broken = findings(&pages, |path| root().join(path).exists());
    hold("a link in a Markdown file leads nowhere", &broken);
}

#[test]
fn links_that_lead_nowhere_are_found() {
    let pages = [
        (
            "README.md",
            "# Title\n[a](docs/a.md) [gone](docs/gone.md) ![b](docs/a.md#what-it-is-1)\n\
             [out](https://example.com/none.md) `[code](none.md)` [here](#title) [not](#nothing)\n\
             ```\n[fenced](none.md)\n# no heading\n```\n[folder](docs) [a](docs/a.md#what-it-was) [none](#no-heading)\n",
        ),
        ("docs/a.md", "## What *it* is\n## `What`, it is!\n[up](../README.md#title) [too far](../../x)\n"),
    ]
    .map(|(path, text)| (path.to_owned(), text.to_owned()));
    let found = findings(&pages.into(), |path| ["README.md", "docs", "docs/a.md"].contains(&path));
    assert_eq!(places(&found), ["README.md:2", "README.md:3", "README.md:8", "README.md:8", "docs/a.md:3"]);
}
