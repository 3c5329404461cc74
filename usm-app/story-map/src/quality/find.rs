//! Walks the map once and notices every broken rule.

use std::collections::{HashMap, HashSet};

use super::{
    filler::{beyond, is_empty_criterion, is_junk, is_no_role, repeated},
    rules::{Of, Rule},
    words::{compound, letters, same, vague, vague_wish},
};
use crate::columns::{clean, cut};
use crate::contradiction::Claim;
use crate::place::{Place, stories};
use crate::placeholder::stands_for_a_text;
use crate::{Release, Story, StoryMap, suggestion};

/// The title of a story with fewer letters and digits says too little.
const FEWEST_LETTERS: usize = 5;
/// The same for activities and tasks, which “Pay” and “Buy” name well.
const FEWEST_LETTERS_ABOVE: usize = 3;
/// An MVP up to this size is never too large.
const SMALL_MVP: usize = 15;
/// A map of no more stories is hardly one.
const SMALL_MAP: usize = 2;
/// Most statements that are compared with each other.
const MOST_COMPARED: usize = 1000;
/// Columns of a title in a message; the place tells which one it is.
const SHOWN: usize = 60;

/// Every broken rule, and how much each could look at.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) broken: Vec<Finding>,
    activities: usize,
    tasks: usize,
    stories: usize,
    personas: usize,
}

#[derive(Debug)]
pub(super) struct Finding {
    pub(super) rule: Rule,
    pub(super) place: Place,
    pub(super) values: Vec<(&'static str, String)>,
}

impl Findings {
    pub(super) fn looked_at(&self, of: Of) -> usize {
        match of {
            Of::Map => 1,
            Of::Activities => self.activities,
            Of::Tasks => self.tasks,
            Of::Stories => self.stories,
            Of::Titles => self.activities + self.tasks + self.stories,
            Of::Personas => self.personas,
        }
    }

