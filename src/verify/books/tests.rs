use super::*;
use crate::{dedup::Source, fingerprint::ContentHash, wire::Status};

const WINDOW: i64 = 1_000;

fn content(number: u8) -> Identity {
    Identity::new(&ContentHash::from([number; 32]), Status::Usable)
}

fn at(offset: i64) -> At {
    At { partition: 0, offset }
}

fn place(role: Role, offset: i64) -> Place {
    Place { role, at: at(offset) }
}

fn entry(number: u8, time: i64, offset: i64) -> Entry {
    let source = Source::new(0, offset).unwrap();
    Entry { identity: content(number), time, uri: UriTag(0), version: 1, source }
}

fn item(number: u8, time: i64) -> Option<Item> {
    Some(Item { time, digest: u64::from(number), identity: Some(content(number)) })
}

/// Raw 0 was published, raw 1 is a copy of it, raw 2 could not be read.
fn books() -> Books {
    let mut books = Books::new(Duration::from_millis(WINDOW as u64));
    books.covers(0, 0..3);
    books.raw(at(0), item(7, 0));
    books.raw(at(1), item(7, 10));
    books.raw(at(2), Some(Item { time: 20, digest: 9, identity: None }));
    // The one was decided at once, the other was handed on.
    books.edited(at(0), Some(content(7)));
    books.edited(at(1), Some(content(7)));
    books.normalized(at(1), true);
    books
}

fn published(books: &mut Books) {
    books.article(at(0), content(7), place(Role::Articles, 0));
    books.seen(0, Change::Seen(entry(7, 0, 0)), place(Role::Seen, 0));
}

fn copied(books: &mut Books) {
    let duplicate = Duplicate { from: at(1), identity: content(7), first: at(0), is_replay: false };
    books.duplicate(duplicate, place(Role::Duplicates, 0));
}

fn rejected(books: &mut Books) {
    books.rejected(at(2), Some(9), place(Role::Rejected, 0));
}

fn complete() -> Books {
    let mut books = books();
    published(&mut books);
    copied(&mut books);
    rejected(&mut books);
    books
}

fn kinds(books: Books) -> Vec<Kind> {
    books.close().findings.into_iter().map(|finding| finding.kind).collect()
}

#[test]
fn books_that_agree_have_no_findings() {
    let report = complete().close();
    assert_eq!(report.findings, []);
    assert_eq!((report.items, report.published, report.duplicates, report.rejected), (3, 1, 1, 1));
}

#[test]
fn an_item_without_an_outcome_is_missing() {
    let mut books = books();
    published(&mut books);
    copied(&mut books);
    let report = books.close();
    assert_eq!(report.findings, [Finding { kind: Kind::Missing, what: "raw 0/2 has no outcome".into() }]);
}

#[test]
fn a_missing_article_leaves_its_duplicates_unfounded_and_the_changelog_alone() {
    let mut books = books();
    books.seen(0, Change::Seen(entry(7, 0, 0)), place(Role::Seen, 0));
    copied(&mut books);
    rejected(&mut books);
    assert_eq!(kinds(books), [Kind::Missing, Kind::Unfounded, Kind::Unremembered]);
}

#[test]
fn what_waits_between_the_steps_is_not_missing() {
    let mut books = complete();
    books.covers(0, 0..4);
    books.raw(at(3), item(8, 30));
    books.normalized(at(3), false);
    let report = books.close();
    assert_eq!((report.in_flight, report.findings.len()), (1, 0));
}

