//! A backlog with repetitions in it, and the proof that each story of it was published once.

use crate::harness::corpus::story;
use crate::harness::desk::{At, Desk, Raw};
use crate::harness::ledger::Ledger;

/// Items of which every fifth or so repeats an earlier story, with advertisements in other places and on any partition.
pub struct Backlog {
    first: u64,
    stories: usize,
    sent: Vec<At>,
}

impl Backlog {
    /// Sends a backlog of `stories` distinct stories and a quarter as many repetitions. `first` numbers its first story.
    pub fn send(desk: &mut Desk, first: u64, stories: usize) -> Backlog {
        let items = (0..stories + stories / 4).map(|turn| {
            let story = story(first + Backlog::story_at(turn, stories) as u64);
            if turn % 5 == 4 { Raw::bytes(story.text_with_ads()) } else { Raw::from(&story) }
        });
        let sent = desk.send(items);
        Backlog { first, stories, sent }
    }

    /// Every fifth item repeats the story sent half-way between the start and here.
    fn story_at(turn: usize, stories: usize) -> usize {
        if turn % 5 == 4 { (turn * 2 / 5) % stories } else { turn - turn / 5 }
    }

    /// How many distinct stories it has.
    pub fn stories(&self) -> usize {
        self.stories
    }

    /// How many items it has.
    pub fn items(&self) -> usize {
        self.sent.len()
    }

    /// Each story was published exactly once.
    #[track_caller]
    pub fn assert_published_once(&self, ledger: &Ledger) {
        let published: std::collections::HashSet<At> = ledger.articles.iter().map(|article| article.source).collect();
        let mut count = vec![0; self.stories];
        for (turn, at) in self.sent.iter().enumerate() {
            count[Backlog::story_at(turn, self.stories)] += usize::from(published.contains(at));
        }
        for (number, count) in count.into_iter().enumerate() {
            assert_eq!(count, 1, "story {} was published {count} times", self.first + number as u64);
        }
    }
}
