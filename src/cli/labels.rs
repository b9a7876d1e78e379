//! `process --labels`: what the edit desk made of an item, as one JSON object.

use serde_json::{Value, json};

use crate::edit::{Caption, Copy, Line};

/// The labels of an item: its lines in order, the dateline as written, the captions with their credits.
#[must_use]
pub fn labels_json(uri: Option<&str>, copy: &Copy) -> Value {
    let line = |l: &Line| json!({"text": l.text, "label": l.label.name(), "reason": l.reason});
    let caption = |c: &Caption| json!({"caption": c.text, "credit": c.credit});
    json!({
        "uri": uri,
        "lines": copy.lines.iter().map(line).collect::<Vec<_>>(),
        "dateline": copy.dateline.as_ref().map(|d| d.verbatim),
        "captions": copy.captions.iter().map(caption).collect::<Vec<_>>(),
    })
}