#[test]
fn what_lies_before_the_first_outcome_of_its_partition_is_skipped_where_the_group_begins_late() {
    for (late, skipped, expected) in [(true, 2, vec![Kind::Missing]), (false, 0, vec![Kind::Missing; 3])] {
        let mut books = Books::new(Duration::from_millis(WINDOW as u64));
        books.covers(0, 0..4);
        books.covers(1, 0..1);
        if late {
            books.begins_late();
        }
        (0..4).for_each(|offset| books.raw(at(offset), item(offset as u8, offset)));
        books.raw(At { partition: 1, offset: 0 }, item(9, 0));
        books.article(at(1), content(1), place(Role::Articles, 0));
        books.seen(0, Change::Seen(entry(1, 1, 1)), place(Role::Seen, 0));
        books.article(at(3), content(3), place(Role::Articles, 1));
        books.seen(0, Change::Seen(entry(3, 3, 3)), place(Role::Seen, 1));
        let report = books.close();
        assert_eq!(report.skipped, skipped);
        assert_eq!(report.findings.iter().map(|finding| finding.kind).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn an_article_twice_is_double() {
    let mut books = complete();
    books.article(at(0), content(7), place(Role::Articles, 5));
    let report = books.close();
    let what = "raw 0/0 ended in articles 0/0, articles 0/5".into();
    assert_eq!(report.findings, [Finding { kind: Kind::Double, what }]);
}

#[test]
fn one_content_published_of_two_items_is_double_inside_the_window_only() {
    for (time, double) in [(500, true), (WINDOW + 1, false)] {
        let mut books = complete();
        books.covers(0, 0..4);
        books.raw(at(3), item(7, time));
        books.article(at(3), content(7), place(Role::Articles, 1));
        books.seen(0, Change::Seen(entry(7, time, 3)), place(Role::Seen, 1));
        assert_eq!(kinds(books), if double { vec![Kind::Double] } else { vec![] }, "at {time}");
    }
}

#[test]
fn a_content_is_forgotten_once_stream_time_has_moved_on() {
    let mut books = complete();
    books.covers(0, 0..5);
    books.raw(at(3), item(8, 5_000));
    books.article(at(3), content(8), place(Role::Articles, 1));
    books.seen(0, Change::Seen(entry(8, 5_000, 3)), place(Role::Seen, 1));
    books.raw(at(4), item(7, 500));
    books.article(at(4), content(7), place(Role::Articles, 2));
    books.seen(0, Change::Seen(entry(7, 500, 4)), place(Role::Seen, 2));
    assert_eq!(kinds(books), []);
}

#[test]
fn a_tombstone_lets_a_content_be_published_again() {
    let mut books = complete();
    books.covers(0, 0..4);
    books.seen(0, Change::Forget(content(7)), place(Role::Seen, 1));
    books.raw(at(3), item(7, 30));
    books.article(at(3), content(7), place(Role::Articles, 1));
    books.seen(0, Change::Seen(entry(7, 30, 3)), place(Role::Seen, 2));
    assert_eq!(kinds(books), []);
}

#[test]
fn a_dead_letter_with_other_bytes_is_altered() {
    let mut books = books();
    published(&mut books);
    copied(&mut books);
    books.rejected(at(2), Some(10), place(Role::Rejected, 0));
    assert_eq!(kinds(books), [Kind::Altered]);
}

#[test]
fn another_content_by_the_same_rules_is_altered_and_by_other_rules_is_not() {
    for (content, altered) in [(Some(content(8)), true), (None, false)] {
        let mut books = complete();
        books.edited(at(0), content);
        let report = books.close();
        assert_eq!(report.findings.len(), usize::from(altered));
        assert_eq!(report.by_other_rules, u64::from(!altered));
    }
}

#[test]
fn an_article_the_changelog_does_not_know_is_unremembered() {
    let mut books = books();
    books.article(at(0), content(7), place(Role::Articles, 0));
    copied(&mut books);
    rejected(&mut books);
    assert_eq!(kinds(books), [Kind::Unremembered]);
}

#[test]
fn an_output_of_an_item_that_is_not_there_is_stray() {
    let mut books = complete();
    books.covers(0, 0..10);
    books.rejected(at(6), None, place(Role::Rejected, 3));
    assert_eq!(kinds(books), [Kind::Stray]);
}

#[test]
fn outputs_of_items_outside_the_span_are_left_alone() {
    let mut books = complete();
    books.rejected(at(600), None, place(Role::Rejected, 3));
    books.raw(at(2_000), None);
    books.rejected(at(2_000), None, place(Role::Rejected, 4));
    assert_eq!(kinds(books), []);
}

#[test]
fn nothing_is_said_of_items_older_than_what_is_kept() {
    let mut books = books();
    rejected(&mut books);
    books.kept_since(Some(15));
    let report = books.close();
    assert_eq!((report.expired, report.findings.len()), (2, 0));
}

#[test]
fn an_item_read_again_after_offsets_were_set_back_is_a_replay() {
    let mut books = complete();
    let replay = Duplicate { from: at(0), identity: content(7), first: at(0), is_replay: true };
    books.duplicate(replay, place(Role::Duplicates, 1));
    let report = books.close();
    assert_eq!((report.replays, report.findings.len()), (1, 0));
}

#[test]
fn what_no_item_of_the_span_has_to_do_with_is_not_kept() {
    let mut books = complete();
    for number in 8..200 {
        let offset = i64::from(number) + 1_000;
        books.article(at(offset), content(number), place(Role::Articles, offset));
        let duplicate =
            Duplicate { from: at(offset + 1_000), identity: content(number), first: at(offset), is_replay: false };
        books.duplicate(duplicate, place(Role::Duplicates, offset));
        books.seen(0, Change::Seen(entry(number, 0, offset)), place(Role::Seen, offset));
        books.seen(0, Change::Forget(content(number)), place(Role::Seen, offset + 1_000));
    }
    let kept = (books.fates.len(), books.articles.len(), books.duplicates.len(), books.remembered.len());
    assert_eq!((kept, books.forgotten.len()), ((3, 1, 1, 1), 0));
    assert_eq!(kinds(books), []);
}

#[test]
fn a_content_published_twice_before_the_span_is_of_no_concern_and_once_more_in_it_is_double() {
    let twice_before = |books: &mut Books| {
        books.seen(0, Change::Seen(entry(7, -20, 1_000)), place(Role::Seen, 10));
        books.seen(0, Change::Seen(entry(7, -10, 1_001)), place(Role::Seen, 11));
    };
    let mut books = books();
    twice_before(&mut books);
    let first = |from| Duplicate { from: at(from), identity: content(7), first: at(1_001), is_replay: false };
    books.duplicate(first(0), place(Role::Duplicates, 0));
    books.duplicate(first(1), place(Role::Duplicates, 1));
    rejected(&mut books);
    assert_eq!(kinds(books), []);

    let mut books = self::books();
    twice_before(&mut books);
    published(&mut books);
    copied(&mut books);
    rejected(&mut books);
    assert_eq!(kinds(books), [Kind::Double]);
}
