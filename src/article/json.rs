//! Compact JSON, written member by member straight into a buffer: what an article needs of it, and no more.

use std::io::Write as _;

/// Writes behind what stands in the buffer. A comma goes before whatever does not open what it stands in.
pub(super) struct Json<'o>(pub &'o mut Vec<u8>);

impl Json<'_> {
    /// An object with the members that `members` writes.
    pub fn object(&mut self, members: impl FnOnce(&mut Self)) {
        self.bracketed(b'{', members, b'}');
    }

    /// An array of what `items` writes.
    pub fn array(&mut self, items: impl FnOnce(&mut Self)) {
        self.bracketed(b'[', items, b']');
    }

    /// The name of a member, whose value is to follow.
    pub fn member(&mut self, name: &str) -> &mut Self {
        self.part();
        self.0.push(b'"');
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
        self
    }

    /// A member with a string.
    pub fn text(&mut self, name: &str, value: impl AsRef<str>) {
        self.joined(name, [value], "");
    }

    /// A member with a string, if there is one.
    pub fn any(&mut self, name: &str, value: Option<impl AsRef<str>>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// A member with a string of several parts.
    pub fn joined(&mut self, name: &str, parts: impl IntoIterator<Item = impl AsRef<str>>, between: &str) {
        self.member(name);
        self.0.push(b'"');
        for (at, part) in parts.into_iter().enumerate() {
            if at > 0 {
                escape(self.0, between);
            }
            escape(self.0, part.as_ref());
        }
        self.0.push(b'"');
    }

    /// A member with a string that needs no escapes: a word of ninjs, a number, a time.
    pub fn plain(&mut self, name: &str, value: &str) {
        self.member(name);
        self.0.push(b'"');
        self.0.extend_from_slice(value.as_bytes());
        self.0.push(b'"');
    }

    /// A member with a number.
    pub fn number(&mut self, name: &str, value: usize) {
        self.member(name);
        // Writing to memory does not fail.
        let _ = write!(self.0, "{value}");
    }

    /// A member with an array of objects, which `each` writes; none where there are no items.
    pub fn list<T>(&mut self, name: &str, items: impl IntoIterator<Item = T>, each: impl Fn(&mut Self, T)) {
        let mut items = items.into_iter().peekable();
        if items.peek().is_some() {
            self.member(name).array(|json| items.for_each(|item| json.object(|json| each(json, item))));
        }
    }

    fn bracketed(&mut self, open: u8, inside: impl FnOnce(&mut Self), close: u8) {
        self.part();
        self.0.push(open);
        inside(self);
        self.0.push(close);
    }

    /// Parts what follows from what it follows.
    fn part(&mut self) {
        if matches!(self.0.last(), Some(b'"' | b'}' | b']' | b'0'..=b'9')) {
            self.0.push(b',');
        }
    }
}

/// Appends `text` as it stands in a JSON string. Of what JSON escapes, edited copy mostly holds quotes, if anything.
fn escape(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    if !any(bytes, |b| (b < b' ') | (b == b'"') | (b == b'\\')) {
        return out.extend_from_slice(bytes);
    }
    if any(bytes, |b| (b < b' ') & (b != b'\n')) {
        let json = serde_json::Value::from(text).to_string();
        return out.extend_from_slice(&json.as_bytes()[1..json.len() - 1]);
    }
    let mut copied = 0;
    for at in memchr::memchr3_iter(b'"', b'\\', b'\n', bytes) {
        out.extend_from_slice(&bytes[copied..at]);
        out.extend_from_slice(match bytes[at] {
            b'"' => br#"\""#,
            b'\n' => br"\n",
            _ => br"\\",
        });
        copied = at + 1;
    }
    out.extend_from_slice(&bytes[copied..]);
}

/// Whether any of `bytes` is such a one, told by vector instructions: a block at a time, and the last one's length from the end.
fn any(bytes: &[u8], is: impl Fn(u8) -> bool) -> bool {
    const BLOCK: usize = 16;
    let in_block = |block: &[u8; BLOCK]| block.iter().fold(false, |found, b| found | is(*b));
    match bytes.last_chunk() {
        Some(last) => bytes.as_chunks().0.iter().any(in_block) || in_block(last),
        None => bytes.iter().any(|b| is(*b)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whatever_a_string_holds_it_is_the_json_of_it() {
        for parts in
            [&["The \"ferry\"\nC:\\log", "\\", ""][..], &["Bell\u{7} and\ttab", "\""], &["船、\u{2028}🚢"], &[]]
        {
            let mut out = Vec::new();
            Json(&mut out).joined("value", parts, "\n\n");
            assert_eq!(out, [br#""value":"#, &*serde_json::to_vec(&parts.join("\n\n")).unwrap()].concat());
        }
    }

    #[test]
    fn what_stands_in_something_is_parted_by_commas() {
        let mut out = Vec::new();
        Json(&mut out).object(|json| {
            json.list("empty", None::<u8>, |_, _| {});
            json.any("nothing", None::<&str>);
            json.list("list", ["{", "["], |json, text| json.text("text", text));
            json.member("array").array(|json| {
                json.array(|_| {});
                json.object(|json| json.number("n", 0));
            });
            json.plain("plain", "1");
            json.text("", "");
        });
        let expected = json!({"list": [{"text": "{"}, {"text": "["}], "array": [[], {"n": 0}], "plain": "1", "": ""});
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&out).unwrap(), expected);
    }
}
