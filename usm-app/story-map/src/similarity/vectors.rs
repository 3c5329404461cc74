//! Stories as vectors of unit length: one dimension for each stem, rare stems first.

use std::collections::HashMap;

use crate::Story;
use crate::words::content_stems;

/// How often a word of the title counts.
const TITLE: f64 = 2.0;

/// A story's terms with their weights. The order of terms is that of all vectors: rare ones first.
#[derive(Debug, Clone, Default)]
pub(super) struct Vector {
    terms: Vec<u32>,
    weights: Vec<f64>,
}

impl Vector {
    pub(super) fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    pub(super) fn terms(&self) -> impl Iterator<Item = (u32, f64)> {
        self.terms.iter().copied().zip(self.weights.iter().copied())
    }

    /// As many terms from the beginning as it takes for the length of the rest to fall below `score`: two unit
    /// vectors that share no term of their heads have a cosine below it.
    pub(super) fn head(&self, score: f64) -> &[u32] {
        let mut rest = 0.0;
        let mut from = self.terms.len();
        for weight in self.weights.iter().rev() {
            rest += weight * weight;
            // A little early, because sums of squares are not exact.
            if rest >= score * score - 1e-9 {
                break;
            }
            from -= 1;
        }
        &self.terms[..from]
    }

    /// From 0, no term in common, to 1, the same direction.
    pub(super) fn cosine(&self, other: &Self) -> f64 {
        let (mut a, mut b, mut sum) = (0, 0, 0.0);
        while let (Some(left), Some(right)) = (self.terms.get(a), other.terms.get(b)) {
            match left.cmp(right) {
                std::cmp::Ordering::Less => a += 1,
                std::cmp::Ordering::Greater => b += 1,
                std::cmp::Ordering::Equal => {
                    sum += self.weights[a] * other.weights[b];
                    (a, b) = (a + 1, b + 1);
                }
            }
        }
        sum
    }
}

/// One vector for each story; one without words is empty.
pub(super) fn vectors<'a>(stories: impl Iterator<Item = &'a Story>) -> Vec<Vector> {
    let counts: Vec<HashMap<String, f64>> = stories.map(counts).collect();
    let mut stories_with: HashMap<&str, usize> = HashMap::new();
    for term in counts.iter().flat_map(HashMap::keys) {
        *stories_with.entry(term).or_default() += 1;
    }
    let mut terms: Vec<(&str, usize)> = stories_with.into_iter().collect();
    terms.sort_unstable_by(|(a, few), (b, many)| few.cmp(many).then(a.cmp(b)));
    let all = counts.len() as f64;
    let known: HashMap<&str, (u32, f64)> = terms
        .into_iter()
        .zip(0..)
        .map(|((term, with), number)| (term, (number, ((1.0 + all) / (1.0 + with as f64)).ln() + 1.0)))
        .collect();
    counts.iter().map(|counts| vector(counts, &known)).collect()
}

fn counts(story: &Story) -> HashMap<String, f64> {
    let mut counts: HashMap<String, f64> = HashMap::new();
    for (text, weight) in [(&story.title, TITLE), (&story.description, 1.0)] {
        for stem in content_stems(text) {
            *counts.entry(stem).or_default() += weight;
        }
    }
    // Who does it is in nearly every description and says nothing about what is done.
    for stem in content_stems(&story.persona) {
        counts.remove(&stem);
    }
    counts
}

fn vector(counts: &HashMap<String, f64>, known: &HashMap<&str, (u32, f64)>) -> Vector {
    let mut weighted: Vec<(u32, f64)> = counts
        .iter()
        .filter_map(|(term, count)| {
            known.get(term.as_str()).map(|(number, rarity)| (*number, (1.0 + count.ln()) * rarity))
        })
        .collect();
    weighted.sort_unstable_by_key(|(number, _)| *number);
    let length = weighted.iter().map(|(_, weight)| weight * weight).sum::<f64>().sqrt();
    let (terms, weights) = weighted.into_iter().map(|(number, weight)| (number, weight / length)).unzip();
    Vector { terms, weights }
}
