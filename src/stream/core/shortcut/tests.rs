use super::{PATIENCE, PAUSE};
use crate::{
    dedup::{Table, Verdict, tests::sighting},
    stream::core::{Action, Admission, Clock, Core, Held, Lane},
    telemetry::Input,
};
use std::time::Duration;

const RAW: Lane = Lane { input: Input::Raw, partition: 0 };
const OTHER: Lane = Lane { input: Input::Raw, partition: 1 };
const NORMALIZED: Lane = Lane { input: Input::Normalized, partition: 0 };
const MS: Duration = Duration::from_millis(1);

fn open(core: &mut Core, lane: Lane, position: i64) -> Vec<Action> {
    let mut actions = core.assigned([lane]);
    let Some(Action::Open(opening)) = actions.pop() else { panic!("{actions:?}") };
    let table = (lane.input == Input::Normalized).then(|| Box::new(Table::new(MS)));
    assert_eq!(core.opened(lane, opening[0].1, position, table), [Action::Resume(lane, position)]);
    actions
}

/// A worker with a lane of each input, raw at 10.
fn opened() -> Core {
    let mut core = Core::default();
    open(&mut core, RAW, 10);
    assert!(!core.wants_barriers(MS), "it decides nothing");
    open(&mut core, NORMALIZED, 0);
    core
}

/// Writes barriers at `now` and commits them; answers their number.
fn barriers(core: &mut Core, now: Clock) -> u64 {
    assert!(core.wants_barriers(now));
    core.begun();
    let (number, partitions, actions) = core.barriers(now);
    assert_eq!((partitions, actions), (vec![0], vec![Action::Hold(vec![RAW])]));
    assert_eq!(core.close(now), [Action::Commit(vec![])]);
    assert_eq!(core.committed(), []);
    assert!(!core.wants_barriers(now + 2 * PAUSE));
    number
}

fn take(core: &mut Core, lane: Lane, offset: i64) {
    if core.admit(lane, offset) == Admission::Begin {
        core.begun();
    }
    core.taken(lane, offset);
}

/// The barrier comes back at `offset`, and is committed.
fn pass(core: &mut Core, offset: i64, number: u64) -> Vec<Action> {
    take(core, NORMALIZED, offset);
    core.passed(0, number);
    core.close(MS);
    core.committed()
}

fn is_open(core: &Core) -> bool {
    core.decides_at_once(0)
}

#[test]
fn a_raw_item_is_decided_at_once_when_the_barriers_have_come_back_and_are_committed() {
    let mut core = opened();
    assert!(!is_open(&core));
    let number = barriers(&mut core, MS);
    assert_eq!(core.admit(RAW, 10), Admission::Stale, "raw items wait");
    assert_eq!((core.held(RAW), core.held(NORMALIZED)), (Some(Held::Barrier), None));
    assert_eq!(pass(&mut core, 0, number + 1), [], "somebody else's");
    take(&mut core, NORMALIZED, 1);
    core.passed(0, number);
    assert!(!is_open(&core), "not before the commit");
    core.close(MS);
    assert_eq!(core.committed(), [Action::Resume(RAW, 10)]);
    assert!(core.decides_at_once(0));
    assert!(!core.decides_at_once(1), "another worker's");
    let first = sighting(1, 0, "", 1, 0);
    assert_eq!(core.sight(0, &first), Some(Verdict::First(first)));
}

#[test]
fn a_new_lane_shuts_it_and_calls_barriers_off() {
    let mut core = opened();
    let number = barriers(&mut core, MS);
    assert_eq!(open(&mut core, OTHER, 5), [Action::Resume(RAW, 10)]);
    assert_eq!(pass(&mut core, 0, number), [], "they prove nothing of the new lane");
    assert!(!is_open(&core) && core.wants_barriers(MS));
}

#[test]
fn it_stays_open_when_lanes_go_and_when_a_transaction_aborts() {
    let mut core = opened();
    let number = barriers(&mut core, MS);
    pass(&mut core, 0, number);
    take(&mut core, RAW, 10);
    assert!(is_open(&core));
    core.close(MS);
    core.failed();
    assert_eq!(core.aborted(), [Action::Rewind(vec![(RAW, 10), (NORMALIZED, 1)])]);
    assert_eq!(core.assigned([]), [Action::Open(vec![])], "a rebalance that brings nothing");
    assert!(is_open(&core));
    core.revoked(vec![RAW], MS);
    assert!(is_open(&core));
    core.revoked(vec![NORMALIZED], MS);
    assert!(!is_open(&core));
}

#[test]
fn an_abort_begins_anew_with_other_barriers() {
    let mut core = opened();
    let number = barriers(&mut core, MS);
    take(&mut core, NORMALIZED, 0);
    core.passed(0, number);
    core.close(MS);
    core.failed();
    assert_eq!(core.aborted(), [Action::Rewind(vec![(NORMALIZED, 0)]), Action::Resume(RAW, 10)]);
    assert!(!is_open(&core));
    assert_ne!(barriers(&mut core, MS), number);
}

#[test]
fn barriers_that_do_not_come_back_are_given_up_and_tried_again_later() {
    let mut core = opened();
    let number = barriers(&mut core, MS);
    assert_eq!(core.lose_patience(MS + PATIENCE), []);
    let late = 2 * MS + PATIENCE;
    assert_eq!(core.lose_patience(late), [Action::Resume(RAW, 10)]);
    assert_eq!(pass(&mut core, 0, number), [], "raw items went on meanwhile");
    assert!(!is_open(&core) && !core.wants_barriers(late + PAUSE - MS) && core.wants_barriers(late + PAUSE));
}

#[test]
fn a_partition_that_is_given_up_is_not_waited_for() {
    let mut core = opened();
    barriers(&mut core, MS);
    let actions = core.revoked(vec![NORMALIZED], MS);
    assert_eq!(actions, [Action::GiveUp(vec![NORMALIZED]), Action::Resume(RAW, 10)]);
}

#[test]
fn the_dead_letter_brake_holds_on_where_the_barriers_let_go() {
    let mut core = opened();
    let number = barriers(&mut core, MS);
    core.halt();
    assert_eq!(pass(&mut core, 0, number), []);
    assert_eq!(core.held(RAW), Some(Held::Brake));
    assert_eq!(core.release(), [Action::Resume(RAW, 10)]);
    let mut core = opened();
    core.halt();
    assert!(!core.wants_barriers(MS), "there is nothing to let through");
    core.release();
    let number = barriers(&mut core, MS);
    core.halt();
    assert_eq!(core.release(), [], "the barriers hold it still");
    assert_eq!(pass(&mut core, 0, number), [Action::Resume(RAW, 10)]);
}
