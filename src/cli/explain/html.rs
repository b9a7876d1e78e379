//! The explanation of items as one HTML page that needs nothing else: no script, no font, no picture.

use std::fmt::{self, Write};

use super::segments::{Fate, segments};
use crate::edit::{Copy, Label, Line};
use crate::reject::Reject;
use crate::wire::Item;

const STYLE: &str = include_str!("page.css");

/// Characters of a title in the index.
const TITLE: usize = 110;

/// An item and what was made of it.
#[derive(Clone, Copy, Debug)]
pub struct Explained<'a> {
    /// Where it stands: `FILE:LINE`.
    pub place: &'a str,
    /// The item and its copy, if it could be read.
    pub item: Option<(&'a Item<'a>, &'a Copy<'a>)>,
    /// Why it has no article.
    pub rejected: Option<&'a Reject>,
}

/// Collects items into a page.
#[derive(Debug, Default)]
pub struct Page {
    index: String,
    items: String,
    count: usize,
}

impl Page {
    /// Adds an item.
    ///
    /// # Errors
    /// None in practice: writing to memory does not fail.
    pub fn add(&mut self, explained: &Explained<'_>) -> fmt::Result {
        self.count += 1;
        let number = self.count;
        let title = title(explained);
        let title = Escaped(&title);
        write!(self.index, "<li><a href=\"#item-{number}\" dir=\"auto\">{title}</a> ")?;
        writeln!(self.index, "<span class=\"faint\">{}</span></li>", summary(explained))?;
        let out = &mut self.items;
        writeln!(out, "<article class=\"item\" id=\"item-{number}\" aria-labelledby=\"title-{number}\">")?;
        writeln!(out, "<h2 id=\"title-{number}\" dir=\"auto\">{title}</h2>")?;
        writeln!(out, "<p class=\"faint\">{}</p>", facts(explained))?;
        if let Some(reject) = explained.rejected {
            let (code, detail) = (reject.reason.code(), Escaped(&reject.detail));
            writeln!(out, "<p class=\"rejected\"><b>Rejected: {code}</b> {detail}</p>")?;
        }
        if let Some((item, copy)) = explained.item {
            let language =
                item.language.as_deref().map(|tag| format!(" lang=\"{}\"", Escaped(tag))).unwrap_or_default();
            writeln!(out, "<div class=\"sides\">")?;
            writeln!(out, "<section class=\"lines\"><h3>The item, line by line</h3>\n<ol{language}>")?;
            copy.lines.iter().try_for_each(|line| write_line(out, line, copy))?;
            writeln!(out, "</ol></section>")?;
            if explained.rejected.is_none() {
                writeln!(out, "<section class=\"result\"><h3>The article</h3>\n<div{language}>")?;
                article(out, item, copy)?;
                writeln!(out, "</div></section>")?;
            }
            writeln!(out, "</div>")?;
        }
        writeln!(out, "</article>")
    }

    /// The page. `rules` is the version of the rule set.
    #[must_use]
    pub fn finish(&self, rules: &str) -> String {
        let Page { index, items, count } = self;
        let plural = if *count == 1 { "" } else { "s" };
        let index = match count {
            0 | 1 => String::new(),
            _ => format!("<nav aria-label=\"Items\"><ol>\n{index}</ol></nav>\n"),
        };
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>copydesk: {count} item{plural} explained</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
             <header><h1>{count} item{plural}, as copydesk reads {}</h1>\n<p class=\"faint\">rule set {}</p></header>\n\
             {index}<main>\n{items}</main>\n</body>\n</html>\n",
            if *count == 1 { "it" } else { "them" },
            Escaped(rules),
        )
    }
}

/// The headline, else how the text begins, else where the item stands.
fn title(explained: &Explained<'_>) -> String {
    let text = explained.item.and_then(|(item, copy)| {
        let beginning = || copy.body.first().map(AsRef::as_ref).or(copy.lines.first().map(|line| line.text));
        copy.headline.or(item.headline.as_deref()).or_else(beginning)
    });
    super::clip(text.unwrap_or(explained.place), TITLE)
}

