//! One HTML file to look at, to mail and to print on A3: the board, then every story with its criteria.
//!
//! It needs nothing else: no script, no picture, no font. A content security policy forbids them too, should a
//! text ever get past the escaping. The file is well-formed XML, which the tests make use of.

use crate::Language;
use crate::columns::clean;
use crate::export::{
    bands::{Part, bands},
    markdown::language,
    xml::text,
};
use crate::place::Place;
use crate::{Release, Story, StoryMap, Unmapped};

/// Tasks side by side: what an A3 page fills, and still shows in letters that can be read.
const COLUMNS: std::ops::RangeInclusive<usize> = 6..=9;

const STYLE: &str = include_str!("html/style.css");

/// The map as one HTML page in the language of its texts.
pub fn write(map: &StoryMap) -> String {
    let map = &map.tidied();
    let page = Page { map, language: language(map) };
    // Few bands, and no more columns than those need.
    let bands = COLUMNS.map(|columns| bands(map, columns)).min_by_key(Vec::len).unwrap_or_default();
    let mut out = String::with_capacity(4096);
    page.head(&mut out);
    page.summary(&mut out);
    let columns = |band: &Vec<Part>| band.iter().map(Part::columns).sum();
    let widest: usize = bands.iter().map(columns).max().unwrap_or(0);
    out.push_str(&format!("<main class=\"of{}\">\n", widest.max(*COLUMNS.start())));
    bands.iter().for_each(|band| page.band(&mut out, band));
    page.details(&mut out);
    page.notes(&mut out);
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

struct Page<'a> {
    map: &'a StoryMap,
    language: Language,
}

