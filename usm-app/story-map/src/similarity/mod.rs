//! Stories that say the same in other words: TF-IDF over stems, compared by the angle between them.
//!
//! A word weighs more the rarer it is on the map, and a title's words weigh twice. Only stories that share a rare
//! word are compared, so the work grows with the map and not with its square.

#[cfg(test)]
mod tests;
mod vectors;

use std::collections::HashMap;

use serde::Serialize;

use super::{
    StoryMap,
    place::{Place, stories},
};
use vectors::{Vector, vectors};

/// From this score on, two stories say the same.
pub const DUPLICATE: f64 = 0.85;
/// From this score on, somebody should look whether they do.
pub const SIMILAR: f64 = 0.6;
/// Most pairs that are told, the most similar ones.
pub const MOST_PAIRS: usize = 200;
/// Stories with a word in common that are compared with one another; further ones are not. Rare words stand in few
/// stories, so this is reached only where hundreds of stories are nearly the same.
const MOST_COMPARED: usize = 300;

/// Two stories that are alike.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pair {
    /// From [`SIMILAR`] to 1, which means the same words.
    pub score: f64,
    /// How alike they are.
    pub kind: Kind,
    /// The one that comes first on the map.
    pub first: Place,
    /// The other one.
    pub second: Place,
}

/// How alike two stories are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// They say the same.
    Duplicate,
    /// They share much.
    Similar,
}

/// Pairs of stories that are alike, most similar first, at most [`MOST_PAIRS`]. Of several equal stories each is
/// paired with the first of them only.
pub fn similar(map: &StoryMap) -> Vec<Pair> {
    let stories: Vec<_> = stories(map).collect();
    let vectors = vectors(stories.iter().map(|(_, story)| *story));
    let mut found = pairs(&vectors);
    found.sort_by(|(a, first), (b, second)| b.total_cmp(a).then(first.cmp(second)));
    found.truncate(MOST_PAIRS);
    let pair = |(score, (first, second)): (f64, (usize, usize))| Pair {
        // Two places say enough, and are the same on every machine.
        score: (score * 100.0).round() / 100.0,
        kind: if score >= DUPLICATE { Kind::Duplicate } else { Kind::Similar },
        first: stories[first].0.clone(),
        second: stories[second].0.clone(),
    };
    found.into_iter().map(pair).collect()
}

/// Indices of similar stories with their score.
fn pairs(vectors: &[Vector]) -> Vec<(f64, (usize, usize))> {
    let mut found = Vec::new();
    // Equal ones first: a hundred copies would be compared ten thousand times.
    let mut firsts: HashMap<Vec<(u32, u64)>, usize> = HashMap::new();
    let mut index: HashMap<u32, Vec<usize>> = HashMap::new();
    for (this, vector) in vectors.iter().enumerate().filter(|(_, vector)| !vector.is_empty()) {
        let key = vector.terms().map(|(term, weight)| (term, weight.to_bits())).collect();
        if let Some(first) = firsts.get(&key) {
            found.push((1.0, (*first, this)));
            continue;
        }
        firsts.insert(key, this);
        // The terms after the head are too light for a score of SIMILAR without one of the head in common.
        let head = vector.head(SIMILAR);
        let mut others: Vec<usize> = Vec::new();
        for term in head {
            let known = index.entry(*term).or_default();
            others.extend(known.iter().rev().take(MOST_COMPARED));
            known.push(this);
        }
        others.sort_unstable();
        others.dedup();
        for other in others {
            let score = vectors[other].cosine(vector);
            if score >= SIMILAR {
                found.push((score.min(1.0), (other, this)));
            }
        }
    }
    found
}