/// What came of an item, for the index.
fn summary(explained: &Explained<'_>) -> String {
    let mut summary = String::new();
    if let Some((_, copy)) = explained.item {
        let lines = copy.lines.len();
        let removed = copy.lines.iter().filter(|line| line.label == Label::Boilerplate).count();
        summary = format!("{lines} line{}, {removed} taken out", if lines == 1 { "" } else { "s" });
    }
    if let Some(reject) = explained.rejected {
        let gap = if summary.is_empty() { "" } else { " · " };
        summary = format!("{summary}{gap}<b>rejected: {}</b>", reject.reason.code());
    }
    summary
}

/// Where an item is from, escaped.
fn facts(explained: &Explained<'_>) -> String {
    let item = explained.item.map(|(item, _)| item);
    let source = item.and_then(|item| item.source.as_deref());
    let uri = item.and_then(|item| item.uri.as_deref());
    let facts = [Some(explained.place), source, uri].into_iter().flatten();
    facts.map(|fact| Escaped(fact).to_string()).collect::<Vec<_>>().join(" · ")
}

fn write_line(out: &mut String, line: &Line<'_>, copy: &Copy<'_>) -> fmt::Result {
    let label = line.label.name();
    write!(out, "<li class=\"{label}\"><span class=\"label\">{label}</span><p class=\"text\" dir=\"auto\">")?;
    for (text, fate) in segments(line, copy) {
        let escaped = Escaped(text);
        match fate {
            Fate::Stays => write!(out, "{escaped}")?,
            Fate::Removed => write!(out, "<del>{escaped}</del>")?,
            Fate::Dateline | Fate::Signoff | Fate::Credit => {
                let name = fate.name().unwrap_or_default();
                let class = name.replace('-', "");
                write!(out, "<mark class=\"{class}\" data-fate=\"{name}\">{escaped}</mark>")?;
            }
        }
    }
    writeln!(out, "</p><span class=\"reason\">{}</span></li>", Escaped(line.reason))
}

fn article(out: &mut String, item: &Item<'_>, copy: &Copy<'_>) -> fmt::Result {
    if let Some(headline) = copy.headline.or(item.headline.as_deref()) {
        writeln!(out, "<h4 dir=\"auto\">{}</h4>", Escaped(headline))?;
    }
    for deck in &copy.deck {
        writeln!(out, "<p class=\"deck\" dir=\"auto\">{}</p>", Escaped(deck))?;
    }
    properties(out, item, copy)?;
    let subheads: Vec<&str> = copy.lines.iter().filter(|l| l.label == Label::Subhead).map(|l| l.text).collect();
    for paragraph in &copy.body {
        let tag = if subheads.contains(&paragraph.as_ref()) { "h5" } else { "p" };
        writeln!(out, "<{tag} dir=\"auto\">{}</{tag}>", Escaped(paragraph))?;
    }
    for caption in &copy.captions {
        write!(out, "<figure><p dir=\"auto\">{}</p>", Escaped(caption.text))?;
        if let Some(credit) = caption.credit {
            write!(out, "<figcaption dir=\"auto\">{}</figcaption>", Escaped(credit))?;
        }
        writeln!(out, "</figure>")?;
    }
    Ok(())
}

