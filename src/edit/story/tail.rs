//! What stands behind the story: links, other stories, what ends an item, and sections that are not the story's.

use super::{Pass, Place, Verdict};
use crate::edit::Label;
use crate::edit::rules::Rule;

/// Words that a link under a heading has at least, inside the story and behind it.
const LINK_WORDS: usize = 5;
const TAIL_LINK_WORDS: usize = 1;
/// Lines from a headline within which it stands again where a site puts another story there.
const AGAIN: usize = 3;

impl<'r> Pass<'_, '_, 'r> {
    /// After a line that ends the item, and the last lines.
    pub(super) fn tail(&mut self, story: usize) {
        let cut =
            (story + 1..self.blocks.len()).find(|i| self.found[*i].is_some_and(|v| v.rule.is_some_and(|r| r.cut)));
        if let Some(cut) = cut
            && (story..cut).any(|i| self.found[i].is_none_or(|v| v.label == Label::Body))
        {
            let end = self.found[cut];
            // Who issued a press release stands below its contacts.
            let source = |v: &Verdict<'_>| v.label == Label::Signoff && v.rule.is_some_and(Rule::is_scoped);
            let note = end.is_some_and(|v| v.label == Label::Note);
            self.found[cut + 1..].iter_mut().filter(|v| note || !v.as_ref().is_some_and(source)).for_each(|v| *v = end);
        }
        self.last_lines(story);
    }

    /// From the last paragraph backwards, as long as a rule for the tail knows what stands there.
    pub(super) fn last_lines(&mut self, story: usize) {
        for i in (story + 1..self.blocks.len()).rev() {
            if self.found[i].is_none() {
                match self.rule(i, &[Place::Tail]) {
                    Some(verdict) => self.found[i] = Some(verdict),
                    None => break,
                }
            }
        }
    }

    /// Open lines under a heading that announces links. Behind the last sentence a short one can be no crosshead. Whether
    /// there are any.
    pub(super) fn lists(&mut self, from: usize, to: usize) -> bool {
        let mut any = false;
        let mut listed: Option<&'r str> = None;
        let (mut story, mut copy) = (None, None);
        for i in from..to {
            match self.found[i] {
                // How old a listed story is, its picture, and what parts it from the next.
                Some(v)
                    if listed.is_some()
                        && (matches!(v.label, Label::Date | Label::Caption) || !self.says_something(i)) => {}
                Some(v) => listed = v.rule.filter(|r| r.list).map(|r| r.id.as_str()),
                None if listed.is_some() && self.is_open(i) => {
                    let end = *story.get_or_insert_with(|| {
                        (i..to).rev().find(|&j| self.found[j].is_none() && !self.is_open(j)).unwrap_or(i)
                    });
                    if self.blocks[i].shape.words >= if i < end { LINK_WORDS } else { TAIL_LINK_WORDS } {
                        self.found[i] = listed.map(|id| Verdict::evidence(Label::Boilerplate, id));
                        any = true;
                    } else {
                        listed = None;
                    }
                }
                // The beginning of another story, behind which the item has no copy.
                None if listed.is_some() && self.has_dateline(i) => {
                    let copy = *copy.get_or_insert_with(|| {
                        let copy = |j: &usize| self.found[*j].is_none() && !self.is_open(*j) && !self.has_dateline(*j);
                        (i..to).rev().find(copy).unwrap_or(i)
                    });
                    listed = listed.filter(|_| i >= copy);
                    self.found[i] = listed.map(|id| Verdict::evidence(Label::Boilerplate, id));
                }
                None => listed = None,
            }
        }
        any
    }

    /// Sentences under a heading that announces what is not the story.
    pub(super) fn sections(&mut self, from: usize) {
        let mut section: Option<&'r str> = None;
        for i in from..self.blocks.len() {
            match self.found[i] {
                Some(v) => section = v.rule.filter(|r| r.section).map(|r| r.id.as_str()).or(section),
                None if self.sentence(i) => {
                    self.found[i] = section.map(|id| Verdict::evidence(Label::Boilerplate, id));
                }
                None => section = None,
            }
        }
    }

    /// What a site puts behind a story to lead to others: each a headline that stands twice, when it was published, and perhaps
    /// its first sentence. Nothing else follows.
    pub(super) fn teasers(&mut self, from: usize) {
        let count = self.blocks.len();
        let open = |i: usize| self.found[i].is_none() && self.is_open(i);
        let twice = |i: &usize| {
            let i = *i;
            let again = (i + 1..count.min(i + 1 + AGAIN)).find(|j| self.blocks[*j].text == self.blocks[i].text);
            let parted = |j: usize| (i + 1..j).any(|k| self.found[k].is_some_and(|v| v.label != Label::Body));
            let leads = |j: usize| j + 1 < count && self.has_dateline(j + 1);
            open(i) && self.blocks[i].shape.words >= LINK_WORDS && again.is_some_and(|j| parted(j) || leads(j))
        };
        let Some(first) = (from..count).find(twice) else { return };
        let led = |i: usize| self.found[i].is_some() || open(i) || open(i - 1) || self.has_dateline(i);
        if (first..count).all(led) {
            for verdict in self.found[first..].iter_mut().filter(|v| v.is_none()) {
                *verdict = Some(Verdict::evidence(Label::Boilerplate, "leads to another story"));
            }
        }
    }
}
