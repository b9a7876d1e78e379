use super::*;
use crate::dedup::tests::sighting;

const RAW: Lane = Lane { input: Input::Raw, partition: 0 };
const OTHER: Lane = Lane { input: Input::Raw, partition: 1 };
const NORMALIZED: Lane = Lane { input: Input::Normalized, partition: 0 };
const MS: Duration = Duration::from_millis(1);

fn epoch(actions: &[Action]) -> Epoch {
    match actions {
        [Action::Open(lanes)] => lanes[0].1,
        other => panic!("{other:?}"),
    }
}

fn open(core: &mut Core, lane: Lane, position: i64) {
    let epoch = epoch(&core.assigned([lane]));
    assert_eq!(core.opened(lane, epoch, position, None), [Action::Resume(lane, position)]);
}

fn opened() -> Core {
    let mut core = Core::default();
    open(&mut core, RAW, 10);
    core
}

fn take(core: &mut Core, lane: Lane, offset: i64) {
    match core.admit(lane, offset) {
        Admission::Begin => core.begun(),
        Admission::Take => {}
        other => panic!("{other:?}"),
    }
    core.taken(lane, offset);
}

#[test]
fn a_lane_takes_nothing_before_it_is_open() {
    let mut core = Core::default();
    assert_eq!(core.admit(RAW, 0), Admission::Stale);
    let epoch = epoch(&core.assigned([RAW]));
    assert_eq!(core.admit(RAW, 0), Admission::Stale);
    core.opened(RAW, epoch, 10, None);
    assert_eq!(core.admit(RAW, 9), Admission::Stale);
    assert_eq!(core.admit(RAW, 10), Admission::Begin);
    assert_eq!(core.admit(RAW, 12), Admission::Begin, "transaction markers leave gaps");
}

#[test]
fn a_restore_of_an_earlier_ownership_is_refused() {
    let mut core = Core::default();
    let first = epoch(&core.assigned([RAW]));
    assert_eq!(core.revoked(vec![RAW], MS), [Action::GiveUp(vec![RAW])]);
    assert_eq!(core.opened(RAW, first, 0, None), []);
    let second = epoch(&core.assigned([RAW]));
    assert_eq!(core.opened(RAW, first, 0, None), []);
    assert_eq!(core.opened(RAW, second, 0, None), [Action::Resume(RAW, 0)]);
    assert_eq!(core.opened(RAW, second, 5, None), [], "opened once");
}

#[test]
fn an_abort_goes_back_to_the_last_commit_of_every_open_lane() {
    let mut core = opened();
    take(&mut core, RAW, 10);
    assert_eq!(core.close(MS), [Action::Commit(vec![(RAW, 11)])]);
    assert_eq!(core.admit(RAW, 11), Admission::Hold);
    assert_eq!(core.committed(), []);
    take(&mut core, RAW, 11);
    take(&mut core, RAW, 12);
    assert_eq!(core.admit(RAW, 12), Admission::Stale);
    assert_eq!(core.close(MS + PACE), [Action::Commit(vec![(RAW, 13)])]);
    assert_eq!(core.failed(), [Action::Abort]);
    assert_eq!(core.admit(RAW, 13), Admission::Hold, "nothing is decided before the abort is through");
    assert_eq!(core.aborted(), [Action::Rewind(vec![(RAW, 11)])]);
    assert_eq!(core.admit(RAW, 11), Admission::Begin);
}

#[test]
fn a_halt_takes_no_further_raw_record_and_a_release_goes_on_behind_the_last_one() {
    let mut core = opened();
    open(&mut core, NORMALIZED, 3);
    take(&mut core, RAW, 10);
    assert_eq!(core.halt(), [Action::Hold(vec![RAW])]);
    assert!(core.is_halted() && core.held(RAW) == Some(Held::Brake) && core.held(NORMALIZED).is_none());
    assert_eq!(core.admit(RAW, 11), Admission::Stale);
    assert_eq!(core.close(MS), [Action::Commit(vec![(RAW, 11)])], "what was taken is committed");
    assert_eq!(core.committed(), []);
    let epoch = epoch(&core.assigned([OTHER]));
    assert_eq!(core.opened(OTHER, epoch, 5, None), [], "a lane that comes meanwhile waits too");
    assert_eq!(core.release(), [Action::Resume(RAW, 11), Action::Resume(OTHER, 5)]);
    assert!(!core.is_halted() && core.held(RAW).is_none());
    assert_eq!(core.admit(RAW, 11), Admission::Begin);
}

#[test]
fn what_a_halted_worker_could_not_commit_is_read_again_after_the_release() {
    let mut core = opened();
    take(&mut core, RAW, 10);
    core.halt();
    core.close(MS);
    assert_eq!(core.failed(), [Action::Abort]);
    assert_eq!(core.aborted(), [Action::Rewind(vec![])]);
    assert_eq!(core.release(), [Action::Resume(RAW, 10)]);
}

