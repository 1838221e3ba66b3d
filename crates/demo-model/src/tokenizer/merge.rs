//! Byte pair encoding: the pair that was learnt first is merged first.

use std::{cmp::Reverse, collections::BinaryHeap, collections::HashMap};

use crate::error::ModelError;

/// Which pairs of tokens become one.
pub(super) struct Merges {
    /// The rank of a pair, the lower the sooner, and the token that it becomes.
    pairs: HashMap<(u32, u32), (u32, u32)>,
}

/// A token of a word that is being merged, and its neighbours.
#[derive(Clone, Copy)]
struct Link {
    token: u32,
    before: usize,
    after: usize,
    /// Whether it became part of the one before it.
    is_gone: bool,
}

impl Merges {
    /// Reads the lines `left right`, in their order.
    pub(super) fn load(lines: &[String], ids: &HashMap<&str, u32>) -> Result<Self, ModelError> {
        let mut pairs = HashMap::with_capacity(lines.len());
        for (rank, line) in (0u32..).zip(lines) {
            let merge = line.split_once(' ').and_then(|(left, right)| {
                let whole = format!("{left}{right}");
                Some((
                    (*ids.get(left)?, *ids.get(right)?),
                    *ids.get(whole.as_str())?,
                ))
            });
            let (pair, whole) =
                merge.ok_or_else(|| ModelError::Format(format!("the merge {line:?}")))?;
            pairs.entry(pair).or_insert((rank, whole));
        }
        Ok(Self { pairs })
    }

    /// Merges the tokens of a word and appends what is left. It takes n · log n, so that nobody can make it slow with a long
    /// word.
    pub(super) fn apply(&self, word: Vec<u32>, tokens: &mut Vec<u32>) {
        let mut links: Vec<Link> = word
            .iter()
            .enumerate()
            .map(|(at, token)| Link {
                token: *token,
                before: at.wrapping_sub(1),
                after: at + 1,
                is_gone: false,
            })
            .collect();
        let mut queue = BinaryHeap::new();
        for at in 1..links.len() {
            self.offer(&links, at - 1, at, &mut queue);
        }
        while let Some(Reverse((_, left, right, pair))) = queue.pop() {
            let is_stale = links[left].is_gone
                || links[right].is_gone
                || (links[left].token, links[right].token) != pair;
            if is_stale {
                continue;
            }
            let Some((_, whole)) = self.pairs.get(&pair) else {
                continue;
            };
            let after = links[right].after;
            links[left].token = *whole;
            links[left].after = after;
            links[right].is_gone = true;
            if after < links.len() {
                links[after].before = left;
                self.offer(&links, left, after, &mut queue);
            }
            let before = links[left].before;
            if before < links.len() {
                self.offer(&links, before, left, &mut queue);
            }
        }
        tokens.extend(
            links
                .iter()
                .filter(|link| !link.is_gone)
                .map(|link| link.token),
        );
    }

    /// Puts a pair of neighbours into the queue if they can be merged; of equal ones the first comes first.
    fn offer(&self, links: &[Link], left: usize, right: usize, queue: &mut Queue) {
        let pair = (links[left].token, links[right].token);
        if let Some((rank, _)) = self.pairs.get(&pair) {
            queue.push(Reverse((*rank, left, right, pair)));
        }
    }
}

type Queue = BinaryHeap<Reverse<(u32, usize, usize, (u32, u32))>>;
