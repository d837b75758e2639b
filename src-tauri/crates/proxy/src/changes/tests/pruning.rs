//! Old snapshots are deleted.

use std::time::SystemTime;

use super::super::prune;
use super::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn taken(bed: &Testbed) -> usize {
    tree(&bed.home.path().join("data/snapshots")).len()
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_are_deleted_after_two_weeks() {
    needs_git!();
    let bed = Testbed::new();
    bed.answer("1", || bed.write("a", "1")).await;
    let (now, all) = (SystemTime::now(), taken(&bed));
    prune::run(&bed.store, now + 13 * DAY, u64::MAX).await;
    assert_eq!(taken(&bed), all);
    prune::run(&bed.store, now + 15 * DAY, u64::MAX).await;
    assert_eq!(bed.store.undo("1").await, Err(UndoError::Gone));
    assert!(taken(&bed) < 8, "{:?}", tree(&bed.home.path().join("data/snapshots")));
    // The next answer begins again.
    bed.answer("2", || bed.write("a", "2")).await;
    bed.store.undo("2").await.unwrap();
    assert_eq!(bed.read("a"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn oldest_snapshots_are_deleted_while_all_take_too_much_room() {
    needs_git!();
    let bed = Testbed::new();
    let random = |seed: u8| {
        let mut state = u32::from(seed);
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        (0..200_000).map(|_| next()).collect::<Vec<_>>()
    };
    for id in 1..=4 {
        bed.answer(&id.to_string(), || bed.write("a", random(id))).await;
    }
    // The index keeps the latest version, and the records have the second they were written in.
    prune::run(&bed.store, SystemTime::now(), 700_000).await;
    assert_eq!(bed.store.undo("1").await, Err(UndoError::Gone));
    assert_eq!(bed.store.undo("4").await.unwrap().restored, ["a"]);
    assert_eq!(fs::read(bed.path("a")).unwrap(), random(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshot_of_a_running_answer_is_kept() {
    needs_git!();
    let bed = Testbed::new();
    bed.write("a", "before");
    bed.answer("0", || bed.write("b", "1")).await;
    let window = bed.store.begin("1", &bed.work()).await;
    bed.write("a", "after");
    prune::run(&bed.store, SystemTime::now() + 15 * DAY, 0).await;
    window.end(None).await.unwrap();
    bed.store.undo("1").await.unwrap();
    assert_eq!(bed.read("a"), "before");
}