#[test]
fn contents_are_decided_and_forgotten_only_where_a_table_is_open() {
    let mut core = opened();
    let first = sighting(1, 0, "", 1, 0);
    let epoch = epoch(&core.assigned([NORMALIZED]));
    assert_eq!((core.sight(0, &first), core.forget(0, &first.identity)), (None, None));
    assert_eq!(core.ownership(), (2, 1));
    assert_eq!(core.lanes().collect::<Vec<_>>(), [(RAW, Some(0)), (NORMALIZED, None)]);
    core.opened(NORMALIZED, epoch, 0, Some(Box::new(Table::new(MS))));
    assert_eq!(core.sight(0, &first), Some(Verdict::First(first)));
    assert_eq!((core.sight(1, &first), core.forget(1, &first.identity)), (None, None), "another partition's");
    assert_eq!(core.ownership(), (2, 0));
    assert_eq!(core.lanes().collect::<Vec<_>>(), [(RAW, Some(0)), (NORMALIZED, Some(1))]);
    assert_eq!(core.forget(0, &first.identity), Some(true));
    assert_eq!(core.forget(0, &first.identity), Some(false));
}

#[test]
fn a_content_that_was_committed_outlives_the_next_abort() {
    let mut core = opened();
    let epoch = epoch(&core.assigned([NORMALIZED]));
    core.opened(NORMALIZED, epoch, 0, Some(Box::new(Table::new(MS))));
    take(&mut core, NORMALIZED, 0);
    core.sight(0, &sighting(1, 0, "", 1, 0));
    core.close(MS);
    core.committed();
    take(&mut core, NORMALIZED, 1);
    core.close(MS);
    core.failed();
    core.aborted();
    assert!(matches!(core.sight(0, &sighting(1, 0, "", 1, 1)), Some(Verdict::Repeat(..))));
}

#[test]
fn lanes_that_did_not_move_commit_no_offset() {
    let mut core = opened();
    open(&mut core, OTHER, 5);
    take(&mut core, RAW, 10);
    assert_eq!(core.close(MS), [Action::Commit(vec![(RAW, 11)])]);
}

#[test]
fn lanes_asked_back_are_given_up_only_after_the_transaction_that_holds_them() {
    let mut core = opened();
    open(&mut core, OTHER, 5);
    take(&mut core, RAW, 10);
    assert_eq!(core.revoked(vec![RAW], MS), [Action::Commit(vec![(RAW, 11)])]);
    assert!(core.is_waiting());
    assert_eq!(core.committed(), [Action::GiveUp(vec![RAW])]);
    assert!(!core.is_waiting());
    assert_eq!(core.admit(RAW, 11), Admission::Stale);
    assert_eq!(core.admit(OTHER, 5), Admission::Begin);
}

#[test]
fn lanes_asked_back_during_a_commit_wait_for_its_end_whatever_it_is() {
    for aborts in [false, true] {
        let mut core = opened();
        take(&mut core, RAW, 10);
        core.close(MS);
        assert_eq!(core.revoked(vec![RAW], MS), []);
        let actions = if aborts {
            assert_eq!(core.failed(), [Action::Abort]);
            core.aborted()
        } else {
            core.committed()
        };
        assert_eq!(actions.last(), Some(&Action::GiveUp(vec![RAW])));
    }
}

#[test]
fn a_worker_leaves_once_everything_it_took_is_committed() {
    let mut core = opened();
    assert_eq!(opened().stop(MS), [Action::Leave]);
    take(&mut core, RAW, 10);
    assert_eq!(core.stop(MS), [Action::Commit(vec![(RAW, 11)])]);
    assert_eq!(core.committed(), [Action::Leave]);
}

#[test]
fn a_drained_batch_is_due_at_once_but_keeps_the_pace() {
    let mut core = opened();
    let batch = |since: Clock| Batch { items: 1, bytes: 1, since };
    assert!(!core.is_due(&Batch::default(), MS, true), "nothing to commit");
    assert!(!core.is_due(&batch(100 * MS), 100 * MS, false));
    assert!(core.is_due(&batch(100 * MS), 100 * MS, true));
    assert!(!core.in_transaction());
    take(&mut core, RAW, 10);
    assert!(core.in_transaction());
    assert!(!core.is_due(&batch(100 * MS), 100 * MS, true), "one transaction at a time");
    assert_eq!(core.close(100 * MS).len(), 1);
    assert!(!core.in_transaction());
    assert!(!core.is_due(&batch(100 * MS), 100 * MS, true), "one commit at a time");
    core.committed();
    assert!(!core.is_due(&batch(101 * MS), 101 * MS, true));
    assert!(core.is_due(&batch(101 * MS), 100 * MS + PACE, true));
}

#[test]
fn a_backlog_makes_batches_by_bytes_items_or_age() {
    let due = |items: usize, bytes: usize, now: Clock| opened().is_due(&Batch { items, bytes, since: MS }, now, false);
    assert!(!due(1, MAX_BYTES - 1, MS));
    assert!(due(1, MAX_BYTES, MS));
    assert!(due(MAX_ITEMS, 1, MS));
    assert!(due(1, 1, MS + MAX_AGE));
}
