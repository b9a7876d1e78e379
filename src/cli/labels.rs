//! `process --labels`: what the edit desk made of an item, as one JSON object.

use serde_json::{Value, json};

use crate::edit::{Caption, Copy, Line};
use crate::wire;

/// The labels of an item: its lines in order, the dateline as written, the captions with their credits.
///
/// Where the text as it was `sent` is at hand, its lines are shown as they stand there, so that a reader finds them again.
#[must_use]
pub fn labels_json(uri: Option<&str>, sent: Option<&str>, copy: &Copy) -> Value {
    let folded: Vec<&str> = copy.lines.iter().map(|line| line.text).collect();
    let lines = sent.and_then(|text| wire::lines_as_sent(text, &folded)).unwrap_or(folded);
    let line = |(l, text): (&Line, &&str)| json!({"text": text, "label": l.label.name(), "reason": l.reason});
    let caption = |c: &Caption| json!({"caption": c.text, "credit": c.credit});
    json!({
        "uri": uri,
        "lines": copy.lines.iter().zip(&lines).map(line).collect::<Vec<_>>(),
        "dateline": copy.dateline.as_ref().map(|d| d.verbatim),
        "captions": copy.captions.iter().map(caption).collect::<Vec<_>>(),
    })
}