    fn add(&mut self, rule: Rule, place: &Place, values: Vec<(&'static str, String)>) {
        let mut values = values;
        if values.iter().all(|(name, _)| *name != "title") {
            values.push(("title", shown(place.title())));
        }
        self.broken.push(Finding { rule, place: place.clone(), values });
    }
}

pub(super) fn find(map: &StoryMap) -> Findings {
    let mut findings = Findings {
        activities: map.activities.len(),
        tasks: map.activities.iter().map(|activity| activity.tasks.len()).sum(),
        stories: map.stories().count(),
        personas: map.personas.len(),
        ..Findings::default()
    };
    if findings.stories == 0 {
        findings.add(Rule::NoStories, &Place::default(), Vec::new());
        return findings;
    }
    releases(map, &mut findings);
    backbone(map, &mut findings);
    if findings.stories <= SMALL_MAP {
        findings.add(Rule::SmallMap, &Place::default(), vec![("count", findings.stories.to_string())]);
    }
    let boilerplate = repeated(map);
    let has_sources = map.stories().any(|(_, _, story)| story.source.is_some());
    for (place, story) in stories(map) {
        judge(&place, story, &mut findings);
        said(&place, story, &boilerplate, &mut findings);
        if has_sources && story.source.is_none() {
            findings.add(Rule::MissingSource, &place, Vec::new());
        }
    }
    contradictions(map, &mut findings);
    titles(map, &mut findings);
    personas(map, &mut findings);
    findings
}

fn releases(map: &StoryMap, findings: &mut Findings) {
    let of = |release| map.stories().filter(|(_, _, story)| story.release == release).count();
    let (mvp, next, later) = (of(Release::Mvp), of(Release::Release1), of(Release::Later));
    let all = mvp + next + later;
    let map = Place::default();
    if mvp == 0 {
        findings.add(Rule::EmptyMvp, &map, Vec::new());
    }
    if mvp > SMALL_MVP && mvp * 2 > all {
        findings.add(Rule::LargeMvp, &map, vec![("count", mvp.to_string()), ("all", all.to_string())]);
    }
    if next == 0 && later > 0 {
        findings.add(Rule::SkippedRelease, &map, vec![("count", later.to_string())]);
    }
}

fn backbone(map: &StoryMap, findings: &mut Findings) {
    let has_mvp = map.stories().any(|(_, _, story)| story.release == Release::Mvp);
    for (index, activity) in map.activities.iter().enumerate() {
        let place = Place::of_activity(index, activity);
        let all = || activity.tasks.iter().flat_map(|task| &task.stories);
        // The most needed story stands first among those of the earliest release.
        let Some(first) = all().min_by_key(|story| story.release) else {
            findings.add(Rule::EmptyActivity, &place, Vec::new());
            continue;
        };
        // Without any MVP that has been said once for the map.
        if has_mvp && first.release != Release::Mvp {
            findings.add(Rule::ActivityWithoutMvp, &place, vec![("first", shown(&first.title))]);
        }
        if let [only] = activity.tasks.as_slice()
            && only.stories.len() > 1
            && same(&only.title) == same(&activity.title)
        {
            findings.add(Rule::EchoedTask, &place, Vec::new());
        }
        for (index, task) in activity.tasks.iter().enumerate().filter(|(_, task)| task.stories.is_empty()) {
            findings.add(Rule::EmptyTask, &place.of_task(index, task), Vec::new());
        }
    }
}

fn judge(place: &Place, story: &Story, findings: &mut Findings) {
    if clean(&story.description).is_empty() {
        findings.add(Rule::MissingDescription, place, Vec::new());
    }
    if story.acceptance_criteria.iter().all(|criterion| clean(criterion).is_empty()) {
        findings.add(Rule::MissingCriteria, place, Vec::new());
    }
    let texts = std::iter::once(&story.title).chain(&story.acceptance_criteria);
    let mut words: Vec<String> = Vec::new();
    for word in vague_wish(&story.description).into_iter().chain(texts.flat_map(|text| vague(text))) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    if !words.is_empty() {
        findings.add(Rule::VagueWord, place, vec![("words", words.join(", "))]);
    }
    if let Some(parts) = compound(&clean(&story.title)) {
        let values = vec![
            ("word", parts.word),
            ("first", cut(&parts.first, SHOWN)),
            ("second", cut(&parts.second, SHOWN)),
        ];
        findings.add(Rule::CompoundTitle, place, values);
    }
}

/// Whether a story says something, of somebody.
fn said(place: &Place, story: &Story, boilerplate: &[String], findings: &mut Findings) {
    let own = || story.acceptance_criteria.iter().filter(|criterion| !suggestion::is_marked(criterion));
    let filler = own().find(|criterion| {
        is_empty_criterion(criterion) || boilerplate.contains(&beyond(criterion, &story.title))
    });
    if let Some(criterion) = filler {
        findings.add(Rule::FillerCriterion, place, vec![("criterion", shown(criterion))]);
    }
    if !story.acceptance_criteria.is_empty() && own().next().is_none() {
        findings.add(Rule::OnlySuggestions, place, Vec::new());
    }
    if is_junk(&story.title) {
        findings.add(Rule::JunkTitle, place, Vec::new());
    }
    match clean(&story.persona).as_str() {
        "" => findings.add(Rule::MissingPersona, place, Vec::new()),
        persona if is_no_role(persona) => {
            findings.add(Rule::NoRole, place, vec![("persona", shown(persona))])
        }
        _ => {}
    }
}

/// Titles and criteria that cannot hold together.
fn contradictions(map: &StoryMap, findings: &mut Findings) {
    let sentence = |story: &Story| {
        story.source.as_ref().map_or_else(|| story.title.clone(), |source| source.sentence.clone())
    };
    let texts: Vec<String> = map
        .stories()
        .flat_map(|(_, _, story)| {
            std::iter::once(sentence(story)).chain(story.acceptance_criteria.iter().cloned())
        })
        .filter(|text| !suggestion::is_marked(text))
        .take(MOST_COMPARED)
        .collect();
    let claims: Vec<Claim> = texts.iter().map(|text| Claim::of(text)).collect();
    for (at, one) in claims.iter().enumerate() {
        for (other, second) in claims.iter().zip(&texts).skip(at + 1) {
            if one.contradicts(other) {
                let values = vec![("first", shown(&texts[at])), ("second", shown(second))];
                findings.add(Rule::Contradiction, &Place::default(), values);
            }
        }
    }
}

/// Short titles and those that stand twice where one must be enough.
fn titles(map: &StoryMap, findings: &mut Findings) {
    let mut of_stories = HashMap::new();
    let mut of_activities = HashMap::new();
    for (index, activity) in map.activities.iter().enumerate() {
        let place = Place::of_activity(index, activity);
        titled(&place, &mut of_activities, findings);
        let mut of_tasks = HashMap::new();
        for (index, task) in activity.tasks.iter().enumerate() {
            let place = place.of_task(index, task);
            titled(&place, &mut of_tasks, findings);
            for (index, story) in task.stories.iter().enumerate() {
                titled(&place.of_story(index, story), &mut of_stories, findings);
            }
        }
    }
}

fn titled(place: &Place, seen: &mut HashMap<String, String>, findings: &mut Findings) {
    let fewest = if place.story.is_some() { FEWEST_LETTERS } else { FEWEST_LETTERS_ABOVE };
    if stands_for_a_text(&same(place.title())) {
        findings.add(Rule::FillerTitle, place, Vec::new());
    } else if letters(place.title()) < fewest && !place.title().chars().any(is_ideograph) {
        findings.add(Rule::ShortTitle, place, Vec::new());
    }
    let key = same(place.title());
    if key.is_empty() {
        return;
    }
    match seen.get(&key) {
        Some(other) => findings.add(Rule::DuplicateTitle, place, vec![("other", other.clone())]),
        None => {
            seen.insert(key, place.number.clone());
        }
    }
}

fn personas(map: &StoryMap, findings: &mut Findings) {
    let used: HashSet<String> = map.stories().map(|(_, _, story)| same(&story.persona)).collect();
    for persona in map.personas.iter().filter(|persona| !used.contains(&same(persona))) {
        findings.add(Rule::UnusedPersona, &Place::default(), vec![("title", shown(persona))]);
    }
}

/// A sign that is a word of its own.
fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}')
}

fn shown(text: &str) -> String {
    cut(&clean(text), SHOWN)
}
