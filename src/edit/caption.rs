//! Captions: page chrome taken off, the credit split from what the picture shows.

use super::rules::{At, Rule, Rules};
use super::{Caption, Label};

/// Splits one caption paragraph. `text` stands in the input as it is.
pub(super) fn split<'t>(rules: &Rules, text: &'t str, sources: &[&str]) -> Caption<'t> {
    let whole = text;
    let mut text = text;
    let is_credit = |r: &Rule| r.label == Label::Credit && r.in_scope(sources);
    let mut credit = None;
    // Chrome is stacked at most a few deep: `Image 1 of 4. Enlarge this image`.
    for _ in 0..4 {
        let chrome = rules.find(At::Start, text, |r| r.label == Label::Caption && r.chrome && r.in_scope(sources));
        let Some(hit) = chrome else { break };
        let (taken, rest) = text.split_at(hit.offset);
        if rest.trim().is_empty() {
            break;
        }
        // Chrome holds a credit, or is one: `Kit Marlow / Reuters `.
        let is_one = || rules.find(At::Line, taken.trim(), is_credit).map(|_| taken.trim());
        credit = credit.or_else(|| leading_credit(taken)).or_else(is_one);
        text = rest.trim_start();
    }
    if let Some(hit) = rules.find_in_caption(At::End, text, is_credit) {
        let (shows, by) = text.split_at(hit.offset);
        let by = by.trim().trim_start_matches(['|', '–', '—']).trim_start();
        let by = by.strip_prefix("- ").unwrap_or(by);
        return Caption { text: shows.trim_end(), credit: Some(by), ..Caption::default() };
    }
    if rules.find(At::Line, text, is_credit).is_some() {
        return Caption { credit: Some(whole.trim()), ..Caption::default() };
    }
    Caption { text, credit, ..Caption::default() }
}

/// The credit that page chrome holds: `Image copyright Getty Images` before ` Image caption `.
fn leading_credit(chrome: &str) -> Option<&str> {
    let at = chrome.find(" Image caption")?;
    Some(chrome[..at].trim())
}