impl Page<'_> {
    fn head(&self, out: &mut String) {
        let code = self.language.pick("ru", "en");
        let name = text(&self.map.name);
        let title = self.language.pick("карта историй", "story map");
        out.push_str(&format!(
            "<!DOCTYPE html>\n<html lang=\"{code}\">\n<head>\n<meta charset=\"utf-8\"/>\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
             base-uri 'none'; form-action 'none'\"/>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
             <meta name=\"generator\" content=\"usm\"/>\n<title>{name} — {title}</title>\n<style>\n{STYLE}</style>\n\
             </head>\n<body>\n"
        ));
    }

    fn summary(&self, out: &mut String) {
        out.push_str(&format!("<header>\n<h1 dir=\"auto\">{}</h1>\n<dl>\n", text(&self.map.name)));
        if !self.map.personas.is_empty() {
            let personas =
                self.map.personas.iter().map(|name| format!("<dd dir=\"auto\">{}</dd>", text(name)));
            let head = self.language.pick("Роли", "Personas");
            out.push_str(&format!("<div><dt>{head}</dt>{}</div>\n", personas.collect::<String>()));
        }
        let releases = self.releases().into_iter().map(|(release, count)| {
            format!("<dd class=\"{}\">{release} <b>{count}</b></dd>", class(release))
        });
        let head = self.language.pick("Истории", "Stories");
        out.push_str(&format!("<div><dt>{head}</dt>{}</div>\n", releases.collect::<String>()));
        out.push_str("</dl>\n</header>\n");
    }

    /// The slices with the number of their stories; those that only a story names come last.
    fn releases(&self) -> Vec<(Release, usize)> {
        let of_stories = self.map.stories().map(|(_, _, story)| story.release);
        let mut counts: Vec<(Release, usize)> = Vec::new();
        for (release, one) in
            self.map.releases.iter().map(|one| (*one, 0)).chain(of_stories.map(|one| (one, 1)))
        {
            match counts.iter_mut().find(|(known, _)| *known == release) {
                Some((_, count)) => *count += one,
                None => counts.push((release, one)),
            }
        }
        counts
    }

    fn band(&self, out: &mut String, band: &[Part]) {
        let columns: usize = band.iter().map(Part::columns).sum();
        let releases = self.language.pick("Релиз", "Release");
        out.push_str(&format!(
            "<div class=\"scroll\"><table class=\"board n{columns}\">\n<thead>\n<tr><td></td>"
        ));
        for part in band {
            let Some(activity) = self.map.activities.get(part.activity) else { continue };
            let again = if part.is_continued() { " …" } else { "" };
            out.push_str(&format!(
                "<th scope=\"colgroup\" colspan=\"{}\" dir=\"auto\">{}. {}{again}</th>",
                part.columns(),
                part.activity + 1,
                text(&activity.title)
            ));
        }
        out.push_str(&format!("</tr>\n<tr><th scope=\"col\" class=\"corner\">{releases}</th>"));
        for task in band.iter().flat_map(|part| self.tasks(part)) {
            let title = task.map_or(String::new(), |(_, title, _)| text(title));
            out.push_str(&format!("<th scope=\"col\" dir=\"auto\">{title}</th>"));
        }
        out.push_str("</tr>\n</thead>\n<tbody>\n");
        for (release, _) in self.releases() {
            let cells: Vec<String> = band
                .iter()
                .flat_map(|part| self.tasks(part))
                .map(|task| {
                    task.map_or(String::new(), |(place, _, stories)| self.cards(&place, stories, release))
                })
                .collect();
            if cells.iter().all(String::is_empty) {
                continue;
            }
            let class = class(release);
            out.push_str(&format!("<tr class=\"{class}\"><th scope=\"row\">{release}</th>"));
            cells.iter().for_each(|cell| out.push_str(&format!("<td>{cell}</td>")));
            out.push_str("</tr>\n");
        }
        out.push_str("</tbody>\n</table></div>\n");
    }

    /// The tasks of a part with place, title and stories; `None` for the column of an activity without tasks.
    fn tasks(&self, part: &Part) -> Vec<Option<(Place, &str, &[Story])>> {
        let Some(activity) = self.map.activities.get(part.activity) else { return Vec::new() };
        if part.tasks.is_empty() {
            return vec![None];
        }
        let above = Place::of_activity(part.activity, activity);
        let task = |index: usize| {
            let task = activity.tasks.get(index)?;
            Some((above.of_task(index, task), task.title.as_str(), task.stories.as_slice()))
        };
        part.tasks.clone().map(task).collect()
    }

    fn cards(&self, task: &Place, stories: &[Story], release: Release) -> String {
        let mut out = String::new();
        for (index, story) in stories.iter().enumerate().filter(|(_, story)| story.release == release) {
            let place = task.of_story(index, story);
            let title = if story.title.is_empty() { place.number.clone() } else { text(&story.on_card()) };
            let count = story.acceptance_criteria.len();
            let criteria = self.language.pick("критериев приёмки", "acceptance criteria");
            let count = if count == 0 {
                String::new()
            } else {
                format!("<span title=\"{criteria}\">✓ {count}</span>")
            };
            out.push_str(&format!(
                "<article class=\"card\"><a href=\"#s{}\" dir=\"auto\">{title}</a><p><span dir=\"auto\">{}</span>{count}</p></article>",
                place.number,
                text(&story.persona)
            ));
        }
        out
    }

    fn details(&self, out: &mut String) {
        if self.map.stories().next().is_none() {
            return;
        }
        out.push_str(&format!(
            "<section class=\"details\">\n<h2>{}</h2>\n<div>\n",
            self.language.pick("Истории", "Stories")
        ));
        for (a, activity) in self.map.activities.iter().enumerate() {
            let above = Place::of_activity(a, activity);
            out.push_str(&format!("<h3 dir=\"auto\">{}. {}</h3>\n", above.number, text(&activity.title)));
            for (t, task) in activity.tasks.iter().enumerate() {
                let above = above.of_task(t, task);
                out.push_str(&format!("<h4 dir=\"auto\">{} {}</h4>\n", above.number, text(&task.title)));
                for (s, story) in task.stories.iter().enumerate() {
                    self.detail(out, &above.of_story(s, story), story);
                }
            }
        }
        out.push_str("</div>\n</section>\n");
    }

    fn detail(&self, out: &mut String, place: &Place, story: &Story) {
        out.push_str(&format!(
            "<article class=\"story {}\" id=\"s{}\"><h5 dir=\"auto\"><span>{}</span> {}</h5>\n<p class=\"about\"><b>{}</b> \
             <span dir=\"auto\">{}</span></p>\n",
            class(story.release),
            place.number,
            place.number,
            text(&story.title),
            story.release,
            text(&story.persona)
        ));
        for line in story.description.lines() {
            out.push_str(&format!("<p dir=\"auto\">{}</p>\n", text(line)));
        }
        if !story.acceptance_criteria.is_empty() {
            let items = story.acceptance_criteria.iter().map(|criterion| {
                let lines: Vec<String> = criterion.lines().map(text).collect();
                format!("<li dir=\"auto\">{}</li>", lines.join("<br/>"))
            });
            out.push_str(&format!("<ul>{}</ul>\n", items.collect::<String>()));
        }
        if let Some(origin) = story.origin() {
            let head = self.language.pick("Источник", "Source");
            out.push_str(&format!(
                "<p class=\"about\">{head}: <span dir=\"auto\">{}</span></p>\n",
                text(&origin)
            ));
        }
        out.push_str("</article>\n");
    }

    fn notes(&self, out: &mut String) {
        let unmapped: Vec<String> = self.map.unmapped.iter().map(Unmapped::line).collect();
        let parts = [
            (self.language.pick("Заметки", "Notes"), &self.map.notes),
            (self.language.pick("Вопросы", "Questions"), &self.map.questions),
            (self.language.pick("Не на карте", "Not on the map"), &unmapped),
        ];
        for (head, texts) in parts.iter().filter(|(_, texts)| !texts.is_empty()) {
            out.push_str(&format!("<section class=\"notes\">\n<h2>{head}</h2>\n<ul>\n"));
            for one in *texts {
                out.push_str(&format!("<li dir=\"auto\">{}</li>\n", text(&clean(one))));
            }
            out.push_str("</ul>\n</section>\n");
        }
    }
}

fn class(release: Release) -> &'static str {
    match release {
        Release::Mvp => "mvp",
        Release::Release1 => "next",
        Release::Later => "later",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::{sample, tests::golden};

    #[test]
    fn the_file_is_what_it_was() {
        golden("story-map.html", &write(&sample::map()));
    }

    #[test]
    fn every_width_that_a_board_can_have_has_its_style() {
        assert!((1..=*COLUMNS.end()).all(|columns| STYLE.contains(&format!(".n{columns} {{"))));
        assert!(COLUMNS.clone().all(|columns| STYLE.contains(&format!(".of{columns} {{"))));
        assert!(!STYLE.contains(['<', '&']) && !STYLE.contains("url(") && !STYLE.contains("@import"));
    }
}
