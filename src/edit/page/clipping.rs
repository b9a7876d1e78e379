//! Clippings: items that are a part of a page, its story with some of what stands around it.
//!
//! They are too short, or too much story, to be told by their lines alone (`is_page`). What tells them is what the rules for
//! wire copy leave: lines that are no sentences, next to each other, of which the page model says too that they are furniture.
//!
//! Copy has lists as well: results, winners, squads. So a line of the item must be surely a site's, or the item must begin with
//! such lines and have more of them. And where it is signed as a wire story is, by a dateline, a byline or a sign-off, lines
//! leave it only before the story, or behind a line that is surely a site's.

use super::context::BODY;
use super::{Look, Model, first_of_story, lexicon};
use crate::edit::dateline::Found;
use crate::edit::lines::{Block, End};
use crate::edit::rules::Rules;
use crate::edit::story::{Structure, Verdict};
use crate::edit::{Hints, Label};

/// Words that a link, a heading or a menu's line has at most, and figures: a table has more.
const LINK_WORDS: usize = 16;
const LINK_DIGITS: usize = 4;
/// Words up to which a line is taken for a site's, by a rule or by a word.
const SITE_WORDS: usize = 12;
/// How the ids of rules begin that know what only sites have: links, tags, buttons to share with.
const SITE_RULES: [&str; 9] = [
    "web/",
    "common/continue",
    "common/follow",
    "common/labelled-link",
    "common/latest-headlines",
    "common/links",
    "common/read-more",
    "common/share",
    "common/tags",
];
/// Figures from which a line with a time of day holds a date as well.
const DATE_DIGITS: usize = 8;
/// Lines of furniture in a run, and in all.
const RUN: usize = 2;
const LINES: usize = 3;
/// Lines of furniture in all where nothing else says that the item comes from a site.
const LINES_UNNAMED: usize = 5;
/// Sentences that its story has then.
const SENTENCES: usize = 3;
/// Lines from the story within which a sentence that the model does not think unlikely is of it, and how likely that is.
const BESIDE: usize = 3;
const LIKELY: f32 = 0.2;