/// What is known of the article beside its text.
fn properties(out: &mut String, item: &Item<'_>, copy: &Copy<'_>) -> fmt::Result {
    let dateline = copy.dateline.as_ref();
    let date = dateline.and_then(|d| d.date).map(|date| date.to_string());
    let agencies = dateline.map(|d| d.agencies.join(", ")).filter(|agencies| !agencies.is_empty());
    let words: usize = copy.body.iter().map(|paragraph| paragraph.split_whitespace().count()).sum();
    let words = words.to_string();
    let one = [
        ("as sent", copy.raw_headline),
        ("byline", copy.byline),
        ("place", dateline.and_then(|d| d.place)),
        ("date", date.as_deref()),
        ("agency", agencies.as_deref()),
        ("status", Some(item.status.as_str())),
        ("embargo", copy.embargo),
    ];
    let one = one.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let notes = copy.notes.iter().map(|note| ("note", *note));
    let signoffs = copy.signoffs.iter().map(|signoff| ("sign-off", *signoff));
    writeln!(out, "<dl>")?;
    for (name, value) in one.chain(notes).chain(signoffs).chain([("words", words.as_str())]) {
        writeln!(out, "<dt>{name}</dt><dd dir=\"auto\">{}</dd>", Escaped(value))?;
    }
    writeln!(out, "</dl>")
}

/// Text that says nothing to a browser.
struct Escaped<'t>(&'t str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::{Desk, Hints};
    use crate::reject::Reason;

    fn page(texts: &[&str]) -> String {
        let desk = Desk::builtin().unwrap();
        let mut page = Page::default();
        for text in texts {
            let item = Item { text: (*text).into(), source: Some("<Post>".into()), ..Item::default() };
            let copy = desk.edit(text, &Hints::default());
            page.add(&Explained { place: "a \"b\".txt:1", item: Some((&item, &copy)), rejected: None }).unwrap();
        }
        page.finish("abc")
    }

    #[test]
    fn an_item_cannot_write_into_the_page() {
        let text =
            "<script>alert(1)</script> & \"more\"</p>\n\nOSTHEIM (AP) — The port's <b>gate</b> is open on Monday.";
        let page = page(&[text]);
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;more&quot;&lt;/p&gt;"), "{page}");
        assert!(page.contains("a &quot;b&quot;.txt:1 · &lt;Post&gt;"));
        assert!(!page.contains("<script") && !page.contains("<b>gate"));
    }

    #[test]
    fn every_tag_is_closed() {
        let page = page(&[
            "Harbour opens\n\nBy Kit Marlow\n\nOSTHEIM (AP) — It is open on Monday, they said.",
            "Advertisement",
        ]);
        for tag in ["article", "section", "ol", "li", "p", "span", "div", "dl", "dt", "dd", "mark", "del", "h2", "nav"]
        {
            let opened = page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}: {page}");
        }
    }

    #[test]
    fn lines_have_label_reason_and_what_was_taken_off_them() {
        let page = page(&["Advertisement\n\nMay 5 (UPI) -- The port of Ostheim opened on Monday."]);
        for part in [
            "<li class=\"boilerplate\"><span class=\"label\">boilerplate</span>",
            "<del>Advertisement</del></p><span class=\"reason\">common/advertisement</span></li>",
            "<mark class=\"dateline\" data-fate=\"dateline\">May 5 (UPI) --</mark> The port",
            "<dt>agency</dt><dd dir=\"auto\">UPI</dd>",
            "<p dir=\"auto\">The port of Ostheim opened on Monday.</p>",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(!page.contains("<nav"), "one item needs no index");
    }

    #[test]
    fn several_items_have_an_index_and_rejected_ones_say_why() {
        let reject = Reject::new(Reason::Empty, "nothing but <white space>");
        let mut page = Page::default();
        for place in ["a:1", "b:1"] {
            page.add(&Explained { place, item: None, rejected: Some(&reject) }).unwrap();
        }
        let page = page.finish("abc");
        assert!(page.contains("<a href=\"#item-2\" dir=\"auto\">b:1</a>") && page.contains("id=\"item-2\""), "{page}");
        assert!(page.contains("<b>Rejected: empty</b> nothing but &lt;white space&gt;"), "{page}");
    }

    #[test]
    fn the_page_asks_the_network_for_nothing() {
        let page = page(&["The port is open."]);
        for word in ["http:", "https:", "url(", "@import", "src=", "<link"] {
            assert!(!page.contains(word), "{word}");
        }
    }
}
