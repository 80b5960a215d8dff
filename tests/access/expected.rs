//! Reads `expected.txt`, and says in which ways its cases can come about.

use std::collections::BTreeMap;

const EXPECTED: &str = include_str!("expected.txt");
const LINKS: [&str; 5] = ["-", "view", "comment", "edit", "dead"];
const SCOPES: [&str; 5] = ["read", "write", "admin", "read,write", "read,write,admin"];
const RIGHTS: [&str; 5] = ["none", "view", "comment", "edit", "manage"];

/// The tables of `expected.txt`.
pub struct Expected {
    /// Role, grant and link, and what they give.
    pub cases: Vec<(&'static str, &'static str, &'static str, &'static str)>,
    /// By operation, then by right.
    pub outcomes: BTreeMap<&'static str, BTreeMap<&'static str, &'static str>>,
    /// An operation, the scopes of an API token and what comes of it.
    pub tokens: Vec<(&'static str, &'static str, &'static str)>,
}

impl Expected {
    pub fn read() -> Self {
        let (mut cases, mut outcomes, mut tokens) = (Vec::new(), BTreeMap::new(), Vec::new());
        for line in EXPECTED.lines().filter(|line| !line.starts_with('#')) {
            match line.split_whitespace().collect::<Vec<_>>()[..] {
                ["token", operation, ref told @ ..] if told.len() == SCOPES.len() => {
                    let told = SCOPES.into_iter().zip(told);
                    tokens.extend(told.map(|(scopes, told)| (operation, scopes, *told)));
                }
                [role, granted, ref rights @ ..] if rights.len() == LINKS.len() => {
                    let rights = LINKS.into_iter().zip(rights);
                    cases.extend(rights.map(|(link, right)| (role, granted, link, *right)));
                }
                [operation, ref told @ ..] if told.len() == RIGHTS.len() => {
                    let told = RIGHTS.into_iter().zip(told.iter().copied());
                    outcomes.insert(operation, told.collect());
                }
                [] => {}
                _ => panic!("expected.txt: {line:?}"),
            }
        }
        Self {
            cases,
            outcomes,
            tokens,
        }
    }
}

/// Where a grant or a link hangs, and to whom the grant is given.
#[derive(Debug, Clone, Copy, Default)]
pub struct Way {
    pub grant_on_folder: bool,
    pub grant_to_group: bool,
    pub link_on_folder: bool,
}

impl Way {
    /// Those that differ for a grant and a link.
    pub fn all(granted: &str, link: &str) -> Vec<Self> {
        let mut ways = Vec::new();
        for bits in 0..8 {
            let [grant_on_folder, grant_to_group, link_on_folder] =
                [0, 1, 2].map(|bit| bits >> bit & 1 == 1);
            let is_new = (granted != "-" || !(grant_on_folder || grant_to_group))
                && (!granted.starts_with("all-") || !grant_to_group)
                && (link != "-" || !link_on_folder);
            ways.extend(is_new.then_some(Self {
                grant_on_folder,
                grant_to_group,
                link_on_folder,
            }));
        }
        ways
    }
}
