//! A gold record: one item as people labelled it.

use serde::Deserialize;

use crate::edit::Label;

/// What stands for a line on which people did not agree: it does not count.
const AMBIGUOUS: &str = "ambiguous";

/// One item with the label of every line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gold {
    /// The item's name.
    pub id: String,
    /// Its non-empty lines in order, each with its label; none where it is ambiguous.
    pub lines: Vec<(String, Option<Label>)>,
    /// The dateline as written.
    pub dateline: Option<String>,
    /// The credits of its pictures as written.
    pub credits: Vec<Option<String>>,
    /// Who sent it: scopes rules.
    pub source: Option<String>,
}

/// Why a gold record cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GoldError {
    /// It is no JSON object with the fields of one.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// It has a label too many or too few.
    #[error("item `{id}` has {lines} lines and {labels} labels")]
    Uneven {
        /// The item.
        id: String,
        /// Its lines.
        lines: usize,
        /// Its labels.
        labels: usize,
    },
    /// It has a label that does not exist.
    #[error("item `{id}`, line {line}: no label is called `{label}`")]
    Label {
        /// The item.
        id: String,
        /// The line, from 1.
        line: usize,
        /// The label.
        label: String,
    },
}

#[derive(Deserialize)]
struct Record {
    id: String,
    lines: Vec<String>,
    labels: Vec<String>,
    dateline: Option<String>,
    credits: Option<Vec<Credit>>,
    source: Option<String>,
}

#[derive(Deserialize)]
struct Credit {
    credit: Option<String>,
}

impl Gold {
    /// Reads one record: a JSON object with `id`, `lines`, `labels`, and where there are any `dateline`, `credits`
    /// (objects with a `credit`) and `source`.
    ///
    /// # Errors
    /// When it is not that, when lines and labels do not pair off, or when a label is unknown.
    pub fn parse(json: &[u8]) -> Result<Gold, GoldError> {
        let Record { id, lines, labels, dateline, credits, source } = serde_json::from_slice(json)?;
        if lines.len() != labels.len() {
            return Err(GoldError::Uneven { id, lines: lines.len(), labels: labels.len() });
        }
        let mut labelled = Vec::with_capacity(lines.len());
        for (text, label) in lines.into_iter().zip(labels) {
            let known = Label::from_name(&label);
            if known.is_none() && label != AMBIGUOUS {
                return Err(GoldError::Label { id, line: labelled.len() + 1, label });
            }
            labelled.push((text, known));
        }
        let credits = credits.unwrap_or_default().into_iter().map(|c| c.credit).collect();
        Ok(Gold { id, lines: labelled, dateline, credits, source })
    }

    /// The item as a wire envelope: its lines as paragraphs.
    #[must_use]
    pub fn envelope(&self) -> String {
        let lines: Vec<&str> = self.lines.iter().map(|(text, _)| text.as_str()).collect();
        let mut envelope = serde_json::json!({"text": lines.join("\n\n"), "uri": self.id});
        if let Some(source) = &self.source {
            envelope["source"] = source.as_str().into();
        }
        envelope.to_string()
    }
}