/// The structure of an item that is no whole page: that of a clipping if it is one, else `wire`, what it is as wire copy.
pub(in crate::edit) fn structure<'t, 'r>(
    rules: &'r Rules,
    model: &Model,
    text: &'t str,
    blocks: &[Block<'t>],
    hints: &Hints<'_>,
    wire: Structure<'t, 'r>,
) -> Structure<'t, 'r> {
    let Some(evidence) = Evidence::of(blocks, &wire) else { return wire };
    let look = Look::at(rules, model, blocks);
    let mut page = look.structure(rules, text, blocks, hints);
    if let Some((at, _)) = &wire.dateline {
        page.verdicts[*at] = wire.verdicts[*at];
        page.story = page.story.min(*at);
    }
    let judged = if evidence.signed { of_the_site(blocks, &page, &evidence.named) } else { vec![true; blocks.len()] };
    keep_sentences(&look, blocks, &wire, &mut page.verdicts);
    if !evidence.suffices(blocks, &page, &judged) {
        return wire;
    }
    for (i, wire) in wire.verdicts.iter().enumerate() {
        let copy = matches!(page.verdicts[i].label, Label::Body | Label::Subhead);
        let ruled = copy && wire.rule.is_some() && wire.label != Label::Body;
        if ruled || matches!(wire.label, Label::Signoff | Label::Note) || !judged[i] {
            page.verdicts[i] = *wire;
        }
    }
    if !page.has_story() {
        return wire;
    }
    page.story = first_of_story(&page.verdicts);
    let opens = |(at, _): &(usize, Found<'_, '_>)| page.verdicts[*at].label == Label::Body;
    page.dateline = wire.dateline.or(page.dateline).filter(opens);
    page
}

/// What speaks for a clipping in an item that was read as wire copy.
struct Evidence {
    /// The lines that may be furniture.
    furniture: Vec<usize>,
    /// The lines that are surely a site's.
    named: Vec<bool>,
    /// Whether the item is signed as a wire story is.
    signed: bool,
}

impl Evidence {
    /// None if it is not enough, whatever the page model says.
    fn of(blocks: &[Block<'_>], wire: &Structure<'_, '_>) -> Option<Evidence> {
        let furniture = furniture(blocks, wire);
        if furniture.len() < LINES {
            return None;
        }
        let signed =
            wire.dateline.is_some() || wire.verdicts.iter().any(|v| matches!(v.label, Label::Signoff | Label::Byline));
        let named = |(block, verdict): (&Block<'_>, &Verdict<'_>)| {
            is_of_a_site(block, verdict) || (!signed && is_time_of_day(block))
        };
        let named: Vec<bool> = blocks.iter().zip(&wire.verdicts).map(named).collect();
        (!signed || named.contains(&true)).then_some(Evidence { furniture, named, signed })
    }

    /// Whether it is enough, with what the page model says of the lines that it may judge.
    fn suffices(&self, blocks: &[Block<'_>], page: &Structure<'_, '_>, judged: &[bool]) -> bool {
        let agreed = |i: &usize| judged[*i] && matches!(page.verdicts[*i].label, Label::Boilerplate | Label::Date);
        let furniture: Vec<usize> = self.furniture.iter().copied().filter(agreed).collect();
        let is_sentence = |b: &Block<'_>| b.shape.end == End::Sentence;
        let sentences =
            page.verdicts.iter().zip(blocks).filter(|(v, b)| v.label == Label::Body && is_sentence(b)).count();
        if self.named.contains(&true) {
            return furniture.len() >= LINES && sentences > 0;
        }
        let first = blocks.iter().position(is_sentence).unwrap_or(0);
        let menu = furniture.iter().any(|i| *i < first);
        menu && furniture.len() >= LINES_UNNAMED && sentences >= SENTENCES
    }
}

/// Which lines stand before the story, or behind a line that is surely a site's with no line of the story between them; so do
/// buttons of one word right above it.
fn of_the_site(blocks: &[Block<'_>], page: &Structure<'_, '_>, named: &[bool]) -> Vec<bool> {
    let story = |i: usize| page.verdicts[i].label == Label::Body;
    let mut judged: Vec<bool> = (0..blocks.len()).map(|i| i < page.story || (!story(i) && named[i])).collect();
    for i in 1..blocks.len() {
        judged[i] |= judged[i - 1] && !story(i);
    }
    for i in (1..blocks.len()).rev() {
        judged[i - 1] |= judged[i] && !story(i - 1) && blocks[i - 1].shape.words == 1;
    }
    judged
}

/// Whether the rules for wire copy leave block `i`, which is no sentence and neither figures nor the middle of one.
fn is_left(blocks: &[Block<'_>], wire: &Structure<'_, '_>, i: usize) -> bool {
    let (block, verdict) = (&blocks[i], &wire.verdicts[i]);
    let middle = |c: char| c.is_lowercase() || matches!(c, ',' | '.' | ';');
    verdict.rule.is_none()
        && (matches!(verdict.label, Label::Body | Label::Subhead | Label::Headline | Label::Byline)
            || (verdict.label == Label::Boilerplate && i < wire.story && block.shape.words > 1))
        && wire.dateline.as_ref().is_none_or(|(at, _)| *at != i)
        && is_open(block)
        && block.letters().digits <= LINK_DIGITS
        && !block.text.starts_with(middle)
}

fn is_open(block: &Block<'_>) -> bool {
    block.shape.end == End::Open && block.shape.words <= LINK_WORDS
}

/// Short, and no sentence.
pub(super) fn may_be_of_a_site(block: &Block<'_>) -> bool {
    block.shape.words <= SITE_WORDS && block.shape.end != End::Sentence
}

/// Whether a line is a site's, not an agency's: by its rule, as a heading over links, or by a word in it.
fn is_of_a_site(block: &Block<'_>, verdict: &Verdict<'_>) -> bool {
    may_be_of_a_site(block)
        && match verdict.rule {
            Some(rule) if rule.label == Label::Boilerplate => {
                rule.list || SITE_RULES.iter().any(|name| rule.id.starts_with(name))
            }
            Some(_) => false,
            None => lexicon::is_service_line(&block.text),
        }
}

/// A date and a time of day on a line of their own.
fn is_time_of_day(block: &Block<'_>) -> bool {
    let text = block.text.as_bytes();
    let digit = |at: usize| text.get(at).is_some_and(u8::is_ascii_digit);
    let time = |at: usize| digit(at.wrapping_sub(1)) && text[at] == b':' && digit(at + 1) && digit(at + 2);
    block.shape.words <= SITE_WORDS && block.letters().digits >= DATE_DIGITS && (0..text.len()).any(time)
}

/// The lines that the rules for wire copy leave in runs of such lines and of what the rules know. What a line ending in a colon
/// introduces is a list.
fn furniture(blocks: &[Block<'_>], wire: &Structure<'_, '_>) -> Vec<usize> {
    let left: Vec<bool> = (0..blocks.len()).map(|i| is_left(blocks, wire, i)).collect();
    let open = |i: usize| left[i] || (wire.verdicts[i].label != Label::Body && is_open(&blocks[i]));
    let introduces = |i: usize| blocks[i].introduces() && wire.verdicts[i].rule.is_none();
    let all: Vec<usize> = (0..blocks.len()).collect();
    let runs = all.chunk_by(|a, b| open(*a) == open(*b)).filter(|run| open(run[0]) && run.len() >= RUN);
    let runs = runs.filter(|run| run[0] == 0 || !introduces(run[0] - 1));
    runs.flatten().copied().filter(|i| left[*i]).collect()
}

/// A sentence beside the story that the model is not sure of is of it: in what is no whole page it sees less around a line.
/// So is what ends in a sign-off.
fn keep_sentences(look: &Look, blocks: &[Block<'_>], wire: &Structure<'_, '_>, verdicts: &mut [Verdict<'_>]) {
    let mut beside = vec![false; verdicts.len()];
    for (i, _) in verdicts.iter().enumerate().filter(|(_, v)| v.label == Label::Body) {
        beside[i.saturating_sub(BESIDE)..blocks.len().min(i + BESIDE + 1)].fill(true);
    }
    for (i, chances) in look.seen.lines.iter().zip(&look.chances) {
        let free = wire.verdicts[*i].label == Label::Body && verdicts[*i].label == Label::Boilerplate;
        let likely = blocks[*i].shape.end == End::Sentence && chances[BODY] >= LIKELY;
        if free && beside[*i] && (likely || (wire.glued[*i] && blocks[*i].shape.words > LINK_WORDS)) {
            verdicts[*i] = Verdict::evidence(Label::Body, "a sentence beside the story");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::edit::{Desk, Hints, lines};

    static DESK: LazyLock<Desk> = LazyLock::new(|| Desk::builtin().unwrap());

    const STORY: &str = "The port of Ostheim opened again on Monday after a week of storms, the harbour office said.\n\
        Mayor Ana Brandt thanked the crews of 40 ferries, who had waited at the quay since Tuesday.\n\
        “We could not have asked for more,” she told reporters at noon, when the first ferry came in.\n\
        The lighthouse, dark since the winter, will be lit again before the season opens, she added.\n";
    const HEADLINE: &str = "Harbour of Ostheim opens again after a week of storms\n";
    const MENU: &str = "Home\nRegions\nFerries\nBusiness\nSport\n";
    const TEASERS: &str = "Ferry line takes the winter timetable to court\nWhere the fish come first this year\n\
        Ten quiet beaches on the coast of Holm\nLighthouse of Holm gets a new lamp\n";

    fn body(text: &str) -> String {
        DESK.edit(text, &Hints::default()).body.join("\n") + "\n"
    }

    #[test]
    fn what_stands_around_the_story_of_a_clipping_leaves_it() {
        let tail = format!("Comments\nMost popular\n{TEASERS}");
        assert_eq!(body(&format!("{MENU}{HEADLINE}{STORY}{tail}")), STORY);
        assert_eq!(body(&format!("{HEADLINE}May 5, 2026 14:30\n{STORY}{TEASERS}")), STORY, "a site's by its date");
    }

    #[test]
    fn lines_that_nothing_tells_from_a_list_stay() {
        for text in [format!("{STORY}{TEASERS}"), format!("OSTHEIM (AP) — {STORY}{TEASERS}")] {
            assert!(body(&text).contains("Lighthouse of Holm gets a new lamp"), "{text}");
        }
    }

    #[test]
    fn a_list_in_a_signed_story_stays_where_the_sites_lines_behind_it_go() {
        let list = "Best film\nThe Lighthouse Keeper\nBest director\nLena Voss, Tides of Winter\n";
        let tail = format!("Share on social media\nYour comments\n{TEASERS}");
        for story in [format!("{STORY}{list}{STORY}"), format!("{STORY}{list}")] {
            assert_eq!(body(&format!("OSTHEIM (AP) — {story}{tail}")), story);
        }
    }

    #[test]
    fn a_sign_off_in_a_clipping_stays_one() {
        let signoff = "(Reporting by Kit Marlow; Editing by Lena Voss)";
        let text = format!("{MENU}{HEADLINE}{STORY}{signoff}\nYour comments\nNewsletters\n{TEASERS}");
        let copy = DESK.edit(&text, &Hints::default());
        assert_eq!((copy.body.join("\n") + "\n", copy.signoffs), (STORY.to_owned(), vec![signoff]));
    }

    #[test]
    fn a_date_with_a_time_is_a_sites_line_and_a_score_is_none() {
        let is = |text: &str| lines::unwrapped(&lines::rows(text)).iter().all(is_time_of_day);
        assert!(is("05.05.2026 14:30") && is("2026-05-05 16:52:59") && is("Updated May 5, 2026, 9:12 am"));
        assert!(!is("Ostheim 2:1 Harrowmere") && !is("14:30") && !is("May 5, 2026") && !is(":"));
    }
}
