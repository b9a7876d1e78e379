//! Invented wire copy: any number of stories that differ in words, in the shape the agencies send.

/// One story. The same number is always the same story.
#[derive(Clone, Debug)]
pub struct Story {
    /// The headline.
    pub headline: String,
    /// The dateline before the first paragraph.
    pub dateline: String,
    /// The body's paragraphs, without the dateline.
    pub paragraphs: Vec<String>,
}

/// A story of four paragraphs, about 900 characters.
pub fn story(number: u64) -> Story {
    Story::of(number, 4)
}

/// A story of about 3 KB, the usual length of a wire report.
pub fn report(number: u64) -> Story {
    Story::of(number, 12)
}

impl Story {
    fn of(number: u64, paragraphs: usize) -> Story {
        let mut dice = Dice(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x00c0_97de_5c00);
        let town = dice.name();
        let dateline = format!("{}, {} {}", town.to_uppercase(), dice.pick(MONTHS), 1 + dice.below(28));
        let headline = format!("{} {} {} {}", dice.name(), dice.pick(VERBS), dice.pick(OBJECTS), dice.pick(CAUSES));
        let paragraphs = (0..paragraphs).map(|_| [dice.sentence(&town), dice.sentence(&town)].join(" ")).collect();
        Story { headline, dateline, paragraphs }
    }

    /// The story as plain text.
    pub fn text(&self) -> String {
        self.render(&[])
    }

    /// The same story as another site shows it: advertisement lines at the top, in the middle and at the end.
    pub fn text_with_ads(&self) -> String {
        self.render(&[0, 2, self.paragraphs.len() + 1])
    }

    /// The paragraphs with the advertisement lines before those of these numbers; the headline is number 0.
    fn render(&self, ads: &[usize]) -> String {
        let first = self.paragraphs.first().map(|first| format!("{} (NWA) -- {first}", self.dateline));
        let lines = [self.headline.clone()].into_iter().chain(first).chain(self.paragraphs.iter().skip(1).cloned());
        let mut text: Vec<String> = Vec::new();
        for (number, line) in lines.enumerate() {
            if ads.contains(&number) {
                text.push("Advertisement".into());
            }
            text.push(line);
        }
        if ads.contains(&(self.paragraphs.len() + 1)) {
            text.push("Advertisement".into());
        }
        text.join("\n\n")
    }
}

/// SplitMix64: small, seeded, and good enough to write news with.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.roll() >> 33).expect("31 bits") % bound
    }

    fn pick<'w>(&mut self, words: &[&'w str]) -> &'w str {
        words[self.below(words.len())]
    }

    fn name(&mut self) -> String {
        let mut name: String = (0..2 + self.below(2)).map(|_| self.pick(SYLLABLES)).collect();
        name[..1].make_ascii_uppercase();
        name
    }

    fn sentence(&mut self, town: &str) -> String {
        let (who, surname, place) = (self.name(), self.name(), self.name());
        let (number, year) = (20 + self.below(9_700), 1950 + self.below(70));
        let (office, verb, object) = (self.pick(OFFICES), self.pick(VERBS), self.pick(OBJECTS));
        let (cause, work, day) = (self.pick(CAUSES), self.pick(WORKS), self.pick(DAYS));
        match self.below(6) {
            0 => format!(
                "{office} {who} {surname} of {town} {verb} {object} {cause}, the council of {place} said {day}."
            ),
            1 => format!(
                "About {number} people in {place} had asked for {object} since {year}, and {surname} {verb} {work}."
            ),
            2 => format!(
                "\"We {verb} {object} because {place} has waited since {year},\" {office} {surname} said {day}."
            ),
            3 => format!(
                "The {work} near {place} will cost {number} crowns and employ {who} {surname}'s {office} staff."
            ),
            4 => format!("On {day} the {office} {verb} {work} between {town} and {place}, {number} metres {cause}."),
            _ => format!("{who} {surname}, born in {place} in {year}, {verb} {object} and {work} {cause}."),
        }
    }
}

const SYLLABLES: &[&str] = &[
    "bar", "mel", "tor", "vin", "lo", "sa", "ker", "dun", "ri", "pol", "gan", "eth", "ost", "mar", "quil", "fen",
    "ula", "zor", "hab", "ny", "dre", "wick", "tham", "cor", "bel", "ix", "row", "ander", "sto", "lim",
];
const MONTHS: &[&str] =
    &["Jan.", "Feb.", "March", "April", "May", "June", "July", "Aug.", "Sept.", "Oct.", "Nov.", "Dec."];
const DAYS: &[&str] = &["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const OFFICES: &[&str] = &[
    "mayor",
    "harbour master",
    "judge",
    "surveyor",
    "minister",
    "bishop",
    "engineer",
    "treasurer",
    "coroner",
    "librarian",
    "rector",
    "envoy",
    "forester",
    "registrar",
    "curator",
    "pilot",
];
const VERBS: &[&str] = &[
    "approved",
    "delayed",
    "opened",
    "refused",
    "inspected",
    "welcomed",
    "questioned",
    "restored",
    "auctioned",
    "flooded",
    "repaired",
    "inherited",
    "measured",
    "closed",
    "painted",
    "defended",
    "counted",
    "moved",
];
const OBJECTS: &[&str] = &[
    "a second ferry",
    "the grain market",
    "an iron footbridge",
    "three night trains",
    "the old observatory",
    "a salt tax",
    "the northern dyke",
    "a school for sailors",
    "the town archive",
    "two fishing quotas",
    "a botanical garden",
    "the river toll",
    "a wind farm",
    "the opera house",
    "a water tower",
    "the border fair",
];
const WORKS: &[&str] = &[
    "dredging",
    "roof works",
    "a new signal box",
    "the tunnel survey",
    "harbour lights",
    "the flood gates",
    "a census",
    "tram lines",
    "the quarry road",
    "a reservoir",
    "the bell tower",
    "stone walls",
    "the telegraph office",
    "a cable car",
];
const CAUSES: &[&str] = &[
    "after a winter of storms",
    "despite a court order",
    "ahead of the harvest",
    "for want of coal",
    "under a new treaty",
    "without a single vote against",
    "at the request of fishermen",
    "to the surprise of merchants",
    "before the first frost",
    "following a long drought",
    "in spite of the cost",
    "because of a broken lock",
    "since the fire in the mill",
];
